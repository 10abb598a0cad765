"""What is asked of the evaluation is checked before its hours of work, not after."""

import pytest
from typer.testing import CliRunner

from perflow_demo.evaluation.__main__ import program


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
