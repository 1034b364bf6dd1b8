"""Puts measured knots into a built-in pack's manifest: only the [calibration] table changes."""

from __future__ import annotations

import re

from countenance.evaluation.calibration import CalibrationFit
from photographs import REPOSITORY

_MANIFESTS = REPOSITORY / "src" / "countenance" / "vision" / "manifests"


def write_knots(pack: str, fit: CalibrationFit, *, measured_on: str) -> None:
    path = _MANIFESTS / f"{pack}.toml"
    text = path.read_text("utf-8")
    start = re.search(r"^(#.*\n)*\[calibration\]\n", text, re.MULTILINE)
    if start is None or re.search(r"^\[(?!calibration\])", text[start.start() :], re.MULTILINE):
        raise SystemExit(f"{path.name}: [calibration] is expected to be the last table")
    path.write_text(text[: start.start()] + calibration_table(fit, measured_on=measured_on), "utf-8")


def calibration_table(fit: CalibrationFit, *, measured_on: str) -> str:
    calibration = fit.calibration
    model = "log-linear" if fit.tail.shape == 0.0 else f"generalised Pareto, shape {fit.tail.shape:.3f}"
    lines = [
        "# Measured by `python bench/accuracy.py --write-calibration` (protocols: docs/benchmarks.md).",
        f"# Counted to FMR {fit.counted_to_fmr:.1e} with {fit.effective_trials:.2e} effective trials,",
        f"# pairs of people weighted equally; beyond `extrapolated_from` {model},",
        f"# fitted to the {fit.tail.exceedances} highest trials.",
        "[calibration]",
        f'measured_on = "{measured_on}"',
        f"cosine = {_array(calibration.cosine)}",
        f"neg_log10_fmr = {_array(calibration.neg_log10_fmr)}",
        f"trials = {calibration.trials}",
        f"extrapolated_from = {calibration.extrapolated_from}",
    ]
    if calibration.neg_log10_fmr_low:
        lines += [
            "# 95 % interval of the exponent at each knot, over the draw of people.",
            f"neg_log10_fmr_low = {_array(calibration.neg_log10_fmr_low)}",
            f"neg_log10_fmr_high = {_array(calibration.neg_log10_fmr_high)}",
        ]
    return "\n".join(lines) + "\n"


def _array(values: tuple[float, ...]) -> str:
    rows = [values[start : start + 10] for start in range(0, len(values), 10)]
    return "[\n" + "".join("    " + ", ".join(f"{value:g}" for value in row) + ",\n" for row in rows) + "]"
