"""What a verification finds: what is wrong, and what is there."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from countenance.transparency.checkpoint import Checkpoint

Check = Literal["checkpoint", "witnesses", "entries", "tiles", "root", "receipts", "heads", "proof"]
Kind = Literal["", "altered", "broken", "outstanding"]
MAX_PROBLEMS_KEPT = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not hold.

    Attributes:
        where: the file, entry, receipt or head: `tile/0/000`, `entry 17`, `receipts.txt line 3`.
        what: what is wrong with it and, where that is not plain, what it means.
        kind: of a receipt that verifies: "altered" where the log has its event otherwise; where it has not,
            "outstanding" if the folder is shown to be older than the promise's end, else "broken".
    """

    check: Check
    where: str
    what: str
    kind: Kind = ""


class Problems:
    """Collects problems; of a hostile log's many it keeps the first hundred and counts the rest."""

    def __init__(self) -> None:
        self.kept: list[Problem] = []
        self.count = 0

    def add(self, check: Check, where: str, what: str, *, kind: Kind = "") -> None:
        self.count += 1
        if len(self.kept) < MAX_PROBLEMS_KEPT:
            self.kept.append(Problem(check, where, what, kind))


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness saw this checkpoint, and no other of its size, at `at`."""

    witness: str
    at: datetime


@dataclass(slots=True)
class Facts:
    """What was found, as far as it could be read.

    Attributes:
        checkpoint: None if it cannot be read.
        entries: how many were read.
        by_kind: entries of each kind.
        accounts: how many pseudonyms of accounts; beyond `MAX_ACCOUNTS_COUNTED` no more are counted.
        first, last: the earliest and the latest `time` of an entry, as it stands there; "" of none.
        log_key: the log's newest key, a vkey.
        cosignatures: of the witnesses asked for, those that verify and say a time that can be.
        receipts_read: how many were held against the log; None if no file of them was.
        receipts: how many the log keeps its promise of.
        pending: receipts whose merge-by had not come.
        heads: how many the log is consistent with.
        notes: what is no failure and yet worth knowing.
    """

    checkpoint: Checkpoint | None = None
    entries: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)
    accounts: int = 0
    first: str = ""
    last: str = ""
    log_key: str = ""
    cosignatures: list[Cosignature] = field(default_factory=list)
    receipts_read: int | None = None
    receipts: int = 0
    pending: int = 0
    heads: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome. The log is as its checkpoint says, and as every receipt and head needs it, if `is_valid`.

    Attributes:
        problems: the first `MAX_PROBLEMS_KEPT`.
        problem_count: all of them.
    """

    problems: tuple[Problem, ...]
    problem_count: int
    facts: Facts

    @property
    def is_valid(self) -> bool:
        return self.problem_count == 0
