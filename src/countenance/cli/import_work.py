"""Imports at work: as jobs of the server's, watched from the command line, or in the command itself."""

from __future__ import annotations

import sys
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import click

from countenance.cli.progress import PhotosProgress, photos_progress
from countenance.errors import SetupError
from countenance.importing.ledger import Ledger
from countenance.importing.records import Progress, Run, RunState
from countenance.importing.runner import Work, run_import
from countenance.importing.server import Server, require_reachable
from countenance.importing.thumbnails import remove_old_thumbnails
from countenance.settings import Settings
from countenance.store import Database, StoreUnavailable
from countenance.store.jobs import Job, JobContext, JobFailed, Jobs, JobState, Task, server_id

_POLL_S: Final = 0.5
_AT_ONCE_IN_A_JOB: Final = "at_once"
_HOUR_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Office:
    """What the command works with."""

    settings: Settings
    database: Database
    ledger: Ledger
    at_once: int
    is_foreground: bool
    as_json: bool

    @property
    def jobs(self) -> Jobs:
        return Jobs(self.database, server=server_id(self.settings.data_dir))


def import_tasks() -> list[Task]:
    """What a server does of imports."""
    return [
        IMPORT,
        Task(
            "remove-thumbnails",
            _remove_thumbnails,
            every_s=_HOUR_S,
            is_local=True,
            meaning="remove thumbnails of reports of imports whose time has come",
        ),
    ]


def _run(context: JobContext) -> None:
    ledger = Ledger(context.database)
    try:
        run = ledger.require(uuid.UUID(str(context.arguments["import_id"])))
    except SetupError:
        return  # forgotten since
    if run.state not in {RunState.RUNNING, RunState.PAUSED}:
        return

    def report(progress: Progress) -> None:
        with suppress(StoreUnavailable):  # the ledger has it: this is for lists of jobs
            context.report(progress.done, progress.total)

    try:
        work = Work(
            ledger,
            Server(run.request, at_once=int(context.arguments[_AT_ONCE_IN_A_JOB])),
            at_once=int(context.arguments[_AT_ONCE_IN_A_JOB]),
            report=report,
            is_stopping=context.is_stopping,
        )
        state = run_import(run, work)
    except SetupError:
        raise JobFailed("the import is in other hands, or its access key cannot be read") from None
    if state is RunState.RUNNING:
        context.stop_here()


def _remove_thumbnails(context: JobContext) -> None:
    context.report(remove_old_thumbnails(Ledger(context.database)), note="thumbnails")


IMPORT: Final = Task(
    "import", _run, is_local=True, meaning="bring the photos of an import (`countenance import --follow`)"
)


def wait_for_server(run: Run) -> Server:
    """The server that the import goes to.

    Raises:
        SetupError: it does not answer, or does not take the key.
    """
    server = Server(run.request)
    require_reachable(server)
    return server


def hand_over(office: Office, run: Run) -> bool:
    """Have a job do the import, whatever becomes of this command; whether the server runs jobs."""
    if office.is_foreground or not office.jobs.count_workers():
        return False
    _defer(office, run)
    return True


def see_through(office: Office, run: Run, *, is_handed_over: bool) -> Run:
    """Watch the job that does the import, or do it in this command; how it stands then."""
    if is_handed_over:
        return follow(office, run)
    if not office.is_foreground:
        click.echo("no server runs jobs here: the import runs in this command", err=True)
    with photos_progress() as bar:
        work = Work(
            office.ledger,
            Server(run.request, at_once=office.at_once),
            at_once=office.at_once,
            report=lambda progress: _draw(bar, progress),
            is_stopping=lambda: False,
        )
        _draw(bar, office.ledger.progress(run.import_id))
        try:
            run_import(run, work)
        except StoreUnavailable as error:
            raise SetupError(
                f"the ledger cannot be written: {error}",
                remedy=f"once the database is there, `countenance import --resume {run.import_id}`",
            ) from error
    return office.ledger.require(run.import_id)


def follow(office: Office, run: Run) -> Run:
    """Watch the import until it ends; how it stands then. Ctrl-C ends the watching alone."""
    told_idle, told_other = False, None
    with photos_progress() as bar:
        try:
            while True:
                with suppress(StoreUnavailable):
                    run = office.ledger.require(run.import_id)
                    _draw(bar, office.ledger.progress(run.import_id))
                    if run.state is not RunState.RUNNING:
                        return run
                    if not told_idle and not office.jobs.count_workers():
                        bar.notice("no server runs: the import goes on with the next one that does")
                        told_idle = True
                    other = _waits_for(office.jobs, run)
                    if other is not None and other != told_other:
                        bar.notice(f"it waits for another import: {other}")
                        told_other = other
                    if _is_nobodys(office, run):
                        return run
                time.sleep(_POLL_S)
        except KeyboardInterrupt:
            bar.notice(
                f"the import goes on: `countenance import --follow {run.import_id}` watches it, "
                f"`--undo {run.import_id}` takes it back"
            )
            sys.exit(130)


def waits_for_resume(office: Office, run: Run) -> bool:
    """Whether it is to go on, and does not by itself."""
    return run.state is RunState.PAUSED or (run.state is RunState.RUNNING and _is_nobodys(office, run))


def _is_nobodys(office: Office, run: Run) -> bool:
    """Whether neither a job nor a command is at it: it waits for `--resume`."""
    if _job_of(office.jobs, run) is not None:
        return False
    with office.ledger.held(run.import_id) as is_free:
        return is_free and office.ledger.state(run.import_id) is RunState.RUNNING


def _defer(office: Office, run: Run) -> None:
    office.ledger.change(run.import_id, RunState.RUNNING, from_states=[RunState.PAUSED])
    name = f"import/{run.import_id}"
    arguments = {"import_id": str(run.import_id), _AT_ONCE_IN_A_JOB: office.at_once}
    if _job_of(office.jobs, run) is None:
        # One at a time on each server: an import takes hours, and what tidies up has to have its turn. Not
        # one of all servers: those behind one that waits for a server that is gone would wait with it.
        lock = f"imports/{server_id(office.settings.data_dir)}"
        office.jobs.defer(IMPORT, arguments, lock=lock, queueing_lock=name)


def _job_of(jobs: Jobs, run: Run) -> Job | None:
    """The job that waits or is at the import."""
    return next((job for job in _open_jobs(jobs) if _import_of(job) == str(run.import_id)), None)


def _waits_for(jobs: Jobs, run: Run) -> str | None:
    """The import that has to end first; None for one whose turn it is."""
    ours = _job_of(jobs, run)
    if ours is None or ours.state is not JobState.WAITING:
        return None
    before = [
        job
        for job in _open_jobs(jobs)
        if job.server == ours.server
        and _import_of(job) != str(run.import_id)
        and (job.state is not JobState.WAITING or job.job_id < ours.job_id)
    ]
    return _import_of(min(before, key=lambda job: job.state is JobState.WAITING)) if before else None


def _open_jobs(jobs: Jobs) -> list[Job]:
    """Of imports, those that wait or run, in the order of their making."""
    open_ = {JobState.WAITING, JobState.RUNNING, JobState.STOPPING}
    return [job for job in jobs.list() if job.task == IMPORT.name and job.state in open_]


def _import_of(job: Job) -> str:
    return str(job.arguments.get("import_id"))


def _draw(bar: PhotosProgress, progress: Progress) -> None:
    bar.show(progress.done, progress.total, progress.amiss)
