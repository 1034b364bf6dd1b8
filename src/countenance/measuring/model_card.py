"""The measured part of a model card, as Markdown, from an evaluation (sections: Mitchell et al., 2019).

What a pack is, is for and is trained on is written by people; what it was measured to do comes from here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from countenance.measuring.cohort_tables import in_order
from countenance.measuring.evaluation_file import evaluation_digest
from countenance.measuring.phrases import percent
from countenance.measuring.report_words import label_errors_of
from countenance.measuring.visible import visible

SECTIONS = (
    "Model details",
    "Intended use, and not",
    "Factors",
    "Metrics",
    "Evaluation data",
    "Training data",
    "Quantitative analyses",
    "Ethical considerations",
    "Caveats and recommendations",
)
"""Headings of a card, in this order."""
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#!~&])")


def measured_block(evaluation: dict[str, Any]) -> str:
    """Rates with their trials and intervals, what a Similarity means, searches by N, groups.

    Raises:
        InvalidEvaluation: it is none.
    """
    digest = evaluation_digest(evaluation)
    parts = (
        _provenance(evaluation, digest),
        _rates(evaluation),
        _similarities(evaluation.get("verification", {})),
        _searches(evaluation.get("identification", ())),
        _cohorts(evaluation.get("cohorts", ())),
        _notes(evaluation),
    )
    return "\n\n".join(part for part in parts if part)


def _provenance(evaluation: dict[str, Any], digest: str) -> str:
    pack, data, program = evaluation["pack"], evaluation["data"], evaluation["program"]
    return (
        f"Measured {evaluation['made_at'][:10]} on a {_escaped(evaluation['machine'])}, on"
        f" {_escaped(data['name'])}: {data['samples']:,} photographs of {data['subjects']:,} people.\n\n"
        f"- pack digest: `{pack['digest']}`\n"
        f"- calibration digest: `{evaluation['calibration']['digest']}`\n"
        f"- data digest: `{data['digest']}`\n"
        f"- pipeline digest: `{program['pipeline_digest']}`, Countenance {_escaped(program['version'])}\n"
        f"- digest of the evaluation: `{digest}`"
    )


def _rates(evaluation: dict[str, Any]) -> str:
    verification = evaluation.get("verification", {})
    rows = []
    if "failure_to_enrol" in evaluation:
        rows.append(["failures to enrol", *_rate(evaluation["failure_to_enrol"], "photographs")])
    if "balanced" in verification:
        rows.append(["balanced accuracy", *_balanced(verification["balanced"])])
    rows += [
        [f"FNMR at FMR {point['max_fmr']:.0e}", *_rate(point.get("fnmr", point), "mated")]
        for point in verification.get("at_fmr", ())
    ]
    rows += [
        [f"right person first, {each['gallery']:,} enrolled", *_rate(point["hit"], "searches")]
        for each in evaluation.get("identification", ())
        for point in each.get("rank", ())
        if point["rank"] == 1
    ]
    if "mated_trials" in verification:
        trials = (
            f"All pairs, people weighted equally: {verification['mated_trials']:,} mated and"
            f" {verification['non_mated_trials']:,} non-mated comparisons."
        )
        return f"{trials}\n\n{_table(('figure', 'measured', '95 % interval', 'trials'), rows)}"
    return _table(("figure", "measured", "95 % interval", "trials"), rows) if rows else ""


def _balanced(balanced: dict[str, Any]) -> list[str]:
    if "refused" in balanced:
        return _rate(balanced, "")
    ends = balanced["interval"]
    return [
        _percent(balanced["accuracy"]),
        f"{_percent(ends['low'])} - {_percent(ends['high'])}",
        f"{balanced['pairs']:,} pairs, {balanced['folds']} folds",
    ]


def _similarities(verification: dict[str, Any]) -> str:
    rows = []
    for point in verification.get("at_similarity", ()):
        stated = "extrapolated" if point["extrapolated"] else "counted"
        missed = _rate(point["fnmr"], "")
        rows.append(
            [
                f"{point['similarity']:g}",
                f"{point['stated_fmr']:.1e}, {stated}",
                *_small_rate(point["fmr"]),
                f"{missed[0]} ({missed[1]})",
            ]
        )
    if not rows:
        return ""
    columns = ("Similarity", "stated FMR", "FMR counted here", "95 % interval", "trials", "FNMR")
    return f"What a Similarity means:\n\n{_table(columns, rows)}"


def _searches(found: Sequence[dict[str, Any]]) -> str:
    rows = []
    for each in found:
        for point in each.get("at_similarity", ()):
            wrong, missed = _rate(point["fpir"], "searches"), _rate(point["fnir"], "searches")
            rows.append(
                [
                    f"{each['gallery']:,}",
                    f"{point['similarity']:g}",
                    f"{wrong[0]} ({wrong[1]})",
                    wrong[2],
                    f"{missed[0]} ({missed[1]})",
                    missed[2],
                ]
            )
    if not rows:
        return ""
    columns = ("N", "Similarity", "FPIR", "not enrolled", "FNIR", "enrolled")
    said = "Searches of N people: the share that names somebody who is not enrolled, and that misses who is."
    return f"{said}\n\n{_table(columns, rows)}"


def _cohorts(cohorts: Sequence[dict[str, Any]]) -> str:
    if not cohorts:
        return "Rates of groups of people: none known, the data carries no labels."
    return "\n\n".join(_cohort(cohort) for cohort in cohorts)


def _cohort(cohort: dict[str, Any]) -> str:
    said = (
        f"By {_escaped(cohort['column'])}, labels by {_escaped(cohort['labels_by'])}; groups in alphabetical"
        " order."
    )
    rows = []
    for group in in_order(cohort["rates"]):
        if "refused" in group:
            rows.append([_escaped(group["group"]), "-", *_rate(group, ""), ""])
        for point in group.get("at_similarity", ()):
            matched = _rate(point.get("tpr", {"refused": "not measured"}), "")
            rows.append(
                [
                    _escaped(group["group"]),
                    f"{point['similarity']:g}",
                    *_small_rate(point.get("fmr", {"refused": "not measured"})),
                    f"{matched[0]} ({matched[1]})",
                ]
            )
    return f"{said}\n\n{_table(('group', 'Similarity', 'FMR', '95 % interval', 'trials', 'TPR'), rows)}"


def _notes(evaluation: dict[str, Any]) -> str:
    errors = (f"known label errors, {each}" for each in label_errors_of(evaluation))
    return "\n".join(f"- {_escaped(note)}" for note in (*errors, *evaluation.get("notes", ())))


def _rate(rate: dict[str, Any], of: str) -> list[str]:
    """Measured, interval and trials; or that it is not stated, and why."""
    return _said(rate, _percent, of)


def _small_rate(rate: dict[str, Any]) -> list[str]:
    return _said(rate, "{:.1e}".format, "")


def _said(rate: dict[str, Any], say: Callable[[float], str], of: str) -> list[str]:
    if "refused" in rate:
        needed = f", it takes {rate['trials_needed']:,}" if "trials_needed" in rate else ""
        return ["not stated", "-", _escaped(f"{rate['refused']}{needed}")]
    ends = rate["interval"]
    interval = f"{say(ends['low'])} - {say(ends['high'])}"
    trials = f"{rate['trials']:,}{f' {of}' if of else ''} ({rate['effective']:,.0f} effective)"
    return [say(rate["rate"]), interval, trials]


def _percent(share: float) -> str:
    return percent(share).replace("\u00a0", "")


def _escaped(words: str) -> str:
    """Of a data set: text in Markdown, whatever it looks like."""
    return _SPECIAL.sub(r"\\\1", str(visible(words, most=300)))


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
