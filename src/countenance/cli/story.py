"""`countenance story`: how terms that are enforced look from outside, played through boto3.

A provider, a data-mining firm that it supplies, an agency for which the firm acts, and another customer of
the provider, on a server of their own in a temporary data directory. Nothing here looks inside the server:
what is shown is what any AWS client would see, and the last word has the audit log, checked offline.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from countenance.cli.options import settings_options
from countenance.cli.portraits import load_portraits
from countenance.cli.server_process import running_server
from countenance.cli.story_cast import Cast
from countenance.cli.story_scenes import SCENES
from countenance.cli.story_stage import Stage
from countenance.settings import Settings

_WIDTH_WITHOUT_TERMINAL = 130
_HOUSE_OFFICER = "Vera Vendor, head of trust"


@click.command()
@settings_options("models", "cache_dir", "pack", "threads")
def story(**given: Any) -> None:
    """Play the whole story of enforced terms against a live server.

    Terms unaccepted, then accepted; a lawful purpose used; calls refused for a threshold, a missing case and
    a purpose; a government's rule pack loaded; a violation found by a detector; the firm suspended and the
    agency's calls through it refused within a second, while the provider's other customers go on; the appeal;
    and the proof, checked offline, that all of it is in the log. Exits 0 only if every step went so.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH_WITHOUT_TERMINAL)
    settings = Settings.from_env(**given)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="countenance-story-")))
        portraits = load_portraits(settings.cache_dir)
        server = stack.enter_context(
            running_server(
                scratch / "data",
                settings,
                accept_terms=_HOUSE_OFFICER,
                log=console.print,
                options=("--workers", "2"),
            )
        )
        stage = Stage(console, server, scratch)
        cast = Cast.of(stage, portraits)
        for scene in SCENES:
            stage.title(scene)
            scene(stage, cast)
    if stage.failures:
        for failure in stage.failures:
            console.print(f"[red]not as it should be:[/red] {failure}", soft_wrap=True)
        sys.exit(1)
    console.print("[green]every step went as the terms say, and all of it is in the log[/green]")
