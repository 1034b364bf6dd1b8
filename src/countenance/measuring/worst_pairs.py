"""The pairs that went most wrong: for whoever may see the photographs, and nobody else.

INVARIANT: this alone names photos. It is made on request only and written apart from the evaluation, with
mode 600; nothing of it is in a report or a log.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from countenance.errors import SetupError
from countenance.evaluation.trials import Pairs, Samples
from countenance.measuring.data_sets import DataSet
from countenance.similarity import Calibration
from countenance.store.files import write_private

WHO_MAY_SEE_IT: Final = (
    "This file names photographs of people. It is for those who may see these photographs, for as long as "
    "they need it to look at errors: do not pass it on with the report, and delete it when it was looked at."
)
MOST: Final = 50
_ROWS_AT_ONCE: Final = 1024


def worst_pairs(
    samples: Samples,
    *,
    is_mated: bool,
    most: int = MOST,
    pairs: Pairs | None = None,
    doubles: Collection[tuple[int, int]] = (),
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Mated pairs that are least alike or non-mated ones that are most alike, the worst first.

    Args:
        pairs: those that the data set prescribes; None: every pair.
        doubles: pairs of subjects known to be one person: not errors of the pack.

    Returns:
        (n, 2) rows of the samples, and (n,) their cosines; samples without a template are in none.
    """
    sign = 1.0 if is_mated else -1.0
    parts = (
        _prescribed(samples, pairs, is_mated=is_mated)
        if pairs is not None
        else _all_pairs(samples, is_mated=is_mated, most=most + len(doubles) * _most_photos(samples) ** 2)
    )
    first, second, scores = (np.concatenate(part) for part in zip(*parts, strict=True))
    kept = np.ones(len(first), np.bool_) if is_mated else ~_are_doubles(samples, first, second, doubles)
    first, second, scores = first[kept], second[kept], scores[kept]
    order = np.argsort(sign * scores, kind="stable")[:most]
    return np.stack([first[order], second[order]], axis=1), scores[order]


def write_worst_pairs(
    file: Path,
    data: DataSet,
    samples: Samples,
    *,
    calibration: Calibration,
    doubles: Collection[tuple[int, int]] = (),
    most: int = MOST,
) -> None:
    """A JSON file of mode 600 with paths and similarities.

    Raises:
        SetupError: there is such a file already, or it cannot be written.
    """
    content: dict[str, Any] = {"who_may_see_it": WHO_MAY_SEE_IT, "data": data.name}
    for name, is_mated in (("mated_least_alike", True), ("non_mated_most_alike", False)):
        rows, cosines = worst_pairs(samples, is_mated=is_mated, most=most, pairs=data.pairs, doubles=doubles)
        similarities = calibration.to_similarity(cosines)
        content[name] = [
            {"photos": [data.files[a], data.files[b]], "similarity": round(float(similarity), 2)}
            for (a, b), similarity in zip(rows, similarities, strict=True)
        ]
    try:
        write_private(file, (json.dumps(content, indent=1) + "\n").encode(), replace=False)
    except FileExistsError:
        raise SetupError(f"`{file}` is there already", remedy="give --worst-pairs another name") from None
    except OSError as error:
        raise SetupError(
            f"`{file}` cannot be written ({error.strerror})",
            remedy="give --worst-pairs a place that is there",
        ) from None


_Part = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]


def _prescribed(samples: Samples, pairs: Pairs, *, is_mated: bool) -> list[_Part]:
    chosen = (pairs.mated == is_mated) & samples.enrolled[pairs.first] & samples.enrolled[pairs.second]
    first, second = pairs.first[chosen], pairs.second[chosen]
    scores = np.einsum("nd,nd->n", samples.templates[first], samples.templates[second])
    return [(first, second, scores)]


def _all_pairs(samples: Samples, *, is_mated: bool, most: int) -> list[_Part]:
    """The worst of each block of rows, against themselves and later ones; unwanted pairs are at infinity."""
    sign = np.float32(1.0 if is_mated else -1.0)
    subjects, count = samples.subjects, len(samples.subjects)
    parts: list[_Part] = []
    for start in range(0, count, _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        scores = samples.templates[rows] @ samples.templates.T
        wanted = (subjects[rows, None] == subjects[None, :]) == is_mated
        wanted &= np.arange(count)[None, :] > np.arange(count)[rows, None]
        wanted &= samples.enrolled[rows, None] & samples.enrolled[None, :]
        badness = np.where(wanted, sign * scores, np.float32(np.inf)).ravel()
        worst = np.argpartition(badness, min(most, len(badness)) - 1)[:most]
        worst = worst[np.isfinite(badness[worst])]
        first, second = np.divmod(worst, count)
        parts.append((first + start, second, scores.ravel()[worst]))
    return parts


def _most_photos(samples: Samples) -> int:
    return int(np.bincount(samples.subjects).max())


def _are_doubles(
    samples: Samples,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    doubles: Collection[tuple[int, int]],
) -> NDArray[np.bool_]:
    people = int(samples.subjects.max()) + 1
    a, b = samples.subjects[first], samples.subjects[second]
    listed = [min(pair) * people + max(pair) for pair in doubles]
    return np.isin(np.minimum(a, b) * people + np.maximum(a, b), listed)
