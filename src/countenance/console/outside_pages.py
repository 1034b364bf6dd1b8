"""The pages before one is signed in, as they look; and the cookies that go with them."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import secrets
from typing import Any, Final
from urllib.parse import quote

import segno

from countenance.accounts.authenticators import Place, creation_options, request_options
from countenance.accounts.passkeys import Challenge
from countenance.accounts.sign_in import Enrolment
from countenance.console.cookies import kept_cookie
from countenance.console.door import Door
from countenance.console.passkey_attempt import Asking, PasskeyAttempt, find_place
from countenance.console.render import page
from countenance.console.request import Form, WebRequest
from countenance.gateway.call import Answer

SIGN_IN: Final = "/console/sign-in"
SIGN_OUT: Final = "/console/sign-out"
INVITATION: Final = "/console/invitation"
PASSKEY: Final = "/console/passkey"
OPENID: Final = "/console/openid"
OPENID_BACK: Final = "/console/openid/back"
START: Final = "/console"
_BROWSER: Final = "countenance-browser"
SIGN_IN_BY_PASSKEY: Final = "sign in"
AFTER: Final = {"passkeys": "/console/passkeys"}
"""Where somebody goes on who was sent to sign in."""
_PAGE_OF_OURS: Final = re.compile(
    r"/console(?:/(?!(?:\.|%2[eE]){1,2}(?:/|\Z))[A-Za-z0-9._~%:@+-]{1,800}){1,5}", re.ASCII
)
"""Without `.` and `..`, by which a browser would leave the console again."""
_ENDED: Final = "Your session has ended. Sign in, and you come back to the page, with what you typed."
CROWDED: Final = "many people are signing in just now: try again in a few seconds"
_RETRY: Final = ("retry-after", "5")
TOO_LATE: Final = "that page had been open for too long, or the button was pressed twice: press it again"
_NOT_PRIVATE: Final = (
    "This address is not encrypted: a password typed here could be read on the way. Serve with TLS, put a "
    "proxy with TLS in front, or open the console on the server's own machine."
)
NO_INVITATION: Final = (
    "there is no such invitation, or it was used, replaced, or has ended: ask for a new one"
)

Headers = tuple[tuple[str, str], ...]


def sign_in_page(
    request: WebRequest,
    door: Door,
    *,
    status: int = 200,
    wrong: str = "",
    account: str = "",
    name: str = "",
    told: str = "",
) -> Answer:
    private, place = request.is_private, find_place(request, door.place)
    given: dict[str, Any] = {"account": account, "name": name, "wrong": wrong, "private": private}
    given["asking"] = None
    browser = request.own_cookie(_BROWSER) or secrets.token_urlsafe(24)
    if isinstance(place, Place):
        given["asking"] = Asking.of(
            SIGN_IN_BY_PASSKEY, door.key, browser, lambda challenge: request_options(place, challenge)
        )
    asked_to = request.asked().get("to", "")
    comes_back = _PAGE_OF_OURS.fullmatch(asked_to) is not None
    told = told or (_ENDED if comes_back and request.method == "GET" else "")
    return page(
        "sign_in.html",
        status=status,
        headers=_beside(request, given["asking"], browser, status),
        told=told if private else _NOT_PRIVATE,
        has_provider=door.provider is not None,
        no_passkeys=place if isinstance(place, str) else "",
        to=quote(asked_to, safe="/") if asked_to in AFTER or comes_back else "",
        **given,
    )


def ask_for_code(request: WebRequest, *, status: int, wrong: str = "") -> Answer:
    private = request.is_private
    given: dict[str, Any] = {"found": None, "code": "", "wrong": wrong, "private": private, "asking": None}
    told = "" if private else _NOT_PRIVATE
    return page("invitation.html", status=status, told=told, has_provider=False, no_passkeys="", **given)


def set_up(
    request: WebRequest, found: Enrolment, code: str, door: Door, *, wrong: str = "", status: int = 200
) -> Answer:
    target = io.BytesIO()
    segno.make(found.uri, error="m").save(target, kind="svg", border=3, dark="#000", light="#fff")
    picture = base64.b64encode(target.getvalue()).decode()
    given: dict[str, Any] = {"found": found, "code": code, "wrong": wrong, "picture": picture}
    given["asking"] = None
    place, browser = (
        find_place(request, door.place),
        request.own_cookie(_BROWSER) or secrets.token_urlsafe(24),
    )
    if isinstance(place, Place):
        who = {"operator_id": found.operator_id, "name": f"{found.name} ({found.account_id})"}
        given["asking"] = Asking.of(
            about_invitation(code),
            door.key,
            browser,
            lambda challenge: creation_options(place, challenge, **who, has=()),
        )
    return page(
        "invitation.html",
        status=status,
        headers=_beside(request, given["asking"], browser, status),
        private=True,
        told="",
        has_provider=door.provider is not None,
        no_passkeys=place if isinstance(place, str) else "",
        **given,
    )


def answered(request: WebRequest, form: Form, door: Door, *, about: str) -> Challenge | None:
    """The challenge of the attempt that a form is of, if it is this browser's, for this, and not over."""
    browser = request.own_cookie(_BROWSER)
    if not browser:
        return None
    attempt = PasskeyAttempt.from_text(form.one("attempt"), door.key, browser, about=about)
    return None if attempt is None else attempt.asked


def about_invitation(code: str) -> str:
    return f"invitation {hashlib.sha256(code.encode()).hexdigest()}"


def after(request: WebRequest) -> str:
    """Where somebody goes on who has signed in: where they were sent from, if that is a page we know."""
    to = request.asked().get("to", "")
    return to if _PAGE_OF_OURS.fullmatch(to) else AFTER.get(to, START)


def _beside(request: WebRequest, asking: Asking | None, browser: str, status: int) -> Headers:
    """Headers of a page: the number that its attempt is marked with, if it asks for a passkey."""
    cookie = ("set-cookie", kept_cookie(request, _BROWSER, browser))
    is_new = asking is not None and request.own_cookie(_BROWSER) != browser
    return (*((cookie,) if is_new else ()), *((_RETRY,) if status == 503 else ()))
