"""The page of an examination, for pictures that can be aligned and for those that cannot."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from countenance.casework.verdicts import FEATURES, REMARKS
from countenance.console.render import page
from countenance.console.review_pages import VERDICTS

PROBE, PROBE_ALIGNED, PICTURE, ALIGNED = "cHJvYmU=", "cHJvYmUy", "cGljdHVyZQ==", "cGljdHVyZTI="


def body(*pictures: dict[str, str], probe_aligned: str | None = PROBE_ALIGNED) -> str:
    given: dict[str, Any] = {
        "session": SimpleNamespace(
            operator="Erin", operator_id="o-1", roles={"examiner"}, account_name="A", account_id="1"
        ),
        "menu": [],
        "form_token": "t",
        "told": "",
        "taken": False,
        "wrong": "",
        "review": {"ReviewId": "0" * 36, "Purpose": "development"},
        "probe": PROBE,
        "probe_aligned": probe_aligned,
        "pictures": [{"Label": f"candidate-{number}", **each} for number, each in enumerate(pictures, 1)],
        "began_at_s": 0.0,
        "least_view_s": 5.0,
        "left_s": 5.0,
        "verdicts": VERDICTS,
        "features": FEATURES,
        "remarks": REMARKS,
        "said": {},
    }
    answer = page("examination.html", **given)
    return answer.body.decode()


def test_aligned_pictures_are_laid_over_each_other_and_those_as_taken_stand_beside_them():
    told = body({"Picture": PICTURE, "Aligned": ALIGNED})
    order = [
        told.index(each) for each in (PROBE_ALIGNED, ALIGNED, "data-swap", "As they were taken", PICTURE)
    ]
    assert order == sorted(order)
    assert PROBE in told


@pytest.mark.parametrize(
    ("picture", "probe_aligned"),
    [({"Picture": PICTURE}, PROBE_ALIGNED), ({"Picture": PICTURE, "Aligned": ALIGNED}, None)],
    ids=["the candidate", "the probe"],
)
def test_where_one_of_two_cannot_be_aligned_nothing_is_laid_over_anything(picture, probe_aligned):
    """Overlay and flicker of pictures that do not match would suggest that the people do not."""
    told = body(picture, probe_aligned=probe_aligned)
    assert PROBE in told
    assert PICTURE in told
    assert "data-swap" not in told
    assert "data-flicker" not in told
    assert "data-zoom" in told
    assert ALIGNED not in told


def test_each_pair_is_aligned_or_not_by_itself():
    told = body({"Picture": PICTURE}, {"Picture": PICTURE, "Aligned": ALIGNED})
    assert told.count("data-swap") == 1
    assert told.count("required") == 2 * len(VERDICTS)
