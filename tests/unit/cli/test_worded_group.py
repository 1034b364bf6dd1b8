"""Groups whose help needs none of their commands."""

from __future__ import annotations

from typing import ClassVar

import click
import pytest
from click.testing import CliRunner

from countenance.cli.worded_group import WordedGroup
from countenance.errors import CountenanceError, ResourceNotFoundException, SetupError


class _Commands(WordedGroup):
    worded: ClassVar = {
        "doctor": ("countenance.cli.doctor:doctor", "Say what is wrong."),
        "broken": ("no.such.module:command", "Cannot be imported."),
    }


group = click.command(cls=_Commands)(lambda: None)


def test_the_help_has_the_words_without_importing_anything():
    said = CliRunner().invoke(group, ["--help"]).output
    assert "Say what is wrong." in said
    assert "Cannot be imported." in said
    assert CliRunner().invoke(group, ["doctor", "--help"]).exit_code == 0


@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        (SetupError("a", remedy="b"), SetupError),
        (ResourceNotFoundException("a"), ResourceNotFoundException),
        (CountenanceError("the database is gone"), SetupError),
    ],
)
def test_any_error_of_ours_ends_in_a_line(error, becomes):
    """`main` knows two kinds; what comes from the database is a set-up that is wrong."""

    def fail(*_):
        raise error

    alone = click.command(cls=_Commands)(lambda: None)
    alone.get_command = lambda *_: click.Command("doctor", callback=fail)
    found = CliRunner().invoke(alone, ["doctor"]).exception
    assert type(found) is becomes
    assert str(error).split(":")[0] in str(found)
