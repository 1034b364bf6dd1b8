"""A folder of folders, one a person."""

from __future__ import annotations

import os

import pytest

from countenance.errors import SetupError
from countenance.measuring.folders import load_folder
from countenance.measuring.photos import read_photo


@pytest.fixture
def people(tmp_path):
    """Two people with three photos; what they hold does not matter to a reader of folders."""
    for name in ("ann/2.JPG", "ann/1.jpg", "bob/deep/1.png"):
        file = tmp_path / "set" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    return tmp_path / "set"


def test_the_person_is_the_folder_at_the_top_and_photos_are_in_order(people):
    """Order is by path, so that a data set's digest does not depend on the file system."""
    data = load_folder(people)
    assert data.files == ("ann/1.jpg", "ann/2.JPG", "bob/deep/1.png")
    assert data.people == ("ann", "bob")
    assert data.subjects.tolist() == [0, 0, 1]
    assert (data.name, data.kind, data.pairs) == ("set", "folder", None)


def test_what_is_passed_over_is_counted_by_kind(people):
    """A HEIC that is silently left out is a person with too few photos, and nobody knows why."""
    for name in ("ann/3.heic", "ann/notes.txt", "loose.jpg", "ann/.hidden.jpg", "ann/none"):
        (people / name).write_bytes(b"")
    (people / ".git").mkdir()
    (people / ".git/x.jpg").write_bytes(b"")
    data = load_folder(people)
    assert len(data.photos) == 3
    assert data.passed_over == {
        ".heic": 1,
        ".txt": 1,
        "lies loose, in no person's folder": 1,
        "hidden": 1,
        "no ending": 1,
    }


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_links_that_lead_out_are_refused_with_the_remedy(people, tmp_path, kind):
    """What lies outside was not given to be measured, and may not be the reader's to see."""
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"secret")
    link, target = ("ann/3.jpg", outside / "secret.jpg") if kind == "file" else ("eve", outside)
    (people / link).symlink_to(target)
    with pytest.raises(SetupError, match="1 links that lead out") as refusal:
        load_folder(people)
    assert "find" in refusal.value.remedy
    assert "secret" not in str(refusal.value)


def test_links_within_are_read_once(people):
    """A linked file is a photo like any other; a linked folder would bring its photos twice."""
    (people / "bob/2.jpg").symlink_to(people / "ann/1.jpg")
    (people / "ann2").symlink_to(people / "ann")
    data = load_folder(people)
    assert data.files == ("ann/1.jpg", "ann/2.JPG", "bob/2.jpg", "bob/deep/1.png")
    assert data.passed_over == {"link to a folder": 1}
    assert read_photo(data.root, "bob/2.jpg") == b"ann/1.jpg"


def test_the_data_set_itself_may_be_a_link(people, tmp_path):
    (tmp_path / "link").symlink_to(people)
    assert len(load_folder(tmp_path / "link").photos) == 3


def test_nothing_there_and_nobody_there_are_told_apart(tmp_path):
    with pytest.raises(SetupError, match="is not a folder"):
        load_folder(tmp_path / "none")
    (tmp_path / "photo.jpg").write_bytes(b"")
    with pytest.raises(SetupError, match="holds no photos") as refusal:
        load_folder(tmp_path)
    assert "one a person" in refusal.value.remedy


def test_a_name_that_is_no_text_is_refused(people):
    """It could not stand in the digest."""
    (people / "ann" / os.fsdecode(b"\xff.jpg")).write_bytes(b"")
    with pytest.raises(SetupError, match="no text"):
        load_folder(people)
