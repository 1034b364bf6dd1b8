"""Templates of a data set, and what is kept of them."""

from __future__ import annotations

import stat
import threading

import numpy as np
import pytest

from countenance.measuring.data_sets import DataSet, Photo
from countenance.measuring.embedding import FaceChoice, embed_data_set, overlap
from countenance.measuring.folders import load_folder
from countenance.measuring.photos import Amiss, hash_photos
from countenance.measuring.template_cache import TemplateCache, cache_file
from countenance.types import PixelBox
from fakes.vision import FakeVision, person, picture

LARGEST, MIDDLE, LABELLED = FaceChoice


class CountingVision(FakeVision):
    """Counts what is decoded, and may be told to break."""

    def __init__(self):
        super().__init__("1.0", 16)
        self.decoded = 0
        self.break_after = 10**9
        self._lock = threading.Lock()

    def decode(self, data):
        with self._lock:
            self.decoded += 1
            if self.decoded > self.break_after:
                raise KeyboardInterrupt
        return super().decode(data)


@pytest.fixture
def vision():
    return CountingVision()


@pytest.fixture
def folder(tmp_path):
    """Ann twice, once behind somebody larger; Bob once well and three times not."""
    photos = {
        "ann/1.jpg": picture(person("ann")),
        "ann/2.jpg": picture(
            person("ann", left=450, top=350, size=100), person("eve", left=0, top=0, size=300)
        ),
        "bob/1.jpg": picture(person("bob")),
        "bob/broken.jpg": b"no picture",
        "bob/none.jpg": picture(),
        "bob/small.jpg": picture(person("bob"), width=70),
    }
    for name, content in photos.items():
        file = tmp_path / "set" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return tmp_path / "set"


def embed(vision, data, file, *, choices=(LARGEST,), threads=2, done=lambda *_: None):
    digests = hash_photos(data.root, data.photos, threads=2)
    with TemplateCache(file, dimensions=16) as cache:
        return embed_data_set(vision, data, digests, choices=choices, cache=cache, threads=threads, done=done)


def template_of(who):
    return FakeVision("1.0", 16)._template(person(who))


def test_each_choice_takes_its_face(vision, folder):
    """The largest is what the service takes; the one over the middle is what many data sets label."""
    data = load_folder(folder)
    found = embed(vision, data, None, choices=(LARGEST, MIDDLE))
    assert np.allclose(found.samples[LARGEST].templates[1], template_of("eve"), atol=1e-6)
    assert np.allclose(found.samples[MIDDLE].templates[1], template_of("ann"), atol=1e-6)
    assert np.allclose(found.samples[MIDDLE].templates[0], template_of("ann"), atol=1e-6)
    assert found.samples[LARGEST].subjects.tolist() == [0, 0, 1, 1, 1, 1]


def test_the_labelled_face_is_the_one_that_its_box_overlaps_by_half(vision, folder):
    """One that was not found is a failure to enrol, whoever else is in the photo."""
    boxes = {"ann/2.jpg": PixelBox(440, 340, 110, 110), "bob/1.jpg": PixelBox(0, 0, 60, 60)}
    data = load_folder(folder)
    photos = tuple(Photo(photo.path, photo.subject, box=boxes.get(photo.path)) for photo in data.photos)
    found = embed(vision, DataSet("x", "table", data.root, photos), None, choices=(LABELLED,))
    assert np.allclose(found.samples[LABELLED].templates[1], template_of("ann"), atol=1e-6)
    assert found.samples[LABELLED].enrolled.tolist() == [True, True, False, False, False, False]
    assert found.amiss[LABELLED][2] is Amiss.OTHER_FACE


def test_one_photo_under_two_labels_keeps_both_faces(vision, tmp_path):
    """A group photo listed once for each person in it."""
    content = picture(person("ann", left=0, size=200), person("bob", left=600, size=200))
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(content)
    boxes = (PixelBox(0, 100, 200, 200), PixelBox(600, 100, 200, 200))
    photos = tuple(Photo(f"{name}.jpg", name, box=box) for name, box in zip("ab", boxes, strict=True))
    found = embed(vision, DataSet("x", "table", tmp_path, photos), None, choices=(LABELLED,))
    assert np.allclose(found.samples[LABELLED].templates, [template_of("ann"), template_of("bob")], atol=1e-6)
    assert vision.decoded == 1


def test_each_failure_has_its_reason(vision, folder):
    """Nothing is left out: whoever cannot be enrolled is not recognised either."""
    data = load_folder(folder)
    (folder / "bob/gone.jpg").write_bytes(b"x")
    data = load_folder(folder)
    (folder / "bob/gone.jpg").unlink()
    found = embed(vision, data, None)
    reasons = dict(zip(data.files, found.amiss[LARGEST], strict=True))
    assert reasons == {
        "ann/1.jpg": None,
        "ann/2.jpg": None,
        "bob/1.jpg": None,
        "bob/broken.jpg": Amiss.BROKEN,
        "bob/gone.jpg": Amiss.MISSING,
        "bob/none.jpg": Amiss.NO_FACE,
        "bob/small.jpg": Amiss.TOO_SMALL,
    }
    assert found.samples[LARGEST].enrolled.tolist() == [reason is None for reason in reasons.values()]
    assert found.reasons(LARGEST)[Amiss.NO_FACE] == 1


def test_what_was_seen_is_not_looked_at_again(vision, folder, tmp_path):
    """Looking costs hours; failures are known as well, and the answers are the same."""
    file = tmp_path / "cache/x.sqlite3"
    first = embed(vision, load_folder(folder), file, choices=(LARGEST, MIDDLE))
    assert (vision.decoded, first.looked_at) == (6, 6)
    again = embed(vision, load_folder(folder), file, choices=(LARGEST, MIDDLE))
    assert (vision.decoded, again.looked_at) == (6, 0)
    for choice in (LARGEST, MIDDLE):
        assert np.array_equal(first.samples[choice].templates, again.samples[choice].templates)
        assert first.amiss[choice] == again.amiss[choice]


def test_a_larger_data_set_costs_its_new_photos_only(vision, folder, tmp_path):
    """Also where a photo has moved: it is known by its bytes."""
    file = tmp_path / "cache/x.sqlite3"
    embed(vision, load_folder(folder), file)
    (folder / "cy").mkdir()
    (folder / "ann/1.jpg").rename(folder / "cy/1.jpg")
    (folder / "cy/2.jpg").write_bytes(picture(person("cy")))
    found = embed(vision, load_folder(folder), file)
    assert found.looked_at == 1
    assert np.allclose(found.samples[LARGEST].templates[-1], template_of("cy"), atol=1e-6)


def test_another_choice_looks_again_where_it_must(vision, folder, tmp_path):
    """Only where the face over the middle is not the largest."""
    file = tmp_path / "cache/x.sqlite3"
    embed(vision, load_folder(folder), file)
    assert embed(vision, load_folder(folder), file, choices=(MIDDLE,)).looked_at == 1


def test_interrupted_it_goes_on_where_it_was(vision, folder, tmp_path):
    """Ctrl-C after three photos: they are kept, and the next run looks at the rest."""
    file = tmp_path / "cache/x.sqlite3"
    vision.break_after = 3
    with pytest.raises(KeyboardInterrupt):
        embed(vision, load_folder(folder), file, threads=1)
    vision.break_after, seen = 10**9, vision.decoded
    found = embed(vision, load_folder(folder), file, threads=1)
    assert 0 < found.looked_at <= 3 + 1
    assert vision.decoded - seen == found.looked_at
    fresh = embed(CountingVision(), load_folder(folder), None)
    assert np.array_equal(found.samples[LARGEST].templates, fresh.samples[LARGEST].templates)


def test_interrupted_in_what_is_told_it_keeps_what_it_saw(vision, folder, tmp_path):
    """Most of the time Ctrl-C finds the command drawing its bar."""
    file = tmp_path / "cache/x.sqlite3"

    def interrupt(done, _total, _amiss):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(vision, load_folder(folder), file, threads=1, done=interrupt)
    assert embed(vision, load_folder(folder), file).looked_at <= 2


def test_a_file_that_changes_between_hash_and_look_poisons_nothing(vision, folder, tmp_path):
    """What is kept under a digest was seen in those bytes."""
    file = tmp_path / "cache/x.sqlite3"
    data = load_folder(folder)
    digests = hash_photos(data.root, data.photos, threads=1)
    original = (folder / "ann/1.jpg").read_bytes()
    (folder / "ann/1.jpg").write_bytes(picture(person("mallory")))
    with TemplateCache(file, dimensions=16) as cache:
        found = embed_data_set(vision, data, digests, choices=(LARGEST,), cache=cache, threads=1)
        assert cache.find_look(digests[0]) is None
    assert found.amiss[LARGEST][0] is Amiss.UNREADABLE
    (folder / "ann/1.jpg").write_bytes(original)
    again = embed(vision, data, file)
    assert np.allclose(again.samples[LARGEST].templates[0], template_of("ann"), atol=1e-6)


def test_progress_is_told_up_to_the_last_photo(vision, folder, tmp_path):
    told = []
    embed(vision, load_folder(folder), tmp_path / "c/x.sqlite3", done=lambda *seen: told.append(seen))
    assert told[0] == (0, 6, 0)
    assert told[-1] == (6, 6, 3)
    embed(vision, load_folder(folder), tmp_path / "c/x.sqlite3", done=lambda *seen: told.append(seen))
    assert told[-1] == (6, 6, 3)


def test_templates_are_kept_where_nobody_else_reads_them(vision, folder, tmp_path):
    """They are personal data: folder 700, files 600, and no name in them."""
    file = cache_file(tmp_path / "cache", pack_digest="d")
    embed(vision, load_folder(folder), file)
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()] == [0o600]
    content = file.read_bytes()
    assert not any(name in content for name in (b"ann", b"bob", b"1.jpg", b"set"))


def test_overlap_by_hand():
    a = PixelBox(0, 0, 10, 10)
    assert overlap(a, a) == 1.0
    assert overlap(a, PixelBox(5, 0, 10, 10)) == pytest.approx(50 / 150)
    assert overlap(a, PixelBox(10, 0, 10, 10)) == 0.0
    assert overlap(a, PixelBox(20, 20, 1, 1)) == 0.0
