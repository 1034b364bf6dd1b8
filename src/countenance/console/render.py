"""Templates to pages: everything escaped, nothing from elsewhere, and headers that hold a browser to it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, Final

import jinja2

from countenance.console.request import WebRequest
from countenance.gateway.call import Answer

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final = (
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
)
TLS_FROM_NOW_ON: Final = ("strict-transport-security", "max-age=31536000")
_NOT_KEPT: Final = ("cache-control", "no-store")
_FILLED_IN: Final = re.compile(r"\{([a-z_]+)\}")
_KINDS: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


def page(
    template: str, *, status: int = 200, headers: tuple[tuple[str, str], ...] = (), **values: Any
) -> Answer:
    """A whole page."""
    body = _environment().get_template(template).render(version=_static_version(), **values)
    kind = ("content-type", "text/html; charset=utf-8")
    return Answer(status=status, headers=(kind, _NOT_KEPT, *HEADERS, *headers), body=body.encode())


def document(text: str) -> Answer:
    """A page that stands by itself and states its own policy for styles; scripts and forms are shut off."""
    held = tuple(
        (name, value if name != "content-security-policy" else "sandbox; frame-ancestors 'none'")
        for name, value in HEADERS
    )
    kind = ("content-type", "text/html; charset=utf-8")
    return Answer(status=200, headers=(kind, _NOT_KEPT, *held), body=text.encode())


def picture(jpeg: bytes) -> Answer:
    """A picture by itself, which no browser keeps."""
    return Answer(status=200, headers=(("content-type", "image/jpeg"), _NOT_KEPT, *HEADERS), body=jpeg)


def redirect(where: str, *headers: tuple[str, str], elsewhere: bool = False) -> Answer:
    """On to another page of ours, which is asked for with GET; `elsewhere`: to a provider's."""
    assert elsewhere or (where.startswith("/") and not where.startswith("//"))
    return Answer(status=303, headers=(("location", where), _NOT_KEPT, *HEADERS, *headers), body=b"")


def held_to_tls(answer: Answer, request: WebRequest) -> Answer:
    """The same; over TLS, the browser asks this host over nothing else for a year."""
    if request.scheme != "https" or request.is_same_machine:
        return answer
    return replace(answer, headers=(*answer.headers, TLS_FROM_NOW_ON))


def static(name: str) -> Answer | None:
    """A file of ours, which a browser may keep: a new version of it has another address."""
    if name not in _static_names():
        return None
    content = resources.files(__package__).joinpath("static", name).read_bytes()
    kind = ("content-type", _KINDS[name.rpartition(".")[2]])
    kept = ("cache-control", "public, max-age=86400")
    return Answer(status=200, headers=(kind, kept, *HEADERS), body=content)


@cache
def _static_names() -> frozenset[str]:
    files = resources.files(__package__).joinpath("static").iterdir()
    return frozenset(file.name for file in files if file.name.rpartition(".")[2] in _KINDS)


@cache
def _static_version() -> str:
    whole = hashlib.sha256()
    for name in sorted(_static_names()):
        whole.update(resources.files(__package__).joinpath("static", name).read_bytes())
    return whole.hexdigest()[:12]


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("countenance.console", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = to_moment
    environment.filters["parts"] = to_parts
    environment.filters["count"] = lambda value: f"{value:,}".replace(",", " ")
    return environment


def to_parts(message: str) -> list[tuple[str, bool]]:
    """A rule's words as they are for any call: each part, and whether it names what a call fills in."""
    parts = _FILLED_IN.split(message)
    return [(part.replace("_", " ") if n % 2 else part, n % 2 == 1) for n, part in enumerate(parts)]


def to_moment(seconds: float | datetime | None) -> str:
    """`2026-11-27 18:21 UTC` of seconds since 1970."""
    if seconds is None:
        return "unknown"
    moment = seconds if isinstance(seconds, datetime) else datetime.fromtimestamp(seconds, UTC)
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
