"""What the server shows the public: `countenance report published` and `withdraw`, and publishing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from countenance.audit.public_reports import list_published, publish
from countenance.audit.public_reports import withdraw as withdraw_report
from countenance.cli.installation import open_store
from countenance.cli.options import settings_options
from countenance.cli.tables import as_json_option, print_facts, print_rows
from countenance.reporting.transparency_page import render_transparency
from countenance.settings import Settings

_where = settings_options("data_dir", "database_url")


def publish_report(settings: Settings, report: Mapping[str, Any], checkpoint: str) -> None:
    """Have every process of the server show it, from now on, and the log say so.

    Raises:
        ConflictException: one that shares a day with it is published.
        InvalidParameterException: its period is not over in the log.
    """
    with open_store(settings) as (database, _), database.transaction() as connection:
        publish(connection, report, page=render_transparency(report), checkpoint=checkpoint)


@click.command()
@_where
@as_json_option
def published(*, as_json: bool, **given: Any) -> None:
    """List the reports that everybody may read under /transparency of the server, the newest first.

    Example: countenance report published
    """
    with open_store(Settings.from_env(**given)) as (database, _), database.read() as connection:
        found = list_published(connection)
    rows = [
        {
            "From": each.start.isoformat(),
            "To": each.end.isoformat(),
            "LogSize": each.log_size,
            "PublishedAt": each.published_at,
            "Digest": each.digest.hex(),
            "Root": each.root.hex(),
        }
        for each in found
    ]
    columns = ("From", "To", "LogSize", "PublishedAt", "Digest")
    print_rows(rows, as_json=as_json, nothing="no report is published", columns=columns)


@click.command()
@click.argument("start", metavar="DAY", type=click.DateTime(["%Y-%m-%d"]))
@_where
@as_json_option
def withdraw(start: datetime, *, as_json: bool, **given: Any) -> None:
    """Serve the report whose period begins with DAY no more; the log says that it was withdrawn.

    Whoever has read it has it. Another one of the same days may be published then: have a reason that you can
    tell, as the two together may show what each withholds.

    Example: countenance report withdraw 2026-10-01
    """
    with open_store(Settings.from_env(**given)) as (database, _), database.transaction() as connection:
        withdraw_report(connection, start.date())
    print_facts({"From": f"{start:%Y-%m-%d}", "Status": "withdrawn"}, as_json=as_json)
