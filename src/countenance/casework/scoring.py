"""What is measured of examiners once a review is decided: pure."""

from __future__ import annotations

from collections.abc import Sequence

from countenance.casework.verdicts import conclusion


def score(verdicts: Sequence[Sequence[str]], is_mated: Sequence[bool] | None) -> list[dict[str, int | None]]:
    """Of each examiner, in the order of `verdicts`, counts of candidates.

    `agreed`: as the other of the first two said; None of a third. `reversed`: the other and the third agreed
    on something else; None without a third, and of that. Of a trial: `hits` and `misses` of mated pairs,
    `false_alarms` and `correct_rejections` of others; `inconclusive` is a miss, and no false alarm.

    Args:
        is_mated: the known answers of a planted trial; None of a search.
    """
    said = [[conclusion(each) for each in of] for of in verdicts]
    numbers = range(len(said[0]))
    scored = []
    for seat, mine in enumerate(said):
        figures: dict[str, int | None] = dict.fromkeys(
            ("agreed", "reversed", "hits", "misses", "false_alarms", "correct_rejections")
        )
        if seat < 2:
            other = said[1 - seat]
            figures["agreed"] = sum(mine[number] == other[number] for number in numbers)
            if len(said) > 2:
                third = said[2]
                figures["reversed"] = sum(
                    mine[number] != third[number] and other[number] == third[number] for number in numbers
                )
        if is_mated is not None:
            supported = [each == "support" for each in mine]
            pairs = list(zip(supported, is_mated, strict=True))
            figures |= {
                "hits": pairs.count((True, True)),
                "misses": pairs.count((False, True)),
                "false_alarms": pairs.count((True, False)),
                "correct_rejections": pairs.count((False, False)),
            }
        scored.append(figures)
    return scored
