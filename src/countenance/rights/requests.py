"""What people ask for about their faces: opened, put off once with a reason, decided in time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID, uuid4

from countenance.accounts import Actor
from countenance.accounts.changing import Changing
from countenance.errors import (
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
    ThrottlingException,
)
from countenance.gallery import Collection
from countenance.rights.enrolment_codes import QUERIES, faces_of, of_scope, require_scope
from countenance.rights.erasing import Erased, Erasing
from countenance.rights.objections import BlockTemplates, Objections
from countenance.rights.records import Identified, RequestKind, RequestStatus, Scope, SubjectRequest
from countenance.store import Connection, UnitOfWork

Decision = Literal["grant", "refuse"]

MOST_MONTHS_MORE: Final = 2
"""GDPR 12(3): by two further months where necessary, and the person is told within the first."""
_OPEN_ATTEMPTS: Final = 3
ERASES: Final = frozenset({"erasure", "objection", "withdrawal"})
"""What is granted by erasing."""


class SubjectRequests:
    """Thread-safe; any number of processes. Of several decisions at once one counts."""

    def __init__(self, changing: Changing, erasing: Erasing, objections: Objections) -> None:
        self._changing = changing
        self._erasing = erasing
        self._objections = objections

    def open_by_code(
        self, who: Identified, kind: RequestKind, *, opened_by: str, actor: Actor
    ) -> SubjectRequest:
        """Of somebody who showed a code, for the faces that it is for.

        By one code one of a kind is open at a time: while it is, it is the answer.

        Raises:
            ThrottlingException: others keep being opened and decided meanwhile.
        """
        told = {"identified_by": "code", "code_id": who.code_id, "attestation": ""}
        place = {"account_id": who.account_id, "region": who.region, "collection": who.collection}
        for _ in range(_OPEN_ATTEMPTS):
            found = self._find_open(who, kind, actor)
            if found is not None:
                return found
            with suppress(_OpenedMeanwhile):
                return self._open(place | told, who.scope, kind, opened_by=opened_by, actor=actor)
        raise ThrottlingException("requests by this code are being opened and decided; try again")

    def open_by_operator(
        self,
        collection: Collection,
        kind: RequestKind,
        *,
        face_ids: Sequence[UUID],
        user_id: str | None,
        attestation: str,
        opened_by: str,
        actor: Actor,
    ) -> SubjectRequest:
        """Of somebody whom the operator knows by other means.

        Args:
            attestation: how it was verified who asks: it stands with the request for good.

        Raises:
            InvalidParameterException: none, or neither faces nor a user, or both.
            ResourceNotFoundException: a face or the user is not in the collection.
        """
        if not attestation.strip():
            raise InvalidParameterException("say how it was verified who asks (Attestation)")
        if bool(face_ids) == (user_id is not None):
            raise InvalidParameterException("exactly one of `FaceIds` and `UserId` must be given")
        told = {"identified_by": "operator", "code_id": None, "attestation": attestation.strip()}
        place = {
            "account_id": collection.account_id,
            "region": collection.region,
            "collection": collection.name,
        }
        with self._changing.reading(actor) as connection:
            scope = require_scope(connection, collection, face_ids=face_ids, user_id=user_id)
        return self._open(place | told, scope, kind, opened_by=opened_by, actor=actor)

    def list(
        self,
        account_id: str | None = None,
        *,
        status: RequestStatus | None = None,
        code_id: UUID | None = None,
        only_overdue: bool = False,
    ) -> list[SubjectRequest]:
        """Those of an account, or of all: open ones first, by when they are due; at most 1,000."""
        values = {
            "account_id": account_id,
            "status": status,
            "code_id": code_id,
            "is_overdue": only_overdue,
        }
        with self._changing.database.read() as connection:
            rows = connection.execute(QUERIES["list_requests"], values).fetchall()
        return [_to_request(row) for row in rows]

    def require(self, request_id: UUID) -> SubjectRequest:
        """The request.

        Raises:
            ResourceNotFoundException: there is none.
        """
        with self._changing.database.read() as connection:
            return _require(connection, request_id)

    def extend(self, request: SubjectRequest, months: int, *, reason: str, actor: Actor) -> SubjectRequest:
        """Put off, once, before it is due: by one calendar month or two.

        Raises:
            ConflictException: it is decided, was put off already, or is overdue.
            InvalidParameterException: no reason, or another number of months.
        """
        if not 1 <= months <= MOST_MONTHS_MORE:
            raise InvalidParameterException(
                f"a request is put off by 1 to {MOST_MONTHS_MORE} months, not {months} (GDPR 12(3))"
            )
        reason = _worded(reason, "say why (Reason): the person is told")
        request_id = request.request_id
        with self._changing(
            "ExtendSubjectRequest", request.account_id, actor, resource=f"{request_id} {months} months"
        ) as connection:
            status, extended_at = _lock(connection, request_id)
            if status != "open":
                raise ConflictException(f"the request was {status}")
            if extended_at is not None:
                raise ConflictException("the request was put off already; it cannot be put off twice")
            values = {"request_id": request_id, "months": months, "reason": reason}
            if connection.execute(QUERIES["extend_request"], values).rowcount != 1:
                raise ConflictException("the request is overdue: it can only be decided")
            return _require(connection, request_id)

    def decide(
        self,
        uow: UnitOfWork,
        request: SubjectRequest,
        decision: Decision,
        *,
        reason: str,
        decided_by: str,
        actor: Actor,
        block: BlockTemplates | None = None,
        block_consent: str = "",
    ) -> tuple[SubjectRequest, Erased | None]:
        """Grant or refuse; what is granted by erasing is erased in the same transaction.

        Args:
            actor: whose `connection` is the unit of work's.
            block: what is kept of somebody who objects (`Objections.read`), with `block_consent`, their own
                explicit consent to that.

        Raises:
            ConflictException: it is decided already; or faces are under a legal hold, and it stays open.
            InvalidParameterException: no reason.
        """
        reason = _worded(reason, "say why (Reason): the person is told")
        assert actor.connection is uow.connection, "one transaction holds the decision and what follows"
        told = f"{request.request_id} {request.kind} {decision}"
        with self._changing(
            "DecideSubjectRequest", request.account_id, actor, resource=told, word=decision
        ) as connection:
            erases = decision == "grant" and request.kind in ERASES
            if erases:
                self._erasing.claim(uow, request)
            status, _ = _lock(connection, request.request_id)
            if status != "open":
                raise ConflictException(f"the request was {status} already")
            erased = None
            if erases:
                faces = faces_of(connection, request.scope)
                if request.kind == "withdrawal":
                    faces = _withdraw_consents(connection, request.scope, faces, withdrawn_by=decided_by)
                    self._erasing.write_down(uow)
                erased = self._erasing.erase(uow, request, faces, actor=actor)
                if block is not None:
                    assert request.kind == "objection", "kept of who objects, and of nobody else"
                    self._objections.keep(connection, request, block, consent=block_consent, by=decided_by)
            connection.execute(
                QUERIES["settle_request"],
                {
                    "request_id": request.request_id,
                    "status": "granted" if decision == "grant" else "refused",
                    "decided_by": decided_by,
                    "reason": reason,
                    "erased_ids": None if erased is None else list(erased.face_ids),
                    "receipt": None if erased is None else erased.receipt,
                },
            )
            return _require(connection, request.request_id), erased

    def _open(
        self, told: dict[str, Any], scope: Scope, kind: RequestKind, *, opened_by: str, actor: Actor
    ) -> SubjectRequest:
        request_id = uuid4()
        values = told | of_scope(scope) | {"request_id": request_id, "kind": kind, "opened_by": opened_by}
        with self._changing(
            "OpenSubjectRequest", told["account_id"], actor, resource=f"{request_id} {kind}", word=kind
        ) as connection:
            # Waits for whoever opens one of the kind by the same code at the same time.
            if connection.execute(QUERIES["open_request"], values).rowcount != 1:
                raise _OpenedMeanwhile  # so that nothing is recorded as opened
            return _require(connection, request_id)

    def _find_open(self, who: Identified, kind: RequestKind, actor: Actor) -> SubjectRequest | None:
        values = {"code_id": who.code_id, "kind": kind}
        with self._changing.reading(actor) as connection:
            row = connection.execute(QUERIES["find_open_of_code"], values).fetchone()
            return None if row is None else _require(connection, row[0])


class _OpenedMeanwhile(Exception):
    """By another call, with the same code."""


def _withdraw_consents(
    connection: Connection, scope: Scope, faces: Sequence[UUID], *, withdrawn_by: str
) -> list[UUID]:
    """Withdraw the consents by which nobody else is there; the faces of the scope as they are then.

    # INVARIANT: each consent is held alone before it is asked who is there by it: an enrolment under it has
    committed, or finds it withdrawn. One that is bound only then is not withdrawn.
    """
    values = of_scope(scope) | {"face_ids": list(faces), "withdrawn_by": withdrawn_by}
    held = [each for (each,) in connection.execute(QUERIES["lock_consents_of_faces"], values)]
    now = faces_of(connection, scope)
    connection.execute(QUERIES["withdraw_consents_of_faces"], values | {"face_ids": now, "consent_ids": held})
    return now


def days_left(request: SubjectRequest, now: datetime | None = None) -> int:
    """Whole days until an open request is due; below zero when it is overdue."""
    return (request.due_at - (now or datetime.now(UTC))).days


def _worded(text: str, otherwise: str) -> str:
    if not text.strip():
        raise InvalidParameterException(otherwise)
    return text.strip()


def _lock(connection: Connection, request_id: UUID) -> tuple[str, datetime | None]:
    row = connection.execute(QUERIES["lock_request"], {"request_id": request_id}).fetchone()
    assert row is not None, "requests are never deleted"
    return row[0], row[1]


def _require(connection: Connection, request_id: UUID) -> SubjectRequest:
    row = connection.execute(QUERIES["find_request"], {"request_id": request_id}).fetchone()
    if row is None:
        raise ResourceNotFoundException(f"there is no request `{request_id}`")
    return _to_request(row)


def _to_request(row: Sequence[Any]) -> SubjectRequest:
    *head, collection_id, face_ids, user_id, made_at = row[:9]
    *middle, erased_ids, receipt = row[9:]
    members = (
        *head,
        Scope(collection_id, tuple(face_ids), user_id, made_at),
        *middle,
        None if erased_ids is None else tuple(erased_ids),
        receipt,
    )
    return SubjectRequest(*members)
