"""Galleries that are searched on an accelerator, beside processes that have none."""

from __future__ import annotations

import numpy as np
import pytest

from countenance.gallery import Gallery
from countenance.gallery.finality import Finality
from countenance.gallery.scan import Accelerator, certified
from countenance.gallery.scan.accelerator import Mirror
from fakes.faces import CALIBRATION, new_face, random_templates

jax = pytest.importorskip("jax")
ALL = {"calibration": CALIBRATION, "threshold": 0.0, "limit": 4096}


@pytest.fixture
def on_device(database, key_store, shared_memories, monkeypatch):
    monkeypatch.setattr(certified, "_LEAST_ON_DEVICE", 1)
    monkeypatch.setattr(certified, "_ROWS_AT_FIRST", 2)
    looked, original = [], Mirror.look
    monkeypatch.setattr(
        Mirror, "look", lambda self, firsts, *, skip: looked.append(1) or original(self, firsts, skip=skip)
    )
    # An answer without it is right as well, and would hide that it failed.
    monkeypatch.setattr(Mirror, "_give_up", lambda _self, error: pytest.fail(repr(error)))
    yield Gallery(
        database, key_store, memories=shared_memories(), accelerator=Accelerator(jax.devices("cpu")[0])
    )
    assert looked


def test_what_any_process_writes_is_found_there_at_once(
    on_device, elsewhere, collection, commit, rng, database, key_store
):
    """Enrolled, deleted, given to users, sealed anew in another basis: by it and by others."""
    templates = random_templates(rng, 60)
    faces = [new_face(template) for template in templates]
    commit(elsewhere.enrol, collection, faces[:40])

    def same():
        for probe in (*templates[:3], templates[-1]):
            for search in ("search", "search_users"):
                one, other = (
                    getattr(gallery, search)(collection, probe, **ALL) for gallery in (on_device, elsewhere)
                )
                assert one == other
        return {each.face.face_id for each in on_device.search(collection, templates[0], **ALL)}

    there = {face.face_id for face in faces[:40]}
    assert same() == there
    commit(elsewhere.delete_faces, collection, [faces[3].face_id])
    assert same() == there - {faces[3].face_id}
    commit(on_device.enrol, collection, faces[40:])
    commit(elsewhere.create_user, collection, "ada")
    given = [face.face_id for face in faces[50:55]]
    commit(elsewhere.associate, collection, "ada", given, calibration=CALIBRATION, threshold=0.0)
    assert same() == {face.face_id for face in faces} - {faces[3].face_id}
    nothing = {"began": lambda _: None, "record": lambda *_: None, "renewed": lambda _: None}
    Finality(database, key_store).renew_basis(collection, **nothing)
    commit(elsewhere.delete_faces, collection, [faces[0].face_id])
    assert same() == {face.face_id for face in faces} - {faces[0].face_id, faces[3].face_id}
    commit(elsewhere.delete_faces, collection, [faces[1].face_id])
    with on_device._residency.fresh(collection) as copy:
        mirror = copy._face_scan._mirror
    assert mirror._mirrored
    on_device.tidy()  # as every server process does, each minute
    assert mirror._mirrored == {}
    assert np.all([each.similarity >= 0 for each in on_device.search(collection, templates[5], **ALL)])
