"""What examiners say of candidates, and what follows from it: pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

Verdict = Literal["support_strong", "support", "inconclusive", "against", "against_strong"]
Conclusion = Literal["support", "inconclusive", "against"]

_CONCLUDES: Final[dict[str, Conclusion]] = {
    "support_strong": "support",
    "support": "support",
    "inconclusive": "inconclusive",
    "against": "against",
    "against_strong": "against",
}
VERDICTS: Final = tuple(_CONCLUDES)
FEATURES: Final = (
    "face_shape",
    "forehead",
    "eyebrows",
    "eyes",
    "cheeks",
    "nose",
    "mouth",
    "chin_jawline",
    "ears",
    "neck",
    "facial_hair",
    "skin",
    "facial_lines",
    "scars_marks",
    "alterations",
)
"""Components that are compared one by one, after FISWG's feature list for morphological analysis."""
REMARKS: Final = ("similar", "different", "not_visible")


def conclusion(verdict: str) -> Conclusion:
    """What a verdict is for: how strong it is counts for nothing in a majority."""
    return _CONCLUDES[verdict]


def disagree(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two examiners conclude differently about any candidate; verdicts by candidate."""
    return any(conclusion(a) != conclusion(b) for a, b in zip(one, other, strict=True))


def decide(verdicts: Sequence[Sequence[str]]) -> list[Conclusion] | None:
    """Of each candidate what the majority concludes; None while a seat is to be filled.

    Two who agree on every candidate decide; else a third does, whose side the majority is. Where all three
    differ the conclusion is `inconclusive`: nobody is a lead for want of agreement.

    Args:
        verdicts: of each examiner, in the order in which they submitted, by candidate.
    """
    if len(verdicts) < 2 or (len(verdicts) == 2 and disagree(*verdicts)):
        return None
    return [_majority([conclusion(each) for each in said]) for said in zip(*verdicts, strict=True)]


def _majority(said: Sequence[Conclusion]) -> Conclusion:
    [(most, count)] = Counter(said).most_common(1)
    return most if count >= 2 else "inconclusive"
