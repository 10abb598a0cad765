"""The README's front matter, its commands and its tree are those of the repository."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TREE = README.split("## The tree")[1].split("```")[1]


def test_the_space_front_matter_names_files_that_exist():
    front = yaml.safe_load(README.split("---")[1])
    assert front["sdk"] == "gradio"
    assert front["license"] == "apache-2.0"
    assert (ROOT / front["app_file"]).is_file()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    least = project["requires-python"].removeprefix(">=")
    assert tuple(front["python_version"].split(".")) >= tuple(least.split("."))
    assert f"gradio>={'.'.join(front['sdk_version'].split('.')[:2])}" in (
        (ROOT / "requirements.txt").read_text()
    )


def test_every_module_stands_in_the_tree():
    named = set(re.findall(r"[\w/]+(?:\.py|/)", TREE))
    leaves = {name.rstrip("/").split("/")[-1] for name in named}
    whole = ("kinds", "objectives")  # folders that the tree names as one
    missing = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "perflow_demo").rglob("*.py")
        if not path.stem.startswith("__")
        and path.parent.name not in whole
        and path.name not in leaves
    ]
    assert missing == []


def test_the_tree_names_nothing_that_is_not_there():
    existing = {path.name for path in (ROOT / "perflow_demo").rglob("*")} | {"perflow_demo"}
    existing |= {path.name for path in ROOT.iterdir()} | {"pocket"}
    named = {name.rstrip("/").split("/")[-1] for name in re.findall(r"[\w/]+(?:\.py|/)", TREE)}
    assert named - existing == set()


def test_the_picture_is_there():
    for link in re.findall(r"\]\((assets/[^)]+)\)", README):
        assert (ROOT / link).is_file(), link
