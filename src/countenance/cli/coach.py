"""`countenance coach`: what is wrong with enrolment photos, and how to take better ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from countenance.cli.options import settings_options
from countenance.cli.tables import as_json_option
from countenance.settings import Settings

_INTERRUPTED = 130


@click.command()
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...", type=click.Path(path_type=Path))
@click.option(
    "--purpose",
    metavar="NAME",
    help="what the photos are to be enrolled for; without it, any purpose will do",
)
@click.option("--pack", metavar="NAME", help="the pack to look with; by default the one for new collections")
@settings_options("models", "cache_dir")
@as_json_option
def coach(photos: tuple[Path, ...], *, purpose: str | None, as_json: bool, **given: Any) -> None:
    """Say what is wrong with enrolment photos, and how to take better ones.

    Each PHOTO is a JPEG or PNG file of one person. Told are what was measured, what is wanted and what to do,
    most severe first, and the purposes that the photo is good enough for: the more a purpose risks, the more
    it asks for. With --purpose only what is wrong for that one is told, and a photo passes if nothing is;
    without it a photo passes if it is good enough for any purpose.

    Eyes, mouth, covers and sunglasses are seen where the attribute pack is installed (`countenance models
    install attributes`); what cannot be measured is named, and is not held against a photo. Nothing is
    enrolled, compared or kept. No server and no database is needed.

    Exit codes: 0 all photos pass; 1 one does not, or is no photo; 2 the command line is wrong; 3 the set-up
    is; 130 interrupted.

    \b
    Examples:
      countenance coach ada.jpg
      countenance coach staff/*.jpg --purpose access-control
      countenance coach ada.jpg --json
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    from countenance.policy.photo_demands import demands

    if purpose is not None and purpose not in demands():
        raise click.UsageError(
            f"nobody is enrolled for the purpose `{purpose}`: give one of {', '.join(demands())}."
        )
    settings = Settings.from_env(
        models=given.pop("models"), cache_dir=given.pop("cache_dir"), pack=given.pop("pack")
    )
    from countenance.cli.coach_work import run  # a second of imports, which --help need not wait for

    try:
        passed = run(photos, settings, purpose=purpose, as_json=as_json)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(_INTERRUPTED)
    if not passed:
        sys.exit(1)
