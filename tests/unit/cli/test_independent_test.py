"""`countenance independent-test` as an auditor runs it, against a server's real socket."""

from __future__ import annotations

import csv
import json
import stat
from datetime import UTC, datetime, timedelta

import pytest

from countenance.accounts import Actor
from countenance.accounts.testers import Allowance
from countenance.cli import independent_test_client
from countenance.cli.independent_test_client import ServerUnderTest
from countenance.cli.independent_test_jobs import independent_test_tasks
from countenance.store.jobs import Jobs
from fakes.vision import person, picture
from gateway_server import Server
from job_runner import working
from small_server import small_server

PEOPLE = {"Ada Lovelace": (1.0, 0.9, 0.8), "Grace Hopper": (1.0, 0.9), "Mary Shelley": (1.0, 0.95)}


@pytest.fixture
def server(empty_database_url, tmp_path, models, policy):
    """With its jobs at work."""
    with (
        small_server(empty_database_url, tmp_path / "server", models=models, policy=policy) as small,
        Server(small.bench) as socket,
        working(empty_database_url, small.database, independent_test_tasks(small.keys)),
    ):
        small.endpoint = f"http://127.0.0.1:{socket.port}"
        yield small


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for name, likenesses in PEOPLE.items():
        (folder / name).mkdir(parents=True)
        for number, likeness in enumerate(likenesses):
            (folder / name / f"{number}.jpg").write_bytes(picture(person(name, likeness=likeness)))
    (folder / "Mary Shelley" / "2.jpg").write_bytes(b"no picture")
    (folder / "Mary Shelley" / "3.jpg").write_bytes(picture())
    return folder


@pytest.fixture
def auditor(server, cli):
    """Makes a tester, and runs the command with its key in the environment."""

    def make(**allowance):
        key = server.bench.services.governance.testers.add(
            "Ada Auditor",
            "State University",
            officer="Olga Officer",
            expires_at=datetime.now(UTC) + timedelta(days=1),
            limits=Allowance(**allowance),
            actor=Actor("a test"),
        )
        cli.environment |= {
            "AWS_ACCESS_KEY_ID": key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret,
            "AWS_ENDPOINT_URL": server.endpoint,
        }
        return cli

    return make


def rows(file):
    with file.open(newline="") as text:
        return list(csv.DictReader(text))


def test_a_folder_is_sent_and_its_figures_come_back(auditor, server, photos, tmp_path):
    """The auditor's own names stay on the auditor's machine, and nothing stays on the server."""
    cli, out = auditor(), tmp_path / "results"
    told = cli.json("independent-test", photos, "--out", out, "--tested-by", "State University", "--scores")
    assert (told["Status"], told["Samples"], told["Enrolled"]) == ("FINISHED", 8, 7)
    evaluation = json.loads((out / "evaluation.json").read_text())
    assert evaluation["data"]["kind"] == "independent-test"
    assert evaluation["data"]["subjects"] == 3
    assert evaluation["failure_to_enrol"]["trials"] == 8

    samples = rows(out / "samples.csv")
    assert [row["verdict"].split(":")[0] for row in samples] == [
        *["ENROLLED"] * 7,
        *("REFUSED", "NOT_ENROLLED"),
    ]
    assert {row["subject"] for row in samples} == {"s000001", "s000002", "s000003"}
    scores = rows(out / "scores.csv")
    assert len(scores) == 7 * 6 / 2
    assert {row["mated"] for row in scores} == {"0", "1"}
    for file in ("samples.csv", "scores.csv"):
        assert stat.S_IMODE((out / file).stat().st_mode) == 0o600
    with server.database.read() as connection:
        assert connection.execute("select count(*) from independent_test").fetchone() == (0,)


def test_a_run_that_broke_off_goes_on_with_what_is_left(auditor, photos, tmp_path, monkeypatch):
    """Thousands of photos take hours, and a cable does not."""
    cli, out = auditor(), tmp_path / "results"
    words = ("independent-test", photos, "--out", out, "--tested-by", "x", "--at-once", "1")
    real, sent = ServerUnderTest.add, []

    def breaks_off(self, test_id, **sample):
        if len(sent) == 3:
            raise KeyboardInterrupt
        sent.append(sample["Number"])
        return real(self, test_id, **sample)

    monkeypatch.setattr(ServerUnderTest, "add", breaks_off)
    code, said = cli.fails(*words)
    assert (code, "to go on" in said) == (130, True)

    def goes_on(self, test_id, **sample):
        sent.append(sample["Number"])
        return real(self, test_id, **sample)

    monkeypatch.setattr(ServerUnderTest, "add", goes_on)
    assert cli.json(*words)["Samples"] == 8
    assert sent == list(range(1, 10))


def test_another_data_set_is_not_mixed_into_a_test(auditor, photos, tmp_path):
    """Half of one and half of another would be figures of neither."""
    cli, out = auditor(), tmp_path / "results"
    words = ("independent-test", photos, "--out", out, "--tested-by", "x", "--keep")
    cli.json(*words)
    (photos / "Mary Shelley" / "4.jpg").write_bytes(picture(person("Mary Shelley")))
    code, said = cli.fails(*words)
    assert (code, "another data set" in said) == (3, True)


def test_a_table_brings_boxes_and_cohorts(auditor, photos, tmp_path):
    """As for `countenance evaluate`."""
    lines = ["subject,path,group"]
    lines += [
        f"{folder.name},{folder.name}/{file.name},{'a' if folder.name < 'H' else 'b'}"
        for folder in sorted(photos.iterdir())
        for file in sorted(folder.iterdir())
    ]
    table = photos / "people.csv"
    table.write_text("\n".join(lines))
    cli, out = auditor(), tmp_path / "results"
    words = ("independent-test", table, "--out", out, "--tested-by", "x")
    cli.json(*words, "--cohort", "group", "--labels-by", "the volunteers")
    evaluation = json.loads((out / "evaluation.json").read_text())
    assert [each["column"] for each in evaluation["cohorts"]] == ["group"]
    assert evaluation["data"]["labels_by"] == "the volunteers"
    # It is an evaluation like any other: the auditor signs it with a key of their own.
    own = ("--key", tmp_path / "own.key", "--name", "university.example/audits")
    signed = cli.json("evaluations", "sign", out / "evaluation.json", "--out", tmp_path / "signed.json", *own)
    assert signed["Evaluator"].startswith("university.example/audits+")


def test_the_rate_limit_is_waited_for(auditor, server, photos, tmp_path, monkeypatch):
    """The command does by itself what the server asks."""
    cli, out, waited = auditor(samples_an_hour=4), tmp_path / "results", []

    def sleep(seconds):
        waited.append(seconds)
        server.execute("update tester_use set minute = minute - interval '61 minutes'")
        monkeypatch.setattr(independent_test_client, "datetime", Later)

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(hours=2)

    monkeypatch.setattr(independent_test_client.ServerUnderTest.__init__, "__kwdefaults__", {
        **ServerUnderTest.__init__.__kwdefaults__, "sleep": sleep,
    })  # fmt: skip
    words = ("independent-test", photos, "--out", out, "--tested-by", "x", "--at-once", "1")
    assert cli.json(*words)["Samples"] == 8
    assert waited


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--tested-by", "x"], 2, "--out"),
        (["--out", "OUT"], 2, "--tested-by"),
        (["--out", "OUT", "--tested-by", "x", "--cohort", "a"], 2, "--labels-by"),
        (["--out", "OUT", "--tested-by", "x", "--cohort", "a", "--labels-by", "b"], 3, "no columns"),
        (["--out", "OUT", "--tested-by", "x", "--profile", "nobody"], 3, "--profile"),
        (["--out", "OUT", "--tested-by", "x", "--face-model-version", "9.9"], 3, "there is no model `9.9`"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_remedy(auditor, photos, tmp_path, words, code, said):
    words = [str(tmp_path / "results") if word == "OUT" else word for word in words]
    found, message = auditor().fails("independent-test", photos, *words)
    assert (found, said in message) == (code, True), message


def test_a_production_key_is_refused(auditor, server, photos, tmp_path):
    """The server says what the key is not."""
    cli, key = auditor(), server.bench.key
    cli.environment |= {"AWS_ACCESS_KEY_ID": key.access_key_id, "AWS_SECRET_ACCESS_KEY": key.secret}
    code, said = cli.fails("independent-test", photos, "--out", tmp_path / "out", "--tested-by", "x")
    assert (code, "TEST-002" in said) == (3, True)
    assert not (tmp_path / "out").exists()
    jobs = Jobs(server.database).list(with_ended=True)
    assert [job for job in jobs if job.task == "assess-independent-test"] == []
