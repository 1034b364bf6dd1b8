"""Lists of comparisons in the format of Labeled Faces in the Wild."""

from __future__ import annotations

import pytest

from countenance.errors import SetupError
from countenance.measuring.pairs_files import load_pairs


@pytest.fixture
def folder(tmp_path):
    for name in ("Ann_Lee", "Bob", "Cy"):
        for number in (1, 2):
            file = tmp_path / f"lfw/{name}/{name}_{number:04d}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"")
    (tmp_path / "lfw/Cy/Cy_0002.jpg").rename(tmp_path / "lfw/Cy/Cy_0002.png")
    return tmp_path / "lfw"


@pytest.fixture
def load(tmp_path, folder):
    def from_text(text):
        file = tmp_path / "pairs.txt"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_pairs(file, folder)

    return from_text


ONE_FOLD = "2\nAnn_Lee\t1\t2\nBob\t1\t2\nAnn_Lee\t1\tBob\t2\nBob\t1\tCy\t2\n"
TWO_FOLDS = "2 1\nBob 1 2\nBob 1 Cy 1\nCy 1 2\nAnn_Lee 2 Cy 2\n"


def test_a_list_of_one_fold(load):
    """`pairsDevTest.txt`: the number of mated pairs, these, and as many others."""
    data = load(ONE_FOLD)
    assert data.kind == "pairs"
    assert data.files == (
        *("Ann_Lee/Ann_Lee_0001.jpg", "Ann_Lee/Ann_Lee_0002.jpg"),
        *("Bob/Bob_0001.jpg", "Bob/Bob_0002.jpg", "Cy/Cy_0002.png"),
    )
    assert data.pairs.first.tolist() == [0, 2, 0, 2]
    assert data.pairs.second.tolist() == [1, 3, 3, 4]
    assert data.pairs.mated.tolist() == [True, True, False, False]
    assert data.pairs.fold.tolist() == [0, 0, 0, 0]


def test_a_list_of_folds_parted_by_spaces(load):
    """`pairs.txt`: the given folds are used, so that figures compare with those of others."""
    data = load(b"\xef\xbb\xbf" + TWO_FOLDS.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    assert data.pairs.fold.tolist() == [0, 0, 1, 1]
    assert data.pairs.mated.tolist() == [True, False, True, False]
    assert [data.photos[row].subject for row in data.pairs.second] == ["Bob", "Cy", "Cy", "Cy"]


def test_a_photo_that_is_missing_stays_in_the_list(load):
    """It is a failure to enrol: leaving it out would make the pack better than it is."""
    data = load("1\nBob\t1\t7\nBob\t1\tCy\t1\n")
    assert "Bob/Bob_0007.jpg" in data.files


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", 1, "empty"),
        ("Ann_Lee\t1\t2\n", 1, "no header"),
        ("0\n", 1, "no header"),
        ("1 2 3\n", 1, "no header"),
        ("9999999999999999999999\n", 1, "no header"),
        ("2\nBob\t1\t2\nBob\t1\tCy\t1\n", 1, "4 lines, and 2 follow"),
        ("1\nBob\t1\nBob\t1\tCy\t1\n", 2, "2 columns"),
        ("1\nBob\t1\tCy\t1\nBob\t1\t2\n", 2, "three columns, of one person"),
        ("1\nBob\t1\t2\nBob\t1\t2\n", 3, "four columns, of two people"),
        ("1\nBob\t1\tx\nBob\t1\tCy\t1\n", 2, "number is none"),
        ("1\nBob\t1\t" + "9" * 5000 + "\nBob\t1\tCy\t1\n", 2, "number is none"),
        ("1\nBob\t1\t-2\nBob\t1\tCy\t1\n", 2, "number is none"),
        ("1\nBob\t1\t1\nBob\t1\tCy\t1\n", 2, "a photo against itself"),
        ("1\nBob\t1\t2\nBob\t1\tBob\t2\n", 3, "two people of one name"),
        ("1\n../Bob\t1\t2\nBob\t1\tCy\t1\n", 2, "a name is no folder's"),
        ("1\n..\t1\t2\nBob\t1\tCy\t1\n", 2, "a name is no folder's"),
        ("1\n/etc\t1\t2\nBob\t1\tCy\t1\n", 2, "a name is no folder's"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(load, text, line, problem):
    with pytest.raises(SetupError, match=problem) as refusal:
        load(text)
    assert f"line {line}:" in refusal.value.problem
    assert refusal.value.remedy


def test_a_folder_that_is_a_link_out_is_refused(load, folder, tmp_path):
    (tmp_path / "out/Eve").mkdir(parents=True)
    (tmp_path / "out/Eve/Eve_0001.jpg").write_bytes(b"")
    (folder / "Eve").symlink_to(tmp_path / "out/Eve")
    with pytest.raises(SetupError, match="outside the data set's folder"):
        load("1\nBob\t1\t2\nBob\t1\tEve\t1\n")


def test_bytes_that_are_no_text_are_refused(load, tmp_path, folder):
    with pytest.raises(SetupError, match="no UTF-8 at byte 2"):
        load(b"1\n\xff\xfe")
    with pytest.raises(SetupError, match="cannot be read"):
        load_pairs(tmp_path / "none.txt", folder)
