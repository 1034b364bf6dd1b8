"""Which calibration of a pack is in force: the pack's own, or one that an operator put on record.

Nothing is overwritten: calibrations have versions, and each decision is a row behind the last. A
calibration is of a pack and of the code that makes templates; after an upgrade that changed that code
none of before is in force any more, and the pack's own is (docs/adr/0025).
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from countenance.assurance.calibration_document import OperatorCalibration, parse_calibration
from countenance.audit import record_statement
from countenance.errors import ConflictException, InternalServerError, InvalidParameterException
from countenance.similarity import Calibration, fmr_at_similarity
from countenance.store import Connection, Database, load_queries
from countenance.types import Cosine, Similarity

MOST_APART: Final = 3.0
"""How many times the rates of two calibrations may lie apart, between the nearer ends of their intervals,
at a cosine that the pack's own was counted at, or where less alike faces meet one of HELD_AT. A decision and
no measurement (docs/adr/0025): half a decade moves what is counted as one in ten thousand to one in three
thousand."""
MOST_CREDITED: Final = 10**0.25
"""How far an interval is believed to each side: a wide one says that little is known, not that all is well.
So no two rates lie ten times apart unseen."""
HELD_AT: Final = tuple(map(Similarity, (80.0, 90.0, 99.0)))
"""What rules ask for: a weaker meaning of these is looked at, though both may be models of it."""

_QUERIES = load_queries("countenance.assurance", "calibrations.sql")


@dataclass(frozen=True, slots=True)
class PackCode:
    """What makes templates: what a calibration is of.

    Attributes:
        pack_digest: SHA-256 of the pack, hexadecimal.
        pipeline_digest: of the code around it.
    """

    pack_digest: str
    pipeline_digest: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision about a pack's calibration.

    Attributes:
        version: of the operator's calibration; None for the pack's own.
        digest: of its values, likewise.
        accepted_difference: it was far from the pack's own, and taken all the same.
        is_last: nothing was decided about this pack and code since.
    """

    of: PackCode
    version: int | None
    digest: str | None
    by: str
    reason: str
    accepted_difference: bool
    at: datetime
    is_last: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two calibrations lie furthest apart, of the cosines that are looked at (`furthest_apart`).

    Attributes:
        cosine: there.
        own, new: the two rates.
        factor: between the nearer ends of their intervals, as far as these are believed; 1 where they meet.
    """

    cosine: float
    own: float
    new: float
    factor: float


class Calibrations:
    """The record of calibrations and of what is in force. Thread-safe.

    What was chosen is read with every call that asks: a change holds for the next call of every process.
    """

    def __init__(self, database: Database, *, pipeline_digest: str) -> None:
        self._database = database
        self._pipeline_digest = pipeline_digest
        self._read: dict[uuid.UUID, OperatorCalibration] = {}

    def find(self, pack_digest: str, *, connection: Connection | None = None) -> Calibration | None:
        """The operator's calibration that is in force for a pack; None for the pack's own.

        Args:
            connection: of a transaction that is open; without one a connection is taken.

        Raises:
            StoreUnavailable: the record cannot be read: nobody knows what a similarity means.
            InternalServerError: the record is damaged.
        """
        of = {"pack_digest": pack_digest, "pipeline_digest": self._pipeline_digest}
        with self._reading(connection) as reading:
            row = reading.execute(_QUERIES["find_in_force"], of).fetchone()
            if row is None or row[0] is None:
                return None
            # What is on record never changes, so what was read once need not be read again.
            found = self._read.get(row[0])
            if found is None:
                found = self._read[row[0]] = _read(reading, row[0])
        # INVARIANT: nothing is decided by a calibration that is of another pack, or of other code.
        if (found.pack_digest, found.pipeline_digest) != (pack_digest, self._pipeline_digest):
            raise InternalServerError
        return found.calibration

    def use(
        self,
        document: OperatorCalibration,
        *,
        own: Calibration,
        pack_digest: str,
        by: str,
        reason: str,
        accept_difference: bool = False,
    ) -> int:
        """Put a calibration on record and in force; its version.

        Args:
            own: the pack's own, beside which it is held.
            pack_digest: of the pack that is installed.
            accept_difference: take it though it is far from the pack's own; `reason` says why.

        Raises:
            InvalidParameterException: it is of another pack or of other code, or too far from the pack's own.
            ConflictException: it is in force.
        """
        self._require_ours(document, pack_digest)
        difference = furthest_apart(own, document.calibration)
        is_far = difference.factor > MOST_APART
        if is_far and not accept_difference:
            raise InvalidParameterException(
                f"at cosine {difference.cosine:.3f} the pack's own calibration says a false match rate of "
                f"{difference.own:.1e} and this one {difference.new:.1e}; their 95 % intervals lie a factor "
                f"of {difference.factor:.1f} apart, more than {MOST_APART:g}; look at the labels and at what "
                "the photos are, and give --accept-difference if it is so"
            )
        values = {"pack_digest": pack_digest, "pipeline_digest": self._pipeline_digest}
        with self._database.transaction() as connection:
            connection.execute(_QUERIES["lock_choices"])
            known = connection.execute(
                _QUERIES["find_recorded"], values | {"digest": document.digest}
            ).fetchone()
            if known is None:
                recorded = {"digest": document.digest, "document": document.to_bytes()}
                known = connection.execute(_QUERIES["record"], values | recorded).fetchone()
            assert known is not None, "it was just recorded"
            self._choose(connection, pack_digest, known[0], by=by, reason=reason, far=is_far)
            record_statement(
                connection,
                "calibration.used",
                {
                    "model": {"version": document.face_model_version, "digest": pack_digest},
                    "pipeline": self._pipeline_digest,
                    "calibration": document.digest,
                    "version": int(known[1]),
                    "trials": document.calibration.trials,
                }
                | ({"far": True} if is_far else {}),
            )
            return int(known[1])

    def revert(self, pack_digest: str, face_model_version: str, *, by: str, reason: str) -> None:
        """Put the pack's own calibration in force again; the operator's stays on record.

        Raises:
            ConflictException: it is in force.
        """
        with self._database.transaction() as connection:
            connection.execute(_QUERIES["lock_choices"])
            self._choose(connection, pack_digest, None, by=by, reason=reason, far=False)
            record_statement(
                connection,
                "calibration.reverted",
                {
                    "model": {"version": face_model_version, "digest": pack_digest},
                    "pipeline": self._pipeline_digest,
                },
            )

    def list(self) -> list[Choice]:
        """Every decision, the last first."""
        with self._database.read() as connection:
            rows = connection.execute(_QUERIES["list_choices"]).fetchall()
        return [
            Choice(PackCode(pack, code), version, digest, by, reason, accepted, at, is_last)
            for pack, code, version, digest, by, reason, accepted, at, is_last in rows
        ]

    def _require_ours(self, document: OperatorCalibration, pack_digest: str) -> None:
        if document.pack_digest != pack_digest:
            raise InvalidParameterException(
                f"the calibration is of the pack {document.pack_digest[:16]}…, and the one installed is "
                f"{pack_digest[:16]}…: they make different templates; calibrate anew"
            )
        if document.pipeline_digest != self._pipeline_digest:
            raise InvalidParameterException(
                "the calibration was made by another version of the code that makes templates "
                f"(Countenance {document.program_version}); calibrate anew"
            )

    def _choose(
        self,
        connection: Connection,
        pack_digest: str,
        calibration_id: uuid.UUID | None,
        *,
        by: str,
        reason: str,
        far: bool,
    ) -> None:
        values = {"pack_digest": pack_digest, "pipeline_digest": self._pipeline_digest}
        row = connection.execute(_QUERIES["find_in_force"], values).fetchone()
        if (None if row is None else row[0]) == calibration_id:
            raise ConflictException("that calibration is in force already")
        chosen = {"calibration_id": calibration_id, "by": by, "reason": reason, "accepted_difference": far}
        connection.execute(_QUERIES["choose"], values | chosen)

    def _reading(self, connection: Connection | None) -> AbstractContextManager[Connection]:
        return self._database.read() if connection is None else nullcontext(connection)


class PacksOwn:
    """Every pack's own calibration is in force: for tools and tests without a record."""

    def find(self, pack_digest: str, *, connection: Connection | None = None) -> Calibration | None:
        """Nothing is on record."""
        del pack_digest, connection
        return None


def left_behind(choices: Sequence[Choice], pipeline_digest: str) -> list[str]:
    """Packs, by digest, of which an operator's calibration was in force until the code changed.

    Nothing was decided about them since, so the pack's own is in force.
    """
    decided = {choice.of.pack_digest for choice in choices if choice.of.pipeline_digest == pipeline_digest}
    last = {choice.of.pack_digest: choice for choice in reversed(choices)}
    return sorted(pack for pack, choice in last.items() if choice.version is not None and pack not in decided)


def furthest_apart(own: Calibration, new: Calibration) -> Difference:
    """How far two calibrations of a pack are from each other: where its own was counted, in both directions;
    and where the new one begins to answer HELD_AT, if faces less alike would meet that than before.
    """
    counted = [cosine for cosine in own.cosine if cosine <= own.extrapolated_from] or list(own.cosine[:1])
    apart = [_apart(own, new, Cosine(cosine)) for cosine in counted]
    for similarity in HELD_AT:
        rate = fmr_at_similarity(similarity)
        before, after = own.cosine_at_fmr(rate), new.cosine_at_fmr(rate)
        if after < min(before, 1.0):
            apart.append(_apart(own, new, after))
    return max(apart, key=lambda found: found.factor)


def _apart(own: Calibration, new: Calibration, at: Cosine) -> Difference:
    (own_low, own_rate, own_high), (new_low, new_rate, new_high) = (
        _credited(each, at) for each in (own, new)
    )
    return Difference(at, own_rate, new_rate, max(own_low / new_high, new_low / own_high, 1.0))


def _credited(calibration: Calibration, at: Cosine) -> tuple[float, float, float]:
    """The rate between the ends of its interval, as far as that is believed; above 0, to be divided by."""
    rate = max(float(calibration.to_fmr(at)), sys.float_info.min)
    low, high = calibration.fmr_interval(at) or (rate, rate)
    return max(low, rate / MOST_CREDITED), rate, min(high, rate * MOST_CREDITED)


def _read(connection: Connection, calibration_id: uuid.UUID) -> OperatorCalibration:
    row = connection.execute(_QUERIES["read_calibration"], {"calibration_id": calibration_id}).fetchone()
    assert row is not None, "a choice refers to it"
    try:
        document = parse_calibration(bytes(row[0]))
    except InvalidParameterException as error:
        raise InternalServerError from error
    # INVARIANT: nothing is decided by a calibration that is not the one recorded.
    if document.digest != row[2]:
        raise InternalServerError
    return document
