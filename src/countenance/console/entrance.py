"""The pages before one is signed in: sign-in, invitation, an OpenID provider's answer; and the way out."""

from __future__ import annotations

import base64
import hmac
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import segno

from countenance.accounts.sign_in import ConsoleSession, Enrolment, SignIns, session_digest
from countenance.console.openid import Attempt, NotSaid, OpenIdProvider
from countenance.console.render import page, redirect
from countenance.console.request import COOKIE, BadForm, Form, WebRequest, parse_form
from countenance.console.visit import FORM_TOKEN, form_token
from countenance.errors import AccessDeniedException, InvalidParameterException
from countenance.gateway.call import Answer

SIGN_IN: Final = "/console/sign-in"
SIGN_OUT: Final = "/console/sign-out"
INVITATION: Final = "/console/invitation"
OPENID: Final = "/console/openid"
OPENID_BACK: Final = "/console/openid/back"
START: Final = "/console"
_ATTEMPT: Final = "countenance-openid"
_NOT_PRIVATE: Final = (
    "This address is not encrypted: a password typed here could be read on the way. Serve with TLS, put a "
    "proxy with TLS in front, or open the console on the server's own machine."
)
_NO_INVITATION: Final = (
    "there is no such invitation, or it was used, replaced, or has ended: ask for a new one"
)
_WORD: Final = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class Door:
    """What lets people in. Thread-safe.

    Attributes:
        key: that attempts to sign in with a provider are marked with, 32 bytes.
        provider: None where there is none.
    """

    sign_ins: SignIns
    key: bytes = field(repr=False)
    provider: OpenIdProvider | None = None


def sign_in(request: WebRequest, door: Door) -> Answer:
    """Ask for account, name, password and code; with them, a session."""
    if request.method != "POST":
        return _sign_in_page(request, door)
    if not request.is_private:
        return _sign_in_page(request, door, status=400)
    form = parse_form(request)
    account, name = form.one("account"), form.one("name")
    try:
        # INVARIANT: always a new number. One that the browser came with may be somebody else's choice.
        number = door.sign_ins.sign_in(
            account, name, password=_password(form), one_time_code=form.one("one_time_code")
        )
    except AccessDeniedException as error:
        return _sign_in_page(request, door, status=403, wrong=error.message, account=account, name=name)
    _end_older(request, door)
    return redirect(START, ("set-cookie", _cookie(request, number)))


def invitation(request: WebRequest, door: Door) -> Answer:
    """First the code of the invitation, then what is set up with it. The code stands in no address."""
    if request.method != "POST" or not request.is_private:
        return _ask_for_code(request, status=200 if request.method != "POST" else 400)
    form = parse_form(request)
    code = form.one("code")
    found = door.sign_ins.invited(code)
    if found is None:
        return _ask_for_code(request, status=403, wrong=_NO_INVITATION)
    if form.one("do") == "link" and door.provider is not None:
        kept = _attempt_cookie(request, Attempt(invitation=code).to_cookie(door.key))
        return page("openid.html", headers=(("set-cookie", kept),), goes_to=OPENID, told="")
    if "password" not in form.values:
        return _set_up(found, code, door)
    return _take_up(request, door, form, found)


def _take_up(request: WebRequest, door: Door, form: Form, found: Enrolment) -> Answer:
    code = form.one("code")
    if _password(form) != form.values.get("again", ("",))[-1]:
        return _set_up(found, code, door, wrong="the two passwords differ", status=400)
    try:
        door.sign_ins.take_up(code, password=_password(form), one_time_code=form.one("one_time_code"))
    except InvalidParameterException as error:
        return _set_up(found, code, door, wrong=error.message, status=400)
    told = "Your password is set. Sign in with it, and with the next code that your device shows."
    return _sign_in_page(request, door, account=found.account_id, name=found.name, told=told)


def openid(request: WebRequest, door: Door) -> Answer:
    """On to the provider, with an attempt that this browser keeps."""
    if door.provider is None or not request.is_private:
        return redirect(SIGN_IN)
    begun = _kept_attempt(request, door)
    older = request.session_number
    attempt = Attempt(
        invitation=begun.invitation if begun else "", older=session_digest(older) if older else ""
    )
    try:
        address = door.provider.address_for(attempt, back_to=_back_to(request))
    except NotSaid as error:
        return _sign_in_page(request, door, status=502, wrong=str(error))
    kept = _attempt_cookie(request, attempt.to_cookie(door.key))
    return redirect(address, ("set-cookie", kept), elsewhere=True)


def openid_back(request: WebRequest, door: Door) -> Answer:
    """What the provider sent the browser back with: a session, if it says who it is."""
    asked, attempt = request.asked(), _kept_attempt(request, door)
    if door.provider is None or attempt is None or not request.is_private:
        return _sign_in_page(request, door, status=400, wrong="that attempt is over: begin again")
    # INVARIANT: an answer to another browser's attempt signs nobody in here.
    if not hmac.compare_digest(asked.get("state", "").encode(), attempt.state.encode()):
        return _sign_in_page(
            request, door, status=400, wrong="that was no answer to this attempt: begin again"
        )
    if "code" not in asked:
        word = asked.get("error", "")
        said = word if _WORD.fullmatch(word) else "no code"
        return _sign_in_page(request, door, status=403, wrong=f"the provider says: {said}")
    try:
        identity = door.provider.who(attempt, asked["code"], back_to=_back_to(request))
        if attempt.invitation:
            number = door.sign_ins.take_up_by_identity(attempt.invitation, identity)
        else:
            number = door.sign_ins.sign_in_by_identity(identity)
    except NotSaid as error:
        return _sign_in_page(request, door, status=502, wrong=str(error))
    except AccessDeniedException as error:
        return _sign_in_page(request, door, status=403, wrong=error.message)
    if attempt.older:
        door.sign_ins.end(attempt.older)
    # A page and no redirect: on a way that began elsewhere browsers leave out a cookie that is ours alone.
    cookies = (
        ("set-cookie", _cookie(request, number)),
        ("set-cookie", _attempt_cookie(request, "", lasts_s=0)),
    )
    return page("openid.html", headers=cookies, goes_to=START, told="You are signed in.")


def sign_out(request: WebRequest, session: ConsoleSession, number: str, door: Door) -> Answer:
    """End the session, for a form that one of its own pages sent."""
    if request.method != "POST":
        return redirect(START)
    if not hmac.compare_digest(parse_form(request).one(FORM_TOKEN), form_token(number)):
        raise BadForm("the form is of another session")
    door.sign_ins.sign_out(session)
    return redirect(SIGN_IN, ("set-cookie", _cookie(request, "", lasts_s=0)))


def _end_older(request: WebRequest, door: Door) -> None:
    """Whoever signs in anew in a browser leaves nobody signed in whom it has forgotten."""
    if (older := request.session_number) is not None:
        door.sign_ins.end(session_digest(older))


def _sign_in_page(
    request: WebRequest,
    door: Door,
    *,
    status: int = 200,
    wrong: str = "",
    account: str = "",
    name: str = "",
    told: str = "",
) -> Answer:
    private = request.is_private
    given: dict[str, Any] = {"account": account, "name": name, "wrong": wrong, "private": private}
    has_provider = door.provider is not None
    shown = told if private else _NOT_PRIVATE
    return page("sign_in.html", status=status, told=shown, has_provider=has_provider, **given)


def _ask_for_code(request: WebRequest, *, status: int, wrong: str = "") -> Answer:
    private = request.is_private
    given: dict[str, Any] = {"found": None, "code": "", "wrong": wrong, "private": private}
    told = "" if private else _NOT_PRIVATE
    return page("invitation.html", status=status, told=told, has_provider=False, **given)


def _set_up(found: Enrolment, code: str, door: Door, *, wrong: str = "", status: int = 200) -> Answer:
    target = io.BytesIO()
    segno.make(found.uri, error="m").save(target, kind="svg", border=3, dark="#000", light="#fff")
    picture = base64.b64encode(target.getvalue()).decode()
    given: dict[str, Any] = {"found": found, "code": code, "wrong": wrong, "picture": picture}
    has_provider = door.provider is not None
    return page("invitation.html", status=status, private=True, told="", has_provider=has_provider, **given)


def _password(form: Form) -> str:
    """As it was typed: blanks at the ends are part of it."""
    return form.values.get("password", ("",))[-1]


def _back_to(request: WebRequest) -> str:
    """Our address for the provider's answer; it takes only one that was registered there."""
    return f"{request.scheme}://{request.host}{OPENID_BACK}"


def _kept_attempt(request: WebRequest, door: Door) -> Attempt | None:
    text = request.cookie(request.cookie_name(_ATTEMPT))
    return None if text is None else Attempt.from_cookie(text, door.key)


def _cookie(request: WebRequest, number: str, *, lasts_s: int | None = None) -> str:
    return _set(request, COOKIE, number, path=START, site="Strict", lasts_s=lasts_s)


def _attempt_cookie(request: WebRequest, text: str, *, lasts_s: int = 600) -> str:
    """`Lax`: it has to come along when the provider sends the browser back."""
    return _set(request, _ATTEMPT, text, path=OPENID, site="Lax", lasts_s=lasts_s)


def _set(request: WebRequest, name: str, value: str, *, path: str, site: str, lasts_s: int | None) -> str:
    """`__Host-` needs the whole host as its path; without TLS, on the same machine, the narrow one does."""
    is_tls = request.scheme == "https"
    where = ["Path=/", "Secure"] if is_tls else [f"Path={path}"]
    lasts = [] if lasts_s is None else [f"Max-Age={lasts_s}"]
    return "; ".join([f"{request.cookie_name(name)}={value}", *where, "HttpOnly", f"SameSite={site}", *lasts])


PAGES: Final[Mapping[str, Callable[[WebRequest, Door], Answer]]] = {
    SIGN_IN: sign_in,
    INVITATION: invitation,
    OPENID: openid,
    OPENID_BACK: openid_back,
}
