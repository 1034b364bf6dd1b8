"""Public pages under /transparency: the reports that the operator has published, read-only, for anybody.

No account, no session, no cookie, no script; nothing that is sent changes anything.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

from countenance.assurance.evaluations import find_told
from countenance.audit.public_reports import PublishedFile, find_published, list_published
from countenance.audit.published import list_keys
from countenance.console.render import HEADERS, document, held_to_tls, page
from countenance.console.request import BadForm, WebRequest
from countenance.gateway.call import Answer, Head
from countenance.gateway.log import Fault
from countenance.store import Database, StoreUnavailable

PREFIX: Final = "/transparency"
_LOG = logging.getLogger(__name__)
_ADDRESS: Final = re.compile(
    rf"{PREFIX}/(?:(?P<start>\d{{4}}-\d\d-\d\d)/?)?(?P<file>report\.json|checkpoint)?", re.ASCII
)
_EVALUATION: Final = re.compile(rf"{PREFIX}/evaluations/(?P<digest>[0-9a-f]{{64}})\.json", re.ASCII)
_KEPT: Final = ("cache-control", "public, max-age=300")
_HEADLINES: Final = (
    ("calls", "calls"),
    ("refusals/by-policy", "refused by a rule"),
    ("searches", "searches answered"),
    ("searches/with-candidates", "that found somebody"),
    ("reviews/held", "searches that people looked at first"),
    ("people/operation/OpenSubjectRequest", "requests of people about their own faces"),
)
"""Figures that the first page tells of each report, where the report has them."""


class TransparencySite:
    """Thread-safe, synchronous, never raises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def serves(self, path: str) -> bool:
        """Everything under /transparency."""
        return path == PREFIX or path.startswith(f"{PREFIX}/")

    def most_body_bytes(self, method: str, path: str) -> int:  # noqa: ARG002  # nothing is sent here
        """None of any request."""
        return 0

    def answer(self, head: Head, body: bytes, *, scheme: str) -> Answer:
        """A page or a file; or a page that says what is wrong."""
        request = WebRequest.of(head, body, scheme=scheme)
        try:
            answer = self._answer(request)
        except BadForm as error:
            answer = _problem(400, "That could not be read", f"{error}.")
        except StoreUnavailable:
            answer = _problem(503, "The database is not available", "Try again in a moment.")
        except BaseException as error:  # noqa: BLE001  # as for calls: every way to fail ends so
            fault = Fault.of(error)
            _LOG.error("a public page failed: fault=%s at=%s", fault.type_name, fault.place)
            answer = _problem(500, "This page could not be made", "It is in the server's log.")
        answer = held_to_tls(answer, request)
        return replace(answer, body=b"") if head.method == "HEAD" else answer

    def _answer(self, request: WebRequest) -> Answer:
        if request.method not in {"GET", "HEAD"}:
            allowed = ("allow", "GET, HEAD")
            return _problem(405, "This page is only read", "Use GET.", allowed)
        if request.path.rstrip("/") == PREFIX:
            return self._overview(request)
        if found := _EVALUATION.fullmatch(request.path):
            return self._evaluation(found["digest"])
        found = _ADDRESS.fullmatch(request.path)
        return _nothing() if found is None else self._published(found)

    def _published(self, found: re.Match[str]) -> Answer:
        try:
            start = date.fromisoformat(found["start"]) if found["start"] else None
        except ValueError:  # the 31st of February
            return _nothing()
        with self._database.read() as connection:
            published = find_published(connection, start)
        if published is None:
            return _nothing()
        return _file(published, found["file"])

    def _evaluation(self, digest: str) -> Answer:
        """What the rates of a report are copied from: whoever checks it needs it."""
        with self._database.read() as connection:
            found = find_told(connection, digest)
        return _nothing() if found is None else _content("application/json", found.encode())

    def _overview(self, request: WebRequest) -> Answer:
        with self._database.read() as connection:
            reports = list_published(connection)
            latest = find_published(connection)
            keys = [each.vkey for each in list_keys(connection) if each.use == "log"]
        told = json.loads(latest.report) if latest else None
        return page(
            "transparency.html",
            reports=reports,
            latest=told,
            headlines=[] if told is None else _headlines(told),
            log=f"{request.scheme}://{request.host}/log",
            here=f"{request.scheme}://{request.host}{PREFIX}",
            key=keys[-1] if keys else None,
        )


def _file(published: PublishedFile, name: str | None) -> Answer:
    if name is None:
        return document(published.page)
    kind, content = (
        ("application/json", published.report)
        if name == "report.json"
        else ("text/plain; charset=utf-8", published.checkpoint.encode())
    )
    return _content(kind, content)


def _content(kind: str, content: bytes) -> Answer:
    return Answer(status=200, headers=(("content-type", kind), _KEPT, *HEADERS), body=content)


def _headlines(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    counts = {each["id"]: each.get("count") for each in report["figures"]}
    return [
        (words, "withheld" if counts[name] is None else f"{counts[name]:,}".replace(",", " "))
        for name, words in _HEADLINES
        if name in counts
    ]


def _nothing() -> Answer:
    return _problem(404, "There is no such report here", f"The reports that there are: {PREFIX}")


def _problem(status: int, title: str, remedy: str, *headers: tuple[str, str]) -> Answer:
    return page(
        "public_problem.html", status=status, headers=headers, title=title, remedy=remedy, first=PREFIX
    )
