"""An evaluation for people who decide and do not measure: one page, natural frequencies, no jargon.

Every number stands with its range. What was not counted is marked so, and what was not tested is listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from countenance.measuring.cohort_tables import in_order
from countenance.measuring.evaluation_file import evaluation_digest
from countenance.measuring.pages import render_page
from countenance.measuring.phrases import Frequency, frequency, telling_base
from countenance.measuring.report_words import at_strictest, largest_searched
from countenance.store.files import write_whole

BOARD_NAME = "board.html"
ESTIMATED = "estimated, not counted"
NOT_KNOWN = "not known: too few were tested"
_LONGER = 10
"""How many times the longest list that was tested the estimate is for."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A number in a sentence: what comes before it, the number with its range, what comes after."""

    before: str
    number: str
    after: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A small table in words."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def write_board(evaluation: dict[str, Any], directory: Path) -> Path:
    """Write `board.html`, one printed page; the directory is made if it is not there.

    Raises:
        InvalidEvaluation: it is none; nothing is written then.
        OSError: the file cannot be written.
    """
    return write_whole(directory / BOARD_NAME, render_board(evaluation).encode())


def render_board(evaluation: dict[str, Any]) -> str:
    """The page as text. Raises InvalidEvaluation as `check_evaluation`."""
    digest = evaluation_digest(evaluation)
    return render_page(
        "board.html.j2",
        evaluation=evaluation,
        digest=digest,
        searching=tuple(_searching(evaluation)),
        lists=_lists(evaluation),
        comparing=tuple(_comparing(evaluation)),
        groups=tuple(_groups(evaluation)),
        untested=tuple(_untested(evaluation)),
        advice=tuple(_advice(evaluation)),
    )


def _searching(evaluation: dict[str, Any]) -> Iterator[Sentence]:
    largest = largest_searched(evaluation.get("identification", ()))
    row = None if largest is None else at_strictest(largest["at_similarity"])
    if largest is None or row is None:
        return
    setting = f"setting {row['similarity']:g}, {largest['gallery']:,} people on the list"
    if "refused" not in row["fpir"]:
        wrong = frequency(row["fpir"], of=telling_base(row["fpir"], least=1_000))
        yield Sentence(
            f"If {wrong.of:,} people who are not on the list are searched, ",
            wrong.words,
            f" {_are(wrong)} wrongly named ({setting}).",
        )
    if "refused" not in row["fnir"]:
        missed = frequency(row["fnir"], of=telling_base(row["fnir"], least=100))
        yield Sentence(
            f"If {missed.of:,} people who are on the list are searched, ",
            missed.words,
            f" {_are(missed)} missed ({setting}).",
        )


def _are(found: Frequency) -> str:
    return "is" if found.about == 1 else "are"


def _lists(evaluation: dict[str, Any]) -> Grid | None:
    """Each length of the list at the strictest setting, the longest at the others, and an estimate."""
    searched = [each for each in evaluation.get("identification", ()) if each.get("at_similarity")]
    longest = largest_searched(searched)
    strictest = None if longest is None else at_strictest(longest["at_similarity"])
    if longest is None or strictest is None:
        return None
    points = [
        (int(each["gallery"]), point)
        for each in searched
        for point in each["at_similarity"]
        if each is longest or point["similarity"] == strictest["similarity"]
    ]
    points.sort(key=lambda each: (-float(each[1]["similarity"]), each[0]))
    wrong = _common_base([point["fpir"] for _, point in points], least=1_000)
    missed = _common_base([point["fnir"] for _, point in points], least=100)
    rows = [
        (
            f"{point['similarity']:g}",
            f"{gallery:,}",
            _of(point["fpir"], wrong),
            _of(point["fnir"], missed),
            "counted",
        )
        for gallery, point in points
    ]
    return Grid(
        "Stricter settings name fewer strangers and miss more people; longer lists name more strangers",
        (
            "setting",
            "people on the list",
            f"wrongly named, of {wrong:,} not on it",
            f"missed, of {missed:,} on it",
            "how we know",
        ),
        (*rows, *_longer(longest["gallery"], strictest, wrong)),
    )


def _longer(gallery: int, point: dict[str, Any], base: int) -> Iterator[tuple[str, ...]]:
    """Ten times the longest list that was tested: 1 - (1 - FPIR)^10, as if ten such lists were searched."""
    if "refused" in point["fpir"]:
        return
    rate = point["fpir"]
    ends = {end: _in_ten(value) for end, value in rate["interval"].items()}
    estimate = {"rate": _in_ten(rate["rate"]), "interval": ends}
    words = _of(estimate, base)
    yield (f"{point['similarity']:g}", f"{gallery * _LONGER:,}", words, "not known", ESTIMATED)


def _in_ten(rate: float) -> float:
    return 1.0 - (1.0 - float(rate)) ** _LONGER


def _common_base(rates: Sequence[dict[str, Any]], *, least: int) -> int:
    """One round number for a whole column, so that its numbers can be compared."""
    stated = [rate for rate in rates if "refused" not in rate]
    return max((telling_base(rate, least=least, telling=0.95) for rate in stated), default=least)


def _of(rate: dict[str, Any] | None, base: int) -> str:
    return NOT_KNOWN if rate is None or "refused" in rate else frequency(rate, of=base).brief


def _comparing(evaluation: dict[str, Any]) -> Iterator[Sentence]:
    failed = evaluation.get("failure_to_enrol", {"refused": ""})
    if "refused" not in failed:
        unusable = frequency(failed, of=telling_base(failed, least=1_000))
        yield Sentence(f"Of {unusable.of:,} photographs, ", unusable.words, " could not be used at all.")
    row = at_strictest(evaluation.get("verification", {}).get("at_similarity", ()))
    if row is None:
        return
    setting = f"setting {row['similarity']:g}"
    if "refused" not in row["fmr"]:
        wrong = frequency(row["fmr"], of=telling_base(row["fmr"], least=1_000))
        yield Sentence(
            f"Of {wrong.of:,} comparisons of two different people, ",
            wrong.words,
            f" {_are(wrong)} taken for one person ({setting}).",
        )
    how = ESTIMATED if row["extrapolated"] else "counted when it was set up"
    if row["stated_fmr"] > 0.0:
        promised = float(f"{1.0 / row['stated_fmr']:.2g}")
        yield Sentence("The program promises about ", f"1 of {promised:,.0f}", f" at this setting ({how}).")
    if "refused" not in row["fnmr"]:
        missed = frequency(row["fnmr"], of=telling_base(row["fnmr"], least=100))
        yield Sentence(
            f"Of {missed.of:,} comparisons of a person with their own photograph, ",
            missed.words,
            f" {_are(missed)} not recognised ({setting}).",
        )


def _groups(evaluation: dict[str, Any]) -> Iterator[Grid]:
    """One table a column of labels, at the strictest setting for which any group has a rate."""
    for cohort in evaluation.get("cohorts", ()):
        groups = in_order(cohort["rates"])
        stated = [
            row
            for group in groups
            for row in group.get("at_similarity", ())
            if "refused" not in row.get("fmr", {"refused": ""})
        ]
        if not stated:
            continue
        shown = at_strictest(stated)
        assert shown is not None, "some group has a rate"
        setting = shown["similarity"]
        rows = [(group, _row_at(group, setting)) for group in groups]
        wrong = _common_base([row["fmr"] for _, row in rows if "fmr" in row], least=1_000)
        missed = _common_base([_missed(row) for _, row in rows if _missed(row)], least=100)
        yield Grid(
            f"By {cohort['column']}, as labelled by {cohort['labels_by']}; groups in alphabetical order,"
            f" setting {setting:g}",
            (
                "group",
                "people tested",
                f"strangers of one group taken for one person, of {wrong:,}",
                f"own photograph not recognised, of {missed:,}",
            ),
            tuple(
                (
                    group["group"],
                    f"{group['subjects']:,}",
                    _of(row.get("fmr"), wrong),
                    _of(_missed(row) or None, missed),
                )
                for group, row in rows
            ),
        )


def _row_at(group: dict[str, Any], similarity: float) -> dict[str, Any]:
    rows = (row for row in group.get("at_similarity", ()) if row["similarity"] == similarity)
    return next(rows, {})


def _missed(row: dict[str, Any]) -> dict[str, Any]:
    """FNMR, or what is left of TPR where only that is stated."""
    if "fnmr" in row or "tpr" not in row:
        return dict(row.get("fnmr", {}))
    tpr = row["tpr"]
    if "refused" in tpr:
        return dict(tpr)
    ends = tpr["interval"]
    return {"rate": 1.0 - tpr["rate"], "interval": {"low": 1.0 - ends["high"], "high": 1.0 - ends["low"]}}


def _untested(evaluation: dict[str, Any]) -> Iterator[str]:
    if not evaluation.get("identification"):
        yield "Searching a list of people."
    if not evaluation.get("cohorts"):
        yield (
            "Whether it errs more often with some groups of people than with others: the photographs carry no"
            " labels that would tell."
        )
    if "refused" in evaluation.get("attack_detection", {"refused": ""}):
        yield "Whether a printed photograph, a screen or a mask held before a camera passes."
    if "detection" not in evaluation:
        yield "How many faces in a picture are not found at all."
    yield "Other cameras, other light, crowds, and people unlike those in these photographs."


def _advice(evaluation: dict[str, Any]) -> Iterator[str]:
    yield "A name that the program gives is a lead. A person must look, decide, and be able to say no."
    largest = largest_searched(evaluation.get("identification", ()))
    row = None if largest is None else at_strictest(largest["at_similarity"])
    if row is not None and "refused" not in row["fpir"]:
        daily = frequency(row["fpir"], of=10_000)
        yield (
            "Count people, not percentages: if 10,000 who are not on the list are searched each day,"
            f" {daily.words} {_are(daily)} wrongly named each day."
        )
    yield "Keep the list short, and take people off it when there is no reason any more."
    yield "Test with your own cameras and photographs before use, and again when either changes."
