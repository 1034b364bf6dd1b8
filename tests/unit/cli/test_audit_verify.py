"""`countenance audit verify`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from countenance.cli.audit_verify import verify
from fixtures_log import ORIGIN, BuiltLog, LogKeys, at, moment

KEYS = LogKeys.of()
LOG = BuiltLog.of(5)


@pytest.fixture
def folder(tmp_path):
    """An honest log's mirror, with what callers and a witness kept beside it."""
    (tmp_path / "receipts").write_text(LOG.receipt(3) + "\n")
    (tmp_path / "head").write_text(LOG.signed(4))
    (tmp_path / "proof").write_text(LOG.proof(2, LOG.signed()))
    (tmp_path / "entry").write_bytes(LOG.entries[2])
    return LOG.write(tmp_path / "log")


def run(*words, log_key=KEYS.log.verifier):
    return CliRunner().invoke(verify, [f"--log-key={log_key}", *map(str, words)])


def test_a_log_that_holds_is_summed_up(folder):
    """With who cosigned it when; exit status 0."""
    kept = ("--receipts", folder.parent / "receipts", "--head", folder.parent / "head")
    done = run(folder, "--witness", KEYS.witness.verifier, *kept)
    assert done.exit_code == 0, done.output
    for words in (
        ORIGIN,
        f"cosigned       {moment(10_000_000)[:-5]}Z by witness.example/w1",
        "5 (4 call, 1 log.opened)",
        f"{moment(0)} to {moment(4000)}",
        "1 kept, 0 not due yet",
        "1 consistent",
        "the log is what it promised",
    ):
        assert words in done.output
    assert "no witness" not in done.output


def test_a_log_that_does_not_hold_ends_in_1_with_reasons(folder):
    """All witnesses that are given must have cosigned, unless a quorum is."""
    other = LogKeys.of(20)
    given = ("--witness", KEYS.witness.verifier, "--witness", other.witness.verifier)
    # Two keys of one name are two witnesses.
    done = run(folder, *given)
    assert done.exit_code == 1
    assert "1 of 2 given witnesses cosigned it, and 2 must" in done.stderr
    assert run(folder, *given, "--quorum", 1).exit_code == 0


def test_without_a_witness_it_is_said_what_that_leaves_open(folder):
    """A log that only its operator vouches for is not what a reader may think it is."""
    assert "no witness was asked for" in run(folder).stderr


def test_json_holds_everything(folder):
    """For whoever watches a log with a program."""
    facts = json.loads(run(folder, "--json").stdout)
    assert facts["valid"] is True
    assert facts["problems"] == []
    assert facts["checkpoint"] == {"origin": ORIGIN, "size": 5, "root": LOG.checkpoint().root.hex()}
    (folder / "tile/0/000.p/5").unlink()
    facts = json.loads(run(folder, "--json").stdout)
    assert facts["problems"] == [{"check": "tiles", "where": "tile/0/000.p/5", "what": "it is missing"}]


def test_json_tells_an_outstanding_receipt_from_a_broken_and_an_altered_one(folder):
    """Each is exit status 1: what differs is what to do next."""
    late = folder.parent / "late"
    for log, cosigned_at, kind in (
        (BuiltLog.of(6), 5_000, "outstanding"),
        (BuiltLog.of(6), 15_000, "broken"),
        (BuiltLog(KEYS, [*LOG.entries[:4], LOG.entries[4].replace(b"allow", b"alloy")]), 15_000, "altered"),
    ):
        LOG.write(folder, LOG.signed(cosigned_at=at(cosigned_at)))
        late.write_text(log.receipt(len(log.entries) - 1))
        done = run(folder, "--receipts", late, "--witness", KEYS.witness.verifier, "--json")
        [problem] = json.loads(done.stdout)["problems"]
        assert (done.exit_code, problem["check"], problem["kind"]) == (1, "receipts", kind)


def test_an_old_folder_is_held_to_its_own_time(folder):
    """A receipt of today is no broken promise of last week's mirror."""
    late = folder.parent / "late"
    late.write_text(BuiltLog.of(6).receipt(5, at(100_000)))
    assert run(folder, "--receipts", late).exit_code == 1
    done = run(folder, "--receipts", late, "--as-of", moment(104_999))
    assert done.exit_code == 0, done.output
    assert "0 kept, 1 not due yet" in done.output


def test_one_entry_is_verified_by_its_proof(folder):
    """Without the log."""
    given = ("--proof", folder.parent / "proof")
    done = run(*given, "--entry", folder.parent / "entry")
    assert done.exit_code == 0, done.output
    assert "the entry has index 2" in done.stderr
    assert "this entry is in the log under this checkpoint" in done.stdout
    assert f"entry          call, {moment(2000)}" in done.stdout
    titles = [line.split()[0] for line in done.stdout.splitlines()]
    assert titles == ["log", "checkpoint", "entry", "this"]  # and nothing of what was not looked at
    wrong = run(*given, "--entry", folder.parent / "head")
    assert wrong.exit_code == 1
    assert "the proof does not hold: 2 problems" in wrong.stderr


def test_json_of_a_proof_says_nothing_of_the_rest_of_the_log(folder):
    """Nothing of it was looked at."""
    given = ("--proof", folder.parent / "proof", "--entry", folder.parent / "entry", "--json")
    facts = json.loads(run(*given).stdout)
    assert (facts["valid"], facts["kind"], facts["time"]) == (True, "call", moment(2000))
    assert not {"entries", "accounts", "receipts", "heads"} & facts.keys()


def test_one_problem_is_one(folder):
    (folder / "tile/0/000.p/5").unlink()
    assert "the log does not hold: 1 problem\n" in run(folder).stderr


def test_an_empty_file_of_receipts_is_no_proof_of_anything(folder):
    """A collector that collected nothing must not read as: every promise was kept."""
    empty = folder.parent / "empty"
    empty.write_text("# none yet\n")
    done = run(folder, "--receipts", empty)
    assert done.exit_code == 0
    assert "receipts       0\n" in done.stdout
    assert "empty has no receipts" in done.stderr
    both = run(folder, "--receipts", empty, "--receipts", folder.parent / "receipts")
    assert "1 kept, 0 not due yet" in both.stdout
    assert "empty has no receipts" in both.stderr
    assert "receipts" not in run(folder).output


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["{folder}", "--quorum", "1"],
        ["{folder}", "--proof", "{folder}/checkpoint"],
        ["--proof", "{folder}/checkpoint"],
        ["{folder}", "--witness", "w"],
        ["{folder}", "--receipts", "{folder}/missing"],
        ["{folder}/missing"],
        ["--proof", "{folder}/checkpoint", "--entry", "{folder}/checkpoint", "--head", "{folder}/checkpoint"],
    ],
)
def test_a_command_line_that_is_wrong_ends_in_2(folder, words):
    """And not in 1, which says that the log is."""
    assert run(*(word.format(folder=folder) for word in words)).exit_code == 2


def test_a_log_key_that_is_none_ends_in_2(folder):
    """A typing mistake is no forgery."""
    assert run(folder, log_key=str(KEYS.log.verifier)[:-3] + "AA=").exit_code == 2


def test_a_verifier_stands_alone():
    """Files are all it needs: no database, no server, no weights."""
    program = (
        "import sys, countenance.cli.audit_verify;"
        "print([m for m in ('psycopg', 'boto3', 'cv2', 'countenance.store') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
