"""The member `identification` of an evaluation: one against N, for a few sizes N of the gallery."""

from __future__ import annotations

from typing import Any, Final

from countenance.errors import TooFewTrials
from countenance.evaluation.figures_shapes import as_cosine, rate_to_dict, refused, similarity_at
from countenance.evaluation.figures_verification import cosine_at
from countenance.evaluation.identification import RANKS, draw_closed_set, hit_rates
from countenance.evaluation.intervals import rate_of
from countenance.evaluation.open_set import MatedSearches, Searches, draw_open_set, search
from countenance.evaluation.open_set_rates import fnir_at_fpir, rates_at
from countenance.evaluation.protocol import Protocol
from countenance.evaluation.trials import Samples
from countenance.similarity import Calibration

MOST_PROBES_A_SUBJECT: Final = 10
"""Samples of one person that are searched with in one draw."""
_LEAST_GALLERY: Final = 100


def identification_figures(
    samples: Samples, *, calibration: Calibration, protocol: Protocol
) -> list[dict[str, Any]]:
    """One object for each gallery size that is asked for or, without any, that the people carry.

    The last is of everybody, where nobody is searched for who is not enrolled: a closed set.
    """
    sizes = protocol.galleries or gallery_sizes(samples.people)
    figures = [_open_set(samples, size, calibration=calibration, protocol=protocol) for size in sizes]
    return [*figures, *_closed_set(samples, protocol)]


def gallery_sizes(people: int) -> tuple[int, ...]:
    """100, 1,000, 10,000, … as long as as many people are left to be searched for in vain."""
    sizes = []
    size = _LEAST_GALLERY
    while size <= people // 2:
        sizes.append(size)
        size *= 10
    return tuple(sizes)


def _open_set(samples: Samples, size: int, *, calibration: Calibration, protocol: Protocol) -> dict[str, Any]:
    try:
        searches = search(
            samples,
            [
                draw_open_set(
                    samples.subjects, size=size, seed=seed, most_probes_a_person=MOST_PROBES_A_SUBJECT
                )
                for seed in range(protocol.seed, protocol.seed + protocol.draws)
            ],
        )
    except TooFewTrials as refusal:
        return {"gallery": size, **refused(refusal)}
    return {
        "gallery": size,
        "mated_searches": len(searches.mated.people),
        "non_mated_searches": len(searches.non_mated.people),
        "draws": protocol.draws,
        "rank": _hits(searches.mated, size=size),
        "open_set": [
            _at_fpir(searches, max_fpir, list_length, calibration)
            for list_length in protocol.lists
            if list_length <= size
            for max_fpir in protocol.max_fpirs
        ],
        "at_similarity": [
            _at_similarity(searches, similarity, calibration) for similarity in protocol.similarities
        ],
    }


def _closed_set(samples: Samples, protocol: Protocol) -> list[dict[str, Any]]:
    """Everybody enrolled; nothing where nobody has a second sample."""
    draws = [
        draw_closed_set(samples.subjects, seed=seed, most_probes_a_person=MOST_PROBES_A_SUBJECT)
        for seed in range(protocol.seed, protocol.seed + protocol.draws)
    ]
    try:
        hits = hit_rates(samples, draws, RANKS)
    except TooFewTrials:
        return []
    return [
        {
            "gallery": samples.people,
            "mated_searches": sum(len(draw.probes) for draw in draws),
            "non_mated_searches": 0,
            "draws": protocol.draws,
            "rank": [{"rank": rank, "hit": rate_to_dict(hit)} for rank, hit in hits.items()],
        }
    ]


def _hits(mated: MatedSearches, *, size: int) -> list[dict[str, Any]]:
    """Share of mated searches whose mate is among so many best candidates, whatever it scored."""
    return [
        {"rank": rank, "hit": rate_to_dict(rate_of(mated.ranks <= rank, mated.weights, mated.people))}
        for rank in RANKS
        if rank <= size
    ]


def _at_fpir(
    searches: Searches, max_fpir: float, list_length: int, calibration: Calibration
) -> dict[str, Any]:
    asked = {"list_length": list_length, "max_fpir": max_fpir}
    try:
        point = fnir_at_fpir(searches, max_fpir=max_fpir, list_length=list_length)
    except TooFewTrials as refusal:
        return {**asked, **refused(refusal)}
    return {
        **asked,
        "cosine": as_cosine(point.threshold),
        "similarity": similarity_at(calibration, point.threshold),
        "fpir": rate_to_dict(point.fpir),
        "fnir": rate_to_dict(point.fnir),
    }


def _at_similarity(searches: Searches, similarity: float, calibration: Calibration) -> dict[str, Any]:
    """At a threshold of Similarity, of lists of one."""
    point = rates_at(searches, cosine_at(calibration, similarity), list_length=1)
    return {"similarity": similarity, "fpir": rate_to_dict(point.fpir), "fnir": rate_to_dict(point.fnir)}
