"""What is asked of the evaluation is checked before its hours of work, not after."""

import json

import pytest
from typer.testing import CliRunner

from perflow_demo.errors import UserError
from perflow_demo.evaluation import speed
from perflow_demo.evaluation.__main__ import program
from perflow_demo.evaluation.report import Report


@pytest.mark.parametrize(
    ("option", "path", "complaint"),
    [
        ("--json", "nowhere/pocket.json", "no folder"),
        ("--grid", "nowhere/pocket.png", "no folder"),
        ("--grid", "pocket.txt", ".png file"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_at_once(tmp_path, option, path, complaint):
    result = CliRunner().invoke(program, ["pocket", option, str(tmp_path / path)])
    assert result.exit_code == 2
    assert complaint in " ".join(result.output.replace("│", " ").split())


def test_what_is_measured_is_told_and_kept_before_the_rest_is(tmp_path, monkeypatch):
    """A run of half an hour that is ended leaves what it had."""
    kept = tmp_path / "figures.json"

    def parts(*_):
        yield Report({"first": [{"figure": 1.5}]})
        assert json.loads(kept.read_text()) == {"first": [{"figure": 1.5}]}
        raise UserError("The rest cannot be measured.")

    monkeypatch.setattr(speed, "evaluate", parts)
    result = CliRunner().invoke(program, ["speed", "--json", str(kept)])
    assert isinstance(result.exception, UserError)
    assert "first" in result.output and "1.500" in result.output
