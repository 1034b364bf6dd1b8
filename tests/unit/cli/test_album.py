"""The photos of a demo."""

from __future__ import annotations

import pytest
from PIL import Image

from countenance.cli.album import group_picture, load_album
from countenance.errors import SetupError


def _people(folder, **counts):
    for name, count in counts.items():
        (folder / name).mkdir()
        for number in range(count):
            Image.new("RGB", (100, 120), (number * 40, 90, 90)).save(folder / name / f"{number}.jpg")


def test_the_person_with_fewest_photos_is_the_stranger(tmp_path):
    """Somebody must not be enrolled, or the demo could not show that strangers are not recognised."""
    _people(tmp_path, ada=4, bo=1, cy=2)
    album = load_album(tmp_path, tmp_path / ".scratch")
    assert album.stranger.parent.name == "bo"
    assert [person.name for person in album.people] == ["ada", "cy"]
    for person in album.people:
        assert person.enrolled
        assert person.unseen
        assert not set(person.enrolled) & set(person.unseen)


def test_the_first_person_always_has_an_unseen_photo(tmp_path):
    """The comparison needs two photos of one person."""
    _people(tmp_path, a=1, b=1, c=3)
    assert load_album(tmp_path, tmp_path / ".scratch").people[0].unseen


@pytest.mark.parametrize("counts", [{}, {"a": 3}, {"a": 1, "b": 1}])
def test_too_little_is_refused_with_the_remedy(tmp_path, counts):
    """The message says how the folder should look."""
    _people(tmp_path, **counts)
    with pytest.raises(SetupError, match="at least two people") as caught:
        load_album(tmp_path, tmp_path / ".scratch")
    assert "FOLDER/Name/photo.jpg" in caught.value.remedy


def test_other_files_are_left_alone(tmp_path):
    """Notes and thumbnails databases lie in every photo folder."""
    _people(tmp_path, a=2, b=1)
    (tmp_path / "a" / "notes.txt").write_text("x")
    (tmp_path / "README").write_text("x")
    album = load_album(tmp_path, tmp_path / ".scratch")
    assert all(
        path.suffix == ".jpg" for person in album.people for path in (*person.enrolled, *person.unseen)
    )


def test_the_group_picture_shows_everyone_once(tmp_path):
    """One tile each and one for the stranger."""
    _people(tmp_path, a=2, b=2, c=1)
    places = group_picture(load_album(tmp_path, tmp_path / ".scratch"), tmp_path / "group.jpg")
    assert len(places) == 3
    with Image.open(tmp_path / "group.jpg") as opened:
        assert opened.size == (3 * 480, 480)
    centres = [place.left + place.width / 2 for place in places]
    assert centres == pytest.approx([1 / 6, 3 / 6, 5 / 6], abs=0.01)


def test_broken_small_and_huge_photos_are_left_out_or_shrunk(tmp_path):
    """Phone photos are larger than the API takes, and folders hold half-copied files."""
    _people(tmp_path, a=2, b=1)
    (tmp_path / "a" / "broken.jpg").write_bytes((tmp_path / "a" / "0.jpg").read_bytes()[:300])
    Image.new("RGB", (60, 60)).save(tmp_path / "a" / "small.png")
    noise = Image.effect_noise((2600, 2600), 90).convert("RGB")
    noise.save(tmp_path / "a" / "00-phone.png")
    album = load_album(tmp_path, tmp_path / ".scratch")
    used = [path for person in album.people for path in (*person.enrolled, *person.unseen)]
    assert {path.name for path in used} == {"00-phone.jpg", "0.jpg", "1.jpg"}
    assert all(path.stat().st_size <= 5 * 1024 * 1024 for path in used)
    assert {line.split(" ")[0] for line in album.left_out} == {"a/broken.jpg", "a/small.png"}
