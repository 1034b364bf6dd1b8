"""Every detector, by name: numbers in, suspicions out. None reads a database, a clock or a photo.

What each one looks for, whence its numbers are, what innocent pattern looks like it and what it cannot see
stands in its docstring; the numbers are constants beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from countenance.conduct.cases import probes_beyond_case, reused_cases, shared_cases
from countenance.conduct.mix import purpose_against_use
from countenance.conduct.observations import Observed
from countenance.conduct.probes import score_harvesting, threshold_shopping, video_like_stream
from countenance.conduct.stamping import rubber_stamped_reviews
from countenance.conduct.suspicion import About, Suspicion
from countenance.conduct.uses import cap_evasion, undeclared_downstream

__all__ = [
    "DETECTORS",
    "Detector",
    "cap_evasion",
    "probes_beyond_case",
    "purpose_against_use",
    "reused_cases",
    "rubber_stamped_reviews",
    "score_harvesting",
    "shared_cases",
    "threshold_shopping",
    "undeclared_downstream",
    "video_like_stream",
]

Detector = Callable[[Sequence[Observed], About], list[Suspicion]]
"""A function of an account's calls, in the order of time, and of what else is known of the account."""

DETECTORS: Final[Mapping[str, Detector]] = MappingProxyType(
    {
        detector.__name__: detector
        for detector in (
            video_like_stream,
            threshold_shopping,
            probes_beyond_case,
            reused_cases,
            score_harvesting,
            purpose_against_use,
            undeclared_downstream,
            cap_evasion,
            rubber_stamped_reviews,
        )
    }
)
"""`shared_cases` is not among them: it compares accounts, and the patrol calls it once a round."""
