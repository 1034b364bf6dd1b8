"""Lazy groups whose help needs none of their commands, and tells of a broken database in a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import click

from countenance.cli.lazy_group import LazyGroup
from countenance.errors import CountenanceError, ServiceError, SetupError

Worded = Mapping[str, tuple[str, str]]
"""Name → module and command, and what the group's help says of it."""


class WordedGroup(LazyGroup):
    """Subclassed with `worded`, of which `commands_of` is made.

    `remedy`: what to do when the database went away, or what it holds does not fit.
    """

    worded: ClassVar[Worded] = {}
    remedy: ClassVar[str] = "see that the database runs (`countenance doctor`)"

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        cls.commands_of = {name: place for name, (place, _) in cls.worded.items()}

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ServiceError, SetupError):
            raise
        except CountenanceError as error:  # of the database
            raise SetupError(str(error), remedy=self.remedy) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in self.worded.items()])
