"""Jobs of a real server, whose processes are really killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from countenance.accounts import Accounts
from countenance.cli.installation import open_store
from countenance.cli.server_process import running_server
from countenance.gallery import Gallery
from countenance.gallery.finality import Finality
from countenance.settings import Settings
from countenance.store import StoreUnavailable, UnitOfWork
from countenance.store.jobs import Jobs, JobState
from fakes.faces import DIMENSIONS, new_face, random_templates
from fixtures_server import server_settings

FACES = 40_000
FINISHING = "finish-erasures-of-collection"
OPTIONS = ["--workers", "1"]


@contextmanager
def serving(data_dir):
    with running_server(
        data_dir, server_settings(), accept_terms="Test, suite", options=OPTIONS, log=lambda _: None
    ) as server:
        yield server


@contextmanager
def store(data_dir, **given):
    with open_store(Settings.from_env({}, data_dir=data_dir), **given) as opened:
        yield opened


def processes(supervisor):
    """Of the supervisor's own: module or program → process id."""
    found = {}
    for child in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split():
        words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
        found[words[2].decode() if words[1:2] == [b"-m"] else Path(words[0].decode()).name] = int(child)
    return found


def countenance(data_dir, *words):
    done = subprocess.run(
        [sys.executable, "-m", "countenance.cli", *words, "--data-dir", str(data_dir)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def make_collection(database, keys):
    """A collection of many faces, one of which was deleted."""
    gallery = Gallery(database, keys)
    account = Accounts(database, keys).create_account("Many").account_id
    with UnitOfWork(database) as uow:
        collection = gallery.create_collection(
            uow,
            account_id=account,
            name="many",
            region="us-east-1",
            face_model_version="1",
            dimensions=DIMENSIONS,
            tags={},
        )
        uow.commit()
    templates = random_templates(np.random.default_rng(1), FACES)
    for first in range(0, FACES, 2_000):
        with UnitOfWork(database) as uow:
            stored = gallery.enrol(
                uow, collection, [new_face(each) for each in templates[first : first + 2_000]]
            )
            if not first:
                gallery.delete_faces(uow, collection, [stored[0].face_id])
            uow.commit()


def begin(data_dir, database):
    """Let the deletion be due, and the server look: its job, begun."""
    with database.transaction() as connection:
        connection.execute("update pending_erasure set at = at - %s", (timedelta(hours=21),))
    assert countenance(data_dir, "jobs", "run", "finish-erasures")[0] == 0
    return await_job(Jobs(database), is_begun)


def find(jobs):
    """The job that makes it final, if it was made and can be asked for."""
    try:
        return next((job for job in jobs.list(with_ended=True) if job.task == FINISHING), None)
    except StoreUnavailable:
        return None


def await_job(jobs, condition, *, patience_s=300.0):
    """Long: pools wait longer with every attempt that finds no database, on a machine that has much to do."""
    deadline = time.monotonic() + patience_s
    while (job := find(jobs)) is None or not condition(job):
        assert time.monotonic() < deadline, job
        time.sleep(0.02)
    return job


def is_begun(job):
    return (job.done or 0) > 0 and job.state is JobState.RUNNING


def is_done(job):
    return job.state is JobState.DONE


@pytest.fixture
def due(tmp_path):
    """A data directory whose server has a long job to do."""
    data_dir = tmp_path / "data"
    with store(data_dir, may_create=True) as (database, keys):
        make_collection(database, keys)
    return data_dir


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["countenance.cli.jobs_worker", "postgres", "supervisor"])
def test_rewrapping_that_is_killed_in_the_middle_comes_to_its_end(due, victim):
    """Of the job runner, PostgreSQL or the whole server; the job is the same one, and deletions are final."""
    with serving(due) as server, store(due) as (database, keys):
        before = begin(due, database)
        group = server.process_id
        os.kill(group if victim == "supervisor" else processes(group)[victim], signal.SIGKILL)
        killed_s = time.monotonic()
        if victim != "supervisor":
            after = await_job(Jobs(database), is_done)
            assert not Finality(database, keys).pending()
            print(f"{victim}: done {time.monotonic() - killed_s:.1f} s after the kill")
    if victim == "supervisor":
        with serving(due), store(due) as (database, keys):
            after = await_job(Jobs(database), is_done)
            assert not Finality(database, keys).pending()
    assert after.job_id == before.job_id
    assert after.failures == 0


def test_a_server_that_is_stopped_stops_its_jobs_and_goes_on_with_them(due):
    with serving(due) as server, store(due) as (database, _):
        before = begin(due, database)
        began_s = time.monotonic()
        os.kill(server.process_id, signal.SIGTERM)
        while Path(f"/proc/{server.process_id}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
            assert time.monotonic() - began_s < 40
            time.sleep(0.05)
    assert time.monotonic() - began_s < 25
    with serving(due), store(due) as (database, keys):
        after = await_job(Jobs(database), is_done)
        assert not Finality(database, keys).pending()
    assert (after.job_id, after.failures) == (before.job_id, 0)
