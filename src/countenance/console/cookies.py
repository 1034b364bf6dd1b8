"""What a browser is given to keep: for this host alone, for no script, and over TLS never without it."""

from __future__ import annotations

from typing import Final, Literal

from countenance.console.request import COOKIE, WebRequest

_PAGES: Final = "/console"


def kept_cookie(
    request: WebRequest,
    name: str,
    value: str,
    *,
    path: str = _PAGES,
    site: Literal["Strict", "Lax"] = "Strict",
    lasts_s: int | None = None,
) -> str:
    """The value of a header `set-cookie`; `request.own_cookie(name)` reads it back.

    `__Host-`, which keeps other hosts and plain pages from setting one, needs the whole host as its path; on
    the same machine without TLS the narrow `path` does.
    """
    where = ["Path=/", "Secure"] if request.scheme == "https" else [f"Path={path}"]
    lasts = [] if lasts_s is None else [f"Max-Age={lasts_s}"]
    return "; ".join([f"{request.cookie_name(name)}={value}", *where, "HttpOnly", f"SameSite={site}", *lasts])


def session_cookie(request: WebRequest, number: str, *, lasts_s: int | None = None) -> str:
    """The one that says who is signed in; `Strict`: it comes along from our own pages alone."""
    return kept_cookie(request, COOKIE, number, lasts_s=lasts_s)
