"""One request of somebody who is signed in, and what its page may do."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from countenance.accounts.sign_in import ConsoleSession, SessionKeys
from countenance.console.calls import AMAZONS, OURS, Called, CallRefused, Credentials, GatewayCalls
from countenance.console.door import Door
from countenance.console.once import FORM_ONCE, SentBefore, new_mark, require_mark
from countenance.console.render import page, redirect
from countenance.console.request import BadForm, Form, WebRequest, parse_form
from countenance.console.told import read_told, with_told
from countenance.gateway.call import Answer
from countenance.policy.groups import is_for_roles

FORM_TOKEN: Final = "form_token"  # noqa: S105  # the name of a field
_SOON_S: Final = 60
_MOST_TAKEN_ON: Final = 8
_NOT_TAKEN: Final = 400
_FAILED: Final = 500
_PUT_OFF: Final = frozenset({"ThrottlingException", "ProvisionedThroughputExceededException"})


@dataclass(slots=True, kw_only=True)
class Visit:
    """A request, the session that it belongs to, and the way to the gateway.

    Attributes:
        parts: what the path's pattern found, by name.
        menu: the pages that this session's roles see: title, path, whether it is this one.
        takes_files: whether the page's form has files.
    """

    request: WebRequest
    session: ConsoleSession
    number: str = field(repr=False)
    calls: GatewayCalls
    door: Door
    parts: Mapping[str, str]
    menu: list[tuple[str, str, bool]]
    takes_files: bool = False
    wrong: str = ""
    """Why the form that was posted was refused."""
    _form: Form | None = None

    def ours(self, operation: str, **request: Any) -> dict[str, Any]:
        """Call our own service. Raises CallRefused."""
        return self._call(self._own_key(), OURS, operation, request).response

    def amazons(self, operation: str, **request: Any) -> dict[str, Any]:
        """Call Rekognition, of what needs no purpose. Raises CallRefused."""
        return self._call(self._own_key(), AMAZONS, operation, request).response

    def under(
        self,
        purpose: str,
        service: str,
        operation: str,
        *,
        claims: Mapping[str, str] = MappingProxyType({}),
        **request: Any,
    ) -> Called:
        """Call under a purpose that was taken on for this session. Raises CallRefused.

        Args:
            claims: what is said with the purpose: further members of AssumePurpose.
        """
        return self._call(self._for_purpose(purpose, claims), service, operation, request)

    def find(self, operation: str, *, otherwise: Any, service: str = OURS, **request: Any) -> Any:
        """As `ours`, for what a page shows beside its own matter: what is refused there is not shown.

        What is nothing for the session's roles is not asked: looking at a page would be refusals in the log.

        Raises:
            CallRefused: it failed, or was put off, which must not look as if there were nothing.
        """
        if not is_for_roles(operation, self.session.roles):
            return otherwise
        try:
            return self._call(self._own_key(), service, operation, request).response
        except CallRefused as error:
            if error.status >= _FAILED or error.code in _PUT_OFF:
                raise
            return otherwise

    @property
    def form(self) -> Form:
        """What was posted; the site has seen to it that our page posted it."""
        if self._form is None:
            self._form = parse_form(self.request, with_files=self.takes_files)
        return self._form

    def require_our_form(self) -> None:
        """Raises BadForm: the form has not this session's token."""
        if not hmac.compare_digest(self.form.one(FORM_TOKEN), form_token(self.number)):
            raise BadForm("the form is of another session")

    def require_first(self, told: str) -> None:
        """See to it that a form that makes something is taken once, in whatever process it comes again.

        Args:
            told: what became of the first one, and what to do.

        Raises:
            BadForm: no page of this session made the form.
            SentBefore: it came before.
        """
        if not self.door.sent_forms.take(self.session, require_mark(self.form.one(FORM_ONCE), self.number)):
            raise SentBefore(f"this form was sent already, and does nothing again. {told}")

    def page(self, template: str, *, status: int = 200, **values: Any) -> Answer:
        """A page with the menu around it, which says to its script whether a form was taken (`keep.js`)."""
        told = read_told(self.request.asked(), number=self.number)
        was_posted = self.request.method == "POST" and status < _NOT_TAKEN
        wrong = values.get("wrong", self.wrong)
        return page(
            template,
            status=status,
            session=self.session,
            menu=self.menu,
            form_token=form_token(self.number),
            new_mark=partial(new_mark, self.number),
            told=told,
            taken=bool(told) or (was_posted and not wrong),
            was=self.was,
            **(values | {"wrong": wrong}),
        )

    def was(self, name: str) -> str:
        """What a form that was refused had in a field: nothing that somebody typed is lost."""
        return self._form.one(name) if self.wrong and self._form is not None else ""

    def posted(self) -> list[str]:
        """The names of what a form had, for a page that shows it again."""
        return list(self._form.values) if self._form is not None else []

    def goto(self, where: str, *, told: str = "") -> Answer:
        """On to a page; after a form was taken, so that a reload repeats nothing.

        Args:
            told: what was done, in a sentence. With it the draft of the form that was sent is cleared.
        """
        return redirect(with_told(where, told, number=self.number) if told else where)

    def may(self, *roles: str) -> bool:
        """Whether the session has one of these roles."""
        return bool(self.session.roles & set(roles))

    @property
    def is_officer(self) -> bool:
        """Whether they decide for the house: the role of another account's session is none of its offices."""
        return self.may("officer") and self.session.is_house

    def _own_key(self) -> Credentials:
        return Credentials(self.session.keys.access_key_id, self.session.keys.secret)

    def _for_purpose(self, purpose: str, claims: Mapping[str, str]) -> Credentials:
        what = json.dumps([purpose, sorted(claims.items())]) if claims else purpose
        now_s = self.calls.now().timestamp()
        lasting = {
            name: each
            for name, each in self.session.keys.taken_on.items()
            if float(each[3]) > now_s + _SOON_S
        }
        kept = lasting.get(what)
        if kept is not None:
            return Credentials(*kept[:3])
        made = self.ours("AssumePurpose", Purpose=purpose, **claims)["Credentials"]
        credentials = made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
        newest = dict([*lasting.items()][1 - _MOST_TAKEN_ON :])  # each consent that is named is one more
        taken_on = newest | {what: (*credentials, str(made["Expiration"]))}
        self.door.sign_ins.keep(
            self.session,
            SessionKeys(self.session.keys.access_key_id, self.session.keys.secret, taken_on),
        )
        return Credentials(*credentials)

    def _call(self, key: Credentials, service: str, operation: str, request: Mapping[str, Any]) -> Called:
        given = {name: value for name, value in request.items() if value is not None}
        return self.calls.call(key, service, operation, request=given, client=self.request.client)


Handler = Callable[[Visit], Answer]


def form_token(number: str) -> str:
    """What every form of a session has: nobody who lacks its cookie can know it."""
    return hashlib.sha256(b"form of the session " + number.encode()).hexdigest()
