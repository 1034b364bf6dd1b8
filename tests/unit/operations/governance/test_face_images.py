"""GetFaceImage: a small picture out of a vault, and nothing where there is none."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from countenance.errors import InternalServerError, ResourceNotFoundException
from fakes.vision import person, picture


def image_of(call, name, face_id):
    answer = call("GetFaceImage", CollectionId=name, FaceId=face_id)
    return Image.open(io.BytesIO(base64.b64decode(answer["Picture"])))


@pytest.fixture
def kept(call):
    """A collection with a vault, and a face in it."""
    call("CreateCollection", CollectionId="kept", Tags={"countenance:vault-days": "30"})
    answer = call("IndexFaces", CollectionId="kept", Image={"Bytes": picture(person("ada"))})
    return answer["FaceRecords"][0]["Face"]["FaceId"]


def test_a_small_picture_without_metadata(call, kept):
    shown = image_of(call, "kept", kept)
    assert (shown.format, max(shown.size) <= 112) == ("JPEG", True)
    assert not shown.getexif()


def test_no_picture_is_one_answer(call, other_call, kept, collection, index):
    """Of a face that is not there, of one without a picture, and where none are kept."""
    [without] = index(picture(person("ada")))
    told = set()
    for name, face_id in ((collection, without), ("kept", without), (collection, kept)):
        with pytest.raises(ResourceNotFoundException) as refused:
            image_of(call, name, face_id)
        told.add(refused.value.message.replace(face_id, "F"))
    assert len(told) == 1
    with pytest.raises(ResourceNotFoundException):
        image_of(other_call, "kept", kept)


def test_what_is_damaged_is_not_shown(call, kept, monkeypatch):
    monkeypatch.setattr(type(call.gallery.vaults), "crops", lambda *given: dict.fromkeys(given[2], b"x"))
    with pytest.raises(InternalServerError):
        image_of(call, "kept", kept)
