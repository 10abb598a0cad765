"""The direction of imports between the parts of the program, and no work at import."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "perflow_demo"

# What each part may import of the others; a dotted name allows that module alone.
ALLOWED = {
    "__init__": "",
    "__main__": "cli",
    "errors": "",
    "settings": "errors",
    "flow": "errors",
    "nets": "geometry",
    "geometry": "",
    "models": "nets flow errors settings",
    "registry": "models flow errors",
    "tasks": "registry models flow geometry errors",
    "export": "tasks.contract geometry",
    "ui": "tasks export models.catalogue settings errors",
    "cli": "commands tasks settings errors",
    "commands": "tasks export registry settings errors",
    "evaluation": "tasks registry models nets flow geometry training.toyworld settings errors",
    "training": "flow nets geometry models evaluation.metrics",
}
MODULES = sorted((ROOT / PACKAGE).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Dotted names of everything a file imports, wherever in the file it does so."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else ()
            start = ".".join((*parents, *filter(None, [node.module])))
            yield from (f"{start}.{alias.name}" for alias in node.names)


def forbidden(part: str, names: Iterator[str]) -> list[str]:
    """Those of the names that lie in a part of the program this part may not import."""
    allowed = [f"{PACKAGE}.{name}." for name in (part, *ALLOWED[part].split())]
    own = [name for name in names if name.startswith(f"{PACKAGE}.")]
    return [name for name in own if not any(f"{name}.".startswith(start) for start in allowed)]


def within(path: Path) -> str:
    """The part of the program a file belongs to."""
    return path.relative_to(ROOT / PACKAGE).with_suffix("").parts[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_table(path):
    assert forbidden(within(path), imported(path)) == []


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("flow", "models.spec.Family"),
        ("registry", "tasks"),
        ("ui", "models.loaders"),
        ("ui", "registry.Registry"),
        ("export", "tasks.table"),
        ("training", "registry"),
        ("models", "flow_of_control"),
    ],
)
def test_an_edge_outside_the_table_is_found(part, name):
    assert forbidden(part, iter([f"{PACKAGE}.{name}"])) == [f"{PACKAGE}.{name}"]


def test_relative_and_nested_imports_are_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    path = tmp_path / PACKAGE / "flow" / "late.py"
    path.parent.mkdir(parents=True)
    path.write_text("def late():\n    from ..models import spec\n    import gradio.themes\n")
    assert list(imported(path)) == [f"{PACKAGE}.models.spec", "gradio.themes"]


def test_gradio_stays_in_the_page():
    users = {
        within(path)
        for path in MODULES
        if any(name.split(".")[0] == "gradio" for name in imported(path))
    }
    assert users <= {"ui"}


def test_the_page_knows_no_torch():
    pages = [path for path in MODULES if within(path) == "ui"]
    assert [
        path for path in pages if any(name.split(".")[0] == "torch" for name in imported(path))
    ] == []


def test_importing_does_no_work():
    """No module, `app` included, builds a network, opens a device or starts a thread."""
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (*MODULES, *ROOT.glob("app.py"))
        if path.stem != "__main__"
    ]
    program = f"""
import gc, importlib, json, threading
import diffusers, gradio, numba, torch, transformers
threads = set(threading.enumerate())
for name in {names!r}:
    importlib.import_module(name)
modules = [o for o in gc.get_objects() if isinstance(o, torch.nn.Module)]
networks = [type(module).__name__ for module in modules if list(module.parameters())]
started = [t.name for t in threading.enumerate() if t not in threads]
print(json.dumps([networks, started, torch.cuda.is_initialized()]))
"""
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout.splitlines()[-1]) == [[], [], False]
