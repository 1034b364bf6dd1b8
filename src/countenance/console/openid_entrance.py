"""Sign-in with a provider's account: out to the provider, and back."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from countenance.accounts.sign_in import Identity, SignIns, session_digest
from countenance.console.cookies import kept_cookie, session_cookie
from countenance.console.door import Door
from countenance.console.openid import Attempt, NotSaid
from countenance.console.outside_pages import (
    CROWDED,
    OPENID,
    OPENID_BACK,
    SIGN_IN,
    START,
    after,
    sign_in_page,
)
from countenance.console.render import page, redirect
from countenance.console.request import WebRequest
from countenance.console.turnstile import Crowded
from countenance.errors import AccessDeniedException
from countenance.gateway.call import Answer

_ATTEMPT: Final = "countenance-openid"
_MOST_TO: Final = 1500
_WORD: Final = re.compile(r"[a-z_]{1,40}")


def openid(request: WebRequest, door: Door) -> Answer:
    """On to the provider, with an attempt that this browser keeps."""
    if door.provider is None or not request.is_private:
        return redirect(SIGN_IN)
    begun = _kept_attempt(request, door)
    older = request.session_number
    attempt = Attempt(
        invitation=begun.invitation if begun else "",
        older=session_digest(older) if older else "",
        to=_to(request),
    )
    try:
        with door.asking.turn():
            address = door.provider.address_for(attempt, back_to=_back_to(request))
    except Crowded:
        return sign_in_page(request, door, status=503, wrong=CROWDED)
    except NotSaid as error:
        return sign_in_page(request, door, status=502, wrong=str(error))
    kept = attempt_cookie(request, attempt.to_cookie(door.key))
    return redirect(address, ("set-cookie", kept), elsewhere=True)


def openid_back(request: WebRequest, door: Door) -> Answer:
    """What the provider sent the browser back with: a session, if it says who it is."""
    asked, attempt = request.asked(), _kept_attempt(request, door)
    # INVARIANT: where somebody goes on is what this browser's attempt says, and nothing that came along.
    request = replace(request, query=urlencode({"to": attempt.to}) if attempt is not None else "")
    if door.provider is None or attempt is None or not request.is_private:
        return sign_in_page(request, door, status=400, wrong="that attempt is over: begin again")
    # INVARIANT: an answer to another browser's attempt signs nobody in here.
    if not hmac.compare_digest(asked.get("state", "").encode(), attempt.state.encode()):
        return sign_in_page(
            request, door, status=400, wrong="that was no answer to this attempt: begin again"
        )
    try:
        code = _code_of(asked)
        with door.asking.turn():
            identity = door.provider.who(attempt, code, back_to=_back_to(request))
        number = _let_in(door.sign_ins, attempt, identity)
    except Crowded:
        return sign_in_page(request, door, status=503, wrong=CROWDED)
    except NotSaid as error:
        return sign_in_page(request, door, status=502, wrong=str(error))
    except AccessDeniedException as error:
        return sign_in_page(request, door, status=403, wrong=error.message)
    if attempt.older:
        door.sign_ins.end(attempt.older)
    # A page and no redirect: on a way that began elsewhere browsers leave out a cookie that is ours alone.
    cookies = (
        ("set-cookie", session_cookie(request, number)),
        ("set-cookie", attempt_cookie(request, "", lasts_s=0)),
    )
    return page("openid.html", headers=cookies, goes_to=attempt.to or START, told="You are signed in.")


def _to(request: WebRequest) -> str:
    """Where somebody wants to go on to: a page of ours, and short enough for a cookie that browsers keep."""
    where = after(request)
    return where if len(where) <= _MOST_TO else START


def _code_of(asked: Mapping[str, str]) -> str:
    if "code" in asked:
        return asked["code"]
    word = asked.get("error", "")
    raise AccessDeniedException(f"the provider says: {word if _WORD.fullmatch(word) else 'no code'}")


def _let_in(sign_ins: SignIns, attempt: Attempt, identity: Identity) -> str:
    if attempt.invitation:
        return sign_ins.take_up_by_identity(attempt.invitation, identity)
    return sign_ins.sign_in_by_identity(identity)


def _back_to(request: WebRequest) -> str:
    """Our address for the provider's answer; it takes only one that was registered there."""
    return f"{request.scheme}://{request.host}{OPENID_BACK}"


def _kept_attempt(request: WebRequest, door: Door) -> Attempt | None:
    text = request.own_cookie(_ATTEMPT)
    return None if text is None else Attempt.from_cookie(text, door.key)


def attempt_cookie(request: WebRequest, text: str, *, lasts_s: int = 600) -> str:
    """`Lax`: it has to come along when the provider sends the browser back."""
    return kept_cookie(request, _ATTEMPT, text, path=OPENID, site="Lax", lasts_s=lasts_s)
