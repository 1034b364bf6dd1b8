"""`parse_canonical`, three times as fast for the entries that logs are made of."""

from __future__ import annotations

from typing import Any

import orjson

from countenance.transparency.canonical import MAX_DEPTH, MAX_ENTRY_BYTES, parse_canonical

_LEAST, _MOST = 1e-4, 1e15
"""Between these, and off the integers, orjson and RFC 8785 write a double in the same way."""


def parse_entry(entry: bytes) -> dict[str, Any]:
    """The object that an entry holds: exactly what `parse_canonical` gives, or raises.

    An entry of ASCII that orjson writes again as it stands is canonical, provided that nothing in it is
    of the few kinds that orjson writes in another way; whatever is not that simple goes the slow way.
    """
    if len(entry) <= MAX_ENTRY_BYTES and entry.isascii():
        try:
            value = orjson.loads(entry)
        except orjson.JSONDecodeError:
            return parse_canonical(entry)
        is_same = type(value) is dict and orjson.dumps(value, option=orjson.OPT_SORT_KEYS) == entry
        if is_same and _is_plain(value, 1):
            members: dict[str, Any] = value
            return members
    return parse_canonical(entry)


def _is_plain(value: Any, depth: int) -> bool:
    kind = type(value)
    if kind is str or kind is bool:
        return True
    if kind is int:
        return bool(-(2**53) < value < 2**53)
    if kind is float:
        return _LEAST <= abs(value) < _MOST and not value.is_integer()
    if value is None or depth > MAX_DEPTH:
        return False
    for member in value.values() if kind is dict else value:  # noqa: SIM110  # `all` takes twice as long
        if not _is_plain(member, depth + 1):
            return False
    return True
