"""Computes the tree from its leaves as they are read, and holds every hash tile in the folder against it."""

from __future__ import annotations

from collections.abc import Collection

from countenance.transparency.merkle import EMPTY_ROOT, HASH_BYTES, tree_root
from countenance.transparency.tiles import TILE_WIDTH, tile_path
from countenance.transparency.verify_files import FileUnusable, FolderFiles
from countenance.transparency.verify_report import Problems


class TreeCheck:
    """Memory: one tile for each level.

    Attributes:
        roots: root at each of `wanted` sizes that the leaves reached.
    """

    def __init__(self, files: FolderFiles, problems: Problems, wanted: Collection[int]) -> None:
        self.roots: dict[int, bytes] = {0: EMPTY_ROOT}
        self._files = files
        self._problems = problems
        self._wanted = frozenset(wanted)
        self._levels: list[list[bytes]] = [[]]  # of each level the hashes of the tile that is not full yet
        self._full_tiles = [0]
        self._size = 0

    def add(self, leaf: bytes) -> None:
        """The next leaf hash."""
        self._levels[0].append(leaf)
        self._size += 1
        if self._size in self._wanted:
            self.roots[self._size] = self.root()
        if len(self._levels[0]) == TILE_WIDTH:
            self._close_tile(0)

    def root(self) -> bytes:
        """The root over the leaves so far.

        A tree over groups of 256 leaves, the last perhaps smaller, splits where the tree over the leaves
        splits: so the rest of each level stands as one more hash at the end of the level above.
        """
        rest: list[bytes] = []
        for hashes in self._levels:
            row = hashes + rest
            rest = [tree_root(row)] if row else []
        return rest[0] if rest else EMPTY_ROOT

    def finish(self) -> bytes:
        """Hold the partial tiles against the tree; the root."""
        for level, hashes in enumerate(self._levels):
            if hashes:
                self._check_tile(level, hashes)
        return self.root()

    def _close_tile(self, level: int) -> None:
        hashes = self._levels[level]
        self._check_tile(level, hashes)
        if level + 1 == len(self._levels):
            self._levels.append([])
            self._full_tiles.append(0)
        self._levels[level + 1].append(tree_root(hashes))
        self._levels[level] = []
        self._full_tiles[level] += 1
        if len(self._levels[level + 1]) == TILE_WIDTH:
            self._close_tile(level + 1)

    def _check_tile(self, level: int, hashes: list[bytes]) -> None:
        number, width, expected = self._full_tiles[level], len(hashes), b"".join(hashes)
        narrower = [found for found in self._files.widths(tile_path(level, number)) if found < width]
        for each in [width, *narrower]:
            path = tile_path(level, number, each if each < TILE_WIDTH else None)
            try:
                content = self._files.read(path, max_bytes=each * HASH_BYTES)
            except FileUnusable as error:
                self._problems.add("tiles", path, str(error))
                continue
            if content != expected[: each * HASH_BYTES]:
                self._problems.add("tiles", path, _difference(content, expected, each, number, level))


def _difference(content: bytes, expected: bytes, width: int, number: int, level: int) -> str:
    if len(content) != width * HASH_BYTES:
        return f"it has {len(content)} bytes, not {width * HASH_BYTES}"
    position = next(
        place
        for place in range(width)
        if content[place * HASH_BYTES : (place + 1) * HASH_BYTES]
        != expected[place * HASH_BYTES : (place + 1) * HASH_BYTES]
    )
    of = "entry" if level == 0 else f"subtree of level {8 * level}"
    return f"its hash {position} is not that of {of} {number * TILE_WIDTH + position}"
