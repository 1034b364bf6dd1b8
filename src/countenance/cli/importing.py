"""`countenance import`: photos in bulk, from folders, tables and other services."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from countenance.cli.import_sources import KINDS, Found, SourceOptions, gather
from countenance.cli.import_work import (
    Office,
    follow,
    hand_over,
    see_through,
    wait_for_server,
    waits_for_resume,
)
from countenance.cli.importing_shown import print_runs, print_summary, summary_of
from countenance.cli.installation import open_store
from countenance.cli.options import settings_options
from countenance.cli.tables import as_json_option, print_json
from countenance.errors import SetupError
from countenance.importing.ledger import Ledger
from countenance.importing.records import Request, Run, RunState
from countenance.importing.report import write_report
from countenance.importing.server import Server, require_reachable
from countenance.importing.targets import require_collections
from countenance.importing.thumbnails import remove_old_thumbnails, write_thumbnails
from countenance.importing.undoing import undo_import
from countenance.settings import Settings

INTERRUPTED = 130
_run_type = click.UUID


def _options(command: Any) -> Any:
    for option in reversed((
        click.argument("source", required=False, type=click.Path(path_type=Path)),
        click.option("--collection", metavar="C", help="into which collection"),
        click.option("--create-collection", is_flag=True, help="make the collection if there is none"),
        click.option("--from", "kind", type=click.Choice(KINDS), help="what SOURCE is; seen by itself"),
        click.option("--users/--no-users", "with_users", default=True, show_default=True,
                     help="whether each person becomes a user, or the ExternalImageId alone names them"),
        click.option("--dry-run", "is_dry", is_flag=True, help="judge all photos and enrol none"),
        click.option("--look-alikes", type=click.Choice(["hold", "enrol"]),
                     help="what becomes of who looks like another person; hold, from rekognition enrol"),
        click.option("--quality", type=click.Choice(["NONE", "AUTO", "LOW", "MEDIUM", "HIGH"]),
                     default="AUTO", show_default=True, help="which faces are too poor, as QualityFilter"),
        click.option("--threshold", type=click.FloatRange(80, 100),
                     help="similarity at which faces look alike; 99, and more in large collections"),
        click.option("--skip-bad-rows", is_flag=True, help="leave out rows of a table that cannot be"),
        click.option("--profile", default="countenance", show_default=True, help="whose access key is used"),
        click.option("--credentials", type=click.Path(dir_okay=False, path_type=Path),
                     help="file with the profile; DATA_DIR/credentials"),
        click.option("--endpoint-url", default="", help="where the server is; as the profile says"),
        click.option("--parallel", type=click.IntRange(1, 256), help="photos under way; two for each core"),
        click.option("--foreground", is_flag=True, help="in this command, not as a job of the server's"),
        click.option("--source-endpoint-url", help="from rekognition: where; AWS's of the region"),
        click.option("--source-region", help="from rekognition: AWS region"),
        click.option("--source-profile", help="from rekognition: profile of your AWS configuration"),
        click.option("--source-collection", help="from rekognition: which collection; all of them"),
        click.option("--photo-pattern", metavar="PATTERN",
                     help="from rekognition: path of a face's photo, as {external_image_id}.jpg"),
        click.option("--list", "is_list", is_flag=True, help="list all imports"),
        click.option("--follow", metavar="RUN", type=_run_type, help="watch an import, or see how it ended"),
        click.option("--resume", metavar="RUN", type=_run_type, help="go on with an import"),
        click.option("--undo", metavar="RUN", type=_run_type, help="take back what an import enrolled"),
        click.option("--forget", metavar="RUN", type=_run_type, help="delete what is kept of an import"),
        click.option("--report", "report_dir", type=click.Path(file_okay=False, path_type=Path),
                     help="folder for report.csv and report.html"),
        click.option("--thumbnails", is_flag=True, help="with small pictures in the report"),
        click.option("--expire-days", type=click.IntRange(1, 365), default=7, show_default=True,
                     help="after which thumbnails are removed"),
        settings_options("data_dir", "database_url", "tls_cert"),
        as_json_option,
    )):  # fmt: skip
        command = option(command)
    return command


@click.command("import")
@_options
def import_(source: Path | None, *, as_json: bool, **given: Any) -> None:
    """Enrol the photos of SOURCE: a folder with one folder a person, or a CSV or Parquet table.

    The import runs on the server, and goes on if this command or the server is ended. It can be watched,
    resumed and taken back. Exits 0 if every photo's face is in the collection, 1 if some photo's is not.

    \b
    countenance import photos/ --collection staff --create-collection --report report/
    countenance import photos/ --collection staff --dry-run
    countenance import people.csv --collection staff
    countenance import photos/ --from rekognition --source-region eu-west-1
    countenance import --list
    countenance import --undo RUN
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are
    _require_one(source, given)
    where = {name: given.pop(name) for name in ("data_dir", "database_url", "tls_cert")}
    with _opened(Settings.from_env(**where), given, as_json=as_json) as office:
        try:
            _do(office, source, given)
        except KeyboardInterrupt:
            click.echo("\ninterrupted; `countenance import --list` shows where it stands", err=True)
            sys.exit(INTERRUPTED)


def _do(office: Office, source: Path | None, given: dict[str, Any]) -> None:
    if given["is_list"]:
        print_runs(office.ledger, as_json=office.as_json, waits=lambda run: waits_for_resume(office, run))
    elif given["undo"]:
        _undo(office, given["undo"])
    elif given["forget"]:
        _forget(office, given["forget"])
    elif given["follow"]:
        _end(office, [follow(office, office.ledger.require(given["follow"]))], given)
    elif given["resume"]:
        run = _resumable(office, given["resume"])
        _end(office, [see_through(office, run, is_handed_over=hand_over(office, run))], given)
    else:
        assert source is not None
        begun = _begin(office, source, given)  # all of them, before the first is watched
        _end(office, [see_through(office, run, is_handed_over=is_over) for run, is_over in begun], given)


def _require_one(source: Path | None, given: dict[str, Any]) -> None:
    named = [f"--{name}" for name in ("follow", "resume", "undo", "forget") if given[name]]
    named += ["--list"] if given["is_list"] else []
    named += ["SOURCE"] if source is not None else []
    if len(named) != 1:
        told = f"not {' and '.join(named)} at once" if named else "for example `countenance import FOLDER`"
        raise click.UsageError(f"give SOURCE, --list, --follow, --resume, --undo or --forget: {told}")
    if given["thumbnails"] and not given["report_dir"]:
        raise click.UsageError("--thumbnails are a part of a report: give --report DIR as well")


@contextmanager
def _opened(settings: Settings, given: dict[str, Any], *, as_json: bool) -> Iterator[Office]:
    with open_store(settings) as (database, _):
        ledger = Ledger(database)
        remove_old_thumbnails(ledger)  # of a server that has not run since
        yield Office(
            settings,
            database,
            ledger,
            at_once=given["parallel"] or 2 * (os.cpu_count() or 1),
            is_foreground=given["foreground"],
            as_json=as_json,
        )


def _begin(office: Office, source: Path, given: dict[str, Any]) -> list[tuple[Run, bool]]:
    """Read the source, see that the server takes it, and write down what is to be brought.

    Each import, and whether a job does it.

    What can be wrong is looked at before the first import is there, and each is handed over before the next
    is made: whatever ends this command, none waits for it.
    """
    options = SourceOptions(
        source=source,
        kind=given["kind"],
        collection=given["collection"],
        with_users=given["with_users"],
        skips_bad_rows=given["skip_bad_rows"],
        endpoint_url=given["source_endpoint_url"],
        region=given["source_region"],
        profile=given["source_profile"],
        source_collection=given["source_collection"],
        photo_pattern=given["photo_pattern"],
    )
    request = _request(office, given)
    server = Server(request)
    account_id = require_reachable(server)
    wanted = list(gather(options))
    require_collections(
        server,
        [each.collection for each in wanted],
        may_create=given["create_collection"],
        is_dry=request.is_dry,
    )
    runs = []
    for found in wanted:
        asked = found.of(request, accepts_look_alikes=_accepts_look_alikes(found, given))
        run = office.ledger.begin(
            account_id=account_id, collection=found.collection, request=asked, photos=found.photos
        )
        click.echo(f"import {run.import_id}: {found.words}", err=True)
        runs.append((run, hand_over(office, run)))
    return runs


def _accepts_look_alikes(found: Found, given: dict[str, Any]) -> bool:
    asked: str | None = given["look_alikes"]
    return found.kind == "rekognition" if asked is None else asked == "enrol"


def _request(office: Office, given: dict[str, Any]) -> Request:
    settings = office.settings
    return Request(
        source="",
        root="",
        kind="",
        profile=given["profile"],
        credentials=str((given["credentials"] or settings.data_dir / "credentials").absolute()),
        endpoint_url=given["endpoint_url"],
        tls_cert=str(settings.tls_cert.absolute()) if settings.tls_cert else "",
        quality=given["quality"],
        threshold=given["threshold"],
        is_dry=given["is_dry"],
    )


def _resumable(office: Office, import_id: uuid.UUID) -> Run:
    run = office.ledger.require(import_id)
    if run.state in {RunState.UNDOING, RunState.UNDONE}:
        raise SetupError(
            f"import `{import_id}` was taken back", remedy="import the source again: that is another import"
        )
    wait_for_server(run)
    return run


def _undo(office: Office, import_id: uuid.UUID) -> None:
    run = office.ledger.require(import_id)
    done = undo_import(run, office.ledger, wait_for_server(run))
    if office.as_json:
        print_json({"ImportId": str(import_id), "DeletedFaces": done.faces, "DeletedUsers": done.users})
        return
    click.echo(f"import {import_id} is taken back: {done.faces:,} faces and {done.users:,} users are deleted")


def _forget(office: Office, import_id: uuid.UUID) -> None:
    office.ledger.require(import_id)
    if not office.ledger.forget(import_id):
        raise SetupError(
            f"import `{import_id}` is not over", remedy="let it end, or take it back with --undo"
        )
    click.echo(f"what was kept of import {import_id} is deleted; the faces that it enrolled stay", err=True)


def _end(office: Office, runs: Sequence[Run], given: dict[str, Any]) -> None:
    """Tell how the imports stand, write reports, and exit by whether all is well."""
    summaries = []
    for run in runs:
        progress = office.ledger.progress(run.import_id)
        folder = given["report_dir"]
        if folder is not None:
            place = folder if len(runs) == 1 else folder / str(run.import_id)
            _report(office, run, place.absolute(), given)
        summaries.append(summary_of(run, progress, None if folder is None else place.absolute()))
        if not office.as_json:
            print_summary(run, progress, office.ledger.examples(run.import_id, most=3))
    if office.as_json:
        print_json(summaries[0] if len(summaries) == 1 else summaries)
    if any(summary["Amiss"] or summary["State"] != RunState.FINISHED.value for summary in summaries):
        sys.exit(1)


def _report(office: Office, run: Run, folder: Path, given: dict[str, Any]) -> None:
    ledger, import_id = office.ledger, run.import_id
    pictures = None
    if given["thumbnails"]:
        until = datetime.now(UTC) + timedelta(days=given["expire_days"])
        pictures = write_thumbnails(folder, run, ledger.told(import_id), ledger, until=until)
    write_report(folder, run, ledger.progress(import_id), ledger.told(import_id), pictures=pictures)
    click.echo(f"report: {folder / 'report.html'} and report.csv", err=True)
