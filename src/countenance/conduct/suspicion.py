"""What detectors say, what they are told beside the calls, and the windows of time that they look through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final, Literal

from countenance.conduct.observations import Observed
from countenance.policy import Purpose

Severity = Literal["notice", "restrict", "suspend"]

DAY: Final = timedelta(days=1)
MOST_EVENTS: Final = 50
"""Ids of events in a finding's evidence: enough to look them up in the log, and not a copy of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A pattern that looks like a violation.

    Attributes:
        severity: `notice` tells a person; `restrict` and `suspend` act at once, until a person decides.
        summary: for the account and for officers. No name, photo, case or template is ever in it.
        evidence: JSON: figures, references (`About.reference`), and `events`, ids of at most 50 entries of
        the log.
        fingerprint: the same for the same thing seen again, so that it is found once.
    """

    detector: str
    severity: Severity
    summary: str
    evidence: Mapping[str, Any]
    fingerprint: str

    def __post_init__(self) -> None:
        assert len(self.evidence.get("events", ())) <= MOST_EVENTS


@dataclass(frozen=True, slots=True)
class Holding:
    """A collection as its owner's group holds it.

    Attributes:
        collection: region and name.
        purpose: one of its charter's.
        kind: of its charter.
        faces: in it now.
        cap: most that a collection of this purpose may have.
        account: whose it is.
        is_one_hand: it is the account's own, or of one that it acts for or that acts for it; else one that it
            is supplied by or supplies.
    """

    collection: str
    purpose: str
    kind: str
    faces: int
    cap: int
    account: str
    is_one_hand: bool = True


@dataclass(frozen=True, slots=True)
class Review:
    """One candidate list that two people looked at.

    Attributes:
        reviewers: who they were, in no order.
        seconds: how long the quicker of them looked.
        agreed: both concluded the same of every candidate.
    """

    reviewers: frozenset[str]
    seconds: float
    agreed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What one examiner did with one candidate list; counts and times.

    Attributes:
        examiner: their name.
        seconds: from seeing the pictures to deciding.
        least_s: before which no verdict was taken.
        supported: of the candidates.
        known: pairs of a planted trial; 0 of a search, and of a trial that is not decided yet.
        wrong: of these, those that they were wrong about.
    """

    examiner: str
    seconds: float
    least_s: float
    candidates: int
    supported: int
    known: int = 0
    wrong: int = 0


def _plain(value: str) -> str:
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a detector knows of the account beside its calls.

    Attributes:
        account: its id.
        purposes: the catalogue, by name.
        reference: stands for a name or a case in what is kept; nobody can guess back without the account's
        key.
        declared_downstream: it supplies somebody or acts for somebody by a relation that is in force.
        holdings: collections of the account and of its relations.
        reviews: of its searches, in the order of time.
        examined: by its examiners, each of them and each trial as well.
    """

    account: str = ""
    purposes: Mapping[str, Purpose]
    reference: Callable[[str], str] = field(default=_plain, repr=False)
    declared_downstream: bool = False
    holdings: Sequence[Holding] = ()
    reviews: Sequence[Review] = ()
    examined: Sequence[Examined] = ()

    def needs_case(self, purpose: str) -> bool:
        """Whether the purpose has no search without a case. A case that nobody asked for may be called
        anything.
        """
        found = self.purposes.get(purpose)
        return found is not None and "case" in found.requires

    def is_trial(self, purpose: str) -> bool:
        """Whether the purpose is for trying and measuring: it allows every threshold, and decides about
        nobody.
        """
        found = self.purposes.get(purpose)
        return found is not None and found.minimum_threshold == 0

    def is_low_risk(self, purpose: str) -> bool:
        found = self.purposes.get(purpose)
        return found is not None and found.risk == "low"

    def holds_strangers(self, purpose: str) -> bool:
        """Whether collections of the purpose hold people who did not ask to be in them."""
        found = self.purposes.get(purpose)
        return found is None or found.kind in {"watch_list", "reference"}


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time in which much happened.

    Attributes:
        day: in UTC, on which it ended.
        count: how many distinct values were in it.
        observed: the calls in it.
    """

    day: date
    count: int
    observed: Sequence[Observed]


def fullest_windows(
    rows: Sequence[tuple[Observed, Hashable]], *, least: int, span: timedelta = DAY
) -> list[Window]:
    """For each day the window that has the most distinct values, if those are `least` or more.

    A window ends with one of the calls and reaches back for `span`, over midnight as well: what straddles
    it is not missed, and that a later look begins later does not change what is found of a day.

    Args:
        rows: calls in the order of time, each with the value that is counted.
    """
    fullest: dict[date, tuple[int, int, int]] = {}
    inside: Counter[Hashable] = Counter()
    start = 0
    for end, (observed, value) in enumerate(rows):
        inside[value] += 1
        while rows[start][0].at <= observed.at - span:
            gone = rows[start][1]
            inside[gone] -= 1
            if not inside[gone]:
                del inside[gone]
            start += 1
        day, count = observed.at.date(), len(inside)
        if count >= least and count > fullest.get(day, (0,))[0]:
            fullest[day] = (count, start, end)
    return [
        Window(day, count, [row[0] for row in rows[start : end + 1]])
        for day, (count, start, end) in fullest.items()
    ]


def events(observed: Sequence[Observed]) -> list[str]:
    """Ids of the first and the last of the calls, as many as evidence may name."""
    half = MOST_EVENTS // 2
    named = observed if len(observed) <= MOST_EVENTS else [*observed[:half], *observed[-half:]]
    return [str(each.event_id) for each in named]


def fingerprint(detector: str, *parts: object) -> str:
    """Of what was found, in which collection or case and on which day, by references."""
    return "/".join((detector, *map(str, parts)))


def enrolled_photos(observed: Sequence[Observed]) -> frozenset[str]:
    """Photos that were taken into a collection: whoever imports an album searches for what it enrols."""
    return frozenset(photo for each in observed if each.kind == "enrol" for photo in each.inputs)
