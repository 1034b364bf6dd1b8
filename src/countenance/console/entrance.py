"""The pages before one is signed in: sign-in and invitation; and the way out."""

from __future__ import annotations

import base64
import hmac
import io
from collections.abc import Callable, Mapping
from typing import Any, Final

import segno

from countenance.accounts.sign_in import ConsoleSession, Enrolment, SignIns
from countenance.console.render import page, redirect
from countenance.console.request import COOKIE, BadForm, Form, WebRequest, parse_form
from countenance.console.visit import FORM_TOKEN, form_token
from countenance.errors import AccessDeniedException, InvalidParameterException
from countenance.gateway.call import Answer

SIGN_IN: Final = "/console/sign-in"
SIGN_OUT: Final = "/console/sign-out"
INVITATION: Final = "/console/invitation"
START: Final = "/console"
_NOT_PRIVATE: Final = (
    "This address is not encrypted: a password typed here could be read on the way. Put a proxy with TLS in "
    "front of the server, or open the console on the server's own machine."
)


def sign_in(request: WebRequest, sign_ins: SignIns) -> Answer:
    """Ask for account, name, password and code; with them, a session."""
    if request.method != "POST":
        return _sign_in_page(request)
    if not request.is_private:
        return _sign_in_page(request, status=400)
    form = parse_form(request)
    try:
        # INVARIANT: always a new number. One that the browser came with may be somebody else's choice.
        number = sign_ins.sign_in(
            form.one("account"),
            form.one("name"),
            password=_password(form),
            one_time_code=form.one("one_time_code"),
        )
    except AccessDeniedException as error:
        return _sign_in_page(
            request, status=403, wrong=error.message, account=form.one("account"), name=form.one("name")
        )
    return redirect(START, ("set-cookie", _cookie(request, number)))


def invitation(request: WebRequest, sign_ins: SignIns) -> Answer:
    """First the code of the invitation, then what is set up with it. The code stands in no address."""
    if request.method != "POST" or not request.is_private:
        return _ask_for_code(request, status=200 if request.method != "POST" else 400)
    form = parse_form(request)
    code = form.one("code")
    found = sign_ins.invited(code)
    if found is None:
        wrong = "there is no such invitation, or it was used, replaced, or has ended: ask for a new one"
        return _ask_for_code(request, status=403, wrong=wrong)
    if "password" not in form.values:
        return _set_up(found, code)
    if _password(form) != form.values.get("again", ("",))[-1]:
        return _set_up(found, code, wrong="the two passwords differ", status=400)
    try:
        sign_ins.take_up(code, password=_password(form), one_time_code=form.one("one_time_code"))
    except InvalidParameterException as error:
        return _set_up(found, code, wrong=error.message, status=400)
    return page(
        "sign_in.html",
        account=found.account_id,
        name=found.name,
        wrong="",
        private=True,
        told="Your password is set. Sign in with it, and with the next code that your device shows.",
    )


def sign_out(request: WebRequest, session: ConsoleSession, number: str, sign_ins: SignIns) -> Answer:
    """End the session, for a form that one of its own pages sent."""
    if request.method != "POST":
        return redirect(START)
    if not hmac.compare_digest(parse_form(request).one(FORM_TOKEN), form_token(number)):
        raise BadForm("the form is of another session")
    sign_ins.sign_out(session)
    return redirect(SIGN_IN, ("set-cookie", _cookie(request, "", lasts_s=0)))


def _sign_in_page(
    request: WebRequest, *, status: int = 200, wrong: str = "", account: str = "", name: str = ""
) -> Answer:
    private = request.is_private
    return page(
        "sign_in.html",
        status=status,
        account=account,
        name=name,
        wrong=wrong,
        private=private,
        told="" if private else _NOT_PRIVATE,
    )


def _ask_for_code(request: WebRequest, *, status: int, wrong: str = "") -> Answer:
    private = request.is_private
    told = "" if private else _NOT_PRIVATE
    return page(
        "invitation.html", status=status, found=None, code="", wrong=wrong, private=private, told=told
    )


def _set_up(found: Enrolment, code: str, *, wrong: str = "", status: int = 200) -> Answer:
    target = io.BytesIO()
    segno.make(found.uri, error="m").save(target, kind="svg", border=3, dark="#000", light="#fff")
    picture = base64.b64encode(target.getvalue()).decode()
    given: dict[str, Any] = {"found": found, "code": code, "wrong": wrong, "picture": picture}
    return page("invitation.html", status=status, private=True, told="", **given)


def _password(form: Form) -> str:
    """As it was typed: blanks at the ends are part of it."""
    return form.values.get("password", ("",))[-1]


def _cookie(request: WebRequest, number: str, *, lasts_s: int | None = None) -> str:
    parts = [f"{COOKIE}={number}", "Path=/console", "HttpOnly", "SameSite=Strict"]
    if request.scheme == "https":
        parts.append("Secure")
    if lasts_s is not None:
        parts.append(f"Max-Age={lasts_s}")
    return "; ".join(parts)


PAGES: Final[Mapping[str, Callable[[WebRequest, SignIns], Answer]]] = {
    SIGN_IN: sign_in,
    INVITATION: invitation,
}
