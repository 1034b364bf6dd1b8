"""`countenance audit tail`, on a log of the test's own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from countenance.accounts import Accounts
from countenance.audit.log import record_statement
from countenance.cli import audit_tail as module
from countenance.cli.audit_tail import tail
from whole_log import whole_log


@pytest.fixture
def log(postgres_url, tmp_path):
    with whole_log(postgres_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def account(log):
    return Accounts(log.database, log.keys).create_account("one").account_id


@pytest.fixture
def where(log, tmp_path):
    return ["--data-dir", str(tmp_path), "--database-url", log.url]


@pytest.fixture
def run(where):
    def run(*words):
        return CliRunner().invoke(tail, [*words, *where], catch_exceptions=False)

    return run


def documents(output):
    return [json.loads(line) for line in output.splitlines()]


def test_the_newest_entries_come_last_with_or_without_a_place(log, account, run):
    """One line each: place, time, operation, outcome, decision, candidates."""
    log.record(account, operation="SearchFaces", candidates=3)
    log.integrate()
    log.record(
        account, operation="IndexFaces", outcome="refused", error_code="ThrottlingException", decision="none"
    )
    with log.database.transaction() as connection:
        record_statement(connection, "alarm", {"what": "receipts_missing", "figures": {}})
    lines = run("-n", "3").output.splitlines()
    assert [line.split()[0] for line in lines] == ["2", "-", "-"]
    assert lines[0].split()[2:] == ["call", "SearchFaces", "answered", "allow", "candidates=3"]
    assert lines[1].split()[2:] == ["call", "IndexFaces", "ThrottlingException", "none"]
    assert lines[2].split()[2:] == ["alarm", "what=receipts_missing"]
    assert len(run().output.splitlines()) == 5
    assert run("-n", "0").output == ""


def test_json_is_a_document_a_line(log, account, run):
    """For another program: the entry itself, opened only where that was asked for."""
    log.record(account, collection="staff")
    found = documents(run("--json", "--account", account).output)[-1]
    assert found["entry"]["operation"] == "SearchFacesByImage"
    assert found.keys() == {"index", "entry"}


def test_opening_shows_names_and_is_recorded(log, account, run):
    """What an operator looks into is in the log, without the account's number."""
    accounts = Accounts(log.database, log.keys)
    key = accounts.create_access_key(account, operator="officer-7").access_key_id
    log.record(account, collection="staff", marker="a\x1b[2Jb", operator="officer-7", access_key_id=key)
    assert "staff" not in run("--account", account).output
    shown = run("--account", account, "--open").output
    assert f"operator=officer-7  key={key}  collection=staff  marker=a\ufffd[2Jb" in shown
    (opened,) = documents(run("--account", account, "--open", "--json", "-n", "1").output)
    assert opened["openings"]["collection"][0]["value"] == "staff"
    assert opened["names"]["operator"] == "officer-7"
    reads = [
        each["entry"] for each in documents(run("--json").output) if each["entry"]["kind"] == "audit.read"
    ]
    assert [read["resource"] for read in reads] == [f"tail account={opened['entry']['account']}"] * 2


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [(["--open"], 2, "--open needs --account"), (["-n", "-1"], 2, "-1 is not in the range")],
)
def test_what_cannot_be_done_is_said(run, words, status, said):
    done = run(*words)
    assert done.exit_code == status
    assert said in done.output


def test_an_unknown_account_is_refused_and_gets_no_key(log, where):
    """A mistyped number must not read as: nothing happened."""
    done = CliRunner().invoke(tail, ["--account", "000000000009", *where])
    assert "there is no account `000000000009`" in str(done.exception)
    assert log.keys.secret("account-000000000009") is None


def test_following_shows_each_entry_once(log, account, tmp_path, monkeypatch):
    """As it comes, whether it gets its place before or after it was seen."""
    monkeypatch.setattr(module, "_LOOK_EVERY_S", 0.01)
    log.record(account, operation="First")
    followed = module._entries(log.database, module.LogReader(log.keys, account), lines=1, follow=True)
    assert next(followed).members["operation"] == "First"
    log.record(account, operation="Second")
    assert next(followed).log_index is None
    log.integrate()
    log.record(account, operation="Third")
    log.integrate()
    third = next(followed)
    assert (third.members["operation"], third.log_index is not None) == ("Third", True)
    log.record(account, operation="Fourth")
    assert next(followed).members["operation"] == "Fourth"


def test_interrupting_and_a_closed_pipe_are_ends_and_no_errors(log, where):
    """Ctrl-C is how following ends, `| head` how a list does."""
    command = [sys.executable, "-m", "countenance.cli", "audit", "tail", *where]
    for number in range(200):
        log.record(f"{number:012d}")
    following = subprocess.Popen(
        [*command, "-f"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    following.stdout.readline()
    following.send_signal(signal.SIGINT)
    _, said = following.communicate(timeout=30)
    assert (following.returncode, said) == (0, b"")
    cut = subprocess.Popen([*command, "-n", "1000", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    cut.stdout.readline()
    cut.stdout.close()
    said = cut.stderr.read()
    cut.stderr.close()
    assert cut.wait(30) in {0, 1}
    assert said == b""
