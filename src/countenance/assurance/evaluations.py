"""Evaluations on record: which there are, and which of them decides about a model.

What counts is asked of the database anew for each call, so what is withdrawn, revoked or expired counts for
nothing from that moment on, in every process. The signature of a document is verified when a process first
reads its row, and again once the row has changed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from countenance.assurance.evaluation_records import EvaluationOnRecord
from countenance.assurance.evaluators import MOST_REASON, list_evaluators, pseudonym_of, require_words
from countenance.assurance.signed_evaluation import (
    EvaluationInvalid,
    SignedEvaluation,
    parse_evaluator,
    parse_signed,
    read_stored,
)
from countenance.audit import record_statement
from countenance.errors import ConflictException, InvalidParameterException, ResourceNotFoundException
from countenance.facts import NOT_EVALUATED, Evaluated, EvaluationFacts, EvaluationStanding, ModelDigests
from countenance.store import Connection, load_queries

_QUERIES = load_queries("countenance.assurance", "evaluations.sql")
_KEPT_PARSED = 64
_ENDED: tuple[EvaluationStanding, ...] = ("expired", "withdrawn", "revoked")
"""Why one of exactly this model counts no more; the first that is true of any is told."""


class _Row(NamedTuple):
    evaluation_id: UUID
    row_version: str
    vkey: str
    independent: bool
    is_revoked: bool
    is_withdrawn: bool
    pack: str
    calibration: str
    pipeline: str
    made_at: datetime
    expires_at: datetime

    @property
    def digests(self) -> ModelDigests:
        return ModelDigests(self.pack, self.calibration, self.pipeline)


class _Judged(NamedTuple):
    """A row, with the evaluation if it counts; `why` it does not, otherwise."""

    row: _Row
    why: Literal["", "expired", "withdrawn", "revoked", "damaged"]
    signed: SignedEvaluation | None = None


class Evaluations:
    """Thread-safe. Everything happens in the caller's transaction; nobody's word is kept between calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parsed: OrderedDict[tuple[UUID, str, str], SignedEvaluation | None] = OrderedDict()

    def record(self, connection: Connection, signed: bytes, *, by: str, now: datetime) -> UUID:
        """Put a signed evaluation on record; it counts from the next call on.

        Raises:
            InvalidParameterException: it is none, no key that is trusted signed it, or it has expired.
            ConflictException: it is on record, or was until it was withdrawn.
        """
        try:
            found = parse_signed(signed, now=now)
            vkeys = [each.vkey for each in list_evaluators(connection) if each.revoked_at is None]
            signer = found.signer_of([parse_evaluator(vkey) for vkey in vkeys])
        except EvaluationInvalid as error:
            raise InvalidParameterException(f"the evaluation cannot be recorded: {error}") from None
        if not found.is_within(now):
            raise InvalidParameterException(
                f"the evaluation cannot be recorded: it expired at {found.expires_at.isoformat()}"
            )
        told = {
            "digest": found.digest,
            "pack_digest": found.digests.pack,
            "calibration_digest": found.digests.calibration,
            "pipeline_digest": found.digests.pipeline,
            "data_digest": found.data_digest,
        }
        values = told | {
            "vkey": str(signer),
            "document": found.document,
            "note": str(found.note),
            "pack_name": found.pack_name,
            "face_model_version": found.version,
            "made_at": found.made_at,
            "expires_at": found.expires_at,
            "by": by,
        }
        row = connection.execute(_QUERIES["record_evaluation"], values).fetchone()
        if row is None:
            raise ConflictException("this evaluation is on record already, or was until it was withdrawn")
        record_statement(
            connection,
            "evaluation.recorded",
            {
                "evaluation": found.digest,
                "evaluator": pseudonym_of(str(signer)),
                "pack": found.digests.pack,
                "calibration": found.digests.calibration,
                "pipeline": found.digests.pipeline,
                "data": found.data_digest,
                "expires": found.note.text.split("\n")[3],
            },
        )
        evaluation_id: UUID = row[0]
        return evaluation_id

    def withdraw(self, connection: Connection, evaluation_id: UUID, *, reason: str, by: str) -> None:
        """Have an evaluation count for nothing, from this moment on and for good.

        Raises:
            ResourceNotFoundException: there is no such evaluation, or it is withdrawn.
        """
        connection.execute(_QUERIES["lock_evaluations"])
        values = {
            "evaluation_id": evaluation_id,
            "reason": require_words(reason, "a reason", MOST_REASON),
            "by": by,
        }
        row = connection.execute(_QUERIES["withdraw_evaluation"], values).fetchone()
        if row is None:
            raise ResourceNotFoundException(f"there is no evaluation `{evaluation_id}` on record")
        record_statement(connection, "evaluation.withdrawn", {"evaluation": row[0]})

    def on_record(self, connection: Connection) -> list[EvaluationOnRecord]:
        """All that are or were on record, the newest first."""
        rows = connection.execute(_QUERIES["list_evaluations"], {"evaluation_id": None}).fetchall()
        return [EvaluationOnRecord(*row) for row in rows]

    def require(self, connection: Connection, evaluation_id: UUID) -> tuple[EvaluationOnRecord, str, str]:
        """One evaluation, with its document and note as they are stored.

        Raises:
            ResourceNotFoundException: there is none.
        """
        values = {"evaluation_id": evaluation_id}
        row = connection.execute(_QUERIES["list_evaluations"], values).fetchone()
        parts = connection.execute(_QUERIES["read_signed"], values).fetchone()
        if row is None or parts is None:
            raise ResourceNotFoundException(f"there is no evaluation `{evaluation_id}` on record")
        return EvaluationOnRecord(*row), parts[0], parts[1]

    def look(
        self,
        connection: Connection,
        version: str,
        digests: ModelDigests | None,
        *,
        lowest: float,
        highest: float,
        now: datetime,
    ) -> Evaluated:
        """How a model stands, with the figures at a call's threshold. The newest that counts decides.

        Args:
            digests: what an evaluation must be of; None: none counts.
            lowest: as of `Evidence.shown`, like `highest`.

        Raises:
            StoreUnavailable: the database cannot be reached; so nothing is decided.
        """
        if digests is None:
            return NOT_EVALUATED
        values = {"version": version, "now": now, "pack": digests.pack}
        values |= {"calibration": digests.calibration, "pipeline": digests.pipeline}
        rows = [_Row(*row) for row in connection.execute(_QUERIES["find_for_model"], values).fetchall()]
        judged = [self._judge(connection, row, digests, now) for row in rows if row.digests == digests]
        newest = _first(judged)
        if newest is None:
            told = next((why for why in _ENDED if any(each.why == why for each in judged)), None)
            return self._other(rows, digests, now) if told is None else Evaluated(standing=told)
        if newest.signed is None:
            return Evaluated(standing="damaged")
        own = _first([each for each in judged if not each.row.independent])
        return Evaluated(
            standing="in_force",
            decides=_facts(newest.row, newest.signed, lowest=lowest, highest=highest, now=now),
            own_groups=own.signed.evidence.groups if own and own.signed else 0,
            own_id=own.row.evaluation_id if own and own.signed else None,
        )

    def _judge(self, connection: Connection, row: _Row, digests: ModelDigests, now: datetime) -> _Judged:
        if row.is_withdrawn:
            return _Judged(row, "withdrawn")
        if row.is_revoked:
            return _Judged(row, "revoked")
        signed = self._signed(connection, row)
        if signed is None or signed.digests != digests or signed.made_at != row.made_at:
            return _Judged(row, "damaged")
        # Both: the row may end it sooner than its signer said, and never later.
        is_within = signed.is_within(now) and now < row.expires_at
        return _Judged(row, "", signed) if is_within else _Judged(row, "expired")

    def _signed(self, connection: Connection, row: _Row) -> SignedEvaluation | None:
        """What stands in the row, verified; None where it is not what its evaluator signed."""
        key = (row.evaluation_id, row.row_version, row.vkey)
        with self._lock:
            if key in self._parsed:
                self._parsed.move_to_end(key)
                return self._parsed[key]
        stored = connection.execute(_QUERIES["read_signed"], {"evaluation_id": row.evaluation_id}).fetchone()
        signed = None if stored is None else _verified(stored, row.vkey)
        with self._lock:
            self._parsed[key] = signed
            while len(self._parsed) > _KEPT_PARSED:
                self._parsed.popitem(last=False)
        return signed

    @staticmethod
    def _other(rows: list[_Row], digests: ModelDigests, now: datetime) -> Evaluated:
        """What the nearest that counts for something else is of: the one that differs in the least."""
        differences = [
            tuple(
                what
                for what in ("pack", "calibration", "pipeline")
                if getattr(row.digests, what) != getattr(digests, what)
            )
            for row in rows
            if not row.is_withdrawn and not row.is_revoked and now < row.expires_at
        ]
        if not differences:
            return NOT_EVALUATED
        return Evaluated(standing="other", differs=min(differences, key=len))


def find_told(connection: Connection, digest: str) -> str | None:
    """The document of one whose rates a published report tells; None for any other."""
    row = connection.execute(_QUERIES["find_told"], {"digest": digest}).fetchone()
    return None if row is None else str(row[0])


def _first(judged: Sequence[_Judged]) -> _Judged | None:
    """The newest that counts, or of which nobody knows what it said: no older one speaks in its place."""
    return next((each for each in judged if each.why in {"", "damaged"}), None)


def _verified(stored: tuple[Any, ...], vkey: str) -> SignedEvaluation | None:
    try:
        signed = read_stored(stored[0], stored[1])
        signed.signer_of([parse_evaluator(vkey)])
    except EvaluationInvalid:
        return None
    return signed


def _facts(
    row: _Row, signed: SignedEvaluation, *, lowest: float, highest: float, now: datetime
) -> EvaluationFacts:
    shown = signed.evidence.shown(lowest=lowest, highest=highest)
    return EvaluationFacts(
        evaluation_id=row.evaluation_id,
        digest=signed.digest,
        independent=row.independent,
        groups=signed.evidence.groups,
        smallest_group=signed.evidence.smallest_group,
        worst_group_tpr_bp=shown.worst_tpr_bp,
        worst_group_fmr_ppm=shown.worst_fmr_ppm,
        worst_group_fpir_ppm=shown.worst_fpir_ppm,
        gallery=shown.gallery,
        age_days=(now - signed.made_at).days,
    )
