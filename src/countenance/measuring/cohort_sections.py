"""Rates by group on the page: each group's rates first, between groups next, what is derived from them last.

Groups stand in alphabetical order, never by rate, and whose labels they are is said with every table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from countenance.evaluation.wording import equality_sentence, labels_sentence, refusal_sentence
from countenance.measuring.cohort_tables import in_order
from countenance.measuring.phrases import refusal_of
from countenance.measuring.plots import Bar, Scale, Words, bars
from countenance.measuring.report_blocks import Figure, Matrix, Section, Told
from countenance.measuring.report_tables import Column, Shown, Table, shown

_SHADES = 5
_FMR = Column("fmr", "FMR", "small rate")


def cohort_section(cohort: dict[str, Any], index: int, tables: dict[str, Table]) -> Section:
    """The section of one column of labels; `index` from 1 tells several apart."""
    of_groups, between = (
        [tables[name] for part in parts if (name := f"cohort-{index}-{part}") in tables]
        for parts in (("rates", "enrolling", "searches"), ("cross", "differentials", "tests"))
    )
    groups = in_order(cohort["rates"])
    return Section(
        f"cohort-{index}",
        f"By {cohort['column']}",
        tuple(_sentences(cohort)),
        (
            *_figures(groups, cohort, index),
            *of_groups,
            *_matrices(groups, cohort),
            *([told] if (told := _derived(cohort)).sentences else ()),
            *between,
        ),
    )


def _sentences(cohort: dict[str, Any]) -> Iterable[str]:
    labels = labels_sentence(column=cohort["column"], labels_by=cohort["labels_by"])
    yield f"{labels} Groups stand in alphabetical order."
    if "alpha" in cohort and "bonferroni" in cohort:
        yield (
            f"One-sided bounds hold for all groups together at {(1 - cohort['alpha']) * 100:g} %: each of"
            f" {cohort['bonferroni']} is at level {cohort['alpha']:g} / {cohort['bonferroni']}."
        )
    for group in in_order(cohort["rates"]):
        if "refused" in group:
            yield f"{group['group']}: no rates. {refusal_of(group)}"


def _derived(cohort: dict[str, Any]) -> Told:
    """What follows from the rates, which stand before it."""
    tested = (
        equality_sentence(
            each["of"],
            at=f"Similarity {each['similarity']:g}",
            p_value=each["p_value"],
            alpha=each["alpha"],
            tests=each["tests"],
            detectable_ratio=each.get("detectable_ratio"),
        )
        for each in cohort.get("tests", ())
    )
    refused = (
        refusal_sentence(
            each["of"],
            at=f"Similarity {each['similarity']:g}",
            reason=each["refused"],
            trials_needed=each.get("trials_needed"),
        )
        for each in cohort.get("differentials", ())
        if "refused" in each
    )
    return Told((*tested, *refused))


def _figures(groups: list[dict[str, Any]], cohort: dict[str, Any], index: int) -> Iterable[Figure]:
    similarities = sorted({row["similarity"] for group in groups for row in group.get("at_similarity", ())})
    for similarity in similarities:
        for member, scale, across in (
            ("fmr", "log", "FMR (logarithmic)"),
            ("tpr", "linear", "TPR (share of own photographs that match)"),
        ):
            rows = [_bar(group, similarity, member) for group in groups]
            if all(row.rate is None for row in rows):
                continue
            words = Words(
                f"cohort-{index}-{member}-{similarity:g}".replace(".", "-"),
                f"{member.upper()} by {cohort['column']} at Similarity {similarity:g}",
                "One row a group, in alphabetical order: the rate and its interval.",
                across,
            )
            kind: Scale = "log" if scale == "log" else "linear"
            yield Figure(bars(rows, words, kind), f"{words.title}. Disc: the rate; line: its interval.")


def _bar(group: dict[str, Any], similarity: float, member: str) -> Bar:
    rows = [row for row in group.get("at_similarity", ()) if row["similarity"] == similarity]
    rate = rows[0].get(member) if rows else None
    if rate is None or "refused" in rate:
        return Bar(group["group"], None, refused="too few trials")
    ends = rate["interval"]
    return Bar(group["group"], rate["rate"], ends["low"], ends["high"])


def _matrices(groups: list[dict[str, Any]], cohort: dict[str, Any]) -> Iterable[Matrix]:
    """Within groups on the diagonal, between them beside it: one a Similarity."""
    names = tuple(str(group["group"]) for group in groups if "refused" not in group)
    for similarity in sorted({each["similarity"] for each in cohort.get("cross", ())}):
        rates: dict[frozenset[str], dict[str, Any]] = {
            frozenset(each["groups"]): each["fmr"]
            for each in cohort["cross"]
            if each["similarity"] == similarity
        }
        for group in groups:
            for row in group.get("at_similarity", ()):
                if row["similarity"] == similarity and "fmr" in row:
                    rates[frozenset([group["group"]])] = row["fmr"]
        shade = _shades(rate["rate"] for rate in rates.values() if "refused" not in rate)
        cells = tuple(
            tuple(_cell(rates.get(frozenset({one, other})), shade) for other in names) for one in names
        )
        yield Matrix(
            f"False match rate between people of two groups at Similarity {similarity:g}; within a group on"
            " the diagonal. A darker cell has a higher rate.",
            names,
            cells,
        )


def _cell(rate: dict[str, Any] | None, shade: dict[float, int]) -> tuple[Shown, int]:
    if rate is None or "refused" in rate:
        return shown(rate, _FMR), 0
    return shown(rate, _FMR), shade[rate["rate"]]


def _shades(rates: Iterable[float]) -> dict[float, int]:
    """Even steps of the rate's logarithm; zero is the lightest."""
    known = sorted(set(rates))
    above = [math.log10(rate) for rate in known if rate > 0.0]
    low, high = min(above, default=0.0), max(above, default=0.0)
    width = max(high - low, 0.3)  # a factor of two or less is no reason for the darkest
    return {
        rate: min(int((math.log10(rate) - low) / width * _SHADES), _SHADES - 1) if rate > 0.0 else 0
        for rate in known
    }
