"""`countenance audit` as a group."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from countenance.audit.tree import LogDamaged
from countenance.cli.audit import COMMANDS, audit
from countenance.errors import ResourceNotFoundException, SetupError
from countenance.store import StoreUnavailable


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_teaches_itself(command):
    """`--help` works for each, and the group's help names it."""
    result = CliRunner().invoke(audit, [command, "--help"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 5
    assert f"\n  {command} " in CliRunner().invoke(audit, ["--help"]).output


def test_an_unknown_command_is_a_usage_error():
    """As everywhere: 2."""
    assert CliRunner().invoke(audit, ["no-such"]).exit_code == 2


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (StoreUnavailable("the database is gone"), SetupError),
        (LogDamaged("entries are missing"), SetupError),
        (ResourceNotFoundException("no such account"), ResourceNotFoundException),
    ],
)
def test_a_database_that_goes_away_is_a_line_and_not_a_traceback(monkeypatch, error, expected):
    """A server that is stopped takes its database with it, under whoever follows the log."""

    def broken(_):
        raise error

    monkeypatch.setattr("countenance.cli.audit_tail.open_store", broken)
    done = CliRunner().invoke(audit, ["tail"])
    assert type(done.exception) is expected
    assert str(error) in str(done.exception)


def test_help_imports_no_command():
    """It comes at once."""
    script = (
        "import sys; from click.testing import CliRunner; from countenance.cli.audit import audit\n"
        "assert CliRunner().invoke(audit, ['--help']).exit_code == 0\n"
        "sys.exit(any(name.startswith(('countenance.cli.audit_', 'psycopg')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
