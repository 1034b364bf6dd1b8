"""Imports as jobs: one at a time, and the others say that they wait."""

from __future__ import annotations

import threading
import time

import pytest

from countenance.cli.import_work import IMPORT, Office, _defer, follow
from countenance.importing.ledger import Ledger
from countenance.importing.records import Request, RunState, Wanted
from countenance.settings import Settings
from countenance.store import Database, migrate
from countenance.store.jobs import JobState, Task, server_id
from countenance.store.jobs.worker import AT_ONCE
from job_runner import working

TIDY = Task("tidy", lambda _context: None, meaning="what has to have its turn")


@pytest.fixture
def office(empty_database_url, tmp_path):
    with Database(empty_database_url, max_connections=16) as database:
        migrate(database)
        made = Office(
            Settings(data_dir=tmp_path),
            database,
            Ledger(database),
            at_once=1,
            is_foreground=False,
            as_json=False,
        )
        yield made


@pytest.fixture
def run(office, tmp_path):
    """`run()`: an import that its server does not answer: it is at work until there is no patience."""
    (tmp_path / "1.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (tmp_path / "credentials").write_text(
        "[countenance]\naws_access_key_id=AKIA\naws_secret_access_key=x\nendpoint_url=http://127.0.0.1:9\n"
    )
    request = Request(
        source="photos", root=str(tmp_path), kind="folder", profile="countenance",
        credentials=str(tmp_path / "credentials"), endpoint_url="", tls_cert="",
    )  # fmt: skip
    photos = [Wanted("1.jpg", "ann:1", "ann")]
    return lambda: office.ledger.begin(
        account_id="123456789012", collection="staff", request=request, photos=photos
    )


def wait_until(condition, *, patience_s=30.0):
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.05)


def test_one_import_runs_at_a_time_and_leaves_the_rest_its_turn(office, run, empty_database_url, capfd):
    """Deletion must become final while somebody imports for hours, from several commands."""
    runs = [run() for _ in range(AT_ONCE + 1)]
    for each in runs:
        _defer(office, each)
    server = server_id(office.settings.data_dir)

    def states():
        return [job.state for job in office.jobs.list() if job.task == IMPORT.name]

    with working(empty_database_url, office.database, [IMPORT, TIDY], server=server):
        wait_until(lambda: JobState.RUNNING in states())
        job_id = office.jobs.defer(TIDY)
        wait_until(lambda: office.jobs.find(job_id).state is JobState.DONE)
        assert states() == [JobState.RUNNING] + [JobState.WAITING] * AT_ONCE
        watching = threading.Thread(target=follow, args=(office, runs[-1]))
        watching.start()
        time.sleep(1.5)
        office.ledger.change(runs[-1].import_id, RunState.FINISHED, from_states=[RunState.RUNNING])
        watching.join(30)
    told = capfd.readouterr().err
    assert told.count(f"it waits for another import: {runs[0].import_id}") == 1


def test_the_next_begins_when_one_has_ended(office, run, empty_database_url):
    first, second = run(), run()
    for each in (first, second):
        _defer(office, each)
    with working(empty_database_url, office.database, [IMPORT], server=server_id(office.settings.data_dir)):
        jobs = {job.arguments["import_id"]: job.job_id for job in office.jobs.list()}
        wait_until(lambda: office.jobs.find(jobs[str(first.import_id)]).state is JobState.RUNNING)
        office.jobs.cancel(jobs[str(first.import_id)])
        wait_until(lambda: office.jobs.find(jobs[str(second.import_id)]).state is JobState.RUNNING)
