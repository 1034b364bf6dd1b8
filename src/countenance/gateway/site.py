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


class Sites:
    """Several as one; what none of them serves is served by none."""

    def __init__(self, *sites: Site) -> None:
        self._sites = sites

    def serves(self, path: str) -> bool:
        return self._find(path) is not None

    def answer(self, head: Head, body: bytes, *, scheme: str) -> Answer:
        site = self._find(head.path)
        assert site is not None, "asked only for what it serves"
        return site.answer(head, body, scheme=scheme)

    def _find(self, path: str) -> Site | None:
        return next((site for site in self._sites if site.serves(path)), None)
