"""`countenance audit export`, on a log of the test's own."""

from __future__ import annotations

import csv
import json
import stat
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from countenance.accounts import Accounts
from countenance.audit.signing import log_signers
from countenance.cli import audit_export as module
from countenance.cli.audit_export import export, parse_moment
from countenance.errors import SetupError
from countenance.transparency.verify import verify_folder
from whole_log import whole_log

NOW = datetime(2026, 11, 23, 3, 15, tzinfo=UTC)


@pytest.fixture
def log(postgres_url, tmp_path):
    with whole_log(postgres_url, tmp_path / "data") as opened:
        yield opened


@pytest.fixture
def account(log):
    """An account with three calls in the log, of yesterday, today and tomorrow, and one that waits."""
    account = Accounts(log.database, log.keys).create_account("one").account_id
    now = datetime.now(UTC)
    for days, name in ((-1, "old"), (0, "new"), (1, "early")):
        at = now + timedelta(days=days, seconds=-1)
        log.record(account, collection=name, at=at, ended_at=at)
    log.record(f"{1:012d}", collection="others", ended_at=now)
    log.settle()
    log.record(account, collection="waiting", ended_at=now)
    return account


@pytest.fixture
def run(log, tmp_path):
    where = ["--data-dir", str(tmp_path / "data"), "--database-url", log.url]

    def run(*words):
        return CliRunner().invoke(export, [*map(str, words), *where])

    return run


def calls(output):
    found = [json.loads(line) for line in output.splitlines()]
    return [each for each in found if each["entry"]["kind"] == "call"]


def test_an_accounts_entries_are_opened_and_everybodys_are_not(account, run, log, tmp_path):
    """Only what has a place; what waits is said to be left out."""
    done = run("--format", "jsonl", "--account", account)
    assert done.exit_code == 0
    opened = [each["openings"]["collection"][0]["value"] for each in calls(done.stdout)]
    assert opened == ["old", "new", "early"]
    assert "standard output: 4 entries" in done.stderr  # its creation too
    assert "note: 2 events have no place in the log yet and are left out" in done.stderr  # this reading too
    log.integrate()
    done = run("--format", "csv", "-o", tmp_path / "all.csv")
    assert "note: 1 event has no place in the log yet and is left out" in done.stderr
    everybody = calls(run("--format", "jsonl", "-o", "-").stdout)
    assert [each.keys() for each in everybody] == [{"index", "entry"}] * 5


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--since", "1h"], ["new", "early"]),
        (["--until", "1h"], ["old"]),
        (["--since", "2d", "--until", "2099-01-01"], ["old", "new", "early"]),
        (["--since", "2099-01-01T00:00:00+02:00"], []),
    ],
)
def test_a_period_is_cut_out(account, run, words, expected):
    done = run("--format", "jsonl", "--account", account, *words)
    assert [each["openings"]["collection"][0]["value"] for each in calls(done.stdout)] == expected


def test_a_file_is_whole_and_its_owners(account, run, tmp_path):
    """CSV and Parquet, with the same rows; nobody else may read what was opened."""
    for name in ("calls.csv", "calls.parquet"):
        done = run("--format", name.rpartition(".")[2], "--account", account, "-o", tmp_path / name)
        assert done.exit_code == 0, done.output
        assert done.stdout == ""
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    with (tmp_path / "calls.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    table = pq.read_table(tmp_path / "calls.parquet").to_pylist()
    assert [row["opened_collection"] for row in rows] == ["", "old", "new", "early"]
    assert [row["entry"] for row in table] == [row["entry"] for row in rows]
    assert {path.name for path in tmp_path.iterdir()} == {"data", "calls.csv", "calls.parquet"}


def test_an_export_that_breaks_off_leaves_the_earlier_file(account, run, tmp_path, monkeypatch):
    """Half a file must not pass for a whole one."""
    path = tmp_path / "calls.csv"
    path.write_text("earlier")

    def broken(entries, file, names):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(module._WRITERS, "csv", broken)
    done = run("--format", "csv", "-o", path)
    assert isinstance(done.exception, SetupError)
    assert "No space left on device" in str(done.exception)
    assert path.read_text() == "earlier"
    assert {each.name for each in tmp_path.iterdir()} == {"data", "calls.csv"}


def test_the_whole_log_is_a_folder_that_verifies(account, run, tmp_path, log):
    """And is brought up to date by the next run."""
    assert "6 entries, 6 of them new" in run("--format", "tlog", "-o", tmp_path / "mirror").output
    log.settle()
    done = run("--format", "tlog", "-o", tmp_path / "mirror")
    assert "8 entries, 2 of them new" in done.output
    with log.database.read() as connection:
        keys = [signer.verifier for signer in log_signers(connection, log.keys)]
    assert verify_folder(tmp_path / "mirror", log_verifiers=keys).is_valid


def test_a_mirror_that_is_kept_up_to_date_does_not_grow_by_it(account, run, tmp_path, log):
    """Its reading is an entry once in ten minutes, and there before the mirror is made."""
    run("--format", "tlog", "-o", tmp_path / "mirror")
    log.settle()
    assert "8 entries, 2 of them new" in run("--format", "tlog", "-o", tmp_path / "mirror").output
    log.settle()
    assert "8 entries, 0 of them new" in run("--format", "tlog", "-o", tmp_path / "mirror").output
    assert sum(b'"export tlog"' in entry for entry in log.entries()) == 1


def test_a_damaged_log_is_said_to_be_one(account, run, tmp_path, log):
    """Whoever has the database can take its triggers away."""
    with log.database.transaction() as connection:
        connection.execute("alter table audit_entry disable trigger append_only")
        connection.execute("delete from audit_entry where log_index = 2")
    done = run("--format", "tlog", "-o", tmp_path / "mirror")
    assert isinstance(done.exception, SetupError)
    assert not (tmp_path / "mirror" / "checkpoint").exists()


def test_every_export_is_an_entry(account, run, log, tmp_path):
    """Of what and whose, without a name or an account's number."""
    run("--format", "csv")
    run("--format", "tlog", "-o", tmp_path / "mirror")
    run("--format", "jsonl", "--account", account, "--since", "2026-01-01")
    log.integrate()
    reads = [json.loads(entry) for entry in log.entries() if b'"audit.read"' in entry]
    pseudonym = log.audit.keys.account(account).pseudonym("account", account).hex()
    assert [read["resource"] for read in reads] == [
        "export csv",
        "export tlog",
        f"export jsonl account={pseudonym} since=2026-01-01T00:00:00.000Z",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "parquet"], "parquet is not written to standard output"),
        (["--format", "tlog", "-o", "-"], "tlog is not written to standard output"),
        (["--format", "tlog", "-o", "x", "--since", "1d"], "tlog is the whole log"),
        (["--format", "csv", "--since", "yesterday"], "`yesterday` is no time"),
        (["--format", "xml"], "is not one of"),
        ([], "Missing option '--format'"),
    ],
)
def test_what_cannot_be_done_is_said(run, words, said):
    """Before anything is read or recorded."""
    done = run(*words)
    assert done.exit_code == 2
    assert said in done.output


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", NOW - timedelta(seconds=90)),
        ("5m", NOW - timedelta(minutes=5)),
        ("24h", NOW - timedelta(days=1)),
        ("7d", NOW - timedelta(days=7)),
        ("2w", NOW - timedelta(days=14)),
        ("2026-11-23", datetime(2026, 11, 23, tzinfo=UTC)),
        ("2026-11-23T03:15:00Z", NOW),
        ("2026-11-23T04:15:00+01:00", NOW),
        ("2026-11-23 03:15", NOW),
    ],
)
def test_times_are_said_in_the_usual_ways(text, expected):
    assert parse_moment(text, now=NOW) == expected


@pytest.mark.parametrize("text", ["", "7", "d", "-7d", "7y", "999999999w", "2026-13-01"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="is no time"):
        parse_moment(text, now=NOW)
