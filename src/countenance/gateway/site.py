"""What else may be served at the same address: pages for people, made by a layer above."""

from __future__ import annotations

from typing import Final, Protocol

from countenance.gateway.call import Answer, Head

FORM_BYTES: Final = 64 * 1024
"""The largest form without files."""


class Site(Protocol):
    """Thread-safe, synchronous, never raises."""

    def serves(self, path: str) -> bool:
        """Whether a path is one of its pages, there or not."""

    def most_body_bytes(self, method: str, path: str) -> int:
        """The largest body that is read of such a request; only what takes a form has one."""

    def answer(self, head: Head, body: bytes, *, scheme: str) -> Answer:
        """The page; `scheme` is that of the connection."""


class Sites:
    """Several as one; what none of them serves is served by none."""

    def __init__(self, *sites: Site) -> None:
        self._sites = sites

    def serves(self, path: str) -> bool:
        return self._find(path) is not None

    def most_body_bytes(self, method: str, path: str) -> int:
        site = self._find(path)
        return 0 if site is None else site.most_body_bytes(method, path)

    def answer(self, head: Head, body: bytes, *, scheme: str) -> Answer:
        site = self._find(head.path)
        assert site is not None, "asked only for what it serves"
        return site.answer(head, body, scheme=scheme)

    def _find(self, path: str) -> Site | None:
        return next((site for site in self._sites if site.serves(path)), None)
