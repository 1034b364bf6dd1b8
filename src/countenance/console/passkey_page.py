"""One's own passkeys: seen, added, named, removed."""

from __future__ import annotations

from dataclasses import replace

from countenance.accounts.authenticators import Place, creation_options
from countenance.accounts.passkeys import MOST_NAME
from countenance.console.passkey_attempt import Asking, PasskeyAttempt, find_place
from countenance.console.request import BadForm
from countenance.console.visit import Visit
from countenance.errors import InvalidParameterException, ServiceError
from countenance.gateway.call import Answer

PATH = "/console/passkeys"
_ABOUT = "add"


def show(visit: Visit) -> Answer:
    """Those of whoever is signed in, and a form for another if they signed in lately."""
    passkeys, session = visit.door.passkeys, visit.session
    place, has = find_place(visit.request, visit.door.place), passkeys.list(session.operator_id)
    is_fresh, asking = passkeys.is_fresh(session), None
    if is_fresh and isinstance(place, Place):
        name = f"{session.operator} ({session.account_id})"
        here = [each.credential_id for each in has if each.place == place.name]
        asking = Asking.of(
            _ABOUT,
            visit.door.key,
            visit.number,
            lambda challenge: creation_options(
                place, challenge, operator_id=session.operator_id, name=name, has=here
            ),
        )
    return visit.page(
        "passkeys.html",
        passkeys=[{"id": each.credential_id.hex(), "told": each} for each in has],
        no_passkeys=place if isinstance(place, str) else "",
        asking=asking,
        is_fresh=is_fresh,
        most_name=MOST_NAME,
    )


def take(visit: Visit) -> Answer:
    """Add, name or remove one; what cannot be done is said on the page."""
    try:
        match visit.form.one("do"):
            case "passkey":
                _add(visit)
                return visit.goto(PATH, told="It is added: you can sign in with it.")
            case "rename":
                visit.door.passkeys.rename(
                    visit.session, _credential_id(visit), name=visit.form.one("passkey_name")
                )
                return visit.goto(PATH, told="It has its new name.")
            case "remove":
                visit.door.passkeys.remove(visit.session, _credential_id(visit))
                return visit.goto(
                    PATH,
                    told="It is removed, and your other sessions are ended. Delete it on your device, too.",
                )
            case _:
                raise BadForm("it does not say what is to be done")
    except ServiceError as error:
        visit.wrong = f"{error.message}."
        return replace(show(visit), status=error.status)


def _add(visit: Visit) -> None:
    place, form = find_place(visit.request, visit.door.place), visit.form
    if isinstance(place, str):
        raise InvalidParameterException(place)
    attempt = PasskeyAttempt.from_text(form.one("attempt"), visit.door.key, visit.number, about=_ABOUT)
    if attempt is None:
        raise InvalidParameterException("the page had been open for too long: press the button again")
    visit.door.passkeys.add(
        visit.session, form.one("credential"), place, attempt.asked, name=form.one("passkey_name")
    )


def _credential_id(visit: Visit) -> bytes:
    try:
        return bytes.fromhex(visit.form.one("passkey"))
    except ValueError:
        raise BadForm("it does not say which passkey is meant") from None
