"""Two packs on the same photographs: paired differences, and their curves in one figure."""

from __future__ import annotations

from typing import Any

from countenance.evaluation.wording import paired_sentence
from countenance.measuring.plots import Curve, Words, error_curves
from countenance.measuring.report_blocks import Block, Figure, Section, Told
from countenance.measuring.report_tables import Column, Table, table


def comparison_table(evaluation: dict[str, Any]) -> Table:
    """One row a figure: both packs' rates and the other's minus this one's."""
    this, other = (pack["name"] for pack in _packs(evaluation))
    rows = [
        [
            each["of"],
            *(each.get(name) for name in ("first", "second", "difference")),
            *(each.get("interval", {}).get(end) for end in ("low", "high")),
            each.get("p_value"),
            None if "differ" not in each else "yes" if each["differ"] else "not seen",
            *(each.get(name) for name in ("detectable", "subjects", "refused")),
        ]
        for each in evaluation["comparison"]["differences"]
    ]
    columns = [
        Column("of", "of", "text"),
        Column("first", this, "share"),
        Column("second", other, "share"),
        Column("difference", "difference", "share"),
        Column("low", "from", "share"),
        Column("high", "to", "share"),
        Column("p_value", "p", "value"),
        Column("differ", "they differ", "text"),
        Column("detectable", "could have been seen", "share"),
        Column("subjects", "people", "count"),
        Column("refused", "why not stated", "text"),
    ]
    note = (
        f"Difference: {other} minus {this}; its interval is over the draw of people for both at once."
        " “Not seen” is no proof that they are alike: see which difference could have been seen."
    )
    return table("comparison", f"{this} and {other} on the same photographs", columns, rows, note)


def comparison_section(evaluation: dict[str, Any]) -> Section:
    """Raises KeyError where the evaluation has no comparison."""
    this, other = _packs(evaluation)
    said = (
        f"This pack is {this['name']}, the other {other['name']} (FaceModelVersion"
        f" {other['face_model_version']}, digest {other['digest']}). Cosines of two packs have nothing to do"
        " with each other: they are compared where each has the same false match rate."
    )
    told = tuple(
        paired_sentence(
            each["of"],
            (this["name"], other["name"]),
            difference=each["difference"],
            interval=each["interval"],
            p_value=each["p_value"],
            detectable=each.get("detectable"),
        )
        for each in evaluation["comparison"]["differences"]
        if "refused" not in each
    )
    blocks: tuple[Block, ...] = (*_curves(evaluation), comparison_table(evaluation), Told(told))
    return Section("comparison", f"Beside {other['name']}", (said,), blocks)


def _packs(evaluation: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return evaluation["pack"], evaluation["comparison"]["with"]["pack"]


def _curves(evaluation: dict[str, Any]) -> list[Figure]:
    both = (evaluation, evaluation["comparison"]["with"])
    if not all(each.get("verification", {}).get("det") for each in both):
        return []
    words = Words(
        "comparison-det",
        "Detection error trade-off of both packs",
        "False non-match rate over false match rate, both axes logarithmic, one line a pack.",
        "FMR (logarithmic)",
        "FNMR (logarithmic)",
    )
    drawing = error_curves([curve_of(each, each["pack"]["name"]) for each in both], words)
    return [Figure(drawing, "Both packs on the same photographs. Both axes are logarithmic.")]


def curve_of(evaluation: dict[str, Any], label: str) -> Curve:
    """The DET curve of an evaluation that has one, with its band where every point has it."""
    points = evaluation["verification"]["det"]
    has_band = all("fnmr_low" in each and "fnmr_high" in each for each in points)
    return Curve(
        label,
        tuple((each["fmr"], each["fnmr"]) for each in points),
        tuple((each["fnmr_low"], each["fnmr_high"]) for each in points) if has_band else (),
    )
