"""What an evaluation says, in sentences: first on the page, with nothing in them that no table holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from countenance.measuring.phrases import (
    frequency,
    percent_with_range,
    refusal_of,
    scientific,
    telling_base,
)

STRICT_SIMILARITY = 99.0
_OTHERS = (
    "Other cameras, light, ages and distances have other rates; measure on your own photographs before you"
    " rely on a threshold."
)
_NOT_COVERED = "They do not cover wrong labels, nor photographs of another kind."


def findings_of(evaluation: dict[str, Any]) -> tuple[str, ...]:
    """The sentences at the head of the report, the most general first."""
    return (
        *_enrolling(evaluation),
        *_comparing(evaluation.get("verification", {})),
        *_searching(evaluation.get("identification", ())),
        *_groups(evaluation.get("cohorts", ())),
    )


def limits_of(evaluation: dict[str, Any]) -> tuple[str, ...]:
    """What the figures do not say: for every evaluation, then for this one."""
    data = evaluation["data"]
    return (
        f"The rates hold for photographs like those of “{data['name']}”. {_OTHERS}",
        f"The intervals say what another draw of people would change. {_NOT_COVERED}",
        "Each point's interval is its own: of twenty intervals at 95 % one is expected to miss.",
        "A candidate of a search is a lead for a person to judge. It identifies nobody.",
        *_not_measured(evaluation),
        *(str(note) for note in evaluation.get("notes", ())),
    )


def label_errors_of(evaluation: dict[str, Any]) -> tuple[str, ...]:
    """The known errors of the data set's labels, those of one reason together."""
    entries, concerned = Counter[str](), Counter[str]()
    for error in evaluation["data"].get("label_errors", ()):
        entries[error["reason"]] += 1
        concerned[error["reason"]] += error["samples_or_subjects"]
    return tuple(
        f"{reason}: {count:,} {'entry' if count == 1 else 'entries'}, of people or photographs"
        f" {concerned[reason]:,}"
        for reason, count in entries.items()
    )


def largest_searched(found: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The largest gallery that was searched with a threshold, if any was."""
    searched = [each for each in found if each.get("at_similarity")]
    return max(searched, key=lambda each: int(each["gallery"]), default=None)


def at_strictest(rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The row at Similarity 99 where there is one, else the strictest; None of none."""
    strict = [row for row in rows if row["similarity"] == STRICT_SIMILARITY]
    return strict[0] if strict else max(rows, key=lambda row: float(row["similarity"]), default=None)


def _enrolling(evaluation: dict[str, Any]) -> Iterator[str]:
    failed = evaluation.get("failure_to_enrol")
    if failed is None:
        return
    if "refused" in failed:
        yield f"Failures to enrol: {refusal_of(failed)}"
    else:
        yield (
            f"Failures to enrol: {percent_with_range(failed)} of {failed['trials']:,} photographs gave no"
            " template. They are counted as misses below."
        )


def _comparing(verification: dict[str, Any]) -> Iterator[str]:
    if "refused" in verification:
        yield f"Comparisons: {refusal_of(verification)}"
    for row in verification.get("at_similarity", ()):
        if row["similarity"] > STRICT_SIMILARITY:  # budgets ask for these; the table has them
            continue
        stated = scientific(row["stated_fmr"])
        how = "extrapolated, which no count backs" if row["extrapolated"] else "counted"
        if "stated_interval" in row:
            ends = row["stated_interval"]
            how += f"; 95 % interval {scientific(ends['low'])} to {scientific(ends['high'])}"
        said = f"At Similarity {row['similarity']:g} the stated false match rate is {stated} ({how}). "
        matched = (
            refusal_of(row["fmr"])
            if "refused" in row["fmr"]
            else f"Counted here: {_of(row['fmr'], 1_000, 'comparisons of two people')} match."
        )
        missed = (
            ""
            if "refused" in row["fnmr"]
            else f" Missed: {_of(row['fnmr'], 100, 'comparisons of photographs of one person')}."
        )
        yield f"{said}{matched}{missed}"


def _of(rate: dict[str, Any], least: int, what: str) -> str:
    found = frequency(rate, of=telling_base(rate, least=least))
    return f"of {found.of:,} {what}, {found.words}"


def _searching(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    for each in found:
        if "refused" in each:
            yield f"Searching a list of {each['gallery']:,} people: {refusal_of(each)}"
    largest = largest_searched(found)
    row = None if largest is None else at_strictest(largest["at_similarity"])
    if largest is None or row is None:
        return
    said = f"Searching a list of {largest['gallery']:,} people at Similarity {row['similarity']:g}: "
    if "refused" in row["fpir"]:
        yield said + refusal_of(row["fpir"])
    else:
        yield f"{said}{_of(row['fpir'], 1_000, 'searches for people who are not on it')} name somebody."
    if "refused" not in row["fnir"]:
        yield f"Missed there: {_of(row['fnir'], 100, 'searches for people who are on it')}."


def _groups(cohorts: Sequence[dict[str, Any]]) -> Iterator[str]:
    if not cohorts:
        yield "Nothing is known here of differences between groups of people: no group labels were used."
    for cohort in cohorts:
        refused = sum("refused" in each for each in cohort["rates"])
        yield (
            f"Rates are stated for {len(cohort['rates']) - refused} groups of “{cohort['column']}”, labelled"
            f" by {cohort['labels_by']}"
            + (f"; for {refused} they are not, because the trials do not carry them." if refused else ".")
        )


def _not_measured(evaluation: dict[str, Any]) -> Iterator[str]:
    for member, what in (
        ("identification", "searches of a list of people"),
        ("cohorts", "differences between groups of people"),
        ("detection", "how many faces are found"),
        ("attack_detection", "photographs, screens and masks held before a camera"),
    ):
        found = evaluation.get(member)
        if not found or "refused" in found:  # of a list: none of its objects is this word
            yield f"Not measured: {what}."
