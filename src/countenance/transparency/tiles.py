"""Tiles (c2sp.org/tlog-tiles): the tree and its entries as files of 256, with names of their own."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from countenance.transparency.merkle import HASH_BYTES, MAX_TREE_SIZE, tree_root

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
MAX_LEVEL = 63
MAX_TILE = MAX_TREE_SIZE >> TILE_HEIGHT

Level = int | Literal["entries"]
"""Level of a hash tile, whose hashes are those of level 8 * Level in the tree; or a bundle of entries."""

_PATH = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([0-9]{1,3}))?")
_LENGTH = struct.Struct(">H")
_MAX_PATH = 64


class TileInvalid(ValueError):
    """Not the path of a tile, not a bundle of entries, or not what a tile can hold."""


@dataclass(frozen=True, slots=True)
class TileName:
    """Which tile.

    Attributes:
        level: 0-63, or `entries`.
        n: index of the tile on its level.
        width: how many hashes or entries it holds; 1-255 of a partial tile, 256 of a full one.

    Raises:
        TileInvalid: there can be no such tile.
    """

    level: Level
    n: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        if self.level != "entries" and not 0 <= self.level <= MAX_LEVEL:
            raise TileInvalid(f"no level of tiles: {self.level}")
        if not 0 <= self.n <= MAX_TILE:
            raise TileInvalid(f"no index of a tile: {self.n}")
        if not 1 <= self.width <= TILE_WIDTH:
            raise TileInvalid(f"no width of a tile: {self.width}")


def tile_path(level: Level, n: int, width: int | None = None) -> str:
    """Where a tile is, below the log's prefix: `tile/0/x001/x234/067.p/8`.

    Args:
        width: of a partial tile; None or 256 for a full one.

    Raises:
        TileInvalid: there can be no such tile.
    """
    name = TileName(level, n, TILE_WIDTH if width is None else width)
    *above, last = (group.zfill(3) for group in f"{name.n:,}".split(","))
    number = "".join(f"x{group}/" for group in above) + last
    partial = "" if name.width == TILE_WIDTH else f".p/{name.width}"
    return f"tile/{name.level}/{number}{partial}"


def parse_tile_path(path: str) -> TileName:
    """Which tile is at a path; each is at one only.

    Raises:
        TileInvalid: none is.
    """
    found = _PATH.fullmatch(path) if len(path) <= _MAX_PATH else None
    if found is None:
        raise TileInvalid("not the path of a tile")
    level, n, width = found.groups()
    name = TileName(
        "entries" if level == "entries" else int(level),
        int(re.sub("[x/]", "", n)),
        TILE_WIDTH if width is None else int(width),
    )
    if tile_path(name.level, name.n, name.width) != path:
        raise TileInvalid("not how the path of a tile is written")
    return name


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """The entries, each behind its length in two bytes.

    Raises:
        TileInvalid: no entries, more than 256, or one of over 65,535 bytes.
    """
    _require_count(len(entries))
    if any(len(entry) > 0xFFFF for entry in entries):
        raise TileInvalid("an entry of a bundle is at most 65535 bytes")
    return b"".join(_LENGTH.pack(len(entry)) + entry for entry in entries)


def decode_bundle(bundle: bytes) -> list[bytes]:
    """The entries of a bundle.

    Raises:
        TileInvalid: it ends within an entry, or holds none or more than 256.
    """
    entries: list[bytes] = []
    start = 0
    while start < len(bundle) and len(entries) <= TILE_WIDTH:
        begin = start + _LENGTH.size
        end = begin + int.from_bytes(bundle[start:begin], "big")
        if begin > len(bundle) or end > len(bundle):
            raise TileInvalid("a bundle ends within an entry")
        entries.append(bundle[begin:end])
        start = end
    _require_count(len(entries))
    return entries


def tile_node(hashes: bytes, level: int, index: int) -> bytes:
    """The hash of a complete subtree inside a hash tile.

    Args:
        hashes: the tile, 32 bytes a hash; full or partial.
        level: above the tile's own hashes, 0-8.
        index: of the subtree among those of its level in this tile.

    Raises:
        TileInvalid: the tile does not hold that whole subtree.
    """
    width = 1 << level if 0 <= level <= TILE_HEIGHT else 0
    start, end = index * width, (index + 1) * width
    if not 0 <= start < end <= len(hashes) // HASH_BYTES:
        raise TileInvalid(f"subtree {index} of level {level} is not within this tile")
    return tree_root([hashes[HASH_BYTES * leaf : HASH_BYTES * (leaf + 1)] for leaf in range(start, end)])


def _require_count(count: int) -> None:
    if not 1 <= count <= TILE_WIDTH:
        raise TileInvalid(f"a bundle has 1 to {TILE_WIDTH} entries")
