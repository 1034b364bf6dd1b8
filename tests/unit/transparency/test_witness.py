"""The protocol of c2sp.org/tlog-witness, status by status."""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.transparency.merkle import EMPTY_ROOT
from countenance.transparency.note import COSIGNATURE, Note, Signature, Signer
from countenance.transparency.witness import MAX_BODY_BYTES, Witness
from countenance.transparency.witness_state import create_witness, load_key
from toy_log import ToyLog, request_body

LOG = ToyLog()
STRANGER = ToyLog("log.example/stranger")


@pytest.fixture
def directory(tmp_path):
    create_witness(tmp_path / "witness", "w.example/1")
    return tmp_path / "witness"


@pytest.fixture
def witness(directory):
    with Witness(directory, load_key(directory), [LOG.signer.verifier]) as witness:
        yield witness


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A witness with a head of 5, for tests that never move it."""
    directory = tmp_path_factory.mktemp("shared") / "witness"
    create_witness(directory, "w.example/1")
    with Witness(directory, load_key(directory), [LOG.signer.verifier]) as witness:
        assert witness.add_checkpoint(LOG.request(0, 5)).status == 200
        yield witness


def _evidence(directory):
    return sorted((directory / "evidence").iterdir())


def _size(witness):
    """The size of the head of LOG, as the witness tells it."""
    refused = witness.add_checkpoint(request_body(2**40, [], _signed(f"{LOG.origin}\n{2**50}\n{_ROOT}\n")))
    assert (refused.status, refused.content_type) == (409, "text/x.tlog.size")
    return int(refused.body)


def _signed(text, signer=LOG.signer):
    return str(Note(text, (Signature.parse(signer.sign(text)),)))


_ROOT = LOG.checkpoint(1).text.split("\n")[2]


def test_a_log_that_grows_is_cosigned_from_the_empty_tree_on(witness, directory):
    """Every step, with the witness's own time; the head is on disk before the answer is given."""
    verifier = load_key(directory).verifier
    old = 0
    for new in (0, 1, 2, 3, 7, 8, 8, 21):
        before = int(time.time())
        answer = witness.add_checkpoint(LOG.request(old, new))
        assert answer.status == 200, answer
        line = answer.body.decode()
        assert verifier.verify(LOG.checkpoint(new).text, Signature.parse(line).value)
        assert before <= Signature.parse(line).timestamp_s <= time.time()
        assert line in next((directory / "heads").iterdir()).read_text("utf-8")
        old = new
    assert _evidence(directory) == []


def test_every_pair_of_sizes_is_proven_or_refused(directory):
    """The witness takes each honest step and none on which the old tree is another."""
    for old in range(1, 12):
        for new in range(old + 1, 14):
            heads = directory / "heads"
            for head in heads.iterdir():
                head.unlink()
            with Witness(directory, load_key(directory), [LOG.signer.verifier]) as witness:
                assert witness.add_checkpoint(LOG.request(0, old)).status == 200
                assert witness.add_checkpoint(LOG.forked(old - 1).request(old, new)).status == 422
                assert witness.add_checkpoint(LOG.request(old, new)).status == 200


def test_a_rewritten_log_gets_422_and_the_request_is_kept(witness, directory):
    """What the log signed is proof against it, together with the head that it does not fit."""
    witness.add_checkpoint(LOG.request(0, 5))
    rewritten = LOG.forked(3).request(5, 9)
    for _ in range(2):
        assert witness.add_checkpoint(rewritten).status == 422
    [kept] = _evidence(directory)
    facts = json.loads(kept.read_text("utf-8"))
    assert facts["request"].encode() == rewritten
    assert facts["kind"] == "unproven"
    assert Note.parse(facts["head"]).text == LOG.checkpoint(5).text
    assert _size(witness) == 5


def test_a_rolled_back_log_gets_409_with_the_witness_s_size(witness):
    """And no smaller tree is ever cosigned again."""
    witness.add_checkpoint(LOG.request(0, 9))
    for old, new in [(0, 4), (4, 4), (4, 6), (0, 12), (8, 12)]:
        answer = witness.add_checkpoint(LOG.request(old, new))
        assert (answer.status, answer.content_type, answer.body) == (409, "text/x.tlog.size", b"9\n")
    assert _size(witness) == 9


@pytest.mark.parametrize("old", [5, 0])
def test_two_trees_of_one_size_are_a_fork(witness, directory, old):
    """409, and hard evidence: both roots bear the log's signature, whatever old size was claimed."""
    witness.add_checkpoint(LOG.request(0, 5))
    answer = witness.add_checkpoint(request_body(old, [], LOG.forked(2).note(5)))
    assert (answer.status, answer.body) == (409, b"5\n")
    [kept] = _evidence(directory)
    assert json.loads(kept.read_text("utf-8"))["kind"] == "fork"


def test_an_empty_tree_has_one_root(witness):
    """A log cannot start with a head of nothing but a root of its choice."""
    assert witness.add_checkpoint(request_body(0, [], _signed(f"{LOG.origin}\n0\n{_ROOT}\n"))).status == 409
    assert LOG.checkpoint(0).root == EMPTY_ROOT
    assert witness.add_checkpoint(LOG.request(0, 0)).status == 200


def test_an_old_size_over_the_checkpoint_s_is_400(witness):
    """In the specification's order: after the signature, before the head."""
    assert witness.add_checkpoint(request_body(6, [], LOG.note(5))).status == 400
    assert witness.add_checkpoint(request_body(6, [], STRANGER.note(5))).status == 404
    imposter = ToyLog(LOG.origin)
    assert witness.add_checkpoint(request_body(6, [], imposter.note(5))).status == 403


def test_proofs_where_none_belongs_are_422(witness):
    """From an empty tree, and between equal trees."""
    assert witness.add_checkpoint(request_body(0, [b"p" * 32], LOG.note(3))).status == 422
    assert witness.add_checkpoint(LOG.request(0, 3)).status == 200
    assert witness.add_checkpoint(request_body(3, [b"p" * 32], LOG.note(3))).status == 422
    assert witness.add_checkpoint(request_body(3, LOG.proof(3, 7)[:-1], LOG.note(7))).status == 422


def test_unknown_logs_and_strangers_signatures(witness):
    """404 by origin, 403 by signature; another log's good key signs nothing here."""
    assert witness.add_checkpoint(STRANGER.request(0, 3)).status == 404
    text = LOG.checkpoint(3).text
    assert witness.add_checkpoint(request_body(0, [], _signed(text, STRANGER.signer))).status == 403
    assert (
        witness.add_checkpoint(request_body(0, [], _signed(text, Signer.generate(LOG.origin)))).status == 403
    )
    broken = LOG.note(3).replace(f"\n3\n{LOG.note(3).splitlines()[2]}", f"\n4\n{_ROOT}")
    assert witness.add_checkpoint(request_body(0, [], broken)).status == 403


def test_signatures_of_strangers_are_ignored_and_not_kept(witness):
    """Auditors who fetch the head get the log's line and ours, not what somebody added."""
    noise = [Signature.parse(Signer.generate(f"noise.example/{n}").sign("x\n")) for n in range(20)]
    assert witness.add_checkpoint(request_body(0, [], LOG.note(3, *noise))).status == 200
    names = [signature.name for signature in Note.parse(witness.heads().decode()).signatures]
    assert names == [LOG.origin, "w.example/1"]


def test_a_log_may_have_an_old_and_a_new_key(directory):
    """A key rotation must not lose the head."""
    new = ToyLog()
    with Witness(directory, load_key(directory), [LOG.signer.verifier, new.signer.verifier]) as witness:
        assert witness.add_checkpoint(LOG.request(0, 3)).status == 200
        assert witness.add_checkpoint(new.request(3, 8)).status == 200
        assert witness.add_checkpoint(LOG.request(3, 8)).status == 409


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n\n",
        b"old 0",
        b"old 0\n",
        b"old 0\n\n",
        request_body("-1", [], LOG.note(3)),
        request_body("00", [], LOG.note(3)),
        request_body("01", [], LOG.note(3)),
        request_body("+1", [], LOG.note(3)),
        request_body("1_0", [], LOG.note(3)),
        request_body("9" * 5000, [], LOG.note(3)),
        request_body("\u0660", [], LOG.note(3)),
        request_body(" 0", [], LOG.note(3)),
        request_body("0\r", [], LOG.note(3)),
        request_body(0, [b"short"], LOG.note(3)),
        request_body(0, [b"h" * 32] * 64, LOG.note(3)),
        LOG.request(1, 3).replace(b"=\n", b"\n", 1),
        LOG.request(1, 3).replace(b"\n", b"\r\n"),
        LOG.request(0, 3)[:-1],
        LOG.request(0, 3) + b"\n",
        LOG.request(0, 3).replace(b"\n3\n", b"\n03\n"),
        LOG.request(0, 3) + b"\xff",
        request_body(0, [], LOG.note(3)) + b"x" * MAX_BODY_BYTES,
        request_body(0, [], _signed(f"{LOG.origin}\n3\n")),
        request_body(0, [], _signed(f"{LOG.origin}\n{2**63}\n{_ROOT}\n")),
    ],
)
def test_what_is_no_request_is_400_and_moves_nothing(shared, body):
    """Strictly the form of the specification."""
    assert shared.add_checkpoint(body).status == 400
    assert _size(shared) == 5


_WORDS = "old |0|5|7|\n|\n\n|\u2014 |=| |\0|log.example/toy".encode().split(b"|")
_PIECES = st.sampled_from([*_WORDS, b"\xff", *LOG.request(5, 7).splitlines(keepends=True)])


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=500), st.lists(_PIECES, max_size=14).map(b"".join)))
def test_hostile_bodies_get_an_answer_and_never_a_cosignature(shared, body):
    """Bytes, and pieces of a good request in any order: only the good one is ever cosigned."""
    if body == LOG.request(5, 7):
        return
    answer = shared.add_checkpoint(body)
    assert answer.status in {400, 403, 404, 409, 422}
    assert "\u2014".encode() not in answer.body


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_good_request_with_any_one_byte_changed_is_refused(shared, data):
    """Nothing in it is slack."""
    good = LOG.request(5, 7)
    place = data.draw(st.integers(0, len(good) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda value: value != good[place]))
    changed = good[:place] + bytes([value]) + good[place + 1 :]
    assert shared.add_checkpoint(changed).status in {400, 403, 404, 409, 422}


def test_a_full_disk_gives_no_cosignature_and_moves_nothing(witness, directory, monkeypatch, caplog):
    """What could be forgotten is not signed."""

    def fail(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    witness.add_checkpoint(LOG.request(0, 5))
    before = witness.heads()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with caplog.at_level(logging.CRITICAL):
            assert witness.add_checkpoint(LOG.request(5, 7)).status == 500
        assert witness.add_checkpoint(LOG.forked(1).request(5, 7)).status == 422
    assert "No space left" in caplog.text
    assert witness.heads() == before
    assert [file.name for file in (directory / "heads").iterdir() if file.name.startswith(".")] == []
    assert witness.add_checkpoint(LOG.request(5, 7)).status == 200


@pytest.mark.parametrize("damage", ["empty", "cut", "other", "unsigned", "another log's"])
def test_a_damaged_head_stops_that_log_and_no_other(directory, damage, caplog):
    """Never from zero: that would let the log start anew."""
    other = ToyLog("log.example/other")
    with Witness(directory, load_key(directory), [LOG.signer.verifier, other.signer.verifier]) as witness:
        witness.add_checkpoint(LOG.request(0, 5))
        [path] = (directory / "heads").iterdir()
        whole = path.read_bytes()
        witness.add_checkpoint(other.request(0, 2))
        [second] = set((directory / "heads").iterdir()) - {path}
        path.write_bytes(
            {
                "empty": b"",
                "cut": whole[:-9],
                "other": whole.replace(b"\n5\n", b"\n3\n"),
                "unsigned": LOG.note(5).encode(),
                "another log's": second.read_bytes(),
            }[damage]
        )
        for old in (0, 5):
            assert witness.add_checkpoint(LOG.request(old, 7)).status == 500
        assert "no cosignature for `log.example/toy`" in caplog.text
        assert witness.unseen_logs() == []
        assert witness.add_checkpoint(other.request(2, 3)).status == 200
        assert [Note.parse(witness.heads().decode()).text] == [other.checkpoint(3).text]


def test_requests_at_once_never_roll_a_log_back(witness):
    """The race of the specification: of two that were consistent when they came, one moves the head."""
    witness.add_checkpoint(LOG.request(0, 1))
    bodies = [(new, LOG.request(1, new)) for new in range(2, 34)]
    gate = threading.Barrier(8)
    moved: list[int] = []

    def submit(share):
        gate.wait()
        moved.extend(new for new, body in share if witness.add_checkpoint(body).status == 200)

    threads = [threading.Thread(target=submit, args=(bodies[n::8],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(moved) == 1
    assert _size(witness) == moved[0]


def test_heads_are_the_newest_of_each_log(directory):
    """What an auditor compares a log with; both signatures are there."""
    other = ToyLog("log.example/a")
    verifiers = [LOG.signer.verifier, other.signer.verifier]
    with Witness(directory, load_key(directory), verifiers) as witness:
        assert witness.heads() == b""
        assert witness.unseen_logs() == [LOG.origin, other.origin]
        witness.add_checkpoint(LOG.request(0, 2))
        witness.add_checkpoint(other.request(0, 3))
        witness.add_checkpoint(LOG.request(2, 4))
        text = witness.heads().decode()
        assert witness.unseen_logs() == []
    first, second = text.split("\n\n" + other.origin)[0], text
    assert first.startswith(other.origin)
    assert LOG.checkpoint(4).text in second
    assert LOG.checkpoint(2).text not in second


def test_a_witness_s_own_line_in_the_request_is_not_the_log_s(directory):
    """The witness's key speaks for no log, even under the log's name."""
    key = load_key(directory)
    text = LOG.checkpoint(3).text
    line = Signature.parse(Signer.from_seed(LOG.origin, key.seed, COSIGNATURE).sign(text))
    with Witness(directory, key, [LOG.signer.verifier]) as witness:
        assert witness.add_checkpoint(request_body(0, [], str(Note(text, (line,))))).status == 403
