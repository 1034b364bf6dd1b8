"""Which browsers' pages may read our answers (the Fetch standard's CORS protocol)."""

from __future__ import annotations

from collections.abc import Iterable

_ALLOWED_HEADERS = (
    "authorization, content-type, x-amz-date, x-amz-target, x-amz-security-token, x-amz-content-sha256, "
    "x-amz-user-agent, amz-sdk-invocation-id, amz-sdk-request"
)
_EXPOSED_HEADERS = "x-amzn-RequestId, x-amzn-ErrorType, x-countenance-event-id, x-countenance-receipt, Date"
_PREFLIGHT_MAX_AGE_S = "600"


class Origins:
    """The allow-list. CORS keeps no one out (the signature does): it lets listed pages in."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(origin.strip().rstrip("/") for origin in allowed if origin.strip())

    def headers_for(self, origin: str | None) -> tuple[tuple[str, str], ...]:
        """What to add to an answer; nothing for an origin that is not listed."""
        if not self._allowed:
            return ()
        vary = ("vary", "Origin")  # a cache must not hand one origin's answer to another
        if origin is None or origin not in self._allowed:
            return (vary,)
        return (
            vary,
            ("access-control-allow-origin", origin),
            ("access-control-expose-headers", _EXPOSED_HEADERS),
        )

    def preflight_headers_for(self, origin: str | None) -> tuple[tuple[str, str], ...]:
        """What a preflight request is told; nothing for an origin that is not listed."""
        headers = self.headers_for(origin)
        if len(headers) < 2:
            return headers
        return (
            *headers,
            ("access-control-allow-methods", "POST"),
            ("access-control-allow-headers", _ALLOWED_HEADERS),
            ("access-control-max-age", _PREFLIGHT_MAX_AGE_S),
        )
