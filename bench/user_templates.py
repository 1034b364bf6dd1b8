"""Templates of users with three photos: the plain mean against the weights that we store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from countenance.evaluation.trials import NEVER, Trials
from countenance.gallery.stored import to_stored_template
from countenance.gallery.subject_template import subject_template
from countenance.types import Template, Templates
from paired import Measured, gain_of, tars_at
from photographs import DataSet
from step_embeddings import PHOTOS_OF_A_USER, photos_of_users

RATES = (1e-4, 1e-5)
TARGETS = {
    ("good photos", "1e-04"): 0.993,
    ("good photos", "1e-05"): 0.983,
    ("half of the enrolled photos degraded", "1e-04"): 0.96,
    ("half of the enrolled photos degraded", "1e-05"): 0.91,
}
"""TAR of the weighted mean, by condition and FAR."""
_DRAWS = 5
_SEED = 2806
_LIGHTEST = 1e-3

Combine = Callable[[Templates, NDArray[np.float32]], Template]
"""Unit rows and their weights to one template."""


def plain_mean(units: Templates, weights: NDArray[np.float32]) -> Template:
    """Every photo counts the same."""
    return subject_template(to_stored_template(units, np.ones_like(weights)))


def weighted_mean(units: Templates, weights: NDArray[np.float32]) -> Template:
    """As the product stores and averages them."""
    return subject_template(to_stored_template(units, weights))


def first_only(units: Templates, weights: NDArray[np.float32]) -> Template:
    """A single photo."""
    del weights
    return units[0]


WAYS: Mapping[str, Combine] = {"single": first_only, "mean": plain_mean, "weighted": weighted_mean}


def measure_user_templates(
    good: NDArray[np.float32], bad: NDArray[np.float32], data: DataSet
) -> dict[str, Any]:
    """By condition and way: TAR at each rate, and what weighting gains.

    Args:
        good: (n, D) raw embeddings of the photos.
        bad: (n, D) of the degraded photos; zeros where no face was found.
    """
    found = {}
    for condition, share in (("good photos", 0.0), ("half of the enrolled photos degraded", 0.5)):
        ways = {name: _measured(combine, good, bad, share=share, data=data) for name, combine in WAYS.items()}
        found[condition] = {
            "tar": {name: {f"{rate:.0e}": way[rate].tar for rate in RATES} for name, way in ways.items()},
            "gain_of_weighting": {f"{rate:.0e}": _gain(ways, rate) for rate in RATES},
        }
    return found


def user_table_of(found: Mapping[str, Any]) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Head and rows of the table of what `measure_user_templates` gave."""
    head = ["photos", "FAR", "single", "mean of three", "weighted mean", "gain of weighting"]
    return head, [
        [
            condition,
            rate,
            *(f"{each['tar'][way][rate]:.2%}" for way in ("single", "mean")),
            _judged(each["tar"]["weighted"][rate], TARGETS[condition, rate]),
            gain_text(each["gain_of_weighting"][rate]),
        ]
        for condition, each in found.items()
        for rate in ("1e-04", "1e-05")
    ]


def gain_text(gain: Mapping[str, float]) -> str:
    """Percentage points with their interval."""
    return f"{100 * gain['gain']:+.2f} ({100 * gain['low']:+.2f} to {100 * gain['high']:+.2f})"


def _judged(share: float, target: float) -> str:
    return f"{share:.2%}, target {target:.1%} {'reached' if share >= target else '**missed**'}"


def _gain(ways: Mapping[str, Mapping[float, Measured]], rate: float) -> dict[str, float]:
    gain = gain_of(ways["mean"][rate], ways["weighted"][rate])
    return {"gain": gain.gain, "low": gain.interval.low, "high": gain.interval.high}


def _measured(
    combine: Combine, good: NDArray[np.float32], bad: NDArray[np.float32], *, share: float, data: DataSet
) -> dict[float, Measured]:
    draws, typical = [], float(np.median(np.linalg.norm(good, axis=1)))
    for draw in range(_DRAWS):
        random = np.random.default_rng([_SEED, draw])
        enrolled = np.where((random.random(len(good)) < share)[:, np.newaxis], bad, good)
        mated, non_mated = _trials(combine, enrolled, good, data, typical=typical, random=random)
        draws.append(tars_at(mated, non_mated, max_fmrs=RATES, people=len(data.people)))
    return {
        rate: Measured(
            float(np.mean([each[rate].tar for each in draws])),
            np.mean([each[rate].replicates for each in draws], axis=0),
        )
        for rate in RATES
    }


def _trials(
    combine: Combine,
    enrolled: NDArray[np.float32],
    searched: NDArray[np.float32],
    data: DataSet,
    *,
    typical: float,
    random: np.random.Generator,
) -> tuple[Trials, Trials]:
    """Templates of users with searches of their own other photos, and with the photos of everybody else.

    A photo without a face is in no template; where none of the three has one the user matches nothing, and so
    does a search without a face.
    """
    subjects, of_users = data.subjects, photos_of_users(data)
    lengths, units = _split(enrolled)
    weights = np.maximum((lengths / typical) ** 2, _LIGHTEST).astype(np.float32)
    users, templates, probes = [], [], []
    for photos in of_users:
        rows = random.permutation(photos)
        own = rows[:PHOTOS_OF_A_USER][lengths[rows[:PHOTOS_OF_A_USER]] > 0]
        users.append(subjects[photos[0]])
        templates.append(combine(units[own], weights[own]) if len(own) else np.zeros_like(units[0]))
        probes.append(rows[PHOTOS_OF_A_USER:])
    return _scored(np.array(templates), np.array(users), probes, _split(searched)[1], subjects)


def _split(raw: NDArray[np.float32]) -> tuple[NDArray[np.float32], Templates]:
    """Lengths and unit rows; zeros stay zeros."""
    lengths = np.linalg.norm(raw, axis=1)
    return lengths, np.asarray(raw / np.where(lengths > 0, lengths, 1)[:, np.newaxis], np.float32)


def _scored(
    templates: Templates,
    users: NDArray[np.int64],
    probes: Sequence[NDArray[np.int64]],
    searched: Templates,
    subjects: NDArray[np.int64],
) -> tuple[Trials, Trials]:
    """Each user's templates weigh the same, and so do the searches of each other person."""
    there = np.any(templates != 0, axis=1)[:, np.newaxis] & np.any(searched != 0, axis=1)[np.newaxis, :]
    cosines = np.where(there, templates @ searched.T, NEVER).astype(np.float32)
    sizes = [len(mine) for mine in probes]
    whose = np.repeat(users, sizes).astype(np.int32)
    weights = np.repeat(1 / np.array(sizes), sizes)
    own = np.concatenate([cosines[row, mine] for row, mine in enumerate(probes)])
    mated = Trials(own, whose, whose, weights / weights.sum())
    row, photo = np.nonzero(users[:, np.newaxis] != subjects[np.newaxis, :])
    first, second = users[row].astype(np.int32), subjects[photo].astype(np.int32)
    weights = 1.0 / np.bincount(subjects)[second]
    return mated, Trials(cosines[row, photo], first, second, weights / weights.sum())
