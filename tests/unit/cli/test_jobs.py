"""`countenance jobs`."""

from __future__ import annotations

import json
import threading

import pytest

from countenance.cli import jobs_shown
from countenance.cli.installation import open_store
from countenance.cli.job_tasks import job_tasks
from countenance.settings import Settings
from countenance.store.jobs import JobFailed, Jobs, JobState, Task, server_id
from job_runner import await_none_left, working


@pytest.fixture
def queue(cli):
    """The installation's queue; `queue.work(*tasks)`: a server that runs these, for a while."""
    settings = Settings.from_env(cli.environment)
    with open_store(settings) as (database, keys):
        yield Queue(cli, settings, database, keys)


class Queue:
    def __init__(self, cli, settings, database, keys):
        self.database, self.server = database, server_id(settings.data_dir)
        self.url = cli.environment["COUNTENANCE_DATABASE_URL"]
        self.jobs = Jobs(database, server=self.server)
        self.tasks = job_tasks(settings, keys)

    def work(self, *tasks):
        return working(self.url, self.database, tasks or self.tasks, server=self.server, at_once=1)


def test_nothing_is_said_in_words(cli):
    assert "no job waits, runs or failed" in cli.says("jobs", "list")
    assert cli.json("jobs", "list") == []


def test_jobs_are_listed_with_what_they_work_on_and_how_far_they_are(cli, queue):
    """Ids, as arguments are; what is over only when it is asked for."""
    begun, go_on = threading.Event(), threading.Event()

    def count(context):
        context.report(1200, 5000, "faces sealed anew")
        begun.set()
        assert go_on.wait(60)

    task = Task("count", count)
    running = queue.jobs.defer(task, {"collection_id": "c-1"})
    with queue.work(task):
        assert begun.wait(30)
        waiting = queue.jobs.defer(Task("other", print))
        told = cli.says("jobs", "list")
        assert "1,200 of 5,000 faces sealed anew" in told
        assert "collection_id c-1" in told
        listed = cli.json("jobs", "list")
        assert [
            (each["Job"], each["Task"], each["State"], each["Done"], each["Total"]) for each in listed
        ] == [
            (running, "count", "running", 1200, 5000),
            (waiting, "other", "waiting", None, None),
        ]
        assert json.loads(listed[0]["Arguments"]) == {"collection_id": "c-1"}
        cli.says("jobs", "cancel", waiting)
        go_on.set()
        await_none_left(queue.jobs)
    assert cli.json("jobs", "list") == []
    assert [each["State"] for each in cli.json("jobs", "list", "--all")] == ["done", "cancelled"]


def test_a_job_that_failed_says_why_and_is_tried_again(cli, queue):
    def fail(context):
        raise JobFailed("collection c-1 is stuck")

    task = Task("fail", fail, tries=1)
    job_id = queue.jobs.defer(task)
    with queue.work(task):
        code, told = cli.fails("jobs", "show", job_id, "--wait")
        assert code == 1
        assert f"job {job_id} failed: collection c-1 is stuck" in told
    assert "collection c-1 is stuck" in cli.says("jobs", "list")
    [listed] = cli.json("jobs", "list")
    assert (listed["State"], listed["Failures"], listed["Error"]) == ("failed", 1, "collection c-1 is stuck")
    assert f"job {job_id} waits for its turn" in cli.says("jobs", "retry", job_id)
    assert cli.json("jobs", "show", job_id)["State"] == "waiting"


def test_who_waits_for_a_job_that_had_failed_already_is_told_why(cli, queue):
    """It may fail between the command's start and its first look."""

    def fail(context):
        raise JobFailed("collection c-1 is stuck")

    task = Task("fail", fail, tries=1)
    job_id = queue.jobs.defer(task)
    with queue.work(task):
        await_none_left(queue.jobs)
    code, told = cli.fails("jobs", "show", job_id, "--wait")
    assert code == 1
    assert f"job {job_id} failed: collection c-1 is stuck" in told


def test_a_periodic_task_is_run_now(cli, queue):
    with queue.work():
        told = cli.json("jobs", "run", "expire-faces", "--wait")
    assert (told["Task"], told["State"], told["Note"]) == ("expire-faces", "done", "collections")


def test_without_a_server_jobs_wait_and_who_would_wait_for_them_is_told(cli, monkeypatch):
    """It would be for ever."""
    monkeypatch.setattr(jobs_shown, "_PATIENCE_S", 0.5)
    told = cli.says("jobs", "run", "compact")
    assert "note: no server runs that would take it up" in told
    code, told = cli.fails("jobs", "run", "compact", "--wait")
    assert code == 3
    assert "start one (`countenance serve`)" in told
    [waiting] = cli.json("jobs", "list")
    assert waiting["State"] == str(JobState.WAITING)


def test_a_running_job_is_told_to_end(cli, queue):
    begun = threading.Event()

    def endless(context):
        begun.set()
        while True:
            context.stop_if_asked()
            threading.Event().wait(0.02)

    task = Task("endless", endless)
    job_id = queue.jobs.defer(task)
    with queue.work(task):
        assert begun.wait(30)
        assert f"job {job_id} was told to end" in cli.says("jobs", "cancel", job_id)
        code, told = cli.fails("jobs", "show", job_id, "--wait")
        assert code == 1
        assert "cancelled" in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show", 99), "there is no job 99"),
        (("retry", 99), "there is no job 99"),
        (("cancel", 99), "there is no job 99"),
        (("run", "nothing"), "there is no task `nothing`"),
        (("run", "expire-faces-of-collection"), "there is no task `expire-faces-of-collection` that could"),
    ],
)
def test_what_is_not_there_is_named_with_the_remedy(cli, words, message):
    code, told = cli.fails("jobs", *words)
    assert code == 3
    assert message in told
    assert "see `countenance jobs" in told


@pytest.mark.parametrize("word", ["x", "0", "-1", "1.5"])
def test_a_number_that_is_none_is_a_wrong_command_line(cli, word):
    code, _ = cli.fails("jobs", "show", "--", word)
    assert code == 2


def test_every_kind_of_job_is_listed_with_its_meaning(cli, queue):
    told = cli.json("jobs", "tasks")
    assert [each["Task"] for each in told] == [task.name for task in queue.tasks]
    assert all(each["Meaning"] for each in told)
