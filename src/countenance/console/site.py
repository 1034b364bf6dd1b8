"""Which page answers which address, for whom; and everything that can be refused before a page is asked."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, unquote

from countenance.accounts.sign_in import ConsoleSession
from countenance.console import entrance
from countenance.console.calls import CallRefused, GatewayCalls
from countenance.console.door import Door
from countenance.console.outside_pages import SIGN_IN, SIGN_OUT
from countenance.console.render import held_to_tls, page, redirect, static
from countenance.console.request import BadForm, WebRequest
from countenance.console.routes import ROUTES, Route
from countenance.console.visit import Visit
from countenance.errors import ServiceError
from countenance.gateway.call import Answer, Head
from countenance.gateway.log import Fault
from countenance.gateway.site import FORM_BYTES
from countenance.store import StoreUnavailable

PREFIX: Final = "/console"
_LOG = logging.getLogger(__name__)
_ALLOWED: Final = ("allow", "GET, HEAD, POST")


@dataclass(frozen=True, slots=True)
class _Found:
    route: Route
    parts: dict[str, str]


class ConsoleSite:
    """Thread-safe, synchronous, never raises."""

    def __init__(self, calls: GatewayCalls, door: Door, *, routes: Sequence[Route] = ROUTES) -> None:
        self._calls = calls
        self._door = door
        self._routes = [(re.compile(route.pattern), route) for route in routes]
        self._menu = [route for route in routes if route.title]

    def serves(self, path: str) -> bool:
        """Everything under /console."""
        return path == PREFIX or path.startswith(f"{PREFIX}/")

    def most_body_bytes(self, method: str, path: str) -> int:
        """Of a POST: a form, or files where a page takes them."""
        if method != "POST":
            return 0
        found = self._find(path)
        return FORM_BYTES if found is None else max(FORM_BYTES, found.route.file_bytes)

    def answer(self, head: Head, body: bytes, *, scheme: str) -> Answer:
        """The page, or one that says what is wrong and what to do."""
        request = WebRequest.of(head, body, scheme=scheme)
        try:
            answer = self._answer(request)
        except BadForm as error:
            answer = _problem(
                400, "That form could not be taken", f"{error}. Go back, reload the page, try again."
            )
        except StoreUnavailable:
            answer = _problem(503, "The database is not available", "Try again in a moment.")
        except ServiceError as error:
            answer = _problem(error.status, "That cannot be done", error.message)
        except BaseException as error:  # noqa: BLE001  # as for calls: every way to fail ends so
            fault = Fault.of(error)
            _LOG.error("a page of the console failed: fault=%s at=%s", fault.type_name, fault.place)
            answer = _problem(500, "This page could not be made", "It is in the server's log.")
        answer = held_to_tls(answer, request)
        return replace(answer, body=b"") if head.method == "HEAD" else answer

    def _answer(self, request: WebRequest) -> Answer:
        if request.path.startswith(f"{PREFIX}/static/"):
            return static(request.path.removeprefix(f"{PREFIX}/static/")) or _nothing()
        if request.method not in {"GET", "HEAD", "POST"}:
            return _problem(405, "A page is read or sent a form", "Use GET or POST.", _ALLOWED)
        # INVARIANT: nothing changes because of a form that another site's page sent.
        if request.method == "POST" and not request.is_from_our_pages:
            return _problem(
                403, "That form did not come from this console", "Open the page here and send it again."
            )
        if (open_page := entrance.PAGES.get(request.path)) is not None:
            return open_page(request, self._door)
        number = request.session_number
        # INVARIANT: a page that looks again by itself is no sign of anybody, and keeps no session alive.
        is_used = request.refreshes is None
        session = self._door.sign_ins.find(number, is_used=is_used) if number is not None else None
        if number is None or session is None:
            comes_back = number is not None and request.method == "GET" and self._find(request.path)
            return redirect(f"{SIGN_IN}?to={quote(request.path, safe='/')}" if comes_back else SIGN_IN)
        return self._visit(request, session, number)

    def _visit(self, request: WebRequest, session: ConsoleSession, number: str) -> Answer:
        if request.path == SIGN_OUT:
            return entrance.sign_out(request, session, number, self._door)
        found = self._find(request.path)
        if found is None or not session.roles & found.route.roles:
            # What a role does not see is answered as what is not there.
            return _nothing(session)
        menu = [
            (route.title, route.path, route.path == found.route.path)
            for route in self._menu
            if session.roles & route.roles
        ]
        visit = Visit(
            request=request,
            session=session,
            number=number,
            calls=self._calls,
            door=self._door,
            parts=found.parts,
            menu=menu,
            takes_files=found.route.file_bytes > 0,
        )
        return _page_of(visit, found.route)

    def _find(self, path: str) -> _Found | None:
        for pattern, route in self._routes:
            if (match := pattern.fullmatch(path)) is not None:
                return _Found(route, {name: unquote(part) for name, part in match.groupdict().items()})
        return None


def _page_of(visit: Visit, route: Route) -> Answer:
    if visit.request.method == "POST":
        visit.require_our_form()
        return _taken(visit, route)
    try:
        return route.show(visit)
    except CallRefused as error:
        return _refused(visit, error)


def _taken(visit: Visit, route: Route) -> Answer:
    """What follows on a form; where it is not taken, the page again, with what was typed and why."""
    if route.take is None:
        return _problem(405, "This page takes no form", "Go back.", ("allow", "GET, HEAD"))
    bad: BadForm = BadForm()
    refused: CallRefused | None = None
    try:
        return route.take(visit)
    except BadForm as error:
        bad, visit.wrong = error, f"{error}"
    except CallRefused as error:
        refused, visit.wrong = error, f"{error.code}: {error.message}"
    status = bad.status if refused is None else refused.status
    try:
        shown = route.show(visit)
    except CallRefused:
        shown = None
    if shown is not None and shown.status == 200:
        return replace(shown, status=status)
    # There is no such page any more, or it cannot be made: it is told on one of its own.
    return _problem(status, "Not taken", visit.wrong) if refused is None else _refused(visit, refused)


def _nothing(session: ConsoleSession | None = None) -> Answer:
    roles = ", ".join(sorted(session.roles)) if session else ""
    told = f" Your roles are: {roles}." if roles else ""
    return _problem(404, "There is no such page for you here", f"Go to the console's start.{told}")


def _problem(status: int, title: str, remedy: str, *headers: tuple[str, str]) -> Answer:
    return page("problem.html", status=status, headers=headers, title=title, remedy=remedy)


def _refused(visit: Visit, error: CallRefused) -> Answer:
    """Within the console's menu: whoever is refused something may want to read why."""
    return visit.page(
        "refused.html",
        status=error.status if 400 <= error.status < 600 else 500,
        message=error.message,
        code=error.code,
        event_id=error.event_id,
    )
