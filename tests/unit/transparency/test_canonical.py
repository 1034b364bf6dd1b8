from __future__ import annotations

import contextlib
import json
import math
import struct
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.transparency.canonical import (
    MAX_DEPTH,
    MAX_ENTRY_BYTES,
    EntryInvalid,
    canonical_json,
    parse_canonical,
    parse_time,
    to_time,
)

# RFC 8785, appendix B: doubles and how they are written.
RFC_NUMBERS = {
    0x0000000000000000: "0",
    0x8000000000000000: "0",
    0x0000000000000001: "5e-324",
    0x8000000000000001: "-5e-324",
    0x7FEFFFFFFFFFFFFF: "1.7976931348623157e+308",
    0x4340000000000000: "9007199254740992",
    0xC340000000000000: "-9007199254740992",
    0x4430000000000000: "295147905179352830000",
    0x44B52D02C7E14AF5: "9.999999999999997e+22",
    0x44B52D02C7E14AF6: "1e+23",
    0x44B52D02C7E14AF7: "1.0000000000000001e+23",
    0x444B1AE4D6E2EF4E: "999999999999999700000",
    0x444B1AE4D6E2EF4F: "999999999999999900000",
    0x444B1AE4D6E2EF50: "1e+21",
    0x3EB0C6F7A0B5ED8C: "9.999999999999997e-7",
    0x3EB0C6F7A0B5ED8D: "0.000001",
    0x41B3DE4355555553: "333333333.3333332",
    0x41B3DE4355555557: "333333333.33333343",
    0xBECBF647612F3696: "-0.0000033333333333333333",
    0x43143FF3C1CB0959: "1424953923781206.2",
}

NAMES = st.text(st.characters(max_codepoint=127))
LEAVES = (
    st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    LEAVES | st.text(), lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=20
)


def to_double(bits: int) -> float:
    return struct.unpack(">d", bits.to_bytes(8, "big"))[0]


@pytest.mark.parametrize(("bits", "written"), RFC_NUMBERS.items())
def test_numbers_are_written_as_in_the_rfc(bits: int, written: str):
    """Every implementation must write the same digits, or the hashes differ."""
    assert canonical_json(to_double(bits)).decode() == written


@pytest.mark.parametrize("written", sorted(set(RFC_NUMBERS.values())))
def test_numbers_of_the_rfc_are_read(written: str):
    """Also integers beyond 2**53, in the digits of the double that they are."""
    entry = f'{{"n":{written}}}'.encode()
    assert canonical_json(parse_canonical(entry)) == entry


def test_members_and_strings_are_written_as_in_the_rfc():
    """Its section 3.2.2 example: order, escapes, literals."""
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f",
        "literals": [None, True, False],
    }
    assert canonical_json(value).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        2**53,
        "\ud800",
        {"\udfff": 1},
        {1: 2},
        b"bytes",
        {"a": {1, 2}},
        datetime(2026, 1, 1, tzinfo=UTC),
    ],
)
def test_what_json_cannot_express_is_refused(value):
    """One error, whatever is wrong."""
    with pytest.raises(EntryInvalid):
        canonical_json(value)


def test_a_value_within_itself_is_refused():
    """It would have no end."""
    value: list = []
    value.append(value)
    with pytest.raises(EntryInvalid):
        canonical_json(value)


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"{",
        b"1",
        b"[]",
        b'"{}"',
        b"null",
        b"{} ",
        b" {}",
        b"{}\n",
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"a":2,"\\u0061":2}',
        b'{"b":1,"a":1}',
        b'{"a": 1}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":-0}',
        b'{"a":-0.0}',
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":9007199254740993}',
        b'{"a":1e400}',
        b'{"a":' + b"9" * 400 + b"}",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":null}',
        b'{"a":[{"b":null}]}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\ud83d\\ude00"}',
        b'{"a":"\\u000A"}',
        b'{"a":"\x01"}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\xc0\x80"}',
        b'{"\\ud800":1}',
        '{"é":1}'.encode(),
        '{"a":{"é":1}}'.encode(),
        b'{"a":1}{"a":1}',
        b'{"a":1,}',
        b"{'a':1}",
        b'{"a":True}',
    ],
)
def test_another_spelling_of_an_entry_is_none(entry: bytes):
    """The hash is over bytes: an entry that could be written in two ways would have two hashes."""
    with pytest.raises(EntryInvalid):
        parse_canonical(entry)


@pytest.mark.parametrize(
    "entry",
    [
        b"[" * MAX_ENTRY_BYTES,
        b'{"a":' * (MAX_ENTRY_BYTES // 5),
        b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}",
        b'{"a":' * 680 + b"1" + b"}" * 680,
    ],
)
def test_depth_is_refused_before_it_hurts(entry: bytes):
    """4,096 brackets are small to send and deep to follow."""
    with pytest.raises(EntryInvalid):
        parse_canonical(entry)


def test_depth_and_length_have_limits_that_are_within():
    """16 levels and 4,096 bytes are still an entry."""
    deep = b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}"
    assert canonical_json(parse_canonical(deep)) == deep
    with pytest.raises(EntryInvalid, match="levels deep"):
        parse_canonical(deep.replace(b"[]", b"[[]]"))
    long = b'{"a":"' + b"x" * (MAX_ENTRY_BYTES - 8) + b'"}'
    assert len(parse_canonical(long)["a"]) == MAX_ENTRY_BYTES - 8
    with pytest.raises(EntryInvalid, match="bytes"):
        parse_canonical(long.replace(b"xx", b"xxx", 1))


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_a_written_entry_is_read_back(value):
    """Equal value, same bytes."""
    entry = canonical_json(value)
    if len(entry) <= MAX_ENTRY_BYTES:
        assert parse_canonical(entry) == value
        assert canonical_json(parse_canonical(entry)) == entry


@given(
    st.binary() | st.text(alphabet='{}[]",:a0.e-\\u').map(str.encode) | VALUES.map(json.dumps).map(str.encode)
)
def test_whatever_is_read_is_written_the_same(drawn: bytes):
    """Parsing raises one error or loses nothing."""
    try:
        value = parse_canonical(drawn)
    except EntryInvalid:
        return
    assert canonical_json(value) == drawn


def test_a_time_is_utc_cut_to_the_millisecond():
    """Rounding up would put an event into the future."""
    at = datetime(2026, 11, 23, 5, 15, 13, 123_999, tzinfo=timezone(timedelta(hours=2)))
    assert to_time(at) == "2026-11-23T03:15:13.123Z"
    assert parse_time("2026-11-23T03:15:13.123Z") == datetime(2026, 11, 23, 3, 15, 13, 123_000, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-23T03:15:13Z",
        "2026-11-23T03:15:13.123",
        "2026-11-23T03:15:13.123456Z",
        "2026-11-23T03:15:13.123+00:00",
        "2026-11-23 03:15:13.123Z",
        "2026-11-23T03:15:13.123z",
        "2026-11-23T03:15:60.000Z",
        "2026-02-30T03:15:13.123Z",
        "20261123T031513.123Z",
        "0001-01-01T00:00:00.000+14:00",
        "2026-11-23T03:15:13.123Z\n",
    ],
)
def test_another_spelling_of_a_time_is_none(text: str):
    """A time is signed as text."""
    with pytest.raises(EntryInvalid):
        parse_time(text)


@given(st.datetimes(timezones=st.just(UTC)) | st.text())
def test_a_written_time_is_read_back(drawn):
    """And nothing else is one."""
    if isinstance(drawn, datetime):
        assert to_time(parse_time(to_time(drawn))) == to_time(drawn)
        return
    with contextlib.suppress(EntryInvalid):
        assert to_time(parse_time(drawn)) == drawn
