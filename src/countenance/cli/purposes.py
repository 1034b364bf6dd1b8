"""`countenance purposes`: what faces may be used for, and who may use them for it."""

from __future__ import annotations

from typing import ClassVar

import click

from countenance.cli.worded_group import WordedGroup

COMMANDS = {
    "list": ("countenance.cli.purposes_catalogue:list_", "The whole catalogue."),
    "show": ("countenance.cli.purposes_catalogue:show", "A purpose, its bounds and what it needs."),
    "request": ("countenance.cli.purposes_requests:request", "Ask for a purpose for an account."),
    "requests": ("countenance.cli.purposes_requests:requests", "What was asked for, and by whom decided."),
    "approve": ("countenance.cli.purposes_requests:approve", "Say yes; some purposes take two officers."),
    "refuse": ("countenance.cli.purposes_requests:refuse", "Say no."),
    "withdraw": ("countenance.cli.purposes_requests:withdraw", "Take back what was approved."),
}


class _Commands(WordedGroup):
    worded: ClassVar = COMMANDS


@click.group(cls=_Commands)
def purposes() -> None:
    """Purposes: what faces may be used for, within which bounds, and by whom.

    The catalogue is closed: a purpose that is not in it does not exist here, and no setting, key, pack or
    officer can add one. Countenance is not for immigration enforcement, for watching passers-by, for scraped
    faces, or for identifying people at gatherings or by religion, politics, origin, sex or state of health.

    \b
    countenance purposes request 123456789012 access-control --because "the staff door of the museum"
    countenance purposes approve cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --officer "Maria Lind"
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
