"""What the log has published, read back."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from countenance.audit.published import find_checkpoint, find_place, list_keys
from countenance.audit.signing import rotate_key
from countenance.transparency.merkle import tree_root
from countenance.transparency.note import Note
from whole_log import ORIGIN, WITNESS, whole_log

ACCOUNT = "123456789012"


@pytest.fixture
def log(postgres_url, tmp_path):
    with whole_log(postgres_url, tmp_path) as opened:
        yield opened


def test_a_checkpoint_is_found_once_it_is_published_newest_first(log):
    """What is signed and waits for its witnesses is nobody's to rely on."""
    with log.database.read() as connection:
        assert find_checkpoint(connection) is None
        log.integrate()
        log.sequencer.sign()
        assert find_checkpoint(connection) is None
        assert find_checkpoint(connection, 1) is None
        log.sequencer.publish()
        first = find_checkpoint(connection)
        assert (first.size, first.root) == (1, tree_root(log.leaves()))
        assert abs(first.published_at - datetime.now(UTC)) < timedelta(minutes=1)
        log.record(ACCOUNT)
        log.settle()
        assert find_checkpoint(connection).size == 2
        assert find_checkpoint(connection, 1) == first
        assert find_checkpoint(connection, 3) is None


def test_a_cosignature_that_comes_later_is_in_the_note(log):
    log.settle()
    with log.database.read() as connection:
        before = find_checkpoint(connection).note
        log.cosign()
        after = find_checkpoint(connection).note
    assert after.startswith(before)
    assert Note.parse(after).signed_by([WITNESS.verifier])
    assert not Note.parse(before).signed_by([WITNESS.verifier])


def test_an_event_has_its_leaf_at_once_and_its_place_later(log):
    draft = log.record(ACCOUNT)
    with log.database.read() as connection:
        waiting = find_place(connection, draft.event_id)
        assert (waiting.log_index, waiting.leaf_hash) == (None, draft.leaf_hash)
        log.integrate()
        placed = find_place(connection, draft.event_id)
        assert (placed.log_index, placed.leaf_hash) == (1, draft.leaf_hash) == (1, log.leaves()[1])
        assert find_place(connection, uuid.uuid4()) is None


def test_keys_are_listed_in_the_order_in_which_they_were_made_retired_ones_as_well(log):
    new = rotate_key(log.database, log.keys, "receipt")
    with log.database.read() as connection:
        keys = list_keys(connection)
    assert [key.use for key in keys] == ["log", "receipt", "receipt"]
    assert keys[-1].vkey == str(new)
    assert keys[0].vkey.startswith(f"{ORIGIN}+")
    assert [key.retires_at is None for key in keys] == [True, False, True]
    assert all(key.since.tzinfo for key in keys)
