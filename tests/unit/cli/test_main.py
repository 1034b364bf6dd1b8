"""The command line as a whole."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from countenance import __version__
from countenance.cli.main import COMMANDS, SETUP_IS_WRONG, countenance, main
from countenance.errors import ResourceNotFoundException, SetupError


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_teaches_itself(command):
    """`--help` works for each and says something."""
    result = CliRunner().invoke(countenance, [command, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 5


def test_version_and_unknown_commands():
    """The usual exit codes."""
    assert __version__ in CliRunner().invoke(countenance, ["--version"]).output
    assert CliRunner().invoke(countenance, ["no-such"]).exit_code == 2


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (
            SetupError("the disk is full", remedy="free some space"),
            SETUP_IS_WRONG,
            ["the disk is full", "free some"],
        ),
        (ResourceNotFoundException("there is no account `1`"), 1, ["there is no account `1`"]),
    ],
)
def test_errors_on_purpose_are_a_line_and_not_a_traceback(capsys, error, status, words):
    """With the remedy, and an exit code that says which kind."""

    def run(**_):
        raise error

    with pytest.raises(SystemExit) as caught:
        main(run)
    assert caught.value.code == status
    shown = capsys.readouterr().err
    assert all(word in shown for word in words)
    assert "Traceback" not in shown
