"""What happens while nobody searches."""

from __future__ import annotations

import logging
import threading

import pytest

from countenance.gallery.tidying import Tidying
from countenance.store import StoreUnavailable
from fakes.faces import CALIBRATION, new_face, unit

ALL = {"calibration": CALIBRATION, "threshold": 0.0, "limit": 10}


def test_it_goes_on_after_a_failure_and_ends_when_it_is_closed(caplog):
    called, again = [], threading.Event()

    def tidy():
        called.append(1)
        if len(called) == 1:
            raise ZeroDivisionError
        again.set()

    with caplog.at_level(logging.WARNING):
        tidying = Tidying(tidy, every_s=0.01)
        assert again.wait(5)
        tidying.close()
    assert "ZeroDivisionError" in caplog.text
    before = len(called)
    assert not tidying._thread.is_alive()
    assert len(called) == before


def test_what_was_deleted_leaves_memory_though_nobody_searches(gallery, elsewhere, collection, commit, enrol):
    one, _ = enrol(unit([1]), unit([0, 1]))
    gallery.search(collection, unit([1]), **ALL)
    copy = gallery._residency._copies[collection.collection_id]._gallery
    commit(elsewhere.delete_faces, collection, [one])
    assert copy.face_count == 2
    gallery.tidy()
    assert copy.face_count == 1
    commit(elsewhere.delete_collection, collection)
    gallery.tidy()
    assert collection.collection_id not in gallery._residency


def test_keys_that_were_replaced_leave_memory_though_nobody_searches(
    gallery, elsewhere, collection, commit, enrol
):
    one, _ = enrol(unit([1]), unit([0, 1]))
    gallery.search(collection, unit([1]), **ALL)
    seal = gallery._residency._copies[collection.collection_id]._reader._seal
    commit(elsewhere.delete_faces, collection, [one])
    elsewhere.finality.make_final(collection, record=lambda *_: None)
    assert 1 in seal._ciphers
    gallery.tidy()
    assert 1 not in seal._ciphers


def test_one_gallery_in_trouble_keeps_no_other_from_its_turn_and_is_given_up(
    gallery, elsewhere, new_collection, commit, monkeypatch, caplog
):
    """What cannot be brought up to date may hold what was deleted."""
    collections = [new_collection(name) for name in "ab"]
    for collection in collections:
        commit(gallery.enrol, collection, [new_face(unit([1]))])
        gallery.search(collection, unit([1]), **ALL)
    broken, whole = (gallery._residency._copies[each.collection_id] for each in collections)
    (face,) = gallery.list_faces(collections[1], limit=1)
    commit(elsewhere.delete_faces, collections[1], [face.face_id])
    monkeypatch.setattr(broken, "refresh", lambda: 1 / 0)
    with caplog.at_level(logging.WARNING):
        gallery.tidy()
    assert whole._gallery.face_count == 0
    assert collections[0].collection_id not in gallery._residency
    assert "ZeroDivisionError" in caplog.text
    assert len(gallery.search(collections[0], unit([1]), **ALL)) == 1


def test_a_database_that_is_away_for_a_moment_costs_no_copy(gallery, collection, enrol, monkeypatch):
    """Or millions would be loaded anew for it."""
    enrol(unit([1]))
    gallery.search(collection, unit([1]), **ALL)

    def away():
        raise StoreUnavailable("away")

    with monkeypatch.context() as patched, pytest.raises(StoreUnavailable):
        patched.setattr(gallery._database, "read", away)
        gallery.tidy()
    assert collection.collection_id in gallery._residency
