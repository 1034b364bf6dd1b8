"""Drift on this server: sampled comparisons counted per day, collection and calibration, and alarms.

What is kept are sums over searches (`countenance.evaluation.drift`): no template, no picture, no face and
no search can be made out of them. They are statistics and not a record: what a killed process had not
written down yet, a minute's worth, is lost.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from countenance.audit.log import record_statement
from countenance.evaluation.drift import DriftCounts, Judgement, judge
from countenance.similarity import Calibration
from countenance.store import Connection, Database, load_queries

WATCHED: Final = timedelta(days=7)
"""What is judged: the searches of so long a time."""
KEPT: Final = timedelta(days=90)
_QUERIES = load_queries("countenance.assurance", "drift.sql")

_Key = tuple[date, UUID, str]
"""Day (UTC), collection, digest of the calibration."""


class DriftTally:
    """What this process has counted since it last wrote it down. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._counts: dict[_Key, DriftCounts] = {}

    def sampled(self, collection_id: UUID, calibration: Calibration, cosines: NDArray[np.float32]) -> None:
        """Count what one search lends: cosines of its probe with faces drawn at random, (n,)."""
        counts = DriftCounts.of_search(calibration.to_neg_log10_fmr(np.asarray(cosines, np.float64)))
        key = (datetime.now(UTC).date(), collection_id, calibration.digest)
        with self._lock:
            self._counts[key] = self._counts.get(key, DriftCounts.none()) + counts

    def write(self) -> None:
        """Write down what was counted; where that fails it is kept for the next time.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        with self._lock:
            counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            with self._database.transaction() as connection:
                for key in sorted(counts):  # in one order everywhere: no two processes wait for each other
                    day, collection_id, calibration = key
                    values = {
                        "day": day,
                        "collection_id": collection_id,
                        "calibration": bytes.fromhex(calibration),
                        "sums": counts[key].to_sums(),
                    }
                    connection.execute(_QUERIES["add_counts"], values)
        except BaseException:
            with self._lock:
                for key, counted in counts.items():
                    self._counts[key] = self._counts.get(key, DriftCounts.none()) + counted
            raise


@dataclass(frozen=True, slots=True)
class Drift:
    """How one collection's searches compare with one calibration.

    Attributes:
        account_id, region, name, face_model_version: of the collection.
        calibration: its digest, hexadecimal.
        counts: of the days that were asked for.
        judgements: one for each exponent.
    """

    collection_id: UUID
    account_id: str
    region: str
    name: str
    face_model_version: str
    calibration: str
    counts: DriftCounts
    judgements: tuple[Judgement, ...]

    @property
    def is_alarming(self) -> bool:
        """More false matches than stated, beyond what is tolerated."""
        return any(each.verdict == "higher" for each in self.judgements)


def read_drift(
    connection: Connection, *, window: timedelta = WATCHED, now: datetime | None = None
) -> list[Drift]:
    """Every collection that was searched in the window, by account, region and name."""
    rows = connection.execute(_QUERIES["read_counts"], _days(window, now)).fetchall()
    found = []
    for of, group in groupby(rows, key=lambda row: row[:6]):
        counts = sum((DriftCounts.from_sums(row[7]) for row in group), DriftCounts.none())
        collection_id, account_id, region, name, version, calibration = of
        found.append(
            Drift(
                collection_id,
                account_id,
                region,
                name,
                version,
                bytes(calibration).hex(),
                counts,
                tuple(judge(counts)),
            )
        )
    return found


def watch_drift(connection: Connection, *, now: datetime | None = None) -> int:
    """Raise alarms for what does not hold, end those of what does again; how many there are.

    Raising and ending one is an entry in the log. An alarm that is not judged any more, for want of searches,
    stays: silence is no all-clear. One about a calibration by which the collection is not searched any more,
    but by another, ends.
    """
    rows = connection.execute(_QUERIES["list_alarms"]).fetchall()
    raised = {(row[0], bytes(row[1]).hex(), row[2]) for row in rows}
    for drift in read_drift(connection, now=now):
        for judgement in drift.judgements:
            key = (drift.collection_id, drift.calibration, judgement.exponent)
            if judgement.verdict == "higher":
                _raise(connection, drift, judgement, is_new=key not in raised)
                raised.add(key)
            elif judgement.verdict != "too few" and key in raised:
                connection.execute(_QUERIES["end_alarm"], _key_values(drift, judgement))
                record_statement(connection, "drift.ended", _facts(drift, judgement))
                raised.discard(key)
    return len(raised) - _end_superseded(connection, now)


def forget_counts(connection: Connection, *, now: datetime | None = None) -> int:
    """Forget days that are older than KEPT, and those that a wrong clock made up; how many rows."""
    days = _days(KEPT, now)
    values = {"before": days["since"], "until": days["until"]}
    return connection.execute(_QUERIES["forget_counts"], values).rowcount


def _days(window: timedelta, now: datetime | None) -> dict[str, date]:
    """From when until when: tomorrow is what another machine's clock may say, and no later day."""
    now = now or datetime.now(UTC)
    return {"since": (now - window).date(), "until": (now + timedelta(days=1)).date()}


def _end_superseded(connection: Connection, now: datetime | None) -> int:
    rows = connection.execute(_QUERIES["list_superseded"], _days(WATCHED, now)).fetchall()
    for collection_id, calibration, exponent, version, searches, stated, counted in rows:
        key = {"collection_id": collection_id, "calibration": calibration, "exponent": exponent}
        connection.execute(_QUERIES["end_alarm"], key)
        facts = {
            "model_version": version,
            "calibration": bytes(calibration).hex(),
            "searches": searches,
            "stated_fmr": f"{stated:.3g}",
            "counted_fmr": f"{counted:.3g}",
        }
        record_statement(connection, "drift.ended", facts)
    return len(rows)


def _raise(connection: Connection, drift: Drift, judgement: Judgement, *, is_new: bool) -> None:
    assert judgement.interval is not None, "only what was counted is judged"
    values = _key_values(drift, judgement) | {
        "stated": judgement.stated,
        "counted": judgement.counted,
        "low": judgement.interval.low,
        "high": judgement.interval.high,
        "searches": drift.counts.searches,
    }
    connection.execute(_QUERIES["raise_alarm"], values)
    if is_new:
        record_statement(connection, "drift.raised", _facts(drift, judgement))


def _key_values(drift: Drift, judgement: Judgement) -> dict[str, object]:
    return {
        "collection_id": drift.collection_id,
        "calibration": bytes.fromhex(drift.calibration),
        "exponent": judgement.exponent,
    }


def _facts(drift: Drift, judgement: Judgement) -> dict[str, object]:
    """For the log, for good: figures and digests. Which collection it is, is not said."""
    assert judgement.counted is not None, "only what was counted is judged"
    return {
        "model_version": drift.face_model_version,
        "calibration": drift.calibration,
        "searches": drift.counts.searches,
        "stated_fmr": f"{judgement.stated:.3g}",
        "counted_fmr": f"{judgement.counted:.3g}",
    }
