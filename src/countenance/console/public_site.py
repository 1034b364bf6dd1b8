"""Public pages under /people: who shows an enrolment code sees and opens requests about their own faces.

No session, no cookie and no script: each form carries the code, which stands in no address and in no page
but as a field of a form. A wrong code is answered alike whatever is wrong with it.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Final, cast
from uuid import UUID

from countenance.accounts import Actor
from countenance.console.render import held_to_tls, page
from countenance.console.request import BadForm, Form, WebRequest, parse_form
from countenance.errors import ServiceError
from countenance.gateway.call import Answer, Head
from countenance.gateway.log import Fault
from countenance.gateway.site import FORM_BYTES
from countenance.rights import Rights
from countenance.rights.access_report import to_text
from countenance.rights.records import Identified, RequestKind, SubjectRequest
from countenance.rights.requests import days_left
from countenance.store import Database, StoreUnavailable, UnitOfWork

PREFIX: Final = "/people"
BY_CODE: Final = "person by code"
"""Who opens a request here, as the log and the account read it: the name is the account's business."""
MOST_WRONG_HERE: Final = 100
"""Wrong codes an hour from one address, which may be that of a proxy that many are behind."""
_KINDS: Final = {
    "access": "a copy of what is held about me, and what it was used for",
    "erasure": "erase my faces",
    "objection": "I object to my faces being used",
    "withdrawal": "I withdraw my consent",
}
_LOG = logging.getLogger(__name__)
_NOT_PRIVATE: Final = "This address is not encrypted: a code typed here could be read on the way."


class PublicSite:
    """Thread-safe, synchronous, never raises."""

    def __init__(self, rights: Rights, database: Database) -> None:
        self._rights = rights
        self._database = database

    def serves(self, path: str) -> bool:
        """Everything under /people."""
        return path == PREFIX or path.startswith(f"{PREFIX}/")

    def most_body_bytes(self, method: str, path: str) -> int:
        """Its one page takes a form."""
        return FORM_BYTES if method == "POST" and self.serves(path) else 0

    def answer(self, head: Head, body: bytes, *, scheme: str) -> Answer:
        """The page, or one that says what is wrong and what to do."""
        request = WebRequest.of(head, body, scheme=scheme)
        try:
            answer = self._answer(request)
        except BadForm:
            answer = _ask(request, status=400, wrong="that form could not be read: type the code again")
        except ServiceError as error:
            answer = _ask(request, status=error.status, wrong=error.message)
        except StoreUnavailable:
            answer = _ask(request, status=503, wrong="the database is not available: try again in a moment")
        except BaseException as error:  # noqa: BLE001  # as for calls: every way to fail ends so
            fault = Fault.of(error)
            _LOG.error("a page for people failed: fault=%s at=%s", fault.type_name, fault.place)
            answer = _ask(request, status=500, wrong="this page could not be made; tell whoever runs it")
        answer = held_to_tls(answer, request)
        return replace(answer, body=b"") if head.method == "HEAD" else answer

    def _answer(self, request: WebRequest) -> Answer:
        if request.path.rstrip("/") != PREFIX:
            return _ask(request, status=404, wrong="there is no such page: begin here")
        if request.method in {"GET", "HEAD"}:
            return _ask(request)
        if request.method != "POST":
            return _ask(request, status=405, wrong="a page is read or sent a form")
        # INVARIANT: nothing changes because of a form that another site's page sent.
        if not request.is_from_our_pages:
            return _ask(
                request, status=403, wrong="that form did not come from this page: type the code here"
            )
        if not request.is_private:
            return _ask(request, status=400)
        form = parse_form(request)
        who = self._rights.codes.identify(
            form.one("code"), place=_place_of(request), most_wrong=MOST_WRONG_HERE, is_recorded=True
        )
        return self._do(form, who)

    def _do(self, form: Form, who: Identified) -> Answer:
        match form.one("do"):
            case "open":
                return self._open(form, who)
            case "report":
                return self._report(form, who)
            case "proof":
                return self._proof(form, who)
            case _:
                return self._show(form, who)

    def _open(self, form: Form, who: Identified) -> Answer:
        kind = form.one("kind")
        if kind not in _KINDS:
            return self._show(form, who, wrong="choose what you ask for", status=400)
        if any(each.status == "open" and each.kind == kind for each in self._requests(who)):
            # a form that is sent twice, by a reload, opens one
            return self._show(form, who, told="You have asked for this already; it is open below.")
        with UnitOfWork(self._database) as uow:
            self._rights.requests.open_by_code(
                who, cast("RequestKind", kind), opened_by=BY_CODE, actor=Actor(BY_CODE, uow.connection)
            )
            uow.commit()
        return self._show(
            form, who, told="Your request is open. Keep your code: you see here what comes of it."
        )

    def _report(self, form: Form, who: Identified) -> Answer:
        request = self._own(form, who)
        if request is None or request.kind != "access" or request.status == "refused":
            return self._show(form, who, wrong="there is no report for that request", status=400)
        with UnitOfWork(self._database) as uow:
            self._rights.reports.note_read(request, actor=Actor(BY_CODE, uow.connection))
            uow.commit()
        text = to_text(self._rights.reports.make(request))
        return page("people_text.html", title="What is held about you", code=form.one("code"), text=text)

    def _proof(self, form: Form, who: Identified) -> Answer:
        request = self._own(form, who)
        if request is None or request.erased_ids is None:
            return self._show(form, who, wrong="by that request nothing was erased", status=400)
        proof = self._rights.erasing.prove(request)
        return page("people_proof.html", code=form.one("code"), proof=proof, receipt=request.receipt)

    def _show(
        self, form: Form, who: Identified, *, told: str = "", wrong: str = "", status: int = 200
    ) -> Answer:
        return page(
            "people_requests.html",
            status=status,
            code=form.one("code"),
            account=who.account_id,
            collection=who.collection,
            kinds=_KINDS,
            requests=[(each, days_left(each)) for each in self._requests(who)],
            told=told,
            wrong=wrong,
        )

    def _requests(self, who: Identified) -> list[SubjectRequest]:
        return self._rights.requests.list(who.account_id, code_id=who.code_id)

    def _own(self, form: Form, who: Identified) -> SubjectRequest | None:
        """The request that the form names, if it was opened with this code."""
        try:
            wanted = UUID(form.one("request"))
        except ValueError:
            return None
        return next((each for each in self._requests(who) if each.request_id == wanted), None)


def _place_of(request: WebRequest) -> str:
    """An address; of IPv6 the network that one visitor has, of whose addresses there is no end."""
    try:
        address = ip_address(request.client)
    except ValueError:  # a socket of the machine's own
        return f"address {request.client}"
    return f"address {ip_network((address, 64), strict=False) if address.version == 6 else address}"


def _ask(request: WebRequest, *, status: int = 200, wrong: str = "") -> Answer:
    private = request.is_private
    return page(
        "people_code.html",
        status=status,
        wrong=wrong,
        private=private,
        told="" if private else _NOT_PRIVATE,
    )
