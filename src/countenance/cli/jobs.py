"""`countenance jobs`: what the server does beside answering calls, how far it is, and why it failed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from countenance.cli.installation import open_store
from countenance.cli.job_tasks import job_tasks
from countenance.cli.jobs_shown import facts_of, row_of, watch
from countenance.cli.options import settings_options
from countenance.cli.tables import as_json_option, print_facts, print_rows
from countenance.errors import SetupError
from countenance.settings import Settings
from countenance.store import StoreUnavailable
from countenance.store.jobs import Job, Jobs, JobState, NoSuchJob, Task, server_id

_where_options = settings_options("data_dir", "database_url")
_job_argument = click.argument("job_id", metavar="JOB", type=click.IntRange(min=1))
_wait_option = click.option("--wait", is_flag=True, help="until it has ended, with its progress")
_COLUMNS = ("Job", "Task", "State", "Progress", "About", "When", "Why")
_SEE = "see `countenance jobs list --all`"


@dataclass(frozen=True, slots=True)
class _Opened:
    jobs: Jobs
    tasks: list[Task]

    def require(self, job_id: int) -> Job:
        found = self.jobs.find(job_id)
        if found is None:
            raise SetupError(f"there is no job {job_id}", remedy=_SEE)
        return found

    def note_if_idle(self) -> None:
        if not self.jobs.count_workers():
            click.echo("note: no server runs that would take it up; it waits for one", err=True)


@contextmanager
def _opened(given: dict[str, Any]) -> Iterator[_Opened]:
    settings = Settings.from_env(**given)
    with open_store(settings) as (database, keys):
        try:
            yield _Opened(Jobs(database, server=server_id(settings.data_dir)), job_tasks(settings, keys))
        except NoSuchJob as error:
            raise SetupError(str(error), remedy=_SEE) from None
        except StoreUnavailable as error:
            raise SetupError(
                str(error), remedy="see that the database runs (`countenance doctor`)"
            ) from error


@click.group()
def jobs() -> None:
    """What a server does beside answering calls: tidying up, making deletions final, imports.

    Jobs wait in the database and are run by the server; one that is killed with it is taken up again within
    half a minute of the next start, and goes on where it ended. One that fails is tried again, later and
    later; then it is given up, and says why in the list.

    \b
    countenance jobs list
    countenance jobs show 12 --wait
    countenance jobs run expire-faces --wait
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are


@jobs.command("list")
@click.option("--all", "with_ended", is_flag=True, help="those that are done or cancelled too, for 14 days")
@_where_options
@as_json_option
def list_(with_ended: bool, as_json: bool, **given: Any) -> None:
    """List jobs that wait, run, or failed.

    Example: countenance jobs list --all --json
    """
    with _opened(given) as opened:
        found = opened.jobs.list(with_ended=with_ended)
    rows = [facts_of(job) if as_json else row_of(job) for job in found]
    print_rows(
        rows, as_json=as_json, nothing="no job waits, runs or failed", columns=_COLUMNS if rows else None
    )


@jobs.command("show")
@_job_argument
@_wait_option
@_where_options
@as_json_option
def show(job_id: int, wait: bool, as_json: bool, **given: Any) -> None:
    """Show one job: how far it is, what it works on, why it failed.

    With --wait exits 1 if it fails or is cancelled.

    Example: countenance jobs show 12 --wait
    """
    with _opened(given) as opened:
        job = opened.require(job_id)
        _show(opened, job, wait=wait, as_json=as_json)


@jobs.command("retry")
@_job_argument
@_where_options
def retry(job_id: int, **given: Any) -> None:
    """Try a failed job again now; one that waits for its next try has it now.

    Example: countenance jobs retry 12
    """
    with _opened(given) as opened:
        opened.jobs.retry(job_id)
        click.echo(f"job {job_id} waits for its turn")
        opened.note_if_idle()


@jobs.command("cancel")
@_job_argument
@_where_options
def cancel(job_id: int, **given: Any) -> None:
    """Cancel a job: one that waits is not run, one that runs ends after the step that it is at.

    What it did stays done. A job that is made by itself is made again when its time comes.

    Example: countenance jobs cancel 12
    """
    with _opened(given) as opened:
        state = opened.jobs.cancel(job_id)
    is_over = state is JobState.CANCELLED
    click.echo(f"job {job_id} is cancelled" if is_over else f"job {job_id} was told to end")


@jobs.command("run")
@click.argument("name", metavar="TASK")
@_wait_option
@_where_options
@as_json_option
def run(name: str, wait: bool, as_json: bool, **given: Any) -> None:
    """Run a task now that is otherwise run by itself from time to time (`countenance jobs tasks`).

    The server does it; where a job of that task waits already, it is that one. With --wait exits 1 if it
    fails.

    Example: countenance jobs run expire-faces --wait
    """
    with _opened(given) as opened:
        task = next((each for each in opened.tasks if each.name == name and each.every_s), None)
        if task is None:
            raise SetupError(
                f"there is no task `{name}` that could be run like this",
                remedy="see `countenance jobs tasks`",
            )
        job = opened.require(opened.jobs.run_now(task))
        _show(opened, job, wait=wait, as_json=as_json)


@jobs.command("tasks")
@_where_options
@as_json_option
def tasks(as_json: bool, **given: Any) -> None:
    """List the kinds of jobs that there are, and how often they are made by themselves.

    Example: countenance jobs tasks
    """
    with _opened(given) as opened:
        rows = [
            {"Task": task.name, "EverySeconds": task.every_s, "Meaning": task.meaning}
            for task in opened.tasks
        ]
    print_rows(rows, as_json=as_json)


def _show(opened: _Opened, job: Job, *, wait: bool, as_json: bool) -> None:
    if wait:
        job = watch(opened.jobs, job)
    print_facts(facts_of(job), as_json=as_json)
    if not wait and job.state is JobState.WAITING:
        opened.note_if_idle()
    if wait and job.state is not JobState.DONE:
        sys.exit(1)
