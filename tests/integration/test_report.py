"""Reports from a running server: what the public gets, who can check it, and drafts of papers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections import Counter
from datetime import UTC, datetime

import pytest

from countenance.measuring.evaluation_file import evaluation_digest
from html_page import Page
from sample_evaluation import sample_evaluation

WITHIN_S = 20


@pytest.fixture
def cli(service):
    """Run `countenance` beside the server: (exit status, standard output, standard error)."""
    where = ["--data-dir", str(service.data_dir), *service.database_options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COUNTENANCE_")}

    def cli(*words, beside=True, **more):
        command = [sys.executable, "-m", "countenance.cli", *map(str, words), *(where if beside else [])]
        done = subprocess.run(command, capture_output=True, text=True, env=environment | more)
        return done.returncode, done.stdout, done.stderr

    return cli


@pytest.fixture
def period():
    """The month that the calls of this test are in, those before and after it: it may be midnight."""
    now = datetime.now(UTC)
    this = now.year * 12 + now.month - 1
    first, end = (f"{month // 12:04d}-{month % 12 + 1:02d}-01" for month in (this - 1, this + 2))
    return ["--from", first, "--to", end]


@pytest.fixture
def mirror(service, rekognition, cli, tmp_path):
    """The log after calls of three outcomes, as a folder; and its key."""
    names = [f"reported-{uuid.uuid4().hex[:12]}" for _ in range(12)]
    for name in names:
        answer = rekognition.create_collection(CollectionId=name)
    for name in names:
        rekognition.delete_collection(CollectionId=name)
    for _ in range(3):
        with pytest.raises(rekognition.exceptions.ResourceNotFoundException):
            rekognition.describe_collection(CollectionId=names[0])
    with pytest.raises(rekognition.exceptions.ClientError):
        service.client("countenance").list_accounts()  # for officers alone
    event = answer["ResponseMetadata"]["HTTPHeaders"]["x-countenance-event-id"]
    folder, end = tmp_path / "mirror", time.monotonic() + WITHIN_S
    while True:
        assert cli("audit", "export", "--format", "tlog", "-o", folder)[0] == 0
        bundles = b"".join(path.read_bytes() for path in folder.glob("tile/entries/**/*") if path.is_file())
        if event.encode() in bundles and bundles.count(b"ListAccounts") >= 1:
            break
        assert time.monotonic() < end, "the calls did not come to the log"
        time.sleep(0.3)
    keys = json.loads(cli("audit", "keys", "--json")[1])
    return folder, next(key["vkey"] for key in keys if key["use"] == "log")


def entries_of(folder):
    """Every entry of a mirror, read by other means than the report's."""
    for path in sorted(folder.glob("tile/entries/**/*")):
        content = path.read_bytes() if path.is_file() else b""
        while content:
            length = int.from_bytes(content[:2], "big")
            yield json.loads(content[2 : 2 + length])
            content = content[2 + length :]


def test_the_figures_are_those_of_the_log_and_anybody_gets_the_same_bytes(cli, mirror, period, tmp_path):
    """A recount by hand agrees, a second person's report is the same file, and it stands when checked."""
    folder, key = mirror
    log = ["report", "transparency", "--log", folder, "--log-key", key]
    status, _, errors = cli(*log, *period, "-o", tmp_path / "one", beside=False)
    assert status == 0, errors
    status, second, _ = cli(*log, *period, "--json", beside=False)
    assert status == 0
    assert (tmp_path / "one/report.json").read_text() == second
    report, counted = json.loads(second), Counter()
    for entry in entries_of(folder):
        if entry["kind"] == "call":
            counted["calls"] += 1
            counted[f"calls/outcome/{entry['outcome']}"] += 1
            name = f"{entry['service']}.{entry['operation']}"
            counted[f"calls/operation/{entry['outcome']}/{name}"] += 1
    told = {each["id"]: each.get("count") for each in report["figures"]}
    compared = {name: count for name, count in counted.items() if told[name] is not None}
    assert compared == {name: told[name] for name in compared}
    assert all(told[name] is None for name, count in counted.items() if count < 10)
    assert told["calls/operation/answered/rekognition.CreateCollection"] in {
        None,
        counted["calls/operation/answered/rekognition.CreateCollection"],
    }
    status, said, _ = cli(*log, "--check", tmp_path / "one/report.json", beside=False)
    assert (status, "stands" in said) == (0, True)


def test_a_report_of_somebody_who_lies_does_not_stand(cli, mirror, period, tmp_path):
    """The figure that was changed is named."""
    folder, key = mirror
    log = ["report", "transparency", "--log", folder, "--log-key", key]
    report = json.loads(cli(*log, *period, "--json", beside=False)[1])
    honest = next(each for each in report["figures"] if each.get("count", 0) >= 10)
    honest["count"] -= 1
    (tmp_path / "forged.json").write_text(json.dumps(report))
    status, _, errors = cli(*log, "--check", tmp_path / "forged.json", beside=False)
    assert status == 1
    assert f"figures.{honest['id']}.count" in errors


def test_no_report_is_made_of_a_log_that_was_tampered_with(cli, mirror, period, tmp_path):
    """One letter of one entry: nothing is told, and it is said what does not hold."""
    folder, key = mirror
    bundles = (path for path in folder.glob("tile/entries/**/*") if path.is_file())
    bundle = next(path for path in bundles if b"CreateCollection" in path.read_bytes())
    bundle.write_bytes(bundle.read_bytes().replace(b"CreateCollection", b"DeleteCollection", 1))
    log = ["report", "transparency", "--log", folder, "--log-key", key]
    status, said, errors = cli(*log, *period, "-o", tmp_path / "out", "--json", beside=False)
    assert (status, said) == (1, "")
    assert "no report" in errors
    assert not (tmp_path / "out").exists()


def test_the_log_is_fetched_from_the_server_with_an_auditors_token(service, cli, mirror, period):
    """Whoever is no operator: with the token it is the log, without it nothing."""
    key = mirror[1]
    token = cli("audit", "auditors", "add", f"office-{uuid.uuid4().hex[:8]}")[1].strip()
    log = ["report", "transparency", "--log", f"{service.endpoint}/log", "--log-key", key, *period, "--json"]
    status, said, errors = cli(*log, beside=False, COUNTENANCE_AUDITOR_TOKEN=token)
    assert status == 0, errors
    assert json.loads(said)["log"]["size"] > 30
    status, said, errors = cli(*log, beside=False)
    assert (status, said) == (3, "")
    assert "auditor's token" in errors


def test_the_operators_shorthand_gives_what_the_export_gives(cli, mirror, period):
    """At the same size it is the same report."""
    folder, key = mirror
    log = ["report", "transparency", "--log", folder, "--log-key", key, *period, "--json"]
    exported = cli(*log, beside=False)[1]
    size = json.loads(exported)["log"]["size"]
    status, said, errors = cli("report", "transparency", "--server", *period, "--size", size, "--json")
    assert status == 0, errors
    assert said == exported


def test_rates_of_what_is_on_record_are_told_and_can_be_checked(service, cli, mirror, period, tmp_path):
    """By whoever has the log and what is handed out with the report; a changed rate does not stand."""
    folder, key = mirror
    officer, out = service.officer(), tmp_path / "report"
    whole = sample_evaluation() | {"made_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    given = [service.make_evaluation(whole), service.make_evaluation()]  # and one without most figures
    recorded = [officer.put_evaluation(SignedEvaluation=each)["EvaluationId"] for each in given]
    try:
        status, _, errors = cli(
            "report", "transparency", "--server", *period, "--evaluations-on-record", "-o", out
        )
    finally:
        for each in recorded:
            officer.withdraw_evaluation(EvaluationId=each, Reason="of a test")
    assert status == 0, errors
    assert f"rates of the evaluation {recorded[1]} are not told" in errors
    report = json.loads((out / "report.json").read_bytes())
    digest = evaluation_digest(whole)
    rates = next(each for each in report["rates"] if each["evaluation"] == digest)
    assert rates["is_in_force"]
    assert rates["at_similarity"]
    assert rates["cohorts"]
    shutil.rmtree(folder)
    assert cli("audit", "export", "--format", "tlog", "-o", folder)[0] == 0
    handed_out = [word for path in out.glob("evaluation-*.json") for word in ("--evaluation", path)]
    assert out / f"evaluation-{digest}.json" in handed_out
    check = ["report", "transparency", "--log", folder, "--log-key", key, "--check", out / "report.json"]
    assert cli(*check, *handed_out, beside=False)[0] == 0
    rates["at_similarity"][0]["fnmr"] = 0.5
    (out / "report.json").write_text(json.dumps(report))
    assert cli(*check, *handed_out, beside=False)[0] == 1
    assert cli("report", "transparency", "--log", folder, *period, "--evaluations-on-record")[0] == 2


def test_the_public_page_needs_no_script_and_loads_nothing(cli, mirror, period, tmp_path):
    """Its own policy forbids both; what is withheld is marked."""
    folder, key = mirror
    log = ["report", "transparency", "--log", folder, "--log-key", key, *period, "-o", tmp_path]
    assert cli(*log, beside=False)[0] == 0
    page = (tmp_path / "report.html").read_text()
    (policy,) = [each["content"] for each in Page(page).of("meta") if "http-equiv" in each]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert not re.search(r"<script|<link|<img|\son\w+=|style=|url\(|src=", page)
    assert "withheld" in page
    assert Page(page).unclosed == []


@pytest.mark.parametrize("paper", ["dpia", "art30", "accountability"])
def test_a_draft_says_what_is_so_and_where_that_is_from(service, rekognition, cli, paper, tmp_path):
    """A collection that is there is in it, one that was deleted is not; each fact has its source."""
    name, gone = (f"drafted-{uuid.uuid4().hex[:12]}" for _ in range(2))
    rekognition.create_collection(CollectionId=name, Tags={"countenance:legal-basis": "agreed in writing_"})
    rekognition.create_collection(CollectionId=gone)
    rekognition.delete_collection(CollectionId=gone)
    # of another's making, with less in it than an evaluation of ours has
    service.officer().put_evaluation(SignedEvaluation=service.make_evaluation())
    try:
        status, said, errors = cli("report", paper, "--json", "-o", tmp_path)
    finally:
        rekognition.delete_collection(CollectionId=name)
    assert status == 0, errors
    draft = json.loads(said)
    items = [item for section in draft["sections"] for item in section["items"]]
    facts = [item for item in items if "fact" in item]
    assert all(item["fact"].strip() and item["source"].strip() for item in facts)
    assert all(item["answer"] is None and "?" in item["question"] for item in items if "question" in item)
    assert draft["blanks"] == len(items) - len(facts) > 0
    assert "No lawyer has read this" in draft["draft"]
    assert "A server ran on this data directory" in draft["notes"][0]
    assert gone not in said
    assert (name in said) == (paper != "accountability")
    markdown, page = ((tmp_path / f"{paper}.{end}").read_text() for end in ("md", "html"))
    assert markdown.count("No lawyer has read this") == len(draft["sections"])
    assert "every-page" in page
    assert not re.search(r"<script|<link|<img|style=", page)
    account = service.client("countenance").get_caller_identity()["AccountId"]
    assert account in said
