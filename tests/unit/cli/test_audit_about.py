"""`countenance audit about`, on a log of the test's own."""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from countenance.accounts import Accounts
from countenance.audit import Touch
from countenance.audit.published import list_keys
from countenance.cli.audit_about import about
from countenance.transparency.canonical import canonical_json
from countenance.transparency.note import Verifier
from countenance.transparency.verify_proof import verify_proof
from whole_log import whole_log

FACE = "0a0b0c0d-0000-4000-8000-000000000001"


@pytest.fixture
def log(postgres_url, tmp_path):
    with whole_log(postgres_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def account(log):
    """With a collection `staff`, a face in it that was enrolled and found, a user that nothing touched."""
    account = Accounts(log.database, log.keys).create_account("one").account_id
    collection_id = uuid.uuid4()
    log.keys.create_collection_key(collection_id)
    with log.database.transaction() as connection:
        connection.execute(
            "insert into collection (collection_id, account_id, name, region, face_model_version, dimensions)"
            " values (%s, %s, 'staff', 'us-east-1', '1.0', 4)",
            (collection_id, account),
        )
        connection.execute(
            "insert into face (collection_id, face_id, image_id, box_left, box_top, box_width, box_height,"
            " confidence, sealed_template, key_generation) values (%s, %s, %s, 0, 0, 1, 1, 99, '', 1)",
            (collection_id, FACE, uuid.uuid4()),
        )
        connection.execute("insert into subject values (%s, 'maria')", (collection_id,))
    called = {"region": "us-east-1", "collection": "staff", "ended_at": datetime.now(UTC)}
    others = [
        Touch(role="candidate", kind="face", id=str(uuid.uuid4()), rank=n, similarity=99.0) for n in (1, 2)
    ]
    ours = Touch(role="candidate", kind="face", id=FACE, rank=3, similarity=98.5)
    enrolled = Touch(role="enrolled", kind="face", id=FACE)
    log.record(account, operation="IndexFaces", touched=(enrolled,), **called)
    log.record(account, operation="SearchFaces", touched=(*others, ours), **called)
    log.settle()
    return account


@pytest.fixture
def run(log, tmp_path):
    where = ["--data-dir", str(tmp_path), "--database-url", log.url]

    def run(*words):
        return CliRunner().invoke(about, [*words, *where])

    return run


def test_a_person_is_told_what_touched_their_face(account, run):
    """The id in any spelling of a UUID's letters."""
    done = run("--account", account, "--collection", "staff", "--face", FACE.upper())
    enrolled, found = (line.split() for line in done.stdout.splitlines())
    assert enrolled[2:] == ["IndexFaces", "enrolled"]
    assert found[2:] == ["SearchFaces", "candidate", "rank=3", "similarity=98.5"]
    nothing = run("--account", account, "--collection", "staff", "--user", "maria")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert "no entry touched it" in nothing.stderr


def test_what_a_person_gets_is_checked_without_our_code(account, run, log):
    """Only SHA-256 and the words of the specification; then the proof file, with the log's key."""
    done = run("--account", account, "--collection", "staff", "--face", FACE, "--json")
    _, found = json.loads(done.stdout)
    entry = json.loads(found["entry"])
    assert (found["role"], found["rank"], found["similarity"]) == ("candidate", 3, 98.5)
    assert (entry["time"], entry["event"]) == (found["time"], found["event"])
    commitment = hashlib.sha256(bytes.fromhex(found["salt"]) + canonical_json(found["value"])).digest()
    # the last of three is the root's right child: its path is the node over the other two
    (over_others,) = map(bytes.fromhex, found["path"])
    leaf = hashlib.sha256(b"\x00" + commitment).digest()
    assert (found["position"], found["count"]) == (2, 3)
    assert hashlib.sha256(b"\x01" + over_others + leaf).hexdigest() == entry["touched"]["root"]
    with log.database.read() as connection:
        keys = [Verifier.parse(key.vkey) for key in list_keys(connection) if key.use == "log"]
    proof = found["proof"].encode()
    assert verify_proof(
        proof, found["entry"].encode(), log_verifiers=keys, witness_verifiers=[], quorum=0
    ).is_valid


def test_looking_somebody_up_is_an_entry(account, run, log):
    """Of whose gallery it was, and not of whom: that would be one more thing to erase."""
    run("--account", account, "--collection", "staff", "--face", FACE)
    log.integrate()
    read = json.loads(log.entries()[-1])
    pseudonym = log.audit.keys.account(account).pseudonym("account", account).hex()
    assert (read["kind"], read["resource"]) == ("audit.read", f"about account={pseudonym}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--collection", "staff"], "give either --face or --user"),
        (["--collection", "staff", "--face", FACE, "--user", "maria"], "give either --face or --user"),
        (["--collection", "staff", "--face", "zzz"], "`zzz` is no FaceId"),
        (["--collection", "staff", "--face", FACE.replace("-", "")], "is no FaceId"),
        (["--collection", "stuff", "--face", FACE], "has no collection `stuff` in the region `us-east-1`"),
        (["--collection", "staff", "--face", FACE, "--region", "x"], "in the region `x`"),
    ],
)
def test_what_cannot_be_told_is_an_error(account, run, words, said):
    """A mistyped name must not read as: nothing touched you."""
    done = run("--account", account, *words)
    assert done.exit_code != 0
    assert said in done.output + str(done.exception)


def test_what_is_no_face_id_ends_in_2_and_is_not_looked_up(account, run, log):
    """Nobody was asked about, so the log does not say that somebody was."""
    assert run("--account", account, "--collection", "staff", "--face", "zzz").exit_code == 2
    log.integrate()
    assert not any(b'"audit.read"' in entry for entry in log.entries())


def test_a_damaged_database_is_said_to_be_one(account, run, log):
    with log.database.transaction() as connection:
        connection.execute("update audit_touch set commitment = decode(repeat('00', 32), 'hex')")
    done = run("--account", account, "--collection", "staff", "--face", FACE)
    assert "is not what the log says" in str(done.exception)
