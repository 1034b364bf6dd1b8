"""`countenance import` without a server: what it says, and of imports that are over."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack

import pytest

from countenance.cli.import_work import IMPORT
from countenance.importing.ledger import Ledger
from countenance.importing.records import Outcome, Request, RunState, Verdict, Wanted
from countenance.store import Database
from countenance.store.jobs import Jobs, Task, server_id
from gateway_server import Server as Socket
from job_runner import working
from small_server import small_server


@pytest.fixture
def ledger(cli, house):
    with Database(cli.environment["COUNTENANCE_DATABASE_URL"], max_connections=2) as database:
        yield Ledger(database)


@pytest.fixture
def run(ledger, house, tmp_path):
    """One that is finished: a photo of three is not enrolled."""
    request = Request(
        source="photos", root=str(tmp_path), kind="folder", profile="countenance",
        credentials=str(tmp_path / "credentials"), endpoint_url="", tls_cert="",
    )  # fmt: skip
    photos = [Wanted(f"ann/{number}.jpg", f"ann:{number}", "ann") for number in (1, 2, 3)]
    run = ledger.begin(account_id=house, collection="staff", request=request, photos=photos)
    outcomes = [
        Outcome(1, Verdict.ENROLLED, face_id=uuid.uuid4()),
        Outcome(2, Verdict.DUPLICATE),
        Outcome(3, Verdict.BROKEN, detail="neither a JPEG nor a PNG"),
    ]
    ledger.save(run.import_id, outcomes)
    ledger.change(run.import_id, RunState.FINISHED, from_states=[RunState.RUNNING], worked_s=2.0)
    return run


def test_an_import_that_is_over_is_told_with_what_to_do(cli, run):
    """It exits 1: a photo's face is not in the collection."""
    done = cli.run("import", "--follow", run.import_id)
    assert done.exit_code == 1
    for words in ("ENROLLED", "ann/3.jpg: neither a JPEG nor a PNG", "get the file anew", "--undo"):
        assert words in done.output
    assert "ann/2.jpg" not in done.output


def test_programs_get_figures(cli, run):
    import json

    done = cli.run("import", "--follow", run.import_id, "--json")
    told = json.loads(done.stdout)
    assert (told["State"], told["Amiss"], told["Photos"], told["Seconds"]) == ("finished", 1, 3, 2.0)
    assert told["Verdicts"] == {"ENROLLED": 1, "DUPLICATE": 1, "BROKEN": 1}


def test_imports_are_listed_the_newest_first(cli, ledger, run):
    assert str(run.import_id) in cli.says("import", "--list")
    assert [each["ImportId"] for each in cli.json("import", "--list")] == [str(run.import_id)]


def test_an_import_that_nobody_is_at_is_listed_as_waiting_for_resume(cli, ledger, run):
    """The command was killed before it handed the import over; one that a job or a command is at goes on."""

    def waits_for():
        (told,) = cli.json("import", "--list")
        return told["State"], told["WaitsFor"]

    resume = f"--resume {run.import_id}"
    assert waits_for() == ("finished", None)
    ledger.change(run.import_id, RunState.RUNNING, from_states=[RunState.FINISHED])
    assert waits_for() == ("running", resume)
    assert "--resume" in cli.says("import", "--list")
    with ledger.held(run.import_id) as is_ours:
        assert is_ours
        assert waits_for() == ("running", None)
    with Database(cli.environment["COUNTENANCE_DATABASE_URL"], max_connections=2) as database:
        jobs = Jobs(database, server=server_id(cli.data_dir))
        job = jobs.defer(IMPORT, {"import_id": str(run.import_id), "at_once": 2})
        assert waits_for() == ("running", None)
        jobs.cancel(job)
    assert waits_for() == ("running", resume)
    ledger.change(run.import_id, RunState.PAUSED, from_states=[RunState.RUNNING])
    assert waits_for() == ("paused", resume)


def test_an_installation_without_imports_says_so(cli, house):
    assert "no import yet" in cli.says("import", "--list")


def test_what_is_kept_of_an_import_can_be_forgotten_once_it_is_over(cli, ledger, run):
    """Paths and ids are names of people."""
    ledger.change(run.import_id, RunState.RUNNING, from_states=[RunState.FINISHED])
    code, told = cli.fails("import", "--forget", run.import_id)
    assert (code, "is not over" in told) == (3, True)
    ledger.change(run.import_id, RunState.FINISHED, from_states=[RunState.RUNNING])
    cli.says("import", "--forget", run.import_id)
    assert cli.json("import", "--list") == []
    assert "there is no import" in cli.fails("import", "--forget", run.import_id)[1]


def test_one_thing_at_a_time(cli, run, tmp_path):
    for words in (
        (),
        ("--list", "--undo", run.import_id),
        (tmp_path, "--resume", run.import_id),
        ("--follow", "no-id"),
        (tmp_path, "--threshold", "79"),
        (tmp_path, "--thumbnails"),
    ):
        assert cli.fails("import", *words)[0] == 2, words


def test_without_a_server_it_says_to_start_one(cli, house, tmp_path):
    (tmp_path / "photos" / "ann").mkdir(parents=True)
    (tmp_path / "photos" / "ann" / "1.jpg").write_bytes(b"x")
    code, told = cli.fails("import", tmp_path / "photos", "--collection", "staff")
    assert (code, "countenance serve" in told) == (3, True)
    credentials = cli.data_dir / "credentials"
    credentials.write_text(
        "[countenance]\naws_access_key_id=AKIA\naws_secret_access_key=x\nendpoint_url=http://127.0.0.1:9\n"
    )
    code, told = cli.fails("import", tmp_path / "photos", "--collection", "staff")
    assert (code, "does not answer" in told, "countenance serve" in told) == (3, True, True)


def test_an_import_that_was_taken_back_is_not_gone_on_with(cli, ledger, run):
    ledger.change(run.import_id, RunState.UNDONE, from_states=[RunState.FINISHED])
    code, told = cli.fails("import", "--resume", run.import_id)
    assert (code, "was taken back" in told) == (3, True)


def test_all_collections_are_handed_over_before_the_first_is_watched(
    cli, empty_database_url, models, policy, tmp_path
):
    """kill -9 of the command while nothing of the first is done: there is a job for each."""
    (tmp_path / "photos" / "ann").mkdir(parents=True)
    (tmp_path / "photos" / "ann" / "1.jpg").write_bytes(b"x")
    with ExitStack() as stack:
        server = stack.enter_context(
            small_server(empty_database_url, cli.data_dir, models=models, policy=policy)
        )
        socket = stack.enter_context(Socket(server.bench))
        endpoint, key = f"http://127.0.0.1:{socket.port}", server.bench.key
        for name in ("crew", "guests", "staff"):
            socket.client().create_collection(CollectionId=name)
        secrets = {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret}
        lines = [f"{name}={value}" for name, value in (secrets | {"endpoint_url": endpoint}).items()]
        (cli.data_dir / "credentials").write_text("\n".join(["[countenance]", *lines]))
        # Its imports never end: the first is watched for as long as the command lives.
        ours, endless = server_id(cli.data_dir), Task(IMPORT.name, until_told_to_stop, is_local=True)
        stack.enter_context(working(empty_database_url, server.database, [endless], server=ours))
        jobs = Jobs(server.database, server=ours)
        await_true(jobs.count_workers)
        command = subprocess.Popen(
            [*(sys.executable, "-m", "countenance.cli", "import", str(tmp_path / "photos")),
             *("--from", "rekognition", "--source-endpoint-url", endpoint, "--source-region", "us-east-1")],
            env=os.environ | cli.environment | {name.upper(): value for name, value in secrets.items()},
        )  # fmt: skip
        try:
            await_true(lambda: command.poll() is not None or len(jobs.list()) == 3)
            assert command.poll() is None
        finally:
            command.kill()
            command.wait()
        listed = cli.json("import", "--list")
        assert {each["Collection"] for each in listed} == {"crew", "guests", "staff"}
        assert {(each["State"], each["WaitsFor"]) for each in listed} == {("running", None)}


def until_told_to_stop(context):
    while not context.is_stopping():
        time.sleep(0.05)
    context.stop_here()


def await_true(holds, patience_s=60.0):
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
