"""Canonical JSON (RFC 8785) and times: each value has one encoding, so that a hash over it says something."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import rfc8785

MIN_ENTRY_BYTES = 2
MAX_ENTRY_BYTES = 4096
MAX_DEPTH = 16
"""How deep objects and lists of an entry may stand in one another; the entry itself is the first."""


class EntryInvalid(ValueError):
    """Not an entry of the log, or a value that canonical JSON cannot express."""


def canonical_json(value: Any) -> bytes:
    """The one encoding of a JSON value.

    Raises:
        EntryInvalid: not JSON (NaN, bytes, a key that is no string), a lone surrogate, or an integer beyond
            2**53 - 1, which JSON's numbers cannot hold.
    """
    try:
        return rfc8785.dumps(value)
    except (ValueError, RecursionError) as error:
        raise EntryInvalid(f"no canonical JSON: {error}") from None


def parse_canonical(entry: bytes) -> dict[str, Any]:
    """The object that an entry holds. Two different entries never hold the same one.

    Raises:
        EntryInvalid: 4,096 bytes are exceeded; not an object, not UTF-8, not byte for byte its own canonical
            form; names that are not ASCII, null, or depth beyond MAX_DEPTH within.
    """
    if not MIN_ENTRY_BYTES <= len(entry) <= MAX_ENTRY_BYTES:
        raise EntryInvalid(f"an entry is {MIN_ENTRY_BYTES} to {MAX_ENTRY_BYTES} bytes, not {len(entry)}")
    try:
        value = json.loads(entry.decode(), parse_int=_parse_number)
    except (ValueError, RecursionError) as error:
        raise EntryInvalid(f"an entry is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise EntryInvalid("an entry is not an object")
    _require_plain(value, 1)
    # Also refuses duplicate names, NaN, lone surrogates, spaces and other spellings of a number or string.
    if canonical_json(value) != entry:
        raise EntryInvalid("an entry is not canonical JSON")
    return value


def to_time(at: datetime) -> str:
    """`2026-11-23T03:15:13.123Z`: UTC, cut to the millisecond. `at` has a time zone."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """The time, in UTC, that `to_time` wrote so.

    Raises:
        EntryInvalid: it wrote no such thing.
    """
    try:
        at = datetime.fromisoformat(text)
        is_ours = at.tzinfo is not None and to_time(at) == text
    except (ValueError, OverflowError):
        is_ours = False
    if not is_ours:
        raise EntryInvalid("a time is YYYY-MM-DDThh:mm:ss.sssZ")
    return at.astimezone(UTC)


def _parse_number(digits: str) -> int | float:
    # JSON's numbers are doubles; an integer only where it is the same number.
    number = float(digits)
    return int(digits) if abs(number) < 2**53 else number


def _require_plain(value: Any, depth: int) -> None:
    if value is None:
        raise EntryInvalid("an entry holds a null: what does not apply is left out")
    if not isinstance(value, dict | list):
        return
    if depth > MAX_DEPTH:
        raise EntryInvalid(f"an entry is over {MAX_DEPTH} levels deep")
    if isinstance(value, dict) and not all(name.isascii() for name in value):
        raise EntryInvalid("a member's name is not ASCII")
    for member in value.values() if isinstance(value, dict) else value:
        _require_plain(member, depth + 1)
