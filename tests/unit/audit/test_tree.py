"""The tree as the database holds it, against the same tree computed from all leaves."""

from __future__ import annotations

import random
import threading
from concurrent import futures
from dataclasses import dataclass

import pytest

from countenance.audit.tree import LogDamaged, LogTree
from countenance.store import Database
from countenance.transparency.merkle import (
    EMPTY_ROOT,
    consistency_path,
    inclusion_path,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from countenance.transparency.tiles import decode_bundle
from fixtures_store import fresh_database
from log_rows import grow, open_test_log, sequencer_of

SIZES = (1, 2, 3, 255, 256, 257, 300, 511, 512, 600)


@dataclass(frozen=True)
class Log:
    """A log and its leaf hashes."""

    database: Database
    leaves: list[bytes]

    def read(self):
        return self.database.read()


@pytest.fixture(scope="module")
def log(postgres_url):
    """A log of 600 entries: two full tiles and a part of a third."""
    with fresh_database(postgres_url) as url, open_test_log(url) as database:
        yield Log(database, grow(database, 600))


def reader(leaves):
    """Reads nodes by hashing all leaves below them."""
    return lambda nodes: [tree_root(leaves[index << level : (index + 1) << level]) for level, index in nodes]


def test_the_root_of_every_size_is_that_of_its_leaves(log):
    """Sizes that were signed once stay readable, whatever the tiles have become since."""
    tree = LogTree()
    with log.read() as connection:
        assert tree.root(connection, 0) == EMPTY_ROOT
        for size in (*SIZES, *SIZES[::-1]):
            assert tree.root(connection, size) == tree_root(log.leaves[:size])


@pytest.mark.parametrize("kept_tiles", [0, 2, 1024])
def test_proofs_are_those_of_the_pure_tree_whatever_is_cached(log, kept_tiles):
    """A cache that changes an answer would be a forgery of our own."""
    tree, chance = LogTree(kept_tiles=kept_tiles), random.Random(kept_tiles)
    with log.read() as connection:
        for size in SIZES:
            leaves = log.leaves[:size]
            for index in {0, size - 1, chance.randrange(size), chance.randrange(size)}:
                path = tree.inclusion(connection, index, size)
                assert path == inclusion_path(index, size, reader(leaves))
                verify_inclusion(leaves[index], index, size, path, tree_root(leaves))
            for old in {1, size, chance.randrange(1, size + 1)}:
                path = tree.consistency(connection, old, size)
                assert path == consistency_path(old, size, reader(leaves))
                verify_consistency(old, tree_root(leaves[:old]), size, tree_root(leaves), path)


def test_a_tree_of_three_levels_of_tiles_is_read_through_them(empty_database_url):
    """65,536 entries and some: the first tile of level 1 is full, level 2 begins."""
    with open_test_log(empty_database_url) as database:
        leaves = grow(database, 65_536 + 300)
        tree = LogTree()
        with database.read() as connection:
            for size in (65_535, 65_536, 65_537, len(leaves)):
                root = tree_root(leaves[:size])
                assert tree.root(connection, size) == root
                for index in (0, 40_000, size - 1):
                    path = tree.inclusion(connection, index, size)
                    verify_inclusion(leaves[index], index, size, path, root)
                    older = tree_root(leaves[: index + 1])
                    if index:
                        path = tree.consistency(connection, index + 1, size)
                        verify_consistency(index + 1, older, size, root, path)
            assert tree.tile(connection, 1, 0) == b"".join(
                tree_root(leaves[256 * n : 256 * (n + 1)]) for n in range(256)
            )
            assert tree.tile(connection, 2, 0, 1) == tree_root(leaves[:65_536])


def test_threads_may_share_a_tree(log):
    """The server reads one cache from all its threads."""
    tree, together = LogTree(kept_tiles=2), threading.Barrier(4)

    def work(seed):
        chance = random.Random(seed)
        together.wait()
        with log.read() as connection:
            for _ in range(50):
                size = chance.randrange(1, 601)
                if tree.root(connection, size) != tree_root(log.leaves[:size]):
                    return False
        return True

    with futures.ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


def test_tiles_are_served_full_and_in_part_and_not_before_they_are_there(log):
    """c2sp.org/tlog-tiles: a partial tile is the beginning of the full one, also once that is there."""
    tree = LogTree()
    with log.read() as connection:
        assert tree.tile(connection, 0, 1) == b"".join(log.leaves[256:512])
        assert tree.tile(connection, 0, 1, 7) == b"".join(log.leaves[256:263])
        assert tree.tile(connection, 0, 2, 88) == b"".join(log.leaves[512:])
        assert tree.tile(connection, 0, 2, 89) is None
        assert tree.tile(connection, 0, 2) is None
        assert tree.tile(connection, 1, 0, 2) == tree_root(log.leaves[:256]) + tree_root(log.leaves[256:512])
        assert tree.tile(connection, 1, 0, 3) is None
        assert tree.tile(connection, 7, 0) is None
        assert tree.tile(connection, 63, 0, 1) is None


def test_bundles_hold_the_entries_of_their_tile(log):
    """What an auditor downloads hashes to the tile of the same name."""
    tree = LogTree()
    with log.read() as connection:
        rows = connection.execute("select entry from audit_entry order by log_index").fetchall()
        entries = [bytes(entry) for (entry,) in rows]
        assert decode_bundle(tree.bundle(connection, 1)) == entries[256:512]
        assert decode_bundle(tree.bundle(connection, 2, 88)) == entries[512:]
        assert tree.bundle(connection, 2, 89) is None
        assert tree.bundle(connection, 2) is None


def test_a_size_that_the_log_has_not_reached_is_refused(log):
    """Not answered with the root of less."""
    with log.read() as connection:
        for size in (601, 768, 100_000):
            with pytest.raises(LogDamaged):
                LogTree().root(connection, size)


def test_the_newest_checkpoint_signed_and_the_newest_published_carry_their_cosignatures(empty_database_url):
    """What is published last may be older than what is signed last: a quorum takes its time."""
    with open_test_log(empty_database_url) as database:
        tree, sequencer = LogTree(), sequencer_of(database)
        with database.read() as connection:
            assert tree.signed(connection) is None
            assert tree.published(connection) is None
        grow(database, 2)
        first = sequencer.sign()
        assert sequencer.publish() == 2
        grow(database, 1)
        sequencer.sign()
        with database.transaction() as connection:
            connection.execute("insert into audit_cosignature values (2, 'a', E'\u2014 a AAAA\n')")
        with database.read() as connection:
            published, signed = tree.published(connection), tree.signed(connection)
        assert (published.size, published.root) == (2, first.root)
        assert published.note.startswith(first.text + "\n\u2014 log.example/test ")
        assert published.note.endswith("\n\u2014 a AAAA\n")
        assert signed.size == 3
