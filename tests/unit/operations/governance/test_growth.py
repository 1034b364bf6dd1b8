"""DescribeGrowth: counts by day, of one collection and of all of an account."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from countenance.errors import ResourceNotFoundException
from fakes.vision import person, picture


def test_what_was_enrolled_and_deleted_today(call, other_call, collection, index):
    faces = [index(picture(person(name)))[0] for name in ("ada", "bob", "eve")]
    call("DeleteFaces", CollectionId=collection, FaceIds=faces[:1])
    of_one, of_all = call("DescribeGrowth", CollectionId=collection), call("DescribeGrowth", Days=1)
    today = datetime.now(UTC).date()
    assert of_one["Days"] == [{"Day": today.isoformat(), "FacesEnrolled": 3, "FacesErased": 1}]
    assert of_all["Days"] == of_one["Days"]
    assert (of_all["From"], of_all["To"]) == (today.isoformat(), today.isoformat())
    assert date.fromisoformat(of_one["To"]) - date.fromisoformat(of_one["From"]) == timedelta(days=89)
    assert other_call("DescribeGrowth")["Days"] == []
    with pytest.raises(ResourceNotFoundException):
        other_call("DescribeGrowth", CollectionId=collection)
