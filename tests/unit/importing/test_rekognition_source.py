"""Which photo a face of another service was enrolled from."""

from __future__ import annotations

import pytest

from countenance.errors import SetupError
from countenance.importing.records import Verdict
from countenance.importing.rekognition_source import (
    PhotoFinder,
    SourceCollection,
    SourceFace,
    photos_of_faces,
)

PHOTOS = ["ann/1.jpg", "ann/2.jpg", "bob/2.jpg", "Zoë/x.jpg", "cy.png", "deep/er/dora.jpeg"]


def face(name, **given):
    return SourceFace(given.get("face_id", "f-1"), "i-1", name, given.get("user_id"), (0.1, 0.2, 0.3, 0.4))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("ann:1.jpg", "ann/1.jpg"),
        ("ann:1", "ann/1.jpg"),
        ("1.jpg", "ann/1.jpg"),
        ("1", "ann/1.jpg"),
        ("cy", "cy.png"),
        ("deep:er:dora.jpeg", "deep/er/dora.jpeg"),
        ("dora", "deep/er/dora.jpeg"),
    ],
)
def test_an_id_names_a_photo_in_several_ways(name, path):
    assert PhotoFinder(PHOTOS, None).find(face(name), "c") == (path, "")


def test_the_id_that_an_import_would_give_names_it():
    from countenance.importing.source_names import to_external_image_id

    assert PhotoFinder(PHOTOS, None).find(face(to_external_image_id(["Zoë", "x.jpg"])), "c")[0] == "Zoë/x.jpg"


@pytest.mark.parametrize(
    ("name", "why"), [("2", "2 photos could be it"), ("eve", "no photo"), (None, "no ExternalImageId")]
)
def test_a_photo_that_could_be_several_or_none_is_not_guessed(name, why):
    path, problem = PhotoFinder(PHOTOS, None).find(face(name), "c")
    assert path == ""
    assert why in problem


def test_a_pattern_says_where_photos_are():
    finder = PhotoFinder(PHOTOS, "{user_id}/{external_image_id}.jpg")
    assert finder.find(face("2", user_id="bob"), "c") == ("bob/2.jpg", "")
    assert finder.find(face("3", user_id="bob"), "c") == ("", "there is no `bob/3.jpg`")


@pytest.mark.parametrize("pattern", ["{name}.jpg", "{external_image_id", "{0}.jpg", "{user_id.__class__}"])
def test_a_pattern_that_is_none_is_told(pattern):
    """Fields of Python's formats reach into objects: none but these names may stand in it."""
    with pytest.raises(SetupError, match="pattern"):
        PhotoFinder(PHOTOS, pattern)


def test_each_face_comes_with_its_box_and_its_user_or_says_that_its_photo_is_missing():
    source = SourceCollection("c", [face("ann:1", user_id="ann"), face(None, face_id="f-2"), face("no")])
    found = list(photos_of_faces(source, PhotoFinder(PHOTOS, None)))
    assert [(each.path, each.external_image_id, each.user_id, each.verdict) for each in found] == [
        ("ann/1.jpg", "ann:1", "ann", None),
        ("face:f-2", "face:f-2", None, Verdict.MISSING),
        ("no", "no", None, Verdict.MISSING),
    ]
    assert found[0].box == (0.1, 0.2, 0.3, 0.4)
