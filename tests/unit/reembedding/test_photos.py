"""Which file a face was enrolled from: by name, then by content, and never another."""

from __future__ import annotations

import hashlib
import os
import uuid
from dataclasses import replace

import pytest

from countenance.errors import SetupError
from countenance.gallery import StoredFace
from countenance.operations.images import MAX_S3_OBJECT_BYTES, image_id_of
from countenance.reembedding.photos import PhotoFolder
from countenance.reembedding.reasons import Reason
from countenance.types import Confidence, RatioBox

DATA = b"the photograph, byte for byte"


def face(name, data=DATA):
    return StoredFace(
        face_id=uuid.uuid4(),
        image_id=image_id_of(hashlib.sha256(data).hexdigest()),
        external_image_id=name,
        box=RatioBox(0, 0, 1, 1),
        confidence=Confidence(99),
        user_id=None,
        face_model_version="1",
    )


def read(folder, *faces, **given):
    return PhotoFolder(folder, **given).read(faces[0].image_id, faces)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("ada.jpg", "ada.jpg"),
        ("ada", "ada.JPG"),
        ("ada", "ada.png"),
        ("people:ada:1.jpg", "people/ada/1.jpg"),
        ("people:ada", "people/ada.jpeg"),
    ],
)
def test_a_photograph_lies_under_its_external_image_id(folder, name, file):
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes(DATA)
    told = []
    assert read(folder, face(name), notice=told.append) == DATA
    assert told == []  # nothing else was looked at


def test_a_pattern_says_where_else_it_lies(folder):
    one = face("ada")
    (folder / "2026" / str(one.image_id)).mkdir(parents=True)
    (folder / "2026" / str(one.image_id) / "ada.jpg").write_bytes(DATA)
    assert read(folder, one, pattern="2026/{image_id}/{external_image_id}.jpg") == DATA


@pytest.mark.parametrize("pattern", ["photos.jpg", "{name}.jpg", "{path", "{path.__class__}", "{}", "{0}"])
def test_a_pattern_that_cannot_be_is_refused(folder, pattern):
    with pytest.raises(SetupError):
        PhotoFolder(folder, pattern=pattern)


def test_a_renamed_photograph_is_found_by_content(folder):
    (folder / "old").mkdir()
    (folder / "old" / "IMG_1.jpeg").write_bytes(DATA)
    told = []
    assert read(folder, face("ada.jpg"), notice=told.append) == DATA
    assert len(told) == 1
    assert read(folder, face(None)) == DATA  # one that never had a name


def test_a_photograph_that_changed_is_never_taken_for_it(folder):
    (folder / "ada.jpg").write_bytes(DATA + b" but recompressed")
    assert read(folder, face("ada.jpg")) is Reason.CHANGED_PHOTO
    assert read(folder, face("bob.jpg")) is Reason.NO_PHOTO
    # the same photograph elsewhere is the one all the same
    (folder / "original.jpg").write_bytes(DATA)
    assert read(folder, face("ada.jpg")) == DATA


@pytest.mark.parametrize("name", ["..:outside.jpg", "a:..:..:outside.jpg", "..", ":", ".:..:outside.jpg"])
def test_no_name_leads_out_of_the_folder(folder, name):
    """An ExternalImageId is whatever a caller wrote."""
    (folder.parent / "outside.jpg").write_bytes(DATA)
    (folder / "a").mkdir()
    assert read(folder, face(name)) is Reason.NO_PHOTO


def test_what_is_no_photograph_is_passed_over(folder):
    (folder / "ada.jpg").mkdir()
    (folder / "bob.jpg").symlink_to(folder / "nowhere.jpg")
    huge = folder / "eve.jpg"
    huge.touch()
    os.truncate(huge, MAX_S3_OBJECT_BYTES + 1)
    for name in ("ada.jpg", "bob.jpg", "eve.jpg"):
        assert read(folder, face(name)) is Reason.NO_PHOTO


def test_one_of_several_names_of_a_photograph_is_enough(folder):
    (folder / "second.jpg").write_bytes(DATA)
    one = face("first.jpg")
    assert read(folder, one, replace(one, external_image_id="second.jpg")) == DATA


def test_a_folder_that_is_none_is_told(tmp_path):
    with pytest.raises(SetupError, match="no folder"):
        PhotoFolder(tmp_path / "nowhere")
