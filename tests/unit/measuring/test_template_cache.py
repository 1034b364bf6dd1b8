"""What is kept of photographs that were looked at."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from countenance.errors import SetupError
from countenance.measuring import template_cache as module
from countenance.measuring.photos import Amiss
from countenance.measuring.template_cache import Look, TemplateCache, cache_file, cache_folder, forget

PHOTO, OTHER = b"p" * 32, b"o" * 32
LOOK = Look(None, 640, 480, np.arange(14, dtype=np.float32).reshape(2, 7))
TEMPLATE = np.array([0.6, 0.8, 0, 0], np.float32)


def test_what_is_put_is_found_after_it_was_closed(tmp_path):
    file = tmp_path / "evaluation/x.sqlite3"
    with TemplateCache(file, dimensions=4) as cache:
        broken = Look(Amiss.BROKEN, 0, 0, np.empty((0, 7), np.float32))
        cache.put([(PHOTO, LOOK, {1: TEMPLATE}), (OTHER, broken, {})])
    with TemplateCache(file, dimensions=4) as cache:
        found = cache.find_look(PHOTO)
        assert (found.amiss, found.width, found.height) == (None, 640, 480)
        assert np.array_equal(found.faces, LOOK.faces)
        assert np.array_equal(cache.find_template(PHOTO, 1), TEMPLATE)
        assert cache.find_template(PHOTO, 0) is None
        assert cache.find_look(OTHER).amiss is Amiss.BROKEN
        assert cache.find_look(b"x" * 32) is None


@pytest.mark.parametrize("content", [TEMPLATE[:3].tobytes(), (2 * TEMPLATE).tobytes(), bytes(16)])
def test_a_template_that_is_not_whole_is_none(tmp_path, content):
    """A bit that fell over makes one photo be looked at again, and no figure wrong."""
    file = tmp_path / "evaluation/x.sqlite3"
    with TemplateCache(file, dimensions=4) as cache:
        cache.put([(PHOTO, LOOK, {0: TEMPLATE})])
    connection = sqlite3.connect(file)
    connection.execute("UPDATE templates SET template = ?", (content,))
    connection.commit()
    connection.close()
    with TemplateCache(file, dimensions=4) as cache:
        assert cache.find_template(PHOTO, 0) is None


def test_a_file_that_is_broken_is_made_anew(tmp_path):
    file = tmp_path / "evaluation/x.sqlite3"
    file.parent.mkdir(mode=0o700)
    file.write_bytes(b"no database at all" * 1000)
    with TemplateCache(file, dimensions=4) as cache:
        assert cache.find_look(PHOTO) is None
        cache.put([(PHOTO, LOOK, {})])
    assert file.stat().st_mode & 0o777 == 0o600


def test_where_there_is_no_space_it_is_said(tmp_path):
    """With a remedy, as all that is wrong with a set-up; what was kept before stays."""
    with TemplateCache(tmp_path / "evaluation/x.sqlite3", dimensions=4) as cache:
        cache.put([(PHOTO, LOOK, {0: TEMPLATE})])
        pages = cache._connection.execute("PRAGMA page_count").fetchone()[0]
        cache._connection.execute(f"PRAGMA max_page_count = {pages}")
        many = [(number.to_bytes(32, "big"), LOOK, {0: TEMPLATE}) for number in range(1000)]
        with pytest.raises(SetupError, match=r"cannot be kept .*full") as refusal:
            cache.put(many)
        assert "--no-cache" in refusal.value.remedy
        assert cache.find_look(PHOTO) is not None
        assert cache.find_look(many[0][0]) is None


def test_two_at_once_keep_what_both_saw(tmp_path):
    """Two runs on one machine write into one file, in turns."""
    file = tmp_path / "evaluation/x.sqlite3"
    with TemplateCache(file, dimensions=4) as one, TemplateCache(file, dimensions=4) as other:
        one.put([(PHOTO, LOOK, {0: TEMPLATE})])
        other.put([(OTHER, LOOK, {0: TEMPLATE})])
        assert one.find_look(OTHER) is not None
        assert other.find_look(PHOTO) is not None


def test_a_folder_that_others_may_enter_is_refused(tmp_path):
    (tmp_path / "evaluation").mkdir(mode=0o755)
    (tmp_path / "evaluation").chmod(0o755)
    with pytest.raises(SetupError, match="open to other users"):
        TemplateCache(tmp_path / "evaluation/x.sqlite3", dimensions=4)


def test_the_key_is_all_that_a_template_depends_on(tmp_path, monkeypatch):
    """Another pack, program or library has another file: no template is taken for another's."""
    first = cache_file(tmp_path, pack_digest="a")
    assert cache_file(tmp_path, pack_digest="a") == first
    assert cache_file(tmp_path, pack_digest="b") != first
    monkeypatch.setattr(module, "pipeline_digest", lambda: "another program")
    changed = cache_file(tmp_path, pack_digest="a")
    assert changed != first
    monkeypatch.setattr(module, "version", lambda name: f"{name} 99")
    assert cache_file(tmp_path, pack_digest="a") not in {first, changed}


def test_forgetting_removes_all(tmp_path):
    for digest in "ab":
        with TemplateCache(cache_file(tmp_path, pack_digest=digest), dimensions=4) as cache:
            cache.put([(PHOTO, LOOK, {0: TEMPLATE})])
    assert forget(tmp_path) > 0
    assert not cache_folder(tmp_path).exists()
    assert forget(tmp_path) == 0


def test_a_file_that_is_broken_in_its_middle_is_told_with_the_remedy(tmp_path):
    """What opening reads is whole: the first template that lies in the rest says it, in one line."""
    file = tmp_path / "evaluation/x.sqlite3"
    photos = [number.to_bytes(32, "big") for number in range(400)]
    with TemplateCache(file, dimensions=4) as cache:
        cache.put([(photo, LOOK, {}) for photo in photos])
        looks = file.stat().st_size
        cache.put([(photo, LOOK, {0: TEMPLATE}) for photo in photos])
    whole = file.read_bytes()
    assert len(whole) > looks  # of templates alone
    file.write_bytes(whole[:looks] + b"\xa5" * (len(whole) - looks))
    with TemplateCache(file, dimensions=4) as cache:
        assert cache.find_look(photos[-1]) is not None
        for use in (
            lambda: [cache.find_template(photo, 0) for photo in photos],
            lambda: cache.put([(photo, LOOK, {0: TEMPLATE}) for photo in photos]),
        ):
            with pytest.raises(SetupError, match="malformed") as refusal:
                use()
            assert "countenance evaluate --forget" in refusal.value.remedy
            assert "\n" not in refusal.value.problem
