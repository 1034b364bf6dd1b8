"""NextToken: where the next page of a list begins, sealed against change and against use elsewhere.

A position is the last id of the page, so that a list survives what is deleted between two pages.
The token is the position and a keyed digest over the position and its scope (operation, account,
region, collection, filters): no server-side state, the same on every process and after a restart.

The service model gives a token 255 characters and a collection's name as many, so the position is
written as a number in the alphabet of names before it is written in base 85.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b85decode, b85encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from countenance.errors import InvalidPaginationTokenException

_ALPHABET: Final = "-.0123456789:ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
"""Every character of a CollectionId, UserId, access key id or decimal number."""
_DIGEST_BYTES: Final = 10
"""80 bits: a forgery can only be tried online, and wins a page of the forger's own list."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list.

    Attributes:
        items: at most as many as were asked for.
        next_token: absent on the last page, never empty.
    """

    items: Sequence[T]
    next_token: str | None


class PageTokens:
    """Issues and reads tokens; thread-safe, without state but its key."""

    def __init__(self, key: bytes) -> None:
        """`key`: 32 secret bytes, the same for every process of one server and after a restart."""
        if len(key) != 32:
            raise ValueError(f"a page token key has 32 bytes, not {len(key)}")
        self._key = key

    def issue(self, position: str, *, scope: Sequence[str]) -> str:
        """A token of at most 255 characters for a `position` of at most 255."""
        packed = _pack(position)
        return b85encode(self._digest(packed, scope) + packed).decode("ascii")

    def resume(self, token: str | None, *, scope: Sequence[str]) -> str | None:
        """The position that `token` was issued for; None for no token or an empty one.

        Raises:
            InvalidPaginationTokenException: not issued here, changed, or issued in another scope.
        """
        if not token:
            return None
        try:
            raw = b85decode(token)
        except ValueError:
            raise InvalidPaginationTokenException from None
        digest, packed = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
        is_ours = hmac.compare_digest(digest, self._digest(packed, scope))
        if not is_ours or b85encode(raw).decode("ascii") != token:  # base 85 has several spellings of one end
            raise InvalidPaginationTokenException
        return _unpack(packed)

    def page(
        self,
        token: str | None,
        *,
        scope: Sequence[str],
        size: int,
        fetch: Callable[[str | None, int], Sequence[T]],
        position_of: Callable[[T], str],
    ) -> Page[T]:
        """The page that `token` names; `fetch(after, limit)` reads one item more than a page has."""
        found = fetch(self.resume(token, scope=scope), size + 1)
        items = found[:size]
        more = len(found) > size
        return Page(items, self.issue(position_of(items[-1]), scope=scope) if more else None)

    def _digest(self, packed: bytes, scope: Sequence[str]) -> bytes:
        keyed = hashlib.blake2b(key=self._key, digest_size=_DIGEST_BYTES, person=b"page token")
        for part in (*(text.encode() for text in scope), packed):
            keyed.update(len(part).to_bytes(4, "big") + part)
        return keyed.digest()


def _pack(text: str) -> bytes:
    number = 1  # a leading one keeps leading first letters of the alphabet
    for character in text:
        number = number * len(_ALPHABET) + _ALPHABET.index(character)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _unpack(packed: bytes) -> str:
    number = int.from_bytes(packed, "big")
    characters = []
    while number > 1:
        number, digit = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[digit])
    return "".join(reversed(characters))
