"""The log held against its own tree: whatever is changed in it is found."""

from __future__ import annotations

import pytest

from countenance.audit.reconcile_tree import SAMPLE, compare_tree
from log_rows import grow, open_test_log, sequencer_of

SIZE = 700  # two full tiles and a part


@pytest.fixture
def log(empty_database_url):
    with open_test_log(empty_database_url) as database:
        grow(database, SIZE)
        sequencer_of(database).sign()
        yield database


def tamper(database, statement, *values):
    with database.transaction() as connection:
        connection.execute("set local session_replication_role = replica")
        connection.execute(statement, values)


@pytest.mark.parametrize("full", [False, True])
def test_an_honest_log_fits_together(log, full):
    assert compare_tree(log, full=full) == (SIZE, {})
    grow(log, 3)  # behind what is signed
    assert compare_tree(log, full=full)[1] == {}


def test_a_log_without_a_signed_head_is_compared_with_its_tiles(empty_database_url):
    with open_test_log(empty_database_url) as database:
        assert compare_tree(database, full=True) == (0, {})
        grow(database, 300)
        assert compare_tree(database, full=False) == (0, {})
        assert compare_tree(database, full=True) == (300, {})


@pytest.mark.parametrize("full", [False, True])
def test_an_altered_entry_under_a_tile_is_found(log, full):
    tamper(log, "update audit_entry set entry = entry || ' ' where log_index = 100")
    _, found = compare_tree(log, full=full)
    assert found == ({"tiles": {"missing": 0, "differing": 1}} if full else {}) | {
        "entries": {"differing": 1}
    }


def test_an_altered_entry_behind_the_last_tile_is_found(log):
    tamper(log, "update audit_entry set entry = entry || ' ' where log_index = 690")
    assert compare_tree(log, full=False)[1] == {"signed_root": {"size": SIZE}}


def test_an_entry_that_is_gone_is_found(log):
    tamper(log, "delete from audit_entry where log_index = 100")
    found = compare_tree(log, full=False)[1]
    assert found["size"] == {"size": SIZE, "entries": SIZE - 1, "behind_last": SIZE}
    assert found["entries"] == {"differing": 1}


def test_a_changed_size_is_found(log):
    tamper(log, "update audit_log set size = size + 1")
    assert compare_tree(log, full=False)[1] == {
        "size": {"size": SIZE + 1, "entries": SIZE, "behind_last": SIZE}
    }


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("column", ["hashes", "root"])
def test_an_altered_tile_is_found(log, column, full):
    tamper(
        log,
        f"update audit_tile set {column} = set_byte({column}, 5, 255 - get_byte({column}, 5)) where tile = 1",
    )
    found = compare_tree(log, full=full)[1]
    assert found
    if full:
        assert found["tiles"] == {"missing": 0, "differing": 1}


@pytest.mark.parametrize("full", [False, True])
def test_a_tile_that_is_gone_is_found(log, full):
    tamper(log, "delete from audit_tile where tile = 1")
    assert "tiles" in compare_tree(log, full=full)[1]


def test_an_altered_head_is_found(log):
    tamper(log, "update audit_checkpoint set root = sha256('other')")
    assert compare_tree(log, full=False)[1] == {"signed_root": {"size": SIZE}}


@pytest.mark.slow
def test_tiles_of_the_second_level_are_compared_as_well_and_a_sample_is_drawn(empty_database_url):
    with open_test_log(empty_database_url) as database:
        grow(database, 66_000)
        sequencer_of(database).sign()
        assert compare_tree(database, full=False) == (SAMPLE, {})
        assert compare_tree(database, full=True) == (66_000, {})
        tamper(database, "update audit_tile set hashes = set_byte(hashes, 5, 1) where level = 1")
        assert compare_tree(database, full=True)[1]["tiles"] == {"missing": 0, "differing": 1}
