"""What a browser sent, read: query, cookie, form and files. Nothing of it is believed yet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import parse_qsl, urlsplit

from countenance.console.multipart import split_form
from countenance.gateway.call import Head

COOKIE: Final = "countenance-console"
"""Of the session; over TLS with `__Host-` before it, which no other host and no plain page can set."""
REFRESH: Final = "x-countenance-refresh"
"""The header with which a page asks for itself anew, while nobody clicks."""
_MOST_FIELDS: Final = 200
_NUMBER = re.compile(r"[A-Za-z0-9_-]{20,128}")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class BadForm(Exception):
    """A form that no page of ours sends, or that cannot be taken as it is."""

    status = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRequest:
    """One request of a browser.

    Attributes:
        headers: by lower-case name, repeated ones joined by commas.
        client: the address that the connection came from.
        scheme: `http` or `https`, as a proxy in front of us says or the connection is.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False, default=b"")
    client: str = field(repr=False, default="")
    scheme: str = "http"

    @classmethod
    def of(cls, head: Head, body: bytes, *, scheme: str) -> WebRequest:
        """What the gateway hands over.

        Of several schemes the last counts, the nearest proxy's: what stands before it, anybody may have sent.
        """
        nearest = scheme.rpartition(",")[2].strip().lower()
        return cls(
            method=head.method,
            path=head.path,
            query=head.query,
            headers=head.headers,
            body=body,
            client=head.client,
            scheme="https" if nearest == "https" else "http",
        )

    @property
    def host(self) -> str:
        """Name and port that the browser asked for."""
        return self.headers.get("host", "")

    @property
    def is_private(self) -> bool:
        """Whether nobody between browser and server can read along: TLS, or the same machine."""
        return self.scheme == "https" or self.is_same_machine

    @property
    def is_same_machine(self) -> bool:
        """Whether the browser asked for a name of its own machine."""
        try:
            return urlsplit(f"//{self.host}").hostname in _LOOPBACK
        except ValueError:  # no name of a host
            return False

    @property
    def session_number(self) -> str | None:
        """What the session's cookie says, if it can be one of ours."""
        value = self.own_cookie(COOKIE)
        return value if value is not None and _NUMBER.fullmatch(value) else None

    def cookie_name(self, name: str) -> str:
        """What a cookie of ours is called on this connection."""
        return f"__Host-{name}" if self.scheme == "https" else name

    def own_cookie(self, name: str) -> str | None:
        """The value of one that this host set on such a connection; None without one."""
        return self.cookie(self.cookie_name(name))

    def cookie(self, wanted: str) -> str | None:
        """The value of a cookie, the first of that name; None without one."""
        for part in self.headers.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == wanted:
                return value
        return None

    @property
    def refreshes(self) -> Literal["quick", "whole"] | None:
        """How much a page that keeps itself up to date asks for (`live.js`); None where a person asks."""
        told = self.headers.get(REFRESH, "")
        if self.method != "GET" or told not in {"quick", "whole"}:
            return None
        return "quick" if told == "quick" else "whole"

    @property
    def is_from_our_pages(self) -> bool:
        """Whether a page of this origin sent it. A browser that tells neither way is not believed."""
        site = self.headers.get("sec-fetch-site")
        if site is not None:
            return site == "same-origin"
        return self.host != "" and self.headers.get("origin") == f"{self.scheme}://{self.host}"

    def asked(self) -> dict[str, str]:
        """The query's members, the last of each name. Raises BadForm: too many, or with a NUL."""
        try:
            pairs = parse_qsl(self.query, max_num_fields=_MOST_FIELDS, keep_blank_values=True)
        except ValueError as error:
            raise BadForm("the address asks for too much") from error
        _require_text(pairs)
        return dict(pairs)


@dataclass(frozen=True, slots=True)
class Form:
    """What was posted: values by name, in order, and files, whose names are forgotten."""

    values: Mapping[str, tuple[str, ...]]
    files: Mapping[str, bytes] = field(repr=False)

    def one(self, name: str) -> str:
        """The value, without blanks around it; empty where there is none."""
        found = self.values.get(name, ())
        return found[-1].strip() if found else ""

    def many(self, name: str) -> list[str]:
        """All values that are not blank."""
        return [value.strip() for value in self.values.get(name, ()) if value.strip()]


def parse_form(request: WebRequest, *, with_files: bool = False) -> Form:
    """Of a POST. The work is linear in the body, whose size the site has bounded.

    Args:
        with_files: whether the page has a form with files; on every other page that is no form.

    Raises:
        BadForm: of no type that our pages send, not UTF-8, with a NUL, or with too many fields.
    """
    kind = request.headers.get("content-type", "")
    name = kind.partition(";")[0].strip().lower()
    files: dict[str, bytes] = {}
    try:
        if name == "application/x-www-form-urlencoded":
            pairs = parse_qsl(
                request.body.decode("ascii"),
                max_num_fields=_MOST_FIELDS,
                keep_blank_values=True,
                errors="strict",
            )
        elif name == "multipart/form-data" and with_files:
            pairs, files = split_form(kind, request.body)
        else:
            raise BadForm("this is no form")
    except ValueError as error:
        raise BadForm("the form cannot be read") from error
    _require_text(pairs)
    return Form(_together(pairs), files)


def _require_text(pairs: list[tuple[str, str]]) -> None:
    """No keyboard types a NUL, and no database takes one."""
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise BadForm("it has a character that is none")


def _together(pairs: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}
