"""Searches are counted where they run, whatever becomes of the process."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from countenance.errors import ResourceNotFoundException, SetupError
from countenance.gallery import Gallery
from countenance.gallery.activity import Activity, searches_ran
from fakes.faces import CALIBRATION, new_face, unit

ALL = {"calibration": CALIBRATION, "threshold": 0.0, "limit": 10}

KILLED = """
import sys, time
from pathlib import Path
from countenance.gallery.activity import Activity
activity = Activity(Path(sys.argv[1]), at_once=3)
for _ in range(1000):
    activity.searched()
print("counted", flush=True)
time.sleep(60)
"""


def test_what_was_counted_survives_the_process_however_it_ends(tmp_path):
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        ran = searches_ran(tmp_path)
        assert (ran.searches, ran.live_at_once, ran.killed_at_once) == (1000, 3, 0)
        process.send_signal(signal.SIGKILL)
    ran = searches_ran(tmp_path)
    assert (ran.searches, ran.live_at_once, ran.killed_at_once) == (1000, 0, 3)


def test_a_process_that_ended_as_it_should_left_nothing_under_way(tmp_path):
    with Activity(tmp_path, at_once=2) as activity:
        activity.searched()
    with Activity(tmp_path, at_once=5):
        assert searches_ran(tmp_path).live_at_once == 5
    ran = searches_ran(tmp_path)
    assert (ran.searches, ran.live_at_once, ran.killed_at_once) == (1, 0, 0)


def test_no_search_is_lost_between_threads(tmp_path):
    with Activity(tmp_path, at_once=8) as activity:
        threads = [
            threading.Thread(target=lambda: [activity.searched() for _ in range(5000)]) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert searches_ran(tmp_path).searches == 40_000


def test_nothing_was_counted_where_nothing_ran(tmp_path):
    assert searches_ran(tmp_path).searches == 0


def test_a_file_that_is_not_one_of_counts_adds_nothing(tmp_path):
    with Activity(tmp_path, at_once=1) as activity:
        activity.searched()
    (tmp_path / "activity" / "1-1.counts").write_bytes(b"torn")
    assert searches_ran(tmp_path).searches == 1


def test_a_folder_that_cannot_be_written_is_a_set_up_error(tmp_path):
    (tmp_path / "activity").write_text("in the way")
    with pytest.raises(SetupError):
        Activity(tmp_path, at_once=1)


def test_every_kind_of_search_is_counted_once_and_nothing_else(
    database, key_store, tmp_path, new_collection, commit
):
    """One door for all of them; a user without faces and an empty collection are searches as well."""
    with Activity(tmp_path / "data", at_once=1) as activity:
        gallery = Gallery(database, key_store, activity=activity)
        collection = new_collection()
        [face] = _enrol(gallery, collection, commit)
        commit(gallery.create_user, collection, "ada")
        commit(gallery.associate, collection, "ada", [face], calibration=CALIBRATION, threshold=80.0)
        commit(gallery.create_user, collection, "nobody")
        gallery.list_faces(collection, limit=10)
        gallery.describe(collection)
        assert searches_ran(tmp_path / "data").searches == 0
        gallery.search(collection, unit([1]), **ALL)
        gallery.search_by_face(collection, face, **ALL)
        gallery.search_users(collection, unit([1]), **ALL)
        gallery.search_users_by_face(collection, face, **ALL)
        gallery.search_users_by_user(collection, "ada", **ALL)
        gallery.search_users_by_user(collection, "nobody", **ALL)
        gallery.search(new_collection("empty"), unit([1]), **ALL)
        assert searches_ran(tmp_path / "data").searches == 7
        commit(gallery.delete_collection, collection)
        with pytest.raises(ResourceNotFoundException):
            gallery.search(collection, unit([1]), **ALL)
        assert searches_ran(tmp_path / "data").searches == 7


def _enrol(gallery, collection, commit):
    return [face.face_id for face in commit(gallery.enrol, collection, [new_face(unit([1]))])]
