"""What else may be served at the same address: pages for people, made by a layer above."""

from __future__ import annotations

from typing import Final, Protocol

from countenance.gateway.call import Answer, Head

MOST_PAGE_BODY_BYTES: Final = 16 * 1024 * 1024
"""Of a form with its files."""


class Site(Protocol):
    """Thread-safe, synchronous, never raises."""

    def serves(self, path: str) -> bool:
        """Whether a path is one of its pages, there or not."""

    def answer(self, head: Head, body: bytes, *, scheme: str) -> Answer:
        """The page; `scheme` is that of the connection."""
