"""The public page /transparency over a real socket: what is published, and that it can be checked."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from countenance.audit.public_reports import publish
from countenance.cli.installation import open_store
from countenance.measuring.evaluation_file import evaluation_digest
from countenance.settings import Settings
from countenance.transparency.public_report import told_rates
from sample_evaluation import sample_evaluation

pytestmark = pytest.mark.xdist_group("server")

MONTH = datetime.now(UTC).replace(day=1)
BEFORE = (MONTH - timedelta(days=1)).replace(day=1)
LONG_BEFORE = (BEFORE - timedelta(days=1)).replace(day=1)
LAST = ("--from", f"{BEFORE:%Y-%m-%d}", "--to", f"{MONTH:%Y-%m-%d}")


@pytest.fixture
def cli(service):
    """Run `countenance` beside the server: (exit status, standard output, standard error)."""
    where = ["--data-dir", str(service.data_dir), *service.database_options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COUNTENANCE_")}

    def cli(*words, beside=True):
        command = [sys.executable, "-m", "countenance.cli", *map(str, words), *(where if beside else [])]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        return done.returncode, done.stdout, done.stderr

    return cli


@pytest.fixture
def get(service):
    """Ask for a page: status, headers by lower-case name, text."""
    place = urlsplit(service.endpoint)

    def get(path, method="GET", **headers):
        with closing(http.client.HTTPConnection(place.hostname, place.port, timeout=30)) as connection:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, told, answer.read().decode()

    return get


@pytest.fixture
def published(cli):
    """The report of last month, which is over in the log; taken down again."""
    status, said, errors = cli("report", "transparency", "--server", *LAST, "--publish", "--json")
    assert status == 0, errors
    yield json.loads(said)
    assert cli("report", "withdraw", f"{BEFORE:%Y-%m-%d}")[0] in {0, 1}


def test_without_a_report_the_page_says_so(get):
    status, headers, text = get("/transparency")
    assert (status, "Nothing is published here yet" in text) == (200, True)
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "set-cookie" not in headers
    assert get("/transparency/report.json")[0] == 404


def test_what_is_published_is_read_by_anybody_and_can_be_checked(cli, get, published, tmp_path):
    """The file is what everybody computes, byte for byte; the checkpoint is the log's, and covers it."""
    day = f"{BEFORE:%Y-%m-%d}"
    status, _, text = get("/transparency")
    assert status == 200
    for said in (published["log"]["root"], "countenance report transparency --log", day, "--log-key"):
        assert said in text, said
    status, headers, content = get(f"/transparency/{day}/report.json")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(content) == published
    assert get("/transparency/report.json")[2] == content
    mirror = tmp_path / "mirror"
    assert cli("audit", "export", "--format", "tlog", "-o", mirror)[0] == 0
    (tmp_path / "report.json").write_text(content)
    key = next(each["vkey"] for each in json.loads(cli("audit", "keys", "--json")[1]) if each["use"] == "log")
    check = ("report", "transparency", "--log", mirror, "--log-key", key, "--check", tmp_path / "report.json")
    status, said, errors = cli(*check, beside=False)
    assert (status, "stands" in said) == (0, True), errors
    note = get(f"/transparency/{day}/checkpoint")[2]
    assert int(note.splitlines()[1]) >= published["log"]["size"]
    assert key.split("+")[0] in note


def test_the_whole_report_is_a_page_without_a_script(get, published):
    status, headers, text = get(f"/transparency/{BEFORE:%Y-%m-%d}")
    assert (status, published["log"]["root"] in text) == (200, True)
    assert "<script" not in text
    assert headers["content-security-policy"].startswith("sandbox;")
    status, headers, text = get(f"/transparency/{BEFORE:%Y-%m-%d}", method="HEAD")
    assert (status, text) == (200, "")


def test_two_reports_that_share_days_are_not_both_published(cli, get, published):
    """Their difference would be a small count that both withhold; nor one whose figures still grow."""
    status, _, errors = cli("report", "transparency", "--server", *LAST, "--publish")
    assert (status, "published already" in errors) == (1, True)
    wider = ("--from", f"{LONG_BEFORE:%Y-%m-%d}", "--to", f"{MONTH:%Y-%m-%d}")
    status, _, errors = cli("report", "transparency", "--server", *wider, "--publish")
    assert (status, "published already" in errors) == (1, True)
    now = datetime.now(UTC)
    after = now.year * 12 + now.month
    still = ("--from", f"{now:%Y-%m}-01", "--to", f"{after // 12:04d}-{after % 12 + 1:02d}-01")
    status, _, errors = cli("report", "transparency", "--server", *still, "--publish")
    assert (status, "does not reach the end" in errors) == (1, True)
    [only] = json.loads(cli("report", "published", "--json")[1])
    assert (only["From"], only["LogSize"]) == (f"{BEFORE:%Y-%m-%d}", published["log"]["size"])
    assert cli("report", "withdraw", only["From"])[0] == 0
    assert get(f"/transparency/{only['From']}")[0] == 404
    status, _, errors = cli("report", "withdraw", only["From"])
    assert (status, "no report" in errors) == (1, True)


@pytest.mark.parametrize(
    "words", [("--log", ".", "--publish"), ("--server", "--check", __file__, "--publish")]
)
def test_only_the_own_log_is_published(cli, words):
    """A report of somebody else's log, or somebody else's report, is not this server's."""
    assert cli("report", "transparency", *LAST, *words)[0] == 2


@pytest.mark.parametrize(
    "path",
    [
        "/transparency/2026-02-31",
        "/transparency/1999-01-01",
        "/transparency/../health",
        "/transparency/%00",
        "/transparency/2026-10-01/report.html",
        "/transparency/2026-10-01'--/report.json",
        "/transparency/report.json/x",
    ],
)
def test_what_is_not_there_is_told_in_words(get, published, path):
    status, _, text = get(path)
    assert (status, "There is no such report here" in text) == (404, True)


def test_nothing_that_is_sent_changes_or_runs(get, published):
    for method in ("POST", "PUT", "DELETE"):
        assert get("/transparency", method=method)[0] == 405
    status, _, text = get("/transparency", Host='"><script>alert(1)</script>')
    assert (status, "<script>" in text) == (200, False)
    assert get("/transparencyx")[0] == 404


def test_what_its_rates_are_copied_from_is_shown_and_no_other_evaluation(service, published, cli, get):
    """Whoever checks a report needs them; one that no report tells of is the operator's own."""
    officer = service.officer()
    whole, other = (sample_evaluation() | {"machine": each} for each in ("told", "not told"))
    recorded = [
        officer.put_evaluation(SignedEvaluation=service.make_evaluation(each))["EvaluationId"]
        for each in (whole, other)
    ]
    digest = evaluation_digest(whole)
    period = {"from": f"{LONG_BEFORE:%Y-%m-%d}", "to": f"{BEFORE:%Y-%m-%d}"}
    report = published | {"period": published["period"] | period, "rates": told_rates([whole], [])}
    where = {"database_url": service.database_options[1]} if service.database_options else {}
    settings = Settings.from_env({}, data_dir=service.data_dir, **where)
    with open_store(settings) as (database, _), database.transaction() as connection:
        publish(connection, report, page="", checkpoint="")
    try:
        status, headers, text = get(f"/transparency/evaluations/{digest}.json")
        assert (status, headers["content-type"]) == (200, "application/json")
        assert hashlib.sha256(text.encode()).hexdigest() == digest
        assert get(f"/transparency/evaluations/{evaluation_digest(other)}.json")[0] == 404
        assert get(f"/transparency/evaluations/{digest}")[0] == 404
    finally:
        assert cli("report", "withdraw", period["from"])[0] == 0
        for each in recorded:
            officer.withdraw_evaluation(EvaluationId=each, Reason="of a test")
    assert get(f"/transparency/evaluations/{digest}.json")[0] == 404
