"""Every table of an evaluation, in the report's order; a member that was not measured makes none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from countenance.measuring.cohort_tables import cohort_tables
from countenance.measuring.comparison_section import comparison_table
from countenance.measuring.facts_table import facts_table
from countenance.measuring.report_tables import Column, Table, table

_SIMILARITY = Column("similarity", "Similarity", "value")
_COSINE = Column("cosine", "cosine", "value")
_GALLERY = Column("gallery", "people on the list", "count")
_FPIR = Column("fpir", "FPIR", "rate")
_FNIR = Column("fnir", "FNIR", "rate")
_FMR = Column("fmr", "FMR", "small rate")


def tables_of(evaluation: dict[str, Any]) -> tuple[Table, ...]:
    """All tables, each with a name of its own."""
    verification = evaluation.get("verification", {})
    found: list[Table] = [facts_table(evaluation)]
    if "failure_to_enrol" in evaluation:
        found.append(
            table(
                "failure-to-enrol",
                "Failures to enrol",
                [Column("failure_to_enrol", "FTE", "rate")],
                [[evaluation["failure_to_enrol"]]],
            )
        )
        found += _failures(evaluation["failure_to_enrol"])
    found += _verification(verification)
    found += _identification(evaluation.get("identification", ()))
    for index, cohort in enumerate(evaluation.get("cohorts", ()), start=1):
        found += cohort_tables(cohort, index)
    if "detection" in evaluation:
        found += _detection(evaluation["detection"])
    if "attack_detection" in evaluation:
        found += _attacks(evaluation["attack_detection"])
    if "comparison" in evaluation:
        found.append(comparison_table(evaluation))
    return tuple(found)


def _ends(interval: dict[str, float] | None) -> tuple[float | None, float | None]:
    """Of an interval, where there is one."""
    return (None, None) if interval is None else (interval["low"], interval["high"])


def _failures(failed: dict[str, Any]) -> Iterator[Table]:
    if failed.get("by_reason"):
        columns = [Column("reason", "why", "text"), Column("samples", "photographs", "count")]
        rows = [[each["reason"], each["samples"]] for each in failed["by_reason"]]
        yield table("failure-to-enrol-reasons", "Why photographs gave no template", columns, rows)


def _verification(verification: dict[str, Any]) -> Iterator[Table]:
    if "balanced" in verification:
        yield balanced_table(verification["balanced"])
    if "at_fmr" in verification:
        yield table(
            "operating-points",
            "Misses where at most so many strangers match (comparisons of two photographs)",
            [
                Column("max_fmr", "FMR at most", "small"),
                _SIMILARITY,
                _COSINE,
                _FMR,
                Column("fnmr", "FNMR", "rate"),
            ],
            [
                [each["max_fmr"], None, None, each, each]
                if "refused" in each
                else [each[name] for name in ("max_fmr", "similarity", "cosine", "fmr", "fnmr")]
                for each in verification["at_fmr"]
            ],
        )
    if "at_similarity" in verification:
        yield table(
            "similarity",
            "What a Similarity means: the rate it states, and the rate counted on this data",
            [
                _SIMILARITY,
                _COSINE,
                Column("stated_fmr", "FMR stated", "small"),
                Column("stated_low", "at least", "small"),
                Column("stated_high", "at most", "small"),
                Column("stated_by", "the stated rate is", "text"),
                Column("fmr", "FMR counted", "small rate"),
                Column("fnmr", "FNMR", "rate"),
            ],
            [
                [
                    each["similarity"],
                    each["cosine"],
                    each["stated_fmr"],
                    *_ends(each.get("stated_interval")),
                    "extrapolated" if each["extrapolated"] else "counted",
                    each["fmr"],
                    each["fnmr"],
                ]
                for each in verification["at_similarity"]
            ],
            "Extrapolated: a model beyond the trials of the calibration, not a count.",
        )
    if "det" in verification:
        yield det_table(verification["det"])
    if "histogram" in verification:
        found = verification["histogram"]
        yield table(
            "histogram",
            "Shares of comparisons by cosine",
            [
                Column("from_cosine", "from cosine", "value"),
                Column("to_cosine", "to", "value"),
                Column("mated", "one person", "share"),
                Column("non_mated", "two people", "share"),
            ],
            list(
                zip(found["edges"][:-1], found["edges"][1:], found["mated"], found["non_mated"], strict=True)
            ),
        )


def balanced_table(balanced: dict[str, Any]) -> Table:
    """Its pairs are what the rate was counted on."""
    columns = [
        Column("balanced_accuracy", "balanced accuracy", "rate"),
        Column("folds", "folds", "count"),
    ]
    refused = "refused" in balanced
    rate = (
        balanced
        if refused
        else {
            "rate": balanced["accuracy"],
            "interval": balanced["interval"],
            "trials": balanced["pairs"],
        }
    )
    return table(
        "balanced-accuracy",
        "Right decisions about as many pairs of one person as of two, people split in folds",
        columns,
        [[rate, None if refused else balanced["folds"]]],
    )


def det_table(points: list[dict[str, Any]]) -> Table:
    """The curve's points; the band where the run made one."""
    columns = [
        Column("fmr", "FMR", "small"),
        Column("fnmr", "FNMR", "share"),
        Column("fnmr_low", "from", "share"),
        Column("fnmr_high", "to", "share"),
        _COSINE,
    ]
    rows = [[each.get(column.name) for column in columns] for each in points]
    return table("det", "Points of the DET curve, with the ends of its pointwise band", columns, rows)


def _identification(found: Sequence[dict[str, Any]]) -> Iterator[Table]:
    for each in (_at_similarity(found), _open_set(found), _ranks(found)):
        if each.rows:
            yield each


def _at_similarity(found: Sequence[dict[str, Any]]) -> Table:
    return table(
        "identification-at-similarity",
        "Searches at a Similarity",
        [_GALLERY, _SIMILARITY, _FPIR, _FNIR],
        [
            [each["gallery"], point["similarity"], point["fpir"], point["fnir"]]
            for each in found
            for point in each.get("at_similarity", ())
        ],
        "FPIR: searches for people who are not on the list that name somebody. "
        "FNIR: searches for people who are on it that do not name them.",
    )


def _open_set(found: Sequence[dict[str, Any]]) -> Table:
    rows = []
    for each in found:
        for point in each.get("open_set", ()):
            asked = [each["gallery"], point["list_length"], point["max_fpir"]]
            measured = ("similarity", "cosine", "fpir", "fnir")
            is_refused = "refused" in point
            rows.append([*asked, *((None, None, point, point) if is_refused else map(point.get, measured))])
    columns = [
        _GALLERY,
        Column("list_length", "candidates looked at", "count"),
        Column("max_fpir", "FPIR at most", "share"),
        _SIMILARITY,
        _COSINE,
        _FPIR,
        _FNIR,
    ]
    caption = "Misses where at most so many searches name a stranger"
    return table("identification-open-set", caption, columns, rows)


def _ranks(found: Sequence[dict[str, Any]]) -> Table:
    return table(
        "identification-rank",
        "Searches for people who are on the list: the right one among the first candidates",
        [_GALLERY, Column("rank", "among the first", "count"), Column("hit", "found", "rate")],
        [[each["gallery"], point["rank"], point["hit"]] for each in found for point in each.get("rank", ())],
    )


def _detection(found: dict[str, Any]) -> Iterator[Table]:
    yield table(
        "detection",
        f"Faces found where boxes are given (overlap of {found['iou']:g} or more)",
        [
            Column("images", "images", "count"),
            Column("faces", "faces", "count"),
            Column("recall", "found", "rate"),
            Column("precision", "of what was found, faces", "rate"),
            Column("average_precision", "average precision", "share"),
        ],
        [[found.get(name) for name in ("images", "faces", "recall", "precision", "average_precision")]],
    )
    if found.get("by_size"):
        columns = [
            Column("from_px", "from px", "value"),
            Column("to_px", "to px", "value"),
            Column("recall", "found", "rate"),
        ]
        rows = [[each.get(column.name) for column in columns] for each in found["by_size"]]
        yield table("detection-by-size", "Faces found by their width", columns, rows)


def _attacks(found: dict[str, Any]) -> Iterator[Table]:
    if "refused" in found:
        columns = [Column("apcer", "APCER", "rate")]
        yield table("attack-detection", "Attacks taken for a live face", columns, [[found]])
        return
    rows = sorted(
        ([each["species"], each, each["apnrr"]] for each in found["apcer"]),
        key=lambda row: str(row[0]).casefold(),
    )
    yield table(
        "attack-detection",
        f"Attacks taken for a live face, by kind (threshold {found['threshold']:g})",
        [
            Column("species", "kind of attack", "text"),
            Column("apcer", "APCER", "rate"),
            Column("apnrr", "no answer (APNRR)", "rate"),
        ],
        rows,
        "The rate that counts is the worst kind's. One-sided bounds hold for all kinds at once.",
    )
    yield table(
        "attack-detection-worst",
        "The kind of attack that passes most often",
        [
            Column("threshold", "score taken for live from", "value"),
            Column("apcer_worst", "APCER", "share"),
            Column("apcer_worst_bound", "of no kind above", "share"),
            Column("alpha", "but for", "share"),
        ],
        [[found[name] for name in ("threshold", "apcer_worst", "apcer_worst_bound", "alpha")]],
        "Where a kind got no answer at all it may always pass, so that nothing bounds the worst.",
    )
    yield table(
        "attack-detection-bona-fide",
        "Live faces taken for an attack",
        [Column("bpcer", "BPCER", "rate"), Column("bpnrr", "no answer (BPNRR)", "rate")],
        [[found["bpcer"], found["bpnrr"]]],
    )
