"""What happens while nobody searches."""

from __future__ import annotations

import logging
import threading

from countenance.gallery.tidying import Tidying
from countenance.store import StoreUnavailable
from fakes.faces import CALIBRATION, unit

ALL = {"calibration": CALIBRATION, "threshold": 0.0, "limit": 10}


def test_it_goes_on_after_a_failure_and_ends_when_it_is_closed(caplog):
    called, again = [], threading.Event()

    def tidy():
        called.append(1)
        if len(called) == 1:
            raise StoreUnavailable("away")
        again.set()

    with caplog.at_level(logging.WARNING):
        tidying = Tidying(tidy, every_s=0.01)
        assert again.wait(5)
        tidying.close()
    assert "away" in caplog.text
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
