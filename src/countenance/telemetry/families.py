"""Every metric of a server, as data: `docs/operations/metrics.md` is made of this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "histogram", "gauge", "age", "behind"]
Across = Literal["livesum", "max", "mostrecent"]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric.

    Attributes:
        kind: a process keeps of an `age` the Unix time since when, and of a `behind` the size of the log
            that was reached; the difference to now, or to the log's size, is made when it is asked for, so
            that both go on growing when the process that told them is gone.
        across: how the gauges of several processes become one; `livesum` leaves out those that ended.
        never_is_zero: an age of nothing is 0 and not left out.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    across: Across = "max"
    never_is_zero: bool = False


_CALL_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_WAIT_S = (0.001, 0.005, 0.025, 0.1, 0.5, 2.0, 10.0)
_LAG_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
_ITEMS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0, 1000.0, 4096.0)

CALLS = Family(
    "countenance_calls_total", "counter", "calls that ended", ("service", "operation", "outcome", "status")
)
DURATION = Family(
    "countenance_call_duration_seconds",
    "histogram",
    "from a call's head to its answer, the reading of its body included",
    ("service", "operation"),
    _CALL_S,
)
ITEMS = Family(
    "countenance_answer_items",
    "histogram",
    "faces or users in an answer, where an operation lists them",
    ("service", "operation"),
    _ITEMS,
)
CALLS_IN_FLIGHT = Family(
    "countenance_calls_in_flight", "gauge", "admitted calls not answered yet", across="livesum"
)
BYTES_IN_FLIGHT = Family(
    "countenance_request_bytes_in_flight", "gauge", "bytes held of their bodies", across="livesum"
)
REFUSALS = Family(
    "countenance_admission_refusals_total",
    "counter",
    "calls refused before their body was read, by error code",
    ("error",),
)
THROTTLED = Family(
    "countenance_throttled_calls_total", "counter", "calls that a limit of ours refused", ("limit",)
)
WAITING = Family(
    "countenance_calls_waiting",
    "gauge",
    "calls whose body has come and that no thread has begun",
    across="livesum",
)
DECISIONS = Family(
    "countenance_policy_decisions_total",
    "counter",
    "what policy said of calls: `allow`, `deny`",
    ("decision",),
)
DATABASE_WAIT = Family(
    "countenance_database_wait_seconds",
    "histogram",
    "until a connection to the database was had; one that was never had is not in it",
    (),
    _WAIT_S,
)
RECEIPTS = Family("countenance_receipts_signed_total", "counter", "answers with a receipt")
PENDING = Family(
    "countenance_log_pending_entries", "gauge", "events without a place in the log yet", across="mostrecent"
)
PENDING_AGE = Family(
    "countenance_log_pending_age_seconds",
    "age",
    "how long the oldest of them has waited; 0 where none waits",
    across="mostrecent",
    never_is_zero=True,
)
INTEGRATED = Family("countenance_log_integrated_entries_total", "counter", "events that got their place")
LAG = Family(
    "countenance_log_integration_lag_seconds",
    "histogram",
    "how long the oldest event of a batch waited for its place",
    (),
    _LAG_S,
)
SIZE = Family("countenance_log_size_entries", "gauge", "entries of the log")
SIGNED_AGE = Family("countenance_log_signed_age_seconds", "age", "since the last checkpoint was signed")
PUBLISHED_AGE = Family(
    "countenance_log_published_age_seconds", "age", "since the last checkpoint was published"
)
WITNESS_AGE = Family(
    "countenance_log_witness_age_seconds", "age", "since a witness last cosigned", ("witness",)
)
WITNESS_BEHIND = Family(
    "countenance_log_witness_behind_entries",
    "behind",
    "entries of the log that a witness has not cosigned",
    ("witness",),
)
ALARMS = Family(
    "countenance_log_alarms", "gauge", "entries of kind `alarm` that the log has, whoever reconciled"
)

JOBS = Family("countenance_jobs", "gauge", "jobs that are kept in the queue", ("state",), across="mostrecent")
JOBS_AGE = Family(
    "countenance_jobs_waiting_age_seconds",
    "age",
    "how long the oldest job that could run has waited; 0 where none waits",
    across="mostrecent",
    never_is_zero=True,
)

FAMILIES = (
    *(CALLS, DURATION, ITEMS, CALLS_IN_FLIGHT, BYTES_IN_FLIGHT, WAITING, REFUSALS),
    *(THROTTLED, DECISIONS, RECEIPTS),
    DATABASE_WAIT,
    *(INTEGRATED, PENDING, PENDING_AGE, LAG, SIZE, SIGNED_AGE, PUBLISHED_AGE),
    *(WITNESS_AGE, WITNESS_BEHIND, ALARMS),
    *(JOBS, JOBS_AGE),
)
