"""Every kind of job that a server runs."""

from __future__ import annotations

from collections.abc import Callable

import click

from countenance.cli.casework_jobs import casework_tasks
from countenance.cli.housekeeping import Housekeeping
from countenance.cli.import_work import import_tasks
from countenance.cli.independent_test_jobs import independent_test_tasks
from countenance.cli.installation import open_tombstones
from countenance.cli.rights_jobs import rights_tasks
from countenance.settings import Settings
from countenance.store import KeyStore
from countenance.store.jobs import Task


def tell(line: str) -> None:
    """What an operator should know: on standard error, which is the server's."""
    click.echo(line, err=True)


def job_tasks(settings: Settings, keys: KeyStore, *, tell: Callable[[str], None] = tell) -> list[Task]:
    """All of them; nothing is opened or started."""
    housekeeping = Housekeeping(
        keys,
        settings.data_dir,
        tell,
        tombstones=lambda database: open_tombstones(database, keys, settings),
    )
    return [
        *housekeeping.tasks(),
        *independent_test_tasks(keys),
        *casework_tasks(keys),
        *rights_tasks(keys),
        *import_tasks(),
    ]
