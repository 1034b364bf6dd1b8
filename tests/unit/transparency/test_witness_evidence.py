"""What a witness keeps against a log, within bounds that strangers cannot turn against it."""

from __future__ import annotations

import json
import os

import pytest

from countenance.transparency.note import Note
from countenance.transparency.witness import Witness
from countenance.transparency.witness_evidence import MAX_EVIDENCE, MAX_UNPROVEN, Evidence
from countenance.transparency.witness_state import Head, create_witness, load_key
from toy_log import ToyLog, request_body

LOG = ToyLog()
OTHER = ToyLog("log.example/other")
JUNK = [b"\x00" * 32]


@pytest.fixture
def directory(tmp_path):
    create_witness(tmp_path / "witness", "w.example/1")
    return tmp_path / "witness"


@pytest.fixture
def witness(directory):
    with Witness(directory, load_key(directory), [LOG.signer.verifier, OTHER.signer.verifier]) as witness:
        yield witness


def kept(directory):
    """(kind, size of the checkpoint) of each file."""
    found = []
    for path in (directory / "evidence").iterdir():
        facts = json.loads(path.read_text("utf-8"))
        found.append(
            (facts["kind"], int(Note.parse(facts["request"].partition("\n\n")[2]).text.split("\n")[1]))
        )
    return sorted(found)


def head_of(size):
    return Head(LOG.checkpoint(size), 1, Note.parse(LOG.note(size)))


def junk(old, new, log=LOG):
    """A checkpoint that the log did sign, with a wrong proof: anyone can send that."""
    return request_body(old, JUNK, log.note(new))


def test_the_oldest_unproven_gives_way_and_forks_do_not(directory):
    """Forks, which only the log can sign, may have all of the room; wrong proofs have half of it."""
    evidence, head = Evidence(directory / "evidence"), head_of(1)
    for size in range(2, 2 + MAX_UNPROVEN + 5):
        assert evidence.keep("unproven", junk(1, size), LOG.checkpoint(size), head)
        for path in (directory / "evidence").glob(f"unproven-*-{size}-*"):
            os.utime(path, (size, size))  # files of one moment have no order
    assert kept(directory) == [("unproven", size) for size in range(7, 2 + MAX_UNPROVEN + 5)]
    forks = [LOG.forked(0).checkpoint(size) for size in range(1, MAX_EVIDENCE + 2)]
    told = [evidence.keep("fork", junk(1, 3), fork, head) for fork in forks]
    assert told == [True] * MAX_EVIDENCE + [False]
    assert not evidence.keep("unproven", junk(1, 99), LOG.checkpoint(99), head)
    assert {kind for kind, _ in kept(directory)} == {"fork"}
    assert len(kept(directory)) == MAX_EVIDENCE


def test_a_rewrite_is_kept_however_much_junk_was_sent_before(witness, directory):
    """The stranger sends on all that the log publishes; then the log really signs another history."""
    witness.add_checkpoint(LOG.request(0, 1))
    for size in range(2, 2 + 2 * MAX_UNPROVEN):
        assert witness.add_checkpoint(junk(1, size)).status == 422
    rewrite = LOG.forked(0).request(1, 500)
    assert witness.add_checkpoint(rewrite).status == 422
    assert ("unproven", 500) in kept(directory)
    assert len(kept(directory)) == MAX_UNPROVEN


def test_what_the_head_has_reached_is_dropped(witness, directory):
    """Of that log alone; what is still ahead of it stays."""
    witness.add_checkpoint(LOG.request(0, 3))
    witness.add_checkpoint(OTHER.request(0, 3))
    for size in (4, 5, 9):
        witness.add_checkpoint(junk(3, size))
    witness.add_checkpoint(junk(3, 4, OTHER))
    assert len(kept(directory)) == 4
    assert witness.add_checkpoint(LOG.request(3, 5)).status == 200
    assert kept(directory) == [("unproven", 4), ("unproven", 9)]


def test_another_tree_of_the_size_that_the_head_reaches_turns_out_a_fork(witness, directory):
    """Unproven until then, and from then on two checkpoints of one size with the log's signature."""
    witness.add_checkpoint(LOG.request(0, 3))
    assert witness.add_checkpoint(LOG.forked(1).request(3, 5)).status == 422
    assert witness.add_checkpoint(LOG.request(3, 5)).status == 200
    [path] = (directory / "evidence").iterdir()
    facts = json.loads(path.read_text("utf-8"))
    assert facts["kind"] == "fork"
    assert Note.parse(facts["head"]).text == LOG.checkpoint(5).text
    assert LOG.forked(1).checkpoint(5).text in facts["request"]
    assert witness.add_checkpoint(LOG.request(5, 8)).status == 200
    assert kept(directory) == [("fork", 5)]


def test_the_head_itself_is_no_evidence(witness, directory):
    """Behind a proof where none belongs."""
    witness.add_checkpoint(LOG.request(0, 3))
    assert witness.add_checkpoint(junk(3, 3)).status == 422
    assert kept(directory) == []


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"request": "x"}', b'{"request": 7}', b"\xff"])
def test_a_file_that_cannot_be_read_keeps_no_cosignature_back(witness, directory, content, caplog):
    """Whatever lies in the folder."""
    witness.add_checkpoint(LOG.request(0, 3))
    witness.add_checkpoint(junk(3, 5))
    [path] = (directory / "evidence").iterdir()
    path.write_bytes(content)
    for name in ("unproven-notes-of-mine.json", path.name.replace("-5-", "-five-")):
        (directory / "evidence" / name).write_bytes(content)
    caplog.clear()
    assert witness.add_checkpoint(LOG.request(3, 5)).status == 200
    assert not path.exists()
    assert len(list((directory / "evidence").iterdir())) == 2
    assert not [record for record in caplog.records if record.levelname != "INFO"]


def test_a_full_folder_of_evidence_refuses_all_the_same(witness, directory, caplog):
    """The refusal is what counts; that nothing was kept is said."""
    for n in range(MAX_EVIDENCE):
        (directory / f"evidence/fork-{n}.json").write_text("{}")
    witness.add_checkpoint(LOG.request(0, 3))
    assert witness.add_checkpoint(LOG.forked(0).request(0, 3)).status == 409
    assert "was not kept" in caplog.text
