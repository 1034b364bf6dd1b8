"""Photos in folders."""

from __future__ import annotations

import os
import pickle

import pytest

from countenance.errors import SetupError
from countenance.importing.folders import list_folder, photos_of_people


def put(folder, *paths):
    for path in paths:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"x")


def test_photos_are_listed_in_order_and_what_is_none_is_counted(tmp_path):
    put(tmp_path, "b/2.JPG", "b/1.png", "a.jpeg", "b/deep/3.jpg", "b/4.heic", "b/notes.txt", "c/.DS_Store")
    put(tmp_path, ".hidden/1.jpg", "b/Thumbs.db", "README")
    listing = list_folder(tmp_path)
    assert listing.photos == ["a.jpeg", "b/1.png", "b/2.JPG", "b/4.heic", "b/deep/3.jpg"]
    assert listing.passed_over == {"hidden": 2, ".txt": 1, ".db": 1, "no ending": 1}


def test_a_pickle_is_not_opened(tmp_path):
    """DeepFace's cache beside the photos: whoever wrote it could run what they like."""

    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "sprung"),))

    put(tmp_path, "ann/1.jpg")
    for name in ("representations_vgg_face.pkl", "ds_model_facenet_detector_opencv.pkl", "encodings.dat"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap()))
    listing = list_folder(tmp_path)
    assert (listing.photos, listing.passed_over) == (["ann/1.jpg"], {".pkl": 2, ".dat": 1})
    assert not (tmp_path / "sprung").exists()


def test_links_are_not_followed(tmp_path):
    """Neither out of the folder nor in a circle."""
    outside = tmp_path / "outside"
    inside = tmp_path / "photos"
    put(outside, "secret.jpg")
    put(inside, "ann/1.jpg")
    (inside / "bob").symlink_to(outside)
    (inside / "ann" / "2.jpg").symlink_to(outside / "secret.jpg")
    (inside / "ann" / "again").symlink_to(inside)
    listing = list_folder(inside)
    assert (listing.photos, listing.passed_over) == (["ann/1.jpg"], {"link": 3})


def test_pipes_are_passed_over(tmp_path):
    os.mkfifo(tmp_path / "1.jpg")
    assert list_folder(tmp_path).passed_over == {"no file": 1}


def test_a_folder_is_a_person_and_a_loose_photo_is_of_whom_its_name_says():
    photos = list(photos_of_people(["Ann Lee/1.jpg", "bob.jpg", "cy/x/1.jpg"], with_users=True))
    assert [(each.external_image_id, each.user_id) for each in photos[1:]] == [
        ("bob.jpg", "bob"),
        ("cy:x:1.jpg", "cy"),
    ]
    assert photos[0].user_id.startswith("Ann_Lee.")
    assert photos[0].external_image_id == f"{photos[0].user_id}:1.jpg"
    alone = list(photos_of_people(["Ann Lee/1.jpg", "bob.jpg"], with_users=False))
    assert [(each.external_image_id, each.user_id) for each in alone] == [
        (photos[0].user_id, None),
        ("bob", None),
    ]


def test_two_people_are_never_one(tmp_path):
    """Whoever names a folder as the id of another would join the two."""
    (changed,) = photos_of_people(["Ann Lee/1.jpg"], with_users=True)
    with pytest.raises(SetupError, match="one id"):
        list(photos_of_people(["Ann Lee/1.jpg", f"{changed.user_id}/1.jpg"], with_users=True))


def test_a_name_that_is_no_text_is_told(tmp_path):
    (tmp_path / "a").mkdir()
    os.close(os.open(os.fsencode(tmp_path / "a") + b"/\xff.jpg", os.O_CREAT))
    with pytest.raises(SetupError, match="no text"):
        list_folder(tmp_path)


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(SetupError, match="cannot be read"):
        list_folder(tmp_path / "nowhere")
