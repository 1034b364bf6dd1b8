"""The log's tree as the database holds it: nodes out of tiles, proofs, checkpoints, what tlog-tiles serves.

Full tiles of 256 hashes are kept; what lies right of them is computed: at level 0 from the entries, above it
from the roots of the tiles below. So a tree of any size up to the log's can be read at any time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from countenance.errors import CountenanceError
from countenance.store import Connection, load_queries
from countenance.transparency.merkle import (
    HASH_BYTES,
    Coordinate,
    consistency_path,
    fold_root,
    inclusion_path,
    node_hash,
    root_coordinates,
)
from countenance.transparency.tiles import TILE_HEIGHT, TILE_WIDTH, encode_bundle

_QUERIES = load_queries("countenance.audit", "tree.sql")
_KEPT_TILES = 1024  # of 16 KiB at most

_TileName = tuple[int, int]
"""(level, number) of a tile."""


class LogDamaged(CountenanceError):
    """What the database holds of the log does not fit together: rows are missing or were changed.

    Attributes:
        remedy: what whoever runs the server can do.
    """

    def __init__(
        self, message: str, *, remedy: str = "find out who changed the database: see `audit verify`"
    ) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A size of the log that its key has signed.

    Attributes:
        root: 32 bytes.
        note: the signed note, with the cosignatures that there are by now.
    """

    size: int
    root: bytes
    note: str


class LogTree:
    """Reads the tree of one database's log, through a cache of tiles. Thread-safe.

    Sizes are the caller's to bound: up to the log's own anything can be read, signed or not.
    """

    def __init__(self, *, kept_tiles: int = _KEPT_TILES) -> None:
        self._kept_tiles = kept_tiles
        self._cache: OrderedDict[_TileName, list[bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def signed(self, connection: Connection) -> SignedCheckpoint | None:
        """The newest checkpoint that was signed; None before the first."""
        return _checkpoint(connection, "signed_checkpoint")

    def published(self, connection: Connection) -> SignedCheckpoint | None:
        """The newest checkpoint that was published, so with its quorum; None before the first."""
        return _checkpoint(connection, "published_checkpoint")

    def root(self, connection: Connection, size: int) -> bytes:
        """The root over the first `size` entries.

        Raises:
            LogDamaged: there are not so many, or tiles are missing.
        """
        return fold_root(self._read(connection, root_coordinates(size), size))

    def inclusion(self, connection: Connection, index: int, size: int) -> list[bytes]:
        """The path from entry `index` to the root of the first `size` entries, lowest first.

        Raises:
            ValueError: `index` is not below `size`.
            LogDamaged: there are not `size` entries, or tiles are missing.
        """
        return inclusion_path(index, size, lambda nodes: self._read(connection, nodes, size))

    def consistency(self, connection: Connection, old: int, new: int) -> list[bytes]:
        """What shows the tree of `old` entries to be a prefix of the tree of `new`.

        Raises:
            ValueError: unless 0 < old <= new.
            LogDamaged: there are not `new` entries, or tiles are missing.
        """
        return consistency_path(old, new, lambda nodes: self._read(connection, nodes, new))

    def tile(self, connection: Connection, level: int, number: int, width: int = TILE_WIDTH) -> bytes | None:
        """The first `width` hashes of a tile, 32 bytes each; None while the log is not that long."""
        if width == TILE_WIDTH:
            return _full_tiles(connection, [(level, number)]).get((level, number))
        hashes = read_hashes(connection, level, number, width)
        return hashes if len(hashes) == width * HASH_BYTES else None

    def bundle(self, connection: Connection, number: int, width: int = TILE_WIDTH) -> bytes | None:
        """The first `width` entries of a tile as an entry bundle; None while the log is not that long."""
        start = number * TILE_WIDTH
        rows = connection.execute(
            _QUERIES["entries"], {"start": start, "end": start + width}, binary=True
        ).fetchall()
        return encode_bundle([bytes(entry) for (entry,) in rows]) if len(rows) == width else None

    def _read(self, connection: Connection, nodes: Sequence[Coordinate], size: int) -> list[bytes]:
        """Hashes of complete subtrees of the tree of `size` entries.

        What is not cached takes one query for all full tiles, and one for each level that ends in a part.
        """
        places = [_place(level, index) for level, index in nodes]
        wanted: dict[_TileName, int] = {}
        for tile, row, column in places:
            wanted[tile] = max(wanted.get(tile, 0), (column + 1) << row)
        tiles = self._tiles(connection, wanted, size)
        return [
            tiles[tile][row][column * HASH_BYTES : (column + 1) * HASH_BYTES] for tile, row, column in places
        ]

    def _tiles(
        self, connection: Connection, wanted: dict[_TileName, int], size: int
    ) -> dict[_TileName, list[bytes]]:
        """Tiles with the subtrees in them; each at least as wide as wanted."""
        found = self._cached(wanted)
        missing = wanted.keys() - found.keys()
        widths = {(level, number): _width(level, number, size) for level, number in missing}
        hashes = _full_tiles(connection, [tile for tile in missing if widths[tile] == TILE_WIDTH])
        for level, number in missing - hashes.keys():
            hashes[level, number] = read_hashes(connection, level, number, widths[level, number])
        for tile, read in hashes.items():
            if len(read) != widths[tile] * HASH_BYTES:
                raise LogDamaged(f"the log's tile {tile} is not there at size {size}")
            found[tile] = _subtrees(read)
        self._keep({tile: found[tile] for tile in missing})
        return found

    def _cached(self, wanted: dict[_TileName, int]) -> dict[_TileName, list[bytes]]:
        found = {}
        with self._lock:
            for tile, width in wanted.items():
                kept = self._cache.get(tile)
                if kept is not None and len(kept[0]) >= width * HASH_BYTES:
                    self._cache.move_to_end(tile)
                    found[tile] = kept
        return found

    def _keep(self, tiles: dict[_TileName, list[bytes]]) -> None:
        with self._lock:
            self._cache.update(tiles)
            while len(self._cache) > self._kept_tiles:
                self._cache.popitem(last=False)


def read_hashes(connection: Connection, level: int, number: int, width: int) -> bytes:
    """The first `width` hashes of a tile, out of what lies below it: fewer where the log ends before."""
    bounds = {"start": number * TILE_WIDTH, "end": number * TILE_WIDTH + width}
    if level == 0:
        row = connection.execute(_QUERIES["leaf_hashes"], bounds, binary=True).fetchone()
    else:
        row = connection.execute(
            _QUERIES["tile_roots"], bounds | {"level": level - 1}, binary=True
        ).fetchone()
    return bytes(row[0]) if row and row[0] is not None else b""


def _full_tiles(connection: Connection, tiles: Sequence[_TileName]) -> dict[_TileName, bytes]:
    if not tiles:
        return {}
    levels, numbers = zip(*tiles, strict=True)
    rows = connection.execute(
        _QUERIES["full_tiles"], {"levels": list(levels), "tiles": list(numbers)}, binary=True
    ).fetchall()
    return {(level, number): bytes(hashes) for level, number, hashes in rows}


def _place(level: int, index: int) -> tuple[_TileName, int, int]:
    """Where a complete subtree is found: its tile, the row of subtrees in it, the column in that row."""
    above, row = divmod(level, TILE_HEIGHT)
    number, column = divmod(index, TILE_WIDTH >> row)
    return (above, number), row, column


def _width(level: int, number: int, size: int) -> int:
    """How many hashes the tile holds when the log has `size` entries."""
    return min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - number * TILE_WIDTH)


def _subtrees(hashes: bytes) -> list[bytes]:
    """Hashes of the complete subtrees of a tile, joined: row 0 is the tile's, row 8 a full one's root."""
    rows = [hashes]
    for _ in range(TILE_HEIGHT):
        below = rows[-1]
        pairs = range(0, len(below) - HASH_BYTES, 2 * HASH_BYTES)
        rows.append(
            b"".join(
                node_hash(below[at : at + HASH_BYTES], below[at + HASH_BYTES : at + 2 * HASH_BYTES])
                for at in pairs
            )
        )
    return rows


def _checkpoint(connection: Connection, query: str) -> SignedCheckpoint | None:
    row = connection.execute(_QUERIES[query]).fetchone()
    return None if row is None else SignedCheckpoint(row[0], bytes(row[1]), row[2])
