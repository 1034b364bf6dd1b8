"""The catalogue of purposes, as commands name from it."""

from __future__ import annotations

import click

from countenance.policy.purposes import Purpose, load_purposes

NOT_FOR = (
    "The catalogue is closed: no setting, key, pack or officer adds to it. Countenance is not for "
    "immigration enforcement, for watching passers-by, for scraped faces, or for identifying people at "
    "gatherings or by religion, politics, origin, sex or state of health."
)


def parse_purpose(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A name of the catalogue: click's callback."""
    if value is not None and value not in load_purposes():
        raise click.BadParameter(
            f"`{value}` is no purpose; there are {', '.join(load_purposes())}. {NOT_FOR}", ctx, param
        )
    return value


def require_purpose(name: str) -> Purpose:
    """A purpose that `parse_purpose` has let pass."""
    return load_purposes()[name]
