"""The ways in, of who is not signed in: password, passkey, invitation, a provider; and the way out."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Final

from countenance.accounts.sign_in import ConsoleSession, Enrolment, session_digest
from countenance.console.cookies import session_cookie
from countenance.console.door import Door
from countenance.console.openid import Attempt
from countenance.console.openid_entrance import attempt_cookie, openid, openid_back
from countenance.console.outside_pages import (
    AFTER,
    CROWDED,
    INVITATION,
    NO_INVITATION,
    OPENID,
    OPENID_BACK,
    PASSKEY,
    SIGN_IN,
    SIGN_IN_BY_PASSKEY,
    START,
    TOO_LATE,
    about_invitation,
    after,
    answered,
    ask_for_code,
    set_up,
    sign_in_page,
)
from countenance.console.passkey_attempt import find_place
from countenance.console.render import page, redirect
from countenance.console.request import BadForm, Form, WebRequest, parse_form
from countenance.console.turnstile import Crowded
from countenance.console.visit import FORM_TOKEN, form_token
from countenance.errors import AccessDeniedException, InvalidParameterException
from countenance.gateway.call import Answer


def sign_in(request: WebRequest, door: Door) -> Answer:
    """Ask for account, name, password and code; with them, a session."""
    if request.method != "POST":
        return sign_in_page(request, door)
    if not request.is_private:
        return sign_in_page(request, door, status=400)
    form = parse_form(request)
    account, name = form.one("account"), form.one("name")
    try:
        # INVARIANT: always a new number. One that the browser came with may be somebody else's choice.
        with door.hashing.turn():
            number = door.sign_ins.sign_in(
                account, name, password=_password(form), one_time_code=form.one("one_time_code")
            )
    except Crowded:
        return sign_in_page(request, door, status=503, wrong=CROWDED, account=account, name=name)
    except AccessDeniedException as error:
        return sign_in_page(request, door, status=403, wrong=error.message, account=account, name=name)
    return _let_in(request, door, number, after(request))


def passkey(request: WebRequest, door: Door) -> Answer:
    """What an authenticator signed: with it, a session. Whose it is it says itself."""
    if request.method != "POST":
        return redirect(SIGN_IN)
    place, form = find_place(request, door.place), parse_form(request)
    if isinstance(place, str):
        return sign_in_page(request, door, status=400, wrong=place)
    challenge = answered(request, form, door, about=SIGN_IN_BY_PASSKEY)
    if challenge is None:
        return sign_in_page(request, door, status=400, wrong=TOO_LATE)
    try:
        # INVARIANT: as above, always a new number.
        number = door.passkeys.sign_in(form.one("credential"), place, challenge)
    except AccessDeniedException as error:
        return sign_in_page(request, door, status=403, wrong=error.message)
    return _let_in(request, door, number, after(request))


def invitation(request: WebRequest, door: Door) -> Answer:
    """First the code of the invitation, then what is set up with it. The code stands in no address."""
    if request.method != "POST" or not request.is_private:
        return ask_for_code(request, status=200 if request.method != "POST" else 400)
    form = parse_form(request)
    code = form.one("code")
    found = door.sign_ins.invited(code)
    if found is None:
        return ask_for_code(request, status=403, wrong=NO_INVITATION)
    if form.one("do") == "passkey":
        return _take_up_with_passkey(request, door, form, found)
    if form.one("do") == "link" and door.provider is not None:
        kept = attempt_cookie(request, Attempt(invitation=code).to_cookie(door.key))
        return page("openid.html", headers=(("set-cookie", kept),), goes_to=OPENID, told="")
    if "password" not in form.values:
        return set_up(request, found, code, door)
    return _take_up(request, door, form, found)


def _take_up(request: WebRequest, door: Door, form: Form, found: Enrolment) -> Answer:
    code = form.one("code")
    if _password(form) != form.values.get("again", ("",))[-1]:
        return set_up(request, found, code, door, wrong="the two passwords differ", status=400)
    try:
        with door.hashing.turn():
            door.sign_ins.take_up(code, password=_password(form), one_time_code=form.one("one_time_code"))
    except Crowded:
        return set_up(request, found, code, door, wrong=CROWDED, status=503)
    except InvalidParameterException as error:
        return set_up(request, found, code, door, wrong=error.message, status=400)
    told = "Your password is set. Sign in with it, and with the next code that your device shows."
    return sign_in_page(request, door, account=found.account_id, name=found.name, told=told)


def _take_up_with_passkey(request: WebRequest, door: Door, form: Form, found: Enrolment) -> Answer:
    code, place = form.one("code"), find_place(request, door.place)
    if isinstance(place, str):
        return set_up(request, found, code, door, wrong=place, status=400)
    challenge = answered(request, form, door, about=about_invitation(code))
    if challenge is None:
        return set_up(request, found, code, door, wrong=TOO_LATE, status=400)
    try:
        number = door.passkeys.take_up(
            code, form.one("credential"), place, challenge, name=form.one("passkey_name")
        )
    except (AccessDeniedException, InvalidParameterException) as error:
        return set_up(request, found, code, door, wrong=error.message, status=error.status)
    return _let_in(request, door, number, START)


def _let_in(request: WebRequest, door: Door, number: str, where: str) -> Answer:
    """On with a new session. The one that the browser had, which it forgets with this, ends."""
    if (older := request.session_number) is not None:
        door.sign_ins.end(session_digest(older))
    return redirect(where, ("set-cookie", session_cookie(request, number)))


def sign_out(request: WebRequest, session: ConsoleSession, number: str, door: Door) -> Answer:
    """End the session, for a form that one of its own pages sent."""
    if request.method != "POST":
        return redirect(START)
    if not hmac.compare_digest(parse_form(request).one(FORM_TOKEN), form_token(number)):
        raise BadForm("the form is of another session")
    door.sign_ins.sign_out(session)
    to = parse_form(request).one("to")
    where = f"{SIGN_IN}?to={to}" if to in AFTER else SIGN_IN
    return redirect(where, ("set-cookie", session_cookie(request, "", lasts_s=0)))


def _password(form: Form) -> str:
    """As it was typed: blanks at the ends are part of it."""
    return form.values.get("password", ("",))[-1]


PAGES: Final[Mapping[str, Callable[[WebRequest, Door], Answer]]] = {
    SIGN_IN: sign_in,
    INVITATION: invitation,
    PASSKEY: passkey,
    OPENID: openid,
    OPENID_BACK: openid_back,
}
