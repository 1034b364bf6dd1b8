"""The transparency report: every figure from the entries of a log (docs/spec/transparency-report.md).

It depends on the entries, the period, the least count and the evaluations given, and on nothing else: not on
a clock, a setting or who computes it. Two people with the same log get the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from countenance.similarity import fmr_at_similarity
from countenance.transparency.canonical import canonical_json
from countenance.transparency.merkle import node_hash
from countenance.transparency.public_labels import PEOPLE, REVIEWS, amounts_of, labels_of, labels_once
from countenance.transparency.public_system import SystemFacts
from countenance.transparency.suppression import LEAST_K, Partition, withheld_figures
from countenance.transparency.verify_canonical import parse_entry
from countenance.types import Similarity

FORMAT: Final = "countenance.transparency-report/1"
MOST_FIGURES: Final = 1_000
"""Names in a log are those of a catalogue; more than this is a log that somebody made to break readers."""
_SIGNIFICANT = 3
"""Digits of a sum of powers: processors differ in the last of sixteen."""
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])-01").fullmatch
_WHOLES = (
    ("calls", "calls/outcome/"),
    ("calls", "calls/purpose/"),
    ("calls", "calls/collection-kind/"),
    ("calls/outcome/answered", "calls/operation/answered/"),
    ("calls/outcome/refused", "calls/operation/refused/"),
    ("calls/outcome/failed", "calls/operation/failed/"),
    ("calls/outcome/withheld", "calls/operation/withheld/"),
    ("calls/outcome/refused", "refusals/error/"),
    ("changes", "changes/operation/"),
    ("searches", "searches/threshold/"),
    ("standing", "standing/change/"),
    ("reviews/operation/ReportOutcome", "reviews/outcome/"),
    ("people/operation/OpenSubjectRequest", "people/asked/"),
    ("people/operation/DecideSubjectRequest", "people/decided/"),
)
"""What is the sum of what."""
_TOLD_WHEN_NONE = (
    *("calls", "changes", "searches", "searches/with-candidates", "searches/without-candidates"),
    *("calls/outcome/answered", "calls/outcome/refused", "calls/outcome/failed", "refusals/by-policy"),
    *("standing", "findings/opened", "findings/decided", "findings/lapsed"),
    *("appeals/submitted", "appeals/decided", "enrolments", "erasures/account-keys"),
)
"""Figures that stand in every report, 0 as well."""


class ReportImpossible(ValueError):
    """The period or size asked for is none, or the log has more figures than a report can have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a report is of.

    Attributes:
        start, end: the first days of two months, `2026-10-01`: from the one until before the other, UTC.
            Whole months, because two reports over nearly the same time differ by a small count.
        size: how many entries of the log; None: all that its checkpoint has.
        k: the least count that is published, `LEAST_K` or more.
    """

    start: str
    end: str
    size: int | None = None
    k: int = LEAST_K

    def __post_init__(self) -> None:
        if not (_MONTH(self.start) and _MONTH(self.end) and self.start < self.end):
            raise ReportImpossible(
                f"`{self.start}` to `{self.end}` is no period: give the first days of two months"
            )
        if self.k < LEAST_K:
            raise ReportImpossible(f"the least count is {LEAST_K} or more, not {self.k}")
        if self.size is not None and self.size < 1:
            raise ReportImpossible("a report is of 1 entry or more")


class Figures:
    """Collects what the entries say, in their order; memory for each combination of figures."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._start, self._end = f"{asked.start}T00:00:00.000Z", f"{asked.end}T00:00:00.000Z"
        self._atoms: Counter[tuple[str, ...]] = Counter()
        self._names: set[str] = set()
        self._amounts: Counter[str] = Counter()
        self._bases: dict[str, str] = {}
        self._counted_once: set[tuple[str, str]] = set()
        self._system = SystemFacts()
        self._offered: set[str] = set()
        self._expected = 0.0
        self._frontier: list[tuple[int, bytes]] = []
        self._size, self._latest, self._origin = 0, "", ""

    def add(self, index: int, entry: bytes, leaf: bytes) -> None:
        """The next entry, which was found to be one; those beyond the size asked for are passed over."""
        if index != self._size or (self._asked.size is not None and index >= self._asked.size):
            return
        self._size += 1
        self._grow(leaf)
        members = parse_entry(entry)
        self._latest = max(self._latest, members["time"])
        if members["kind"] in {"log.opened", "log.continued"}:
            self._origin = members["origin"]
        is_in_period = self._start <= members["time"] < self._end
        if members["kind"] in {"call", "change"}:
            self._note_offered(members)
        elif members["time"] < self._end:
            self._system.add(members, is_in_period=is_in_period)
        if is_in_period:
            self._count(members)

    def evaluations_in_force(self) -> list[str]:
        """Digests of those that the log says count at the period's end."""
        return [each["evaluation"] for each in self._system.told(end=self._end)["evaluations"]]

    def report(self, evaluations: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
        """The whole report, as a JSON value.

        Args:
            evaluations: documents of the format of docs/spec/evaluation.md, whose rates are told, each with
                whether the log says that it is in force.

        Raises:
            ReportImpossible: the log has fewer entries than the report is to be of.
        """
        if self._asked.size is not None and self._size < self._asked.size:
            raise ReportImpossible(f"the log has {self._size} entries, the report is of {self._asked.size}")
        counts: Counter[str] = Counter(dict.fromkeys(_TOLD_WHEN_NONE, 0))
        for names, count in self._atoms.items():
            for name in names:
                counts[name] += count
        withheld = withheld_figures(self._atoms, self._partitions(), k=self._asked.k)
        system = self._system.told(end=self._end)
        return {
            "format": FORMAT,
            "log": {"origin": self._origin, "size": self._size, "root": self._root().hex()},
            "period": {
                "from": self._asked.start,
                "to": self._asked.end,
                "latest_entry": self._latest[:10],
                "is_over": self._latest >= self._end,
            },
            "least_count": self._asked.k,
            "withheld": len(withheld) + sum(self._is_small(each, withheld) for each in self._amounts),
            "figures": [
                {"id": name, "withheld": True} if name in withheld else {"id": name, "count": counts[name]}
                for name in sorted(counts)
            ],
            "amounts": self._told_amounts(withheld),
            "expected_false_candidates": self._told_expected(counts, withheld),
            "not_offered": sorted({"reviews", "people"} - self._offered),
            "system": system,
            "rates": told_rates(evaluations, self.evaluations_in_force()),
        }

    def _count(self, members: Mapping[str, Any]) -> None:
        labels = set(labels_of(members))
        for each in labels_once(members):
            if each not in self._counted_once:
                self._counted_once.add(each)
                labels.add(each[0])
        if labels:
            self._atoms[tuple(sorted(labels))] += 1
            self._names |= labels
        if len(self._names) > MOST_FIGURES:
            raise ReportImpossible(f"the log's entries name over {MOST_FIGURES} figures")
        for name, base, amount in amounts_of(members):
            self._amounts[name] += amount
            self._bases[name] = base
        if "searches/of-stated-size" in labels:
            rate = fmr_at_similarity(Similarity(members["threshold"]["in_force"]))
            self._expected += rate * members["charter"]["face_count"]

    def _note_offered(self, members: Mapping[str, Any]) -> None:
        for group, operations in (("reviews", REVIEWS), ("people", PEOPLE)):
            if members["operation"] in operations or (
                group == "reviews" and members["outcome"] == "withheld"
            ):
                self._offered.add(group)

    def _partitions(self) -> list[Partition]:
        named = [
            Partition(whole, tuple(sorted(name for name in self._names if name.startswith(prefix))))
            for whole, prefix in _WHOLES
        ]
        return [*named, Partition("searches", ("searches/with-candidates", "searches/without-candidates"))]

    def _is_small(self, name: str, withheld: frozenset[str]) -> bool:
        return self._bases[name] in withheld or self._amounts[name] < self._asked.k

    def _told_amounts(self, withheld: frozenset[str]) -> list[dict[str, Any]]:
        return [
            {"id": name, "withheld": True}
            if self._is_small(name, withheld)
            else {"id": name, "amount": self._amounts[name]}
            for name in sorted(self._amounts)
        ]

    def _told_expected(self, counts: Mapping[str, int], withheld: frozenset[str]) -> dict[str, Any]:
        """Sum over searches of collection size x false match rate that the threshold in force stands for."""
        base = "searches/of-stated-size"
        if base in withheld:
            return {"withheld": True}
        return {"searches": counts.get(base, 0), "expected": float(f"{self._expected:.{_SIGNIFICANT}g}")}

    def _grow(self, leaf: bytes) -> None:
        height = 0
        while self._frontier and self._frontier[-1][0] == height:
            leaf = node_hash(self._frontier.pop()[1], leaf)
            height += 1
        self._frontier.append((height, leaf))

    def _root(self) -> bytes:
        if not self._frontier:
            raise ReportImpossible("the log has no entries")
        (_, root), *others = reversed(self._frontier)
        for _, left in others:
            root = node_hash(left, root)
        return root


def told_rates(evaluations: Sequence[Mapping[str, Any]], in_force: Sequence[str]) -> list[dict[str, Any]]:
    """Error rates as the evaluations state them, overall and by cohort."""
    told: dict[str, dict[str, Any]] = {}
    for each in evaluations:
        digest = hashlib.sha256(canonical_json(dict(each))).hexdigest()
        told[digest] = {
            "evaluation": digest,
            "is_in_force": digest in in_force,
            "pack": each["pack"]["name"],
            "data": each["data"]["name"],
            "subjects": each["data"]["subjects"],
            "at_similarity": [
                {name: row[name] for name in ("similarity", "fmr", "fnmr") if name in row}
                for row in each["verification"]["at_similarity"]
            ],
            "cohorts": [
                {"column": cohort["column"], "labels_by": cohort["labels_by"], "rates": cohort["rates"]}
                for cohort in each.get("cohorts", ())
                if "rates" in cohort
            ],
        }
    return [told[digest] for digest in sorted(told)]


def report_bytes(report: Mapping[str, Any]) -> bytes:
    """The one encoding of a report: RFC 8785, and a line's end."""
    return canonical_json(dict(report)) + b"\n"


def differences(given: Any, computed: Mapping[str, Any]) -> list[str]:
    """What a report says otherwise than the log, a line for each; empty if every figure stands."""
    found: list[str] = []
    _differ("", given, json.loads(report_bytes(computed)), found)  # as a file has it: 1.0 is 1
    return found


def _differ(where: str, given: Any, computed: Any, found: list[str]) -> None:
    if isinstance(given, dict) and isinstance(computed, dict):
        for name in sorted(given.keys() | computed.keys(), key=str):
            here = f"{where}.{name}" if where else str(name)
            if name not in computed:
                found.append(f"{here}: the report says it, the log does not")
            elif name not in given:
                found.append(f"{here}: the report leaves it out")
            else:
                _differ(here, given[name], computed[name], found)
    elif _is_named(given) and _is_named(computed):
        _differ(where, {each["id"]: each for each in given}, {each["id"]: each for each in computed}, found)
        if [each["id"] for each in given] != [each["id"] for each in computed] and not found:
            found.append(f"{where}: not in its order, or twice")
    elif type(given) is not type(computed) or given != computed:
        found.append(f"{where}: the report says {_short(given)}, the log gives {_short(computed)}")


def _is_named(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict) and isinstance(each.get("id"), str) for each in value
    )


def _short(value: Any) -> str:
    text = canonical_json(value).decode()
    return text if len(text) <= 80 else f"{text[:79]}…"
