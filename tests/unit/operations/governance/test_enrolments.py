"""DescribeFaces: when faces came, and nothing of another account's."""

from __future__ import annotations

import time
import uuid

import pytest

from countenance.errors import ResourceNotFoundException
from fakes.vision import person, picture


def test_when_a_face_was_enrolled(call, other_call, collection, index):
    [face] = index(picture(person("ada")))
    nobody = str(uuid.uuid4())
    [told] = call("DescribeFaces", CollectionId=collection, FaceIds=[face, nobody])["Faces"]
    assert (told["FaceId"], "ImportId" in told) == (face, False)
    assert abs(told["EnrolledAt"] - time.time()) < 60
    other_call("CreateCollection", CollectionId=collection)
    assert other_call("DescribeFaces", CollectionId=collection, FaceIds=[face])["Faces"] == []
    with pytest.raises(ResourceNotFoundException):
        call("DescribeFaces", CollectionId="nothing", FaceIds=[face])
