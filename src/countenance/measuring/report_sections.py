"""The sections of a report on the whole data set; those by group are in `cohort_sections`."""

from __future__ import annotations

from typing import Any

from countenance.measuring.cohort_sections import cohort_section
from countenance.measuring.comparison_section import comparison_section, curve_of
from countenance.measuring.evaluation_tables import tables_of
from countenance.measuring.plots import Curve, Words, error_curves, histogram, rank_curves
from countenance.measuring.report_blocks import Block, Figure, Section
from countenance.measuring.report_tables import Table

_MOST_CURVES = 6


def sections_of(evaluation: dict[str, Any]) -> tuple[Section, ...]:
    """Every section for which something was measured, in the page's order."""
    tables = {each.name: each for each in tables_of(evaluation)}
    found = []
    enrolling = _present(tables, "failure-to-enrol", "failure-to-enrol-reasons")
    if enrolling:
        found.append(Section("enrolling", "Photographs without a template", (), enrolling))
    if "refused" not in evaluation.get("verification", {"refused": ""}):
        found += _comparing(evaluation, tables)
    if evaluation.get("identification"):
        found.append(_searching(evaluation["identification"], tables))
    found += [
        cohort_section(cohort, index, tables)
        for index, cohort in enumerate(evaluation.get("cohorts", ()), start=1)
    ]
    found += [
        Section(name, heading, sentences, present)
        for name, heading, sentences, wanted in (
            ("detection", "Finding faces", (), ("detection", "detection-by-size")),
            (
                "attacks",
                "Attacks before the camera",
                (
                    "APCER: attacks taken for a live face. BPCER: live faces taken for an attack.",
                    "The detector is the one whose scores the data set states, and no part of Countenance.",
                ),
                ("attack-detection", "attack-detection-worst", "attack-detection-bona-fide"),
            ),
        )
        if (present := _present(tables, *wanted))
    ]
    if "comparison" in evaluation:
        found.append(comparison_section(evaluation))
    return tuple(found)


def _present(tables: dict[str, Table], *names: str) -> tuple[Table, ...]:
    return tuple(tables[name] for name in names if name in tables)


def _comparing(evaluation: dict[str, Any], tables: dict[str, Table]) -> list[Section]:
    verification = evaluation["verification"]
    said = (
        f"{verification['mated_trials']:,} comparisons of photographs of one person (mated) and"
        f" {verification['non_mated_trials']:,} of two people (non-mated); people, and pairs of people, weigh"
        " the same. FMR is the share of the latter that match, FNMR the share of the former that do not."
    )
    found = [
        Section(
            "similarity",
            "What a Similarity means",
            ("The false match rate that a Similarity states, against the one counted on this data.",),
            _present(tables, "similarity"),
        ),
        Section(
            "comparing",
            "Comparing two photographs",
            (said,),
            (
                *_det(evaluation),
                *_present(tables, "operating-points", "balanced-accuracy", "det"),
            ),
        ),
    ]
    if "histogram" in verification:
        found.append(_distributions(verification["histogram"], tables))
    return [section for section in found if section.blocks]


def _det(evaluation: dict[str, Any]) -> tuple[Figure, ...]:
    if not evaluation["verification"].get("det"):
        return ()
    curve = curve_of(evaluation, "all comparisons")
    words = Words(
        "det",
        "Detection error trade-off",
        "False non-match rate over false match rate, both axes logarithmic; the numbers are in the table"
        " of points.",
        "FMR (logarithmic)",
        "FNMR (logarithmic)",
    )
    caption = (
        "Misses against false matches as the threshold moves. Both axes are logarithmic; rates of zero are"
        " left out."
    )
    if curve.band:
        caption += " The band is the interval at each point by itself."
    return (Figure(error_curves([curve], words), caption),)


def _distributions(found: dict[str, Any], tables: dict[str, Table]) -> Section:
    words = Words(
        "histogram-figure",
        "Cosines of comparisons",
        "Shares of comparisons by cosine, for photographs of one person and of two people.",
        "cosine",
        "share of comparisons",
    )
    series = [
        ("photographs of two people", found["non_mated"]),
        ("photographs of one person", found["mated"]),
    ]
    return Section(
        "distributions",
        "How far the two kinds of comparison lie apart",
        (),
        (
            Figure(histogram(found["edges"], series, words), "The shares of each kind add up to 100 %."),
            *_present(tables, "histogram"),
        ),
    )


def _searching(found: list[dict[str, Any]], tables: dict[str, Table]) -> Section:
    said = (
        (
            "FPIR is the share of searches for people who are not on the list that name somebody, FNIR the"
            " share of searches for people who are on it that do not name them. FPIR grows with the list."
        ),
    )
    names = ("identification-at-similarity", "identification-open-set", "identification-rank")
    blocks: tuple[Block, ...] = (*_open_set(found), *_ranks(found), *_present(tables, *names))
    return Section("searching", "Searching a list of people", said, blocks)


def _open_set(found: list[dict[str, Any]]) -> list[Figure]:
    lengths = sorted({point["list_length"] for each in found for point in each.get("open_set", ())})
    figures = []
    for length in lengths:
        curves = []
        for each in found[-_MOST_CURVES:]:
            points = sorted(
                (
                    point
                    for point in each.get("open_set", ())
                    if point["list_length"] == length and "refused" not in point
                ),
                key=lambda point: float(point["fpir"]["rate"]),
            )
            if points:
                curves.append(
                    Curve(
                        f"{each['gallery']:,} people",
                        tuple((point["fpir"]["rate"], point["fnir"]["rate"]) for point in points),
                        tuple(
                            (point["fnir"]["interval"]["low"], point["fnir"]["interval"]["high"])
                            for point in points
                        ),
                    )
                )
        if curves:
            looked = "the first candidate is" if length == 1 else f"the first {length} candidates are"
            words = Words(
                f"open-set-{length}",
                f"Searches of which {looked} looked at",
                "False negative over false positive identification rate, both axes logarithmic, one line"
                " a length of the list.",
                "FPIR (logarithmic)",
                "FNIR (logarithmic)",
            )
            caption = f"Where {looked} looked at; one line a number of people on the list, with its interval."
            figures.append(Figure(error_curves(curves, words), caption))
    return figures


def _ranks(found: list[dict[str, Any]]) -> list[Figure]:
    curves = []
    for each in found[-_MOST_CURVES:]:
        points = [point for point in each.get("rank", ()) if "refused" not in point["hit"]]
        if points:
            curves.append(
                Curve(
                    f"{each['gallery']:,} people",
                    tuple((float(point["rank"]), point["hit"]["rate"]) for point in points),
                    tuple(
                        (point["hit"]["interval"]["low"], point["hit"]["interval"]["high"])
                        for point in points
                    ),
                )
            )
    if not curves:
        return []
    words = Words(
        "ranks",
        "Cumulative match characteristic",
        "Share of searches for people on the list whose photograph is among the first candidates.",
        "among the first so many candidates",
        "found",
    )
    return [
        Figure(
            rank_curves(curves, words), "Searches for people who are on the list, at any Similarity (CMC)."
        )
    ]
