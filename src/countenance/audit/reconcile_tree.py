"""The log as the database holds it against its own tree: places, tiles, and the head that was signed."""

from __future__ import annotations

import random
from collections.abc import Mapping

from countenance.audit.reconcile_searches import QUERIES
from countenance.audit.tree import LogDamaged, LogTree
from countenance.store import Connection, Database
from countenance.transparency.merkle import HASH_BYTES, ProofInvalid, verify_inclusion
from countenance.transparency.tiles import TILE_HEIGHT, TILE_WIDTH, tile_node

SAMPLE = 1_000
"""Entries that are followed up to the signed root, the newest 256 among them; all of a small log."""
_TILES_AT_ONCE = 64

Mismatches = dict[str, Mapping[str, int]]


def compare_tree(database: Database, *, full: bool) -> tuple[int, Mismatches]:
    """How many entries were hashed, and what does not fit together, by name.

    Args:
        full: hash every entry and every tile; otherwise a sample of entries, each with its path.
    """
    with database.transaction() as connection:
        # One snapshot: the log grows meanwhile.
        connection.execute("set transaction isolation level repeatable read, read only")
        mismatches = _compare_shape(connection)
        hashed, damaged = _compare_sample(connection)
        if full:
            hashed, every = _compare_all(connection)
            damaged |= every
    return hashed, mismatches | damaged


def _compare_shape(connection: Connection) -> Mismatches:
    row = connection.execute(QUERIES["read_shape"]).fetchone()
    assert row is not None, "an aggregate always has a row"
    size, entries, end = row
    if size == entries == end:
        return {}
    return {"size": {"size": size, "entries": entries, "behind_last": end}}


def _compare_sample(connection: Connection) -> tuple[int, Mismatches]:
    tree = LogTree()
    signed = tree.signed(connection)
    if signed is None:
        return 0, {}
    size = signed.size
    try:
        if tree.root(connection, size) != signed.root:
            return 0, {"signed_root": {"size": size}}
        newest = range(max(0, size - TILE_WIDTH), size)
        older = range(newest.start)
        drawn = random.SystemRandom().sample(older, min(len(older), SAMPLE - len(newest)))
        rows = connection.execute(QUERIES["leaf_hashes_of"], {"indices": [*drawn, *newest]}, binary=True)
        hashes = {index: bytes(leaf) for index, leaf in rows}
        wrong = 0
        for index in [*sorted(drawn), *newest]:
            try:
                path = tree.inclusion(connection, index, size)
                verify_inclusion(hashes.get(index, b""), index, size, path, signed.root)
            except ProofInvalid:
                wrong += 1
    except LogDamaged:
        return 0, {"tiles": {"missing": 1}}
    return len(drawn) + len(newest), {"entries": {"differing": wrong}} if wrong else {}


def _compare_all(connection: Connection) -> tuple[int, Mismatches]:
    """Every full tile against what it is made of; the part at the right end has no tile."""
    row = connection.execute(QUERIES["read_shape"]).fetchone()
    assert row is not None
    entries = int(row[1])
    missing = differing = 0
    for level in range(8):
        expected = entries >> (TILE_HEIGHT * (level + 1))
        for start in range(0, expected, _TILES_AT_ONCE):
            bounds = {"level": level, "start": start, "end": min(start + _TILES_AT_ONCE, expected)}
            tiles = connection.execute(QUERIES["tiles"], bounds, binary=True).fetchall()
            missing += bounds["end"] - start - len(tiles)
            wrong = {
                number for number, hashes, root in tiles if tile_node(bytes(hashes), TILE_HEIGHT, 0) != root
            }
            if level == 0:
                rows = connection.execute(QUERIES["differing_tiles"], bounds, binary=True).fetchall()
                wrong |= {number for (number,) in rows}
            else:
                wrong |= _differing(connection, level, tiles)
            differing += len(wrong)
    found = {"missing": missing, "differing": differing}
    return entries, {"tiles": found} if missing or differing else {}


def _differing(connection: Connection, level: int, tiles: list[tuple[int, bytes, bytes]]) -> set[int]:
    wrong = set()
    for number, hashes, _ in tiles:
        bounds = {"level": level - 1, "start": number * TILE_WIDTH, "end": (number + 1) * TILE_WIDTH}
        below = connection.execute(QUERIES["tiles"], bounds, binary=True).fetchall()
        roots = b"".join(bytes(root) for _, _, root in below)
        if roots != bytes(hashes) or len(roots) != TILE_WIDTH * HASH_BYTES:
            wrong.add(number)
    return wrong
