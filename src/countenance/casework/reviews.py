"""Held searches: kept sealed until people have decided, released to their account, purged for good."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from countenance.casework.answers import candidates_of, face_id_of, in_force, released
from countenance.casework.cases import QUERIES
from countenance.casework.held import Held, Search
from countenance.casework.seal import ReviewSeal, key_name
from countenance.casework.verdicts import Conclusion
from countenance.errors import AccessDeniedException, ResourceNotFoundException, ThrottlingException
from countenance.similarity import meets
from countenance.store import Connection, Database, ForeignKeyViolation, KeyStore, UnitOfWork
from countenance.types import Similarity

KEPT: Final = timedelta(days=30)
"""A review without a case ends by itself; one with a case with that, if it is earlier."""
STATEMENT: Final = (
    "This is an investigative lead and no identification. Nobody may be arrested, charged or put into a "
    "line-up because of it alone: independent evidence is needed, and two people answer for it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A held search as its account may see it.

    Attributes:
        examined: how many examiners have decided.
        released: `answer`, `candidates` and `probe_quality`; None while it waits.
    """

    review_id: uuid.UUID
    status: str
    operation: str
    purpose: str
    opened_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    candidates: int
    examined: int
    released: Mapping[str, Any] | None
    case_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The answer to a request that people have decided about.

    Attributes:
        event_id: of the call that made the search.
        examiners: who decided, by name; two at least.
        is_supported: they support somebody.
    """

    review_id: uuid.UUID
    answer: dict[str, Any]
    event_id: uuid.UUID
    examiners: Sequence[str]
    is_supported: bool


class Reviews:
    """Thread-safe; holds no connection. What is over its time is not there, deleted already or not.

    A review's key is made before its row and destroyed behind it; what a crash leaves, `sweep` destroys.
    """

    def __init__(self, database: Database, keys: KeyStore) -> None:
        self._database = database
        self._keys = keys
        self._digests = keys.derive("held searches")

    def digest(self, *parts: str) -> bytes:
        """What a request or a probe is found by again: 32 bytes that mean nothing without our keys."""
        return hmac.digest(self._digests, "\n".join(parts).encode(), hashlib.sha256)

    def find_waiting(self, connection: Connection, account_id: str, probe_digest: bytes) -> uuid.UUID | None:
        """The review that waits for this probe."""
        values = {"account_id": account_id, "probe_digest": probe_digest}
        row = connection.execute(QUERIES["find_waiting"], values).fetchone()
        # One without its key came out of a backup, which has none of these: it is over.
        return None if row is None or self.find_seal(row[0]) is None else row[0]

    def find_released(self, connection: Connection, account_id: str, request_digest: bytes) -> Decided | None:
        """What two people or more have decided about this very request."""
        values = {"account_id": account_id, "request_digest": request_digest}
        row = connection.execute(QUERIES["find_released"], values).fetchone()
        seal = None if row is None else self.find_seal(row[0])
        if row is None or seal is None:
            return None
        told = seal.unseal("released", bytes(row[1]))
        return Decided(
            review_id=row[0],
            answer=told["answer"],
            event_id=row[2],
            examiners=row[3],
            is_supported="support" in told["conclusions"],
        )

    def unsupported(self, connection: Connection, search: Search) -> dict[str, uuid.UUID]:
        """Enrolled faces that people looked at for this photo and case and did not support: the newest review
        of each. One that a later review supported is not among them.
        """
        values = {
            "account_id": search.account_id,
            "probe_digest": search.probe_digest,
            "case_id": search.case_id,
        }
        found: dict[str, uuid.UUID | None] = {}
        for review_id, sealed in connection.execute(QUERIES["list_decided"], values).fetchall():
            seal = self.find_seal(review_id)
            if seal is None:
                continue
            for face_id, is_supported in seal.unseal("released", bytes(sealed)).get("decided", ()):
                found.setdefault(face_id, None if is_supported else review_id)
        return {face_id: review_id for face_id, review_id in found.items() if review_id is not None}

    def hold(self, uow: UnitOfWork, search: Search, held: Held) -> uuid.UUID:
        """Keep what was found until people have decided; the review that waits for this probe, new or not."""
        connection, review_id = uow.connection, uuid.uuid4()
        probe = {"account_id": search.account_id, "probe_digest": search.probe_digest}
        connection.execute(QUERIES["end_stale_review"], probe)
        row = connection.execute(QUERIES["find_waiting"], probe).fetchone()
        if row is not None and self.find_seal(row[0]) is None:
            self.purge(uow, row[0])
        if not self._insert(connection, review_id, search, held, is_planted=False):
            # INVARIANT: of two equal searches at once the second waited for the first one's commit.
            self._keys.destroy_secret(key_name(review_id))
            waiting = self.find_waiting(connection, search.account_id, search.probe_digest)
            assert waiting is not None, "whatever kept it from being held is held"
            self.ask(uow, waiting, search)
            return waiting
        self.ask(uow, review_id, search)
        if not held.candidates:  # nobody could look at any of them: it is decided, for nobody
            self.release(connection, review_id, search.operation, held, [])
        return review_id

    def ask(self, uow: UnitOfWork, review_id: uuid.UUID, search: Search) -> None:
        """Note who asks for what waits: they are none of its examiners.

        Raises:
            AccessDeniedException: they are one already.
            ThrottlingException: it has been decided meanwhile.
        """
        who = {
            "review_id": review_id,
            "operator_id": search.requested_by_id,
            "name": search.requested_by,
        }
        # Locked, as whoever sits down locks it: one of the two sees the other.
        if uow.connection.execute(QUERIES["lock_waiting"], who).fetchone() is None:
            raise ThrottlingException("the review of this search ended during the call; try again")
        if uow.connection.execute(QUERIES["has_seat"], who).fetchone() == (True,):
            raise AccessDeniedException(
                "EXA-002: nobody asks for a search that they examine; wait until it is decided"
            )
        uow.connection.execute(QUERIES["add_asker"], who)

    def plant(self, uow: UnitOfWork, search: Search, held: Held) -> uuid.UUID:
        """A trial whose answers are known, which looks like any other review and is released to nobody."""
        review_id = uuid.uuid4()
        self._insert(uow.connection, review_id, search, held, is_planted=True)
        return review_id

    def owes_training(self, connection: Connection, account_id: str, purpose: str) -> bool:
        """Whether any search of the account under the purpose was to be examined by trained people alone."""
        values = {"account_id": account_id, "purpose": purpose}
        return connection.execute(QUERIES["owes_training"], values).fetchone() == (True,)

    def require(self, account_id: str, review_id: uuid.UUID) -> Review:
        """The account's review of that id.

        Raises:
            ResourceNotFoundException: it has none (any more).
        """
        values = {"account_id": account_id, "review_id": review_id}
        with self._database.read() as connection:
            row = connection.execute(QUERIES["find_review"], values).fetchone()
        seal = None if row is None else self.find_seal(review_id)
        if row is None or seal is None:
            raise no_review(review_id)
        members = dict(zip(Review.__dataclass_fields__, row, strict=True))
        sealed = members.pop("released")
        return Review(**members, released=None if sealed is None else seal.unseal("released", bytes(sealed)))

    def release(
        self,
        connection: Connection,
        review_id: uuid.UUID,
        operation: str,
        held: Held,
        conclusions: Sequence[Conclusion],
    ) -> None:
        """Give its account the candidates whom examiners support, at the threshold that was asked for; the
        pictures go.
        """
        supported = [each == "support" for each in conclusions]
        found = candidates_of(operation, held.answer) if held.candidates else []
        answer = in_force(held.answer, held.threshold)
        told_of = [
            kept and bool(meets(each["Similarity"], Similarity(held.threshold)))
            for each, kept in zip(found, supported, strict=True)
        ]
        told = {
            "answer": released(operation, answer, told_of) if found else answer,
            "conclusions": list(conclusions),
            "has_unseen": bool(held.unseen),
            "decided": [
                (face_id, kept)
                for face_id, kept in zip(map(face_id_of, found), supported, strict=True)
                if face_id is not None
            ]
            + [(face_id, False) for face_id in held.unseen],
            "probe_quality": dict(held.probe.quality),
            "candidates": [
                {"told": told, "quality": dict(picture.quality)}
                for told, picture, kept in zip(found, held.candidates, told_of, strict=True)
                if kept
            ],
        }
        values = {
            "review_id": review_id,
            "sealed_released": self.require_seal(review_id).seal("released", told),
        }
        connection.execute(QUERIES["release"], values)

    def purge(self, uow: UnitOfWork, review_id: uuid.UUID, *, is_decided: bool = False) -> bool:
        """End a review for good, with its key once that is committed; whether there was anything to end."""
        values = {"review_id": review_id, "is_decided": is_decided}
        ended = uow.connection.execute(QUERIES["purge"], values).rowcount == 1
        uow.connection.execute(QUERIES["forget_verdicts"], values)
        uow.after_commit(lambda: self._keys.destroy_secret(key_name(review_id)))
        return ended

    def find_seal(self, review_id: uuid.UUID) -> ReviewSeal | None:
        """None where its key is destroyed: it is as good as deleted."""
        key = self._keys.secret(key_name(review_id))
        return None if key is None else ReviewSeal(key, review_id)

    def require_seal(self, review_id: uuid.UUID) -> ReviewSeal:
        """As `find_seal`. Raises ResourceNotFoundException."""
        seal = self.find_seal(review_id)
        if seal is None:
            raise no_review(review_id)
        return seal

    def _insert(
        self, connection: Connection, review_id: uuid.UUID, search: Search, held: Held, *, is_planted: bool
    ) -> bool:
        seal = ReviewSeal(self._keys.create_secret(key_name(review_id)), review_id)
        values = {name: getattr(search, name) for name in Search.__dataclass_fields__}
        values |= {
            "review_id": review_id,
            "is_planted": is_planted,
            "kept": KEPT,
            "candidates": len(held.candidates) or len(held.unseen),
            "sealed_held": seal.seal("held", held.to_json()),
        }
        if connection.execute(QUERIES["hold"], values).fetchone() is None:
            return False
        for collection_id in {each for each, _ in held.faces}:
            if connection.execute(QUERIES["hold_vault"], {"collection_id": collection_id}).fetchone() is None:
                raise ThrottlingException("the collection's pictures were let go during the call; try again")
        try:
            for collection_id, face_id in held.faces:
                connection.execute(
                    QUERIES["hold_face"],
                    {"review_id": review_id, "collection_id": collection_id, "face_id": face_id},
                )
        except ForeignKeyViolation:
            raise ThrottlingException("a candidate was deleted during the search; try again") from None
        connection.execute(QUERIES["end_with_crops"], {"review_id": review_id})
        return True


def no_review(review_id: uuid.UUID) -> ResourceNotFoundException:
    """Of another account's, one that is over, and one that never was alike."""
    return ResourceNotFoundException(f"there is no review `{review_id}`")
