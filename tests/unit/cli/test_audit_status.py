"""`countenance audit status`, on a log of the test's own."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from countenance.audit.log import record_statement
from countenance.cli.audit_status import _in_words, status
from countenance.transparency.note import COSIGNATURE, Signer
from whole_log import ORIGIN, WITNESS, whole_log

SILENT = Signer.from_seed("witness.example/silent", b"\x07" * 32, COSIGNATURE).verifier


@pytest.fixture
def log(postgres_url, tmp_path):
    with whole_log(postgres_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def run(log, tmp_path):
    where = ["--data-dir", str(tmp_path), "--database-url", log.url]

    def run(*words):
        return CliRunner().invoke(status, [*words, *where], catch_exceptions=False)

    return run


def cosign(log):
    log.cosign()
    with log.database.transaction() as connection:
        connection.execute("update audit_cosignature set witness = %s", (str(WITNESS.verifier),))


def test_a_log_that_keeps_up_is_told_in_a_few_lines(log, run):
    """Nobody cosigns a log unless somebody is asked to."""
    fresh = run()
    assert fresh.exit_code == 0
    assert "published    never" in fresh.stdout
    log.settle()
    shown = run().stdout
    assert f"log          {ORIGIN}" in shown
    assert "published    1 entries, " in shown
    assert "pending      0 events\n" in shown
    assert "witness      nobody" in shown
    assert "reconciled   never" in shown
    assert "alarms       0\n" in shown


def test_witnesses_are_told_by_name_and_a_silent_one_as_well(log, run):
    """One that is configured and never cosigned is the one to look at."""
    log.settle()
    cosign(log)
    done = run("--witnesses", f"{SILENT}=http://127.0.0.1:1")
    assert "witness      witness.example/silent: never" in done.stdout
    assert "witness      witness.example/w: 1 entries, " in done.stdout
    told = json.loads(run("--json").stdout)
    (witness,) = told["witnesses"]
    assert (witness["name"], witness["cosigned"]["size"]) == ("witness.example/w", 1)
    assert told["published"]["age_s"] >= 0


def test_what_reconciliation_found_is_told(log, run):
    with log.database.transaction() as connection:
        record_statement(connection, "reconciliation", {"figures": {}})
        record_statement(connection, "alarm", {"what": "receipts_missing", "figures": {}})
    log.integrate()
    shown = run().stdout
    assert "(entry 1)" in shown
    assert "alarms       1, the newest: " in shown
    assert "(entry 2, receipts_missing)" in shown
    told = json.loads(run("--json").stdout)
    assert told["alarms"]["newest"]["entry"]["what"] == "receipts_missing"
    assert told["reconciled"]["index"] == 1


def test_a_log_that_is_behind_its_bounds_is_an_exit_status(log, run):
    """So that a timer can ask."""
    log.settle()
    log.record("000000000001")
    with log.database.transaction() as connection:
        connection.execute("update audit_event set recorded_at = clock_timestamp() - interval '61 seconds'")
    done = run("--json")
    assert done.exit_code == 1
    assert "calls are refused" in done.stderr
    assert json.loads(done.stdout)["pending"]["oldest_age_s"] > 60


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (61, "1 min 1 s"),
        (7260, "2 h 1 min"),
        (90_000, "1 d 1 h"),
        (86_401, "1 d 1 s"),
    ],
)
def test_ages_are_said_in_two_units(seconds, words):
    assert _in_words(timedelta(seconds=seconds)) == words
