"""The tables of one column of group labels: rates of each group first, what is derived from them last."""

from __future__ import annotations

from typing import Any

from countenance.evaluation import wording
from countenance.measuring.report_tables import Column, Table, table

_SIMILARITY = Column("similarity", "Similarity", "value")
_GROUP = Column("group", "group", "text")
_FMR = Column("fmr", "FMR", "small rate")


def in_order(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As docs/spec/wording.md has it: alphabetical, never by rate; those without a label last."""
    place = {name: number for number, name in enumerate(wording.in_order([each["group"] for each in groups]))}
    return sorted(groups, key=lambda each: place[each["group"]])


def cohort_tables(cohort: dict[str, Any], index: int) -> list[Table]:
    """Rates of each group, between groups, then what is derived from them; `index` from 1 names them."""
    found = [
        _rates(cohort, index),
        _enrolling(cohort, index),
        _searches(cohort, index),
        _cross(cohort, index),
        _differentials(cohort, index),
        _tests(cohort, index),
    ]
    return [each for each in found if each.rows]


def _rates(cohort: dict[str, Any], index: int) -> Table:
    columns = [
        _GROUP,
        Column("subjects", "people", "count"),
        Column("samples", "photographs", "count"),
        _SIMILARITY,
        _FMR,
        Column("tpr", "TPR", "rate"),
    ]
    rows: list[list[Any]] = []
    for each in in_order(cohort["rates"]):
        size = [each["group"], each["subjects"], each.get("samples")]
        if "refused" in each:
            rows.append([*size, None, each, each])
        rows += [
            [*size, point["similarity"], point.get("fmr"), point.get("tpr")]
            for point in each.get("at_similarity", ())
        ]
    return table(f"cohort-{index}-rates", _caption("Rates", cohort), columns, rows)


def _enrolling(cohort: dict[str, Any], index: int) -> Table:
    rows = [
        [each["group"], each["failure_to_enrol"]]
        for each in in_order(cohort["rates"])
        if "failure_to_enrol" in each
    ]
    columns = [_GROUP, Column("failure_to_enrol", "FTE", "rate")]
    return table(f"cohort-{index}-enrolling", _caption("Failures to enrol", cohort), columns, rows)


def _searches(cohort: dict[str, Any], index: int) -> Table:
    rows = [
        [each["group"], point["gallery"], point["similarity"], point]
        for each in in_order(cohort["rates"])
        for point in each.get("fpir", ())
    ]
    columns = [
        _GROUP,
        Column("gallery", "people on the list", "count"),
        _SIMILARITY,
        Column("fpir", "FPIR", "rate"),
    ]
    caption = _caption("Searches for people who are not on the list,", cohort)
    return table(f"cohort-{index}-searches", caption, columns, rows)


def _cross(cohort: dict[str, Any], index: int) -> Table:
    pairs = [
        (each["similarity"], *wording.in_order(each["groups"]), each["fmr"])
        for each in cohort.get("cross", ())
    ]
    rows = [
        [one, other, similarity, fmr]
        for similarity, one, other, fmr in sorted(pairs, key=lambda each: (each[0], each[1], each[2]))
    ]
    columns = [_GROUP, Column("other_group", "other group", "text"), _SIMILARITY, _FMR]
    caption = f"False matches between people of two groups of {cohort['column']}"
    return table(f"cohort-{index}-cross", caption, columns, rows)


def _differentials(cohort: dict[str, Any], index: int) -> Table:
    rows = [
        [
            each["of"].upper(),
            each["similarity"],
            each.get("measure"),
            each.get("value"),
            each.get("interval", {}).get("low"),
            each.get("interval", {}).get("high"),
            each.get("refused"),
        ]
        for each in cohort.get("differentials", ())
    ]
    columns = [
        Column("of", "of", "text"),
        _SIMILARITY,
        Column("measure", "measure", "text"),
        Column("value", "value", "value"),
        Column("low", "from", "value"),
        Column("high", "to", "value"),
        Column("refused", "why not stated", "text"),
    ]
    caption = f"How far the rates by {cohort['column']} lie apart"
    return table(f"cohort-{index}-differentials", caption, columns, rows)


def _tests(cohort: dict[str, Any], index: int) -> Table:
    rows = [
        [
            each["of"].upper(),
            each["similarity"],
            each["p_value"],
            each["alpha"],
            each["tests"],
            "yes" if each["differ"] else "not seen",
            each.get("detectable_ratio"),
        ]
        for each in cohort.get("tests", ())
    ]
    columns = [
        Column("of", "of", "text"),
        _SIMILARITY,
        Column("p_value", "p", "value"),
        Column("alpha", "they differ if p is at most", "value"),
        Column("tests", "tests", "count"),
        Column("differ", "groups differ", "text"),
        Column("detectable_ratio", "factor that could have been seen", "value"),
    ]
    return table(
        f"cohort-{index}-tests",
        f"Do the rates by {cohort['column']} differ by more than the draw of people explains?",
        columns,
        rows,
        "Labels are dealt at random (permutation test); p is corrected for the number of tests. “Not seen” is"
        " no proof that groups have one rate: see which factor could have been seen.",
    )


def _caption(what: str, cohort: dict[str, Any]) -> str:
    return f"{what} by {cohort['column']} (labels: {cohort['labels_by']})"
