"""Pictures of faces at rest."""

from __future__ import annotations

import uuid

import pytest

from countenance.gallery.crop_seal import CropSeal
from countenance.gallery.seal import BrokenSeal
from countenance.store import KeyMissing
from countenance.types import FaceId

CROP = b"\xff\xd8 a picture" * 20


def seal_of(collection_id, *, generation=1, gone=()):
    def key_of(number):
        if number in gone:
            raise KeyMissing
        return bytes([number]) * 32

    return CropSeal(key_of, generation=generation, collection_id=collection_id)


def test_what_was_sealed_opens_for_its_face_of_its_collection_alone():
    collection_id, face_id = uuid.uuid4(), FaceId(uuid.uuid4())
    sealed = seal_of(collection_id).seal(face_id, CROP)
    assert CROP[:12] not in sealed
    assert seal_of(collection_id).unseal(face_id, 1, sealed) == CROP
    for seal, face, generation, data in (
        (seal_of(collection_id), FaceId(uuid.uuid4()), 1, sealed),
        (seal_of(uuid.uuid4()), face_id, 1, sealed),
        (seal_of(collection_id), face_id, 2, sealed),
        (seal_of(collection_id), face_id, 1, sealed[:-1]),
        (seal_of(collection_id), face_id, 1, b"\x02" + sealed[1:]),
        (seal_of(collection_id), face_id, 1, b""),
    ):
        with pytest.raises(BrokenSeal):
            seal.unseal(face, generation, data)


def test_sealed_anew_it_opens_without_the_key_of_before():
    collection_id, face_id = uuid.uuid4(), FaceId(uuid.uuid4())
    sealed = seal_of(collection_id).seal(face_id, CROP)
    (anew,) = seal_of(collection_id, generation=2).reseal_all([(face_id, 1, sealed)])
    assert seal_of(collection_id, generation=2, gone=(1,)).unseal(face_id, 2, anew) == CROP
    with pytest.raises(KeyMissing):
        seal_of(collection_id, generation=2, gone=(1,)).unseal(face_id, 1, sealed)
