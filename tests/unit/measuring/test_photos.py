"""Files of a data set."""

from __future__ import annotations

import hashlib
import os

import pytest

from countenance.errors import SetupError
from countenance.measuring.data_sets import DataSet, Photo
from countenance.measuring.photos import (
    Amiss,
    Duplicates,
    PhotoAmiss,
    count_duplicates,
    data_digest,
    hash_photos,
    is_within,
    read_photo,
)

PHOTOS = (Photo("a/1.jpg", "a"), Photo("a/2.jpg", "a"), Photo("b/1.jpg", "b"), Photo("b/none.jpg", "b"))


@pytest.fixture
def root(tmp_path):
    for photo, content in zip(PHOTOS[:3], (b"one", b"one", b"two"), strict=True):
        file = tmp_path / photo.path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
    return tmp_path


def test_what_can_be_read_is_and_what_cannot_has_a_reason(root):
    assert read_photo(root, "a/1.jpg") == b"one"
    for path, reason in (
        ("b/none.jpg", Amiss.MISSING),
        ("a/1.jpg/x", Amiss.MISSING),
        ("a", Amiss.UNREADABLE),
    ):
        with pytest.raises(PhotoAmiss) as amiss:
            read_photo(root, path)
        assert amiss.value.reason is reason


def test_a_pipe_is_not_waited_for(root):
    """Somebody's mistake must not hang a run over night."""
    os.mkfifo(root / "a/pipe.jpg")
    with pytest.raises(PhotoAmiss) as amiss:
        read_photo(root, "a/pipe.jpg")
    assert amiss.value.reason is Amiss.UNREADABLE


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read whatever it likes")
def test_a_file_without_the_right_to_read_it_is_unreadable(root):
    (root / "a/1.jpg").chmod(0)
    with pytest.raises(PhotoAmiss) as amiss:
        read_photo(root, "a/1.jpg")
    assert amiss.value.reason is Amiss.UNREADABLE


def test_nothing_outside_is_read(root, tmp_path_factory):
    """A link may be put there after the list was read: it is looked at again when the file is opened."""
    outside = tmp_path_factory.mktemp("outside") / "x.jpg"
    outside.write_bytes(b"secret")
    (root / "a/link.jpg").symlink_to(outside)
    for path in ("a/link.jpg", "../x.jpg", str(outside)):
        assert not is_within(root, path)
        with pytest.raises(SetupError, match="outside its folder"):
            read_photo(root, path)
    assert not is_within(root, "a\0b")
    assert is_within(root, "a/../b/1.jpg")


def test_hashes_are_in_order_and_none_where_unreadable(root):
    told = []
    digests = hash_photos(root, PHOTOS, threads=3, done=told.append)
    expected = [hashlib.sha256(content).digest() for content in (b"one", b"one", b"two")]
    assert digests == [*expected, None]
    assert told == [1, 2, 3, 4]


def test_a_data_digest_is_over_names_labels_and_bytes(root):
    """Who changes a label, a box or a byte has another data set."""
    data = DataSet("set", "folder", root, PHOTOS)
    digests = hash_photos(root, PHOTOS, threads=1)
    first = data_digest(data, digests)
    assert data_digest(DataSet("other", "folder", root / "x", PHOTOS), digests) == first
    for changed in (
        (Photo("a/1.jpg", "b"), *PHOTOS[1:]),
        (Photo("a/1.jpg", "a", labels=("x",)), *PHOTOS[1:]),
        PHOTOS[::-1],
    ):
        assert data_digest(DataSet("set", "folder", root, changed), digests) != first
    (root / "b/1.jpg").write_bytes(b"three")
    assert data_digest(data, hash_photos(root, PHOTOS, threads=1)) != first


def test_duplicates_are_told_by_whose_they_are():
    """A copy of one's own photo makes a mated trial too easy; a copy under another name is a wrong label."""
    photos = [Photo(f"{name}.jpg", name[0]) for name in ("a1", "a2", "a3", "b1", "b2", "c1")]
    assert count_duplicates(photos, [b"x", b"x", b"y", b"x", b"z", None]) == Duplicates(1, 1)
    assert count_duplicates(photos, [b"1", b"2", b"3", b"4", None, None]) == Duplicates(0, 0)
