from __future__ import annotations

import click
from click.testing import CliRunner

from countenance.cli.lazy_group import LazyGroup


class _Commands(LazyGroup):
    commands_of = {"doctor": "countenance.cli.doctor:doctor", "broken": "no.such.module:command"}  # noqa: RUF012


group = click.command(cls=_Commands)(lambda: None)


def test_a_command_is_imported_when_it_runs_and_not_before():
    """One that cannot be imported must not keep the others from running."""
    assert group.list_commands(None) == ["doctor", "broken"]
    answer = CliRunner().invoke(group, ["doctor", "--help"])
    assert (answer.exit_code, "doctor" in answer.output) == (0, True)


def test_an_unknown_command_is_a_wrong_command_line():
    answer = CliRunner().invoke(group, ["nonsense"])
    assert answer.exit_code == 2
    assert "nonsense" in answer.output
