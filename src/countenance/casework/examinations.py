"""Examinations: who may look, what they see in which order, what they say, and when it is decided."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from countenance.audit import AuditLog
from countenance.casework.cases import QUERIES
from countenance.casework.held import Held, Picture
from countenance.casework.record import record_decided
from countenance.casework.reviews import Reviews, no_review
from countenance.casework.scoring import score
from countenance.casework.second_person import require_own_person
from countenance.casework.verdicts import conclusion, decide
from countenance.errors import AccessDeniedException, ConflictException, InvalidParameterException
from countenance.policy.purposes import load_purposes
from countenance.store import Connection, Database, KeyStore, UnitOfWork

SEAT_KEPT: Final = timedelta(hours=4)
"""So long may an examiner take; then their seat is another's."""


@dataclass(frozen=True, slots=True)
class Examiner:
    """A person who examines for an account.

    Attributes:
        is_blind: they could not tell a trial from a search by what else they may read; else they get none.
    """

    account_id: str
    operator_id: str
    name: str
    is_blind: bool = True


@dataclass(frozen=True, slots=True)
class Waiting:
    """A review that an examiner may look at; `began_at` where they have begun."""

    review_id: uuid.UUID
    purpose: str
    opened_at: datetime
    candidates: int
    began_at: datetime | None


@dataclass(frozen=True, slots=True)
class Seat:
    """What one examiner sees: candidates in an order of their own, known by place alone."""

    began_at: datetime
    probe: Picture
    candidates: Sequence[Picture]


@dataclass(frozen=True, slots=True)
class Figures:
    """What is measured of an examiner; counts of candidates but for the first."""

    name: str
    is_active: bool
    examinations: int
    median_s: float
    compared: int
    agreed: int
    judged_again: int
    reversed: int
    hits: int
    misses: int
    false_alarms: int
    correct_rejections: int


class Examinations:
    """Thread-safe; holds no connection. Nobody learns what another examiner said, or that it is a trial.

    Attributes:
        least_view_s: seconds that each candidate must be looked at, by the server's clock.
    """

    def __init__(self, database: Database, keys: KeyStore, reviews: Reviews, *, least_view_s: float) -> None:
        self._database = database
        self._audit = AuditLog(keys)
        self._reviews = reviews
        self.least_view_s = least_view_s

    def list_waiting(
        self, examiner: Examiner, *, limit: int, after: uuid.UUID | None = None
    ) -> list[Waiting]:
        """What waits for this examiner, by id."""
        values = _of(examiner) | {"limit": limit, "after": after, "seat_kept": SEAT_KEPT}
        with self._database.read() as connection:
            rows = connection.execute(QUERIES["list_for_examiner"], values).fetchall()
        return [Waiting(*row) for row in rows]

    def begin(self, uow: UnitOfWork, examiner: Examiner, review_id: uuid.UUID) -> Seat:
        """Take a seat; again shows the same in the same order, and the time goes on.

        Raises:
            AccessDeniedException: the search is the examiner's own, nobody vouches for them, or they lack
                training that is in date.
            ConflictException: the seats are taken, or the examiner has decided.
            ResourceNotFoundException: the account has no such review that waits.
        """
        connection = uow.connection
        row = self._lock(connection, examiner, review_id)
        self._require_may(connection, examiner, row)
        values = {"review_id": review_id, "operator_id": examiner.operator_id, "seat_kept": SEAT_KEPT}
        seats = connection.execute(QUERIES["list_seats"], values).fetchall()
        mine = next((seat for seat in seats if seat[0] == examiner.operator_id), None)
        if mine is not None and mine[2] is not None:
            raise ConflictException("you have examined this search")
        if mine is None:
            mine = self._take(connection, examiner, review_id, candidates=row[4])
        held = self._held(review_id, row[5])
        return Seat(mine[1], held.probe, [held.candidates[place] for place in mine[3]])

    def submit(
        self,
        uow: UnitOfWork,
        examiner: Examiner,
        review_id: uuid.UUID,
        said: Sequence[Mapping[str, Any]],
        *,
        note: str | None,
    ) -> bool:
        """Decide, once, about every candidate; whether that was the last word: the search is released then.

        Args:
            said: of each place that was shown, in that order: `verdict` and `features`.

        Raises:
            AccessDeniedException: as `begin`; or it came sooner than anybody can have looked.
            ConflictException: the examiner has not begun, or has decided already.
            InvalidParameterException: not one verdict for each candidate.
            ResourceNotFoundException: as `begin`.
        """
        connection = uow.connection
        connection.execute(QUERIES["lock_examiner"], _of(examiner))
        row = self._lock(connection, examiner, review_id)
        self._require_may(connection, examiner, row)
        seats = connection.execute(QUERIES["list_seats"], {"review_id": review_id}).fetchall()
        mine = next((seat for seat in seats if seat[0] == examiner.operator_id), None)
        if mine is None or mine[2] is not None:
            raise ConflictException("you have not begun to examine this search, or have examined it already")
        if len(said) != row[4]:
            raise InvalidParameterException(f"there are {row[4]} candidates and {len(said)} verdicts")
        self._require_looked(connection, examiner, review_id, candidates=row[4])
        # As the search has the candidates, whatever order they were shown in.
        by_candidate = [said[mine[3].index(number)] for number in range(row[4])]
        seal = self._reviews.require_seal(review_id)
        sealed = seal.seal(f"verdicts/{examiner.operator_id}", {"said": by_candidate, "note": note})
        connection.execute(
            QUERIES["submit"],
            {
                "review_id": review_id,
                "operator_id": examiner.operator_id,
                "sealed_verdicts": sealed,
                "supported": sum(conclusion(each["verdict"]) == "support" for each in said),
                "least_s": self.least_view_s * row[4],
            },
        )
        return self._conclude(
            uow, examiner.account_id, review_id, operation=row[3], held=self._held(review_id, row[5])
        )

    def figures(self, account_id: str) -> Sequence[Figures]:
        """Of everybody who ever examined for the account, by name."""
        with self._database.read() as connection:
            rows = connection.execute(QUERIES["describe_examiners"], {"account_id": account_id}).fetchall()
        return [Figures(row[0], row[1], row[2], float(row[3]), *map(int, row[4:])) for row in rows]

    def _conclude(
        self, uow: UnitOfWork, account_id: str, review_id: uuid.UUID, *, operation: str, held: Held
    ) -> bool:
        connection, seal = uow.connection, self._reviews.require_seal(review_id)
        seats = [
            seat
            for seat in connection.execute(QUERIES["list_seats"], {"review_id": review_id}).fetchall()
            if seat[2] is not None
        ]
        verdicts = [
            [each["verdict"] for each in seal.unseal(f"verdicts/{seat[0]}", bytes(seat[4]))["said"]]
            for seat in seats
        ]
        conclusions = decide(verdicts)
        if conclusions is None:
            return False
        for seat, figures in zip(seats, score(verdicts, held.is_mated), strict=True):
            connection.execute(
                QUERIES["score_seat"], {"review_id": review_id, "operator_id": seat[0], **figures}
            )
        record_decided(self._audit, connection, account_id, review_id)
        if held.is_mated is None:
            self._reviews.release(connection, review_id, operation, held, conclusions)
        else:
            self._reviews.purge(uow, review_id, is_decided=True)
        return True

    def _lock(self, connection: Connection, examiner: Examiner, review_id: uuid.UUID) -> tuple[Any, ...]:
        values = _of(examiner) | {"review_id": review_id}
        row = connection.execute(QUERIES["lock_review"], values).fetchone()
        if row is None:
            raise no_review(review_id)
        return row

    def _require_may(self, connection: Connection, examiner: Examiner, row: tuple[Any, ...]) -> None:
        if row[0]:
            raise AccessDeniedException(
                "EXA-002: nobody examines a search that they asked for or whose case they opened; leave it "
                "to another examiner"
            )
        require_own_person(connection, examiner.account_id, examiner.operator_id, rule="EXA-006")
        purpose = load_purposes().get(row[2])
        if row[1] or purpose is None or "training" in purpose.requires:
            found = connection.execute(QUERIES["is_trained"], _of(examiner)).fetchone()
            if found != (True,):
                raise AccessDeniedException(
                    f"EXA-003: examiners under the purpose {row[2]} need training that is in date; have an "
                    "officer record it (RecordTraining)"
                )

    def _take(
        self, connection: Connection, examiner: Examiner, review_id: uuid.UUID, *, candidates: int
    ) -> tuple[Any, ...]:
        values: dict[str, Any] = {
            "review_id": review_id,
            "operator_id": examiner.operator_id,
            "name": examiner.name,
            "seat_kept": SEAT_KEPT,
        }
        connection.execute(QUERIES["free_seats"], values)
        # A person who is removed and put again has a new id, and the same name.
        if connection.execute(QUERIES["has_seat"], values).fetchone() == (True,):
            raise ConflictException("somebody of your name has a seat at this review")
        seats = connection.execute(QUERIES["list_seats"], values).fetchall()
        submitted = sum(seat[2] is not None for seat in seats)
        if len(seats) >= (3 if submitted >= 2 else 2):
            raise ConflictException("the seats at this review are taken")
        presented = list(range(candidates))
        secrets.SystemRandom().shuffle(presented)
        row = connection.execute(QUERIES["take_seat"], values | {"presented": presented}).fetchone()
        assert row is not None
        return (examiner.operator_id, row[0], None, presented)

    def _held(self, review_id: uuid.UUID, sealed: bytes) -> Held:
        return Held.from_json(self._reviews.require_seal(review_id).unseal("held", bytes(sealed)))

    def _require_looked(
        self, connection: Connection, examiner: Examiner, review_id: uuid.UUID, *, candidates: int
    ) -> None:
        row = connection.execute(QUERIES["looked"], _of(examiner) | {"review_id": review_id}).fetchone()
        assert row is not None
        least, seconds = self.least_view_s * candidates, float(row[0])
        if seconds < least:
            raise AccessDeniedException(
                f"EXA-004: {candidates} candidates take {least:g} s to look at, and {seconds:.1f} s have "
                "passed since you began or last decided; look again"
            )


def _of(examiner: Examiner) -> dict[str, Any]:
    return {
        "account_id": examiner.account_id,
        "operator_id": examiner.operator_id,
        "name": examiner.name,
        "is_blind": examiner.is_blind,
    }
