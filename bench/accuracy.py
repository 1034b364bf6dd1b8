"""Error rates of the packs as installed, end to end: decode, detect, align, embed, compare.

    python bench/accuracy.py [--pack standard --pack open] [--photos DIR] [--write-calibration]

The largest face of a photo, whoever it is; a photo without a face matches nothing. Protocols:

- pairs: at most 10 mated pairs a person, as many random non-mated ones, 10 folds split by person,
  each decided at the threshold that is best on the other nine. Balanced accuracy, mean of 10 draws.
- all pairs: every mated and every non-mated pair, people (and pairs of people) weighted equally.
  TAR at FAR, the lowest threshold whose FAR does not exceed the target.
- capped: the mated pairs of the first draw of pairs against all non-mated pairs. TAR at FAR.
- closed set: one random photo of everybody enrolled, the others searched with (at most 10 a person,
  and all of them). Rank-1, mean of 10 draws.
- labelled face: the same with the face over the photo's middle, where the data set labels that one,
  and without the people whom label_errors.toml lists. Shows what the largest face costs.
- users: of packs with a second network for points, users with three photos, good ones and degraded
  ones (`user_templates`).
- calibration: fitted to the non-mated pairs of the labelled faces. Checked on people not used: fitted
  on one half of the people, counted on the other, both ways.
"""

from __future__ import annotations

import argparse
import json
import os
import tomllib
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from countenance.errors import TooFewTrials
from countenance.evaluation.calibration import fit_calibration
from countenance.evaluation.figures_verification import cosine_at
from countenance.evaluation.identification import draw_closed_set, rank_one
from countenance.evaluation.trials import (
    Pairs,
    Samples,
    Trials,
    all_mated,
    all_non_mated,
    draw_pairs,
    score_pairs,
    to_trials,
    without,
)
from countenance.evaluation.verification import (
    OperatingPoints,
    balanced_accuracy,
    match_rate,
    match_rate_interval,
)
from countenance.similarity import Calibration
from countenance.vision.packs import InstalledPack
from embeddings import code_digest, embed_data_set
from knots import write_knots
from packs import installed_pack
from photographs import DEFAULT_PHOTOS, OUT, DataSet, load_data_set
from step_embeddings import LABELLED, StepEmbeddings, Variant
from tables import print_table
from user_templates import measure_user_templates, user_table_of

SEED = 2026
DRAWS = 10
RATES = (1e-3, 1e-4, 1e-5, 1e-6)
CHECKED_SIMILARITIES = (80.0, 90.0, 99.0)
LABEL_ERRORS = Path(__file__).with_name("label_errors.toml")
TARGETS = {  # share: pack, figure
    ("standard", "balanced accuracy"): 0.994,
    ("standard", "TAR at FAR 1e-04, all pairs"): 0.965,
    ("standard", "rank-1, at most 10 probes a person"): 0.98,
    ("open", "balanced accuracy"): 0.988,
    ("standard", "balanced accuracy, labelled face"): 0.995,
    ("standard", "TAR at FAR 1e-04, all pairs, labelled face"): 0.973,
    ("standard", "TAR at FAR 1e-05, all pairs, labelled face"): 0.935,
    ("open", "balanced accuracy, labelled face"): 0.99,
}


def measure(pack: InstalledPack, data: DataSet, *, write_calibration: bool = False) -> dict[str, Any]:
    """Every figure of one pack, as JSON values."""
    embedded = embed_data_set(pack, data)
    doubles = label_errors(data)
    labelled_non_mated = without(all_non_mated(embedded.labelled), doubles)
    fit = fit_calibration(labelled_non_mated)
    if write_calibration:
        measured_on = f"{data.name}: {len(data.files)} photos of {len(data.people)} people"
        write_knots(pack.manifest.name, fit, measured_on=measured_on)
    return {
        "pack": pack.manifest.name,
        "face_model_version": pack.manifest.face_model_version,
        "pack_digest": pack.manifest.digest,
        "data": {
            "name": data.name,
            "photos": len(data.files),
            "people": len(data.people),
            "digest": data.digest,
            "label_errors": [[data.people[a], data.people[b]] for a, b in doubles],
        },
        "embeddings_digest": embedded.digest,
        "failures_to_enrol": embedded.samples.failures_to_enrol,
        "labelled_is_not_largest": int(
            np.count_nonzero(np.any(embedded.samples.templates != embedded.labelled.templates, axis=1))
        ),
        "seconds_a_photo": embedded.seconds_a_photo,
        "largest": _rates(embedded.samples, all_non_mated(embedded.samples)),
        "labelled": _rates(embedded.labelled, labelled_non_mated),
        "user_templates": _users(pack, data),
        "calibration_in_use": _check(
            fit.calibration if write_calibration else pack.manifest.calibration,
            all_mated(embedded.labelled),
            labelled_non_mated,
        ),
        "calibration_fitted": {**asdict(fit), "non_mated_trials": fit.calibration.trials},
        "calibration_check": _calibration_check(embedded.labelled, doubles),
    }


def _users(pack: InstalledPack, data: DataSet) -> dict[str, Any]:
    """What templates of three photos reach; of another pack's alignment it is not asked."""
    if pack.manifest.landmarker is None or pack.manifest.fused_with:
        return {}
    good, bad = Variant("landmarker"), Variant("landmarker", degraded=True)
    raw = StepEmbeddings(pack, data).raw({"good": good, "bad": bad})
    try:
        return measure_user_templates(raw["good"][:, LABELLED], raw["bad"][:, LABELLED], data)
    except TooFewTrials as refusal:
        print(f"{pack.manifest.name}: users with three photos: refused: {refusal}")
        return {}


def _rates(samples: Samples, non_mated: Trials) -> dict[str, Any]:
    capped = _capped(samples, draw_pairs(samples.subjects, seed=SEED))
    return {
        "pairs": _balanced(samples),
        "all_pairs": _operating_points(all_mated(samples), non_mated),
        "capped": _operating_points(capped, non_mated),
        "closed_set_capped": _closed_set(samples, most=10),
        "closed_set": _closed_set(samples, most=None),
    }


def label_errors(data: DataSet) -> list[tuple[int, int]]:
    """Pairs of people who are one person under two names, where the file lists any for this data set."""
    listed = tomllib.loads(LABEL_ERRORS.read_text("utf-8")).get(data.name.split("-")[0], [])
    number = {name: index for index, name in enumerate(data.people)}
    pairs = [entry["people"] for entry in listed]
    return [(number[a], number[b]) for a, b in pairs if a in number and b in number]


def _mean_of_draws(draws: list[dict[str, Any]], figure: str) -> dict[str, Any]:
    """One draw's values with the figure and the ends of its interval averaged over all draws."""
    values = [draw[figure] for draw in draws]
    interval = {end: float(np.mean([draw["interval"][end] for draw in draws])) for end in ("low", "high")}
    return {
        **draws[0],
        figure: float(np.mean(values)),
        "interval": interval,
        "draws": values,
    }


def _balanced(samples: Samples) -> dict[str, Any]:
    draws = []
    for seed in range(SEED, SEED + DRAWS):
        pairs = draw_pairs(samples.subjects, seed=seed)
        draws.append(asdict(balanced_accuracy(score_pairs(samples, pairs), pairs)))
    return _mean_of_draws(draws, "mean")


def _operating_points(mated: Trials, non_mated: Trials) -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = []
    sorted_once = OperatingPoints(mated, non_mated)
    for rate in RATES:
        try:
            points.append(asdict(sorted_once.at_fmr(rate)))
        except TooFewTrials as refusal:
            points.append({"max_fmr": rate, "refused": str(refusal)})
    return points


def _capped(samples: Samples, pairs: Pairs) -> Trials:
    """The mated pairs of the pairs protocol, each weighing the same."""
    chosen = to_trials(samples, pairs.first[pairs.mated], pairs.second[pairs.mated])
    return Trials(chosen.scores, chosen.first, chosen.second, np.full(len(chosen), 1 / len(chosen)))


def _closed_set(samples: Samples, *, most: int | None) -> dict[str, Any]:
    draws = [
        asdict(rank_one(samples, draw_closed_set(samples.subjects, seed=seed, most_probes_a_person=most)))
        for seed in range(SEED, SEED + DRAWS)
    ]
    return _mean_of_draws(draws, "rank_one")


def _check(calibration: Calibration, mated: Trials, non_mated: Trials) -> list[dict[str, Any]]:
    """What a Similarity threshold of the given calibration really costs on these trials."""
    rows = []
    for similarity in CHECKED_SIMILARITIES:
        cosine = cosine_at(calibration, similarity)
        rows.append(
            {
                "similarity": similarity,
                "stated_fmr": 10.0 ** -float(calibration.to_neg_log10_fmr(np.array([cosine]))[0]),
                "cosine": cosine,
                "fmr": match_rate(non_mated, cosine),
                "fmr_interval": asdict(match_rate_interval(non_mated, cosine)),
                "tar": match_rate(mated, cosine),
                "tar_interval": asdict(match_rate_interval(mated, cosine)),
            }
        )
    return rows


def _calibration_check(samples: Samples, doubles: list[tuple[int, int]]) -> list[dict[str, Any]]:
    """Fit on one half of the people, count on the other: does a stated FMR hold on strangers?

    The second of two names for one person is in neither half.
    """
    seconds = [second for _, second in doubles]
    people = np.setdiff1d(np.arange(samples.subjects.max() + 1), seconds)
    halves = np.array_split(np.random.default_rng(SEED).permutation(people), 2)
    checks = []
    for name, fitted, counted in (("one half", *halves), ("other half", *halves[::-1])):
        calibration = fit_calibration(all_non_mated(_only(samples, fitted))).calibration
        others = _only(samples, counted)
        at = _check(calibration, all_mated(others), all_non_mated(others))
        checks.append({"fitted_on": name, "at": at})
    return checks


def _only(samples: Samples, people: np.ndarray) -> Samples:
    rows = np.isin(samples.subjects, people)
    _, renumbered = np.unique(samples.subjects[rows], return_inverse=True)
    return Samples(samples.templates[rows], renumbered, samples.enrolled[rows])


def figures_of(result: dict[str, Any]) -> list[tuple[str, float, dict[str, float]]]:
    """(figure, share, interval) in the order of the table."""
    headline = _figures(result["largest"])
    return [*headline, *((f"{name}, labelled face", *rest) for name, *rest in _figures(result["labelled"]))]


def _figures(rates: dict[str, Any]) -> list[tuple[str, float, dict[str, float]]]:
    rows = [("balanced accuracy", rates["pairs"]["mean"], rates["pairs"]["interval"])]
    for protocol, label in (("all_pairs", "all pairs"), ("capped", "capped")):
        for point in rates[protocol]:
            if "refused" not in point:
                interval = point["fnmr_interval"]
                flipped = {"low": 1 - interval["high"], "high": 1 - interval["low"]}
                rows.append((f"TAR at FAR {point['max_fmr']:.0e}, {label}", 1 - point["fnmr"], flipped))
    for protocol, label in (
        ("closed_set_capped", "at most 10 probes a person"),
        ("closed_set", "all probes"),
    ):
        rows.append((f"rank-1, {label}", rates[protocol]["rank_one"], rates[protocol]["interval"]))
    return rows


def print_result(result: dict[str, Any]) -> None:
    data = result["data"]
    rows = []
    for figure, share, interval in figures_of(result):
        target = TARGETS.get((result["pack"], figure))
        verdict = "" if target is None else f"{'reached' if share >= target else 'MISSED'} (>= {target:.1%})"
        between = f"{interval['low']:.2%} - {interval['high']:.2%}"
        rows.append((figure, f"{share:.2%}", between, verdict))
    rows.append(("failures to enrol", f"{result['failures_to_enrol']} of {data['photos']}", "", ""))
    rows.append(
        ("somebody else is larger", f"{result['labelled_is_not_largest']} of {data['photos']}", "", "")
    )
    print_table(
        f"{result['pack']} on {data['name']}: {data['photos']} photos of {data['people']} people",
        ("figure", "measured", "95 % interval", "target"),
        rows,
    )
    if result["user_templates"]:
        print_table(
            f"{result['pack']}: users with three photos, TAR", *user_table_of(result["user_templates"])
        )
    checked = [("in use, all people", check) for check in result["calibration_in_use"]]
    checked += [
        (f"fitted on {half['fitted_on']}", check)
        for half in result["calibration_check"]
        for check in half["at"]
    ]
    print_table(
        f"{result['pack']}: what a Similarity means (the halves are counted on people not fitted to)",
        ("calibration", "Similarity", "stated FMR", "counted FMR", "95 % interval", "TAR"),
        [
            (
                name,
                f"{check['similarity']:g}",
                f"{check['stated_fmr']:.1e}",
                f"{check['fmr']:.1e}",
                f"{check['fmr_interval']['low']:.1e} - {check['fmr_interval']['high']:.1e}",
                f"{check['tar']:.2%}",
            )
            for name, check in checked
        ],
    )


def run(packs: list[str], photos: Path, *, write_calibration: bool = False) -> dict[str, Any]:
    """Measure each pack, print its tables, and return what goes into the JSON."""
    os.nice(10)
    data = load_data_set(photos)
    results = []
    for name in packs:
        results.append(measure(installed_pack(name), data, write_calibration=write_calibration))
        print_result(results[-1])
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "code_digest": code_digest(),
        "seed": SEED,
        "packs": results,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pack", action="append", help="a pack by name; default: standard and open")
    parser.add_argument(
        "--photos", type=Path, default=DEFAULT_PHOTOS, help="a folder of folders, one a person"
    )
    parser.add_argument(
        "--write-calibration", action="store_true", help="put the fitted knots into the packs' manifests"
    )
    given = parser.parse_args()
    result = run(given.pack or ["standard", "open"], given.photos, write_calibration=given.write_calibration)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "accuracy.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
