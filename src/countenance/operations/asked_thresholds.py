"""What the operations that decide are asked for: read here, by them and by what asks policy before them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from countenance.similarity import similarity_at_fmr
from countenance.types import Similarity

DECIDING: Final = frozenset({"IdentifyFace", "VerifyFaces"})


def match_threshold(members: Mapping[str, Any]) -> Similarity | None:
    """The least similarity of a match, given as one or as the rate that it stands for; None if not said."""
    if "MatchThreshold" in members:
        return Similarity(members["MatchThreshold"])
    if "MaxFalseMatchRate" in members:
        return similarity_at_fmr(members["MaxFalseMatchRate"])
    return None


def least_told(members: Mapping[str, Any]) -> Similarity | None:
    """The least similarity that would be told: what a purpose's minimum bounds; None if not said."""
    if "ReviewThreshold" in members:
        return Similarity(members["ReviewThreshold"])
    return match_threshold(members)
