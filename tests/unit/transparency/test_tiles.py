from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.transparency.merkle import tree_root
from countenance.transparency.tiles import (
    MAX_TILE,
    TILE_HEIGHT,
    TILE_WIDTH,
    TileInvalid,
    TileName,
    decode_bundle,
    encode_bundle,
    parse_tile_path,
    tile_node,
    tile_path,
)

HASHES = [hashlib.sha256(bytes([number])).digest() for number in range(TILE_WIDTH)]
NAMES = st.builds(
    TileName, st.integers(0, 63) | st.just("entries"), st.integers(0, MAX_TILE), st.integers(1, TILE_WIDTH)
)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ((0, 0), "tile/0/000"),
        ((0, 5, 256), "tile/0/005"),
        ((0, 5, 255), "tile/0/005.p/255"),
        ((1, 999, 1), "tile/1/999.p/1"),
        ((63, 1000), "tile/63/x001/000"),
        ((0, 1_234_067, 7), "tile/0/x001/x234/067.p/7"),
        (("entries", 1_234_067), "tile/entries/x001/x234/067"),
        (("entries", 0, 8), "tile/entries/000.p/8"),
        ((0, MAX_TILE), "tile/0/x036/x028/x797/x018/x963/967"),
    ],
)
def test_a_tile_is_where_the_specification_puts_it(name, path: str):
    """The examples of c2sp.org/tlog-tiles, and the ends of every range."""
    assert tile_path(*name) == path
    assert parse_tile_path(path) == TileName(*name)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "checkpoint",
        "/tile/0/000",
        "tile/0/",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/000/",
        "tile/0/000\n",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/entry/000",
        "tile/0/x000",
        "tile/0/x000/001",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/x1/000",
        "tile/0/X001/000",
        "tile/0/x001//000",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.P/1",
        "tile/0/000p/1",
        "tile/0/../000",
        "tile/0/%30%30%30",
        "tile/0/\u0660\u0660\u0660",
        "tile/0/x036/x028/x797/x018/x963/968",
        "tile/0/" + "x001/" * 1000 + "000",
    ],
)
def test_a_tile_is_nowhere_else(path: str):
    """A path goes into caches and file systems: one tile, one path."""
    with pytest.raises(TileInvalid):
        parse_tile_path(path)


@pytest.mark.parametrize("name", [(-1, 0), (64, 0), (0, -1), (0, MAX_TILE + 1), (0, 0, 0), (0, 0, 257)])
def test_there_is_no_path_to_a_tile_that_cannot_be(name):
    """A caller's mistake is said."""
    with pytest.raises(TileInvalid):
        tile_path(*name)


@given(NAMES)
def test_a_written_path_is_read_back(name: TileName):
    """For every tile."""
    assert parse_tile_path(tile_path(name.level, name.n, name.width)) == name


@given(st.text() | st.text(alphabet="x0123456789/.p").map(lambda drawn: f"tile/0/{drawn}"))
def test_whatever_is_read_as_a_path_is_written_the_same(drawn: str):
    """Parsing raises one error or loses nothing."""
    try:
        name = parse_tile_path(drawn)
    except TileInvalid:
        return
    assert tile_path(name.level, name.n, name.width) == drawn


def test_a_bundle_is_entries_behind_their_lengths():
    """Two bytes, the high one first."""
    assert encode_bundle([b"ab", b"", b"x" * 258]) == b"\x00\x02ab\x00\x00\x01\x02" + b"x" * 258


def test_a_bundle_holds_1_to_256_entries_of_at_most_65535_bytes():
    """What two bytes can count, and a tile can hold."""
    assert len(decode_bundle(encode_bundle([b"x" * 0xFFFF] * TILE_WIDTH))) == TILE_WIDTH
    for entries in ([], [b""] * 257, [b"x" * 0x10000]):
        with pytest.raises(TileInvalid):
            encode_bundle(entries)


@pytest.mark.parametrize(
    "bundle", [b"", b"\x00", b"\x00\x01", b"\x00\x01a\x00", b"\x00\x01a\x00\x02b", b"\x00\x00" * 257]
)
def test_a_torn_bundle_is_refused(bundle: bytes):
    """Half an entry is no entry."""
    with pytest.raises(TileInvalid):
        decode_bundle(bundle)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=20))
def test_a_written_bundle_is_read_back(entries: list[bytes]):
    """Whatever the bytes."""
    assert decode_bundle(encode_bundle(entries)) == entries


@given(st.binary() | st.lists(st.binary(max_size=3).map(lambda drawn: b"\x00\x02" + drawn)).map(b"".join))
def test_whatever_is_read_as_a_bundle_is_written_the_same(drawn: bytes):
    """Parsing raises one error or loses nothing."""
    try:
        entries = decode_bundle(drawn)
    except TileInvalid:
        return
    assert encode_bundle(entries) == drawn


@pytest.mark.parametrize("width", [1, 2, 3, 100, 255, 256])
def test_every_subtree_of_a_tile_is_hashed_from_it(width: int):
    """The levels between those of tiles are not stored."""
    tile = b"".join(HASHES[:width])
    for level in range(TILE_HEIGHT + 1):
        for index in range(width >> level):
            assert tile_node(tile, level, index) == tree_root(HASHES[index << level : (index + 1) << level])


@pytest.mark.parametrize(("level", "index"), [(0, 100), (0, -1), (2, 25), (7, 0), (8, 0), (9, 0), (-1, 0)])
def test_a_subtree_that_the_tile_does_not_hold_whole_is_refused(level: int, index: int):
    """The hash of a part would be taken for that of the whole."""
    with pytest.raises(TileInvalid):
        tile_node(b"".join(HASHES[:100]), level, index)
