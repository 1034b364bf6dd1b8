"""`countenance audit keys` and `rotate-key`, on a log of the test's own."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from countenance.cli.audit_keys import keys, rotate
from countenance.transparency.canonical import parse_time
from whole_log import ORIGIN, whole_log


@pytest.fixture
def log(postgres_url, tmp_path):
    with whole_log(postgres_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def run(log, tmp_path):
    where = ["--data-dir", str(tmp_path), "--database-url", log.url]

    def run(command, *words):
        return CliRunner().invoke(command, [*words, *where], catch_exceptions=False)

    return run


def listed(run):
    return json.loads(run(keys, "--json").stdout)


def test_keys_are_listed_with_their_use(run):
    """What is given to witnesses, verifiers and callers."""
    log_key, receipt_key = listed(run)
    assert (log_key["use"], receipt_key["use"]) == ("log", "receipt")
    assert (log_key["retires"], receipt_key["retires"]) == (None, None)
    assert receipt_key["vkey"].startswith(f"{ORIGIN}/receipts+")
    shown = run(keys).stdout
    assert log_key["vkey"] in shown
    assert "in force" in shown


def test_a_rotated_log_key_signs_on_for_a_week_and_all_are_named_who_must_know(run):
    """The new key alone is on standard output, for a script."""
    (old, *_) = listed(run)
    done = run(rotate)
    new = done.stdout.strip()
    assert f"--log {old['vkey']} --log {new}" in done.stderr
    assert "`audit verify FOLDER` goes on" in done.stderr
    retired, _, newest = listed(run)
    assert newest["vkey"] == new
    left = parse_time(retired["retires"]) - datetime.now(UTC)
    assert timedelta(days=6) < left <= timedelta(days=7)
    assert f"retires {retired['retires']}" in run(keys).stdout


@pytest.mark.parametrize(("words", "use"), [(["--at-once"], "log"), (["--use", "receipt"], "receipt")])
def test_a_key_that_stops_at_once_is_listed_so(run, words, use):
    """A receipt key is followed at once: nobody signs a receipt twice."""
    told = json.loads(run(rotate, "--json", *words).stdout)
    assert told["use"] == use
    assert parse_time(told["old"]["retires"]) <= datetime.now(UTC) + timedelta(seconds=1)
    assert listed(run)[-1]["vkey"] == told["new"]


def test_what_to_do_at_once_is_said(run):
    """Witnesses that were not told hold everything back."""
    done = run(rotate, "--at-once")
    assert "the old key signs no more" in done.stderr
    assert "tell every witness now" in done.stderr


def test_what_to_do_about_a_receipt_key_is_said(run):
    assert "tell whoever verifies receipts" in run(rotate, "--use", "receipt").stderr
