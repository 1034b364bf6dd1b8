"""The long part: every face looked at, what was written kept, reasons for the rest."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from countenance.audit import AuditLog
from countenance.audit.reconcile import reconcile
from countenance.errors import ConflictException
from countenance.gallery.activity import searches_ran
from countenance.reembedding import build as building
from countenance.reembedding.build import build
from countenance.reembedding.photos import PhotoFolder
from countenance.reembedding.reasons import Reason
from countenance.reembedding.sources import FolderSource, VaultSource
from fakes.reembedded import NEW, NEW_MODEL
from fakes.vision import person, picture


@pytest.fixture
def run_build(database, gallery, collection, folder):
    """No template that is written is one of the model in use, unless `record` is given."""

    def run(reembedding, *, source=None, model=NEW_MODEL, vision=NEW, record=None, **given):
        return build(
            database,
            gallery.shadow_templates,
            collection,
            reembedding,
            model,
            vision=vision,
            source=source or FolderSource(PhotoFolder(folder)),
            record=record or (lambda _connection, faces: pytest.fail(f"{faces} were recorded")),
            **given,
        )

    return run


def test_each_face_gets_the_template_of_the_new_pack_at_its_place(
    run_build, start, enrol_picture, gallery, collection
):
    """Of several faces of one photograph each its own, by the box."""
    data = picture(person("ada"), person("bob", left=500, size=150), person("eve", left=700, size=100))
    ada, bob, eve = enrol_picture("party.jpg", data)
    done = run_build(start())
    assert (done.done, done.total, done.embedded, done.failed) == (3, 3, 3, 0)
    found = gallery.shadow_templates.templates(collection, NEW_MODEL)
    pixels = NEW.decode(data)
    wanted = dict(zip((ada, bob, eve), NEW.embed(pixels, NEW.detect(pixels).faces), strict=True))
    for face_id, stored in zip(found.face_ids, found.stored, strict=True):
        assert np.allclose(stored, wanted[face_id], atol=1e-3)


def test_faces_that_get_none_are_listed_with_the_reason(
    run_build, start, enrol_picture, gallery, collection, folder, monkeypatch
):
    (good,) = enrol_picture("good.jpg", picture(person("ada")))
    (lost,) = enrol_picture("lost.jpg", picture(person("bob")), file=False)
    (changed,) = enrol_picture("changed.jpg", picture(person("eve")))
    (folder / "changed.jpg").write_bytes(picture(person("eve"), note="recompressed"))
    (elsewhere,) = enrol_picture("moved.jpg", picture(person("dan"), note="moved"))
    original = NEW.detect

    def detect(pixels):
        found = original(pixels)
        return found if b"moved" not in pixels.tobytes() else type(found)(1000, 800, ())

    monkeypatch.setattr(NEW, "detect", detect)
    run = start()
    done = run_build(run)
    assert (done.embedded, done.failed) == (1, 3)
    missing = gallery.shadow_templates.list_missing(collection, run, NEW_MODEL, limit=10)
    assert {each.face_id: each.reason for each in missing} == {
        lost: Reason.NO_PHOTO,
        changed: Reason.CHANGED_PHOTO,
        elsewhere: Reason.NO_FACE,
    }
    assert list(gallery.shadow_templates.templates(collection, NEW_MODEL).face_ids) == [good]


def test_a_broken_photograph_ends_nothing(run_build, start, enrol_picture, monkeypatch, gallery, collection):
    enrol_picture("good.jpg", picture(person("ada")))
    (broken,) = enrol_picture("broken.jpg", picture(person("bob"), note="broken"))
    original = NEW.decode
    monkeypatch.setattr(NEW, "decode", lambda data: original(b"no" if b"broken" in data else data))
    run = start()
    assert run_build(run).embedded == 1
    (missing,) = gallery.shadow_templates.list_missing(collection, run, NEW_MODEL, limit=10)
    assert (missing.face_id, missing.reason) == (broken, Reason.BROKEN_PHOTO)


def test_stopped_it_has_written_what_was_done_and_goes_on_with_the_rest(
    run_build, start, enrol_picture, gallery, collection, monkeypatch
):
    monkeypatch.setattr(building, "_WRITTEN_AT_ONCE", 2)
    for number in range(12):
        enrol_picture(f"{number}.jpg", picture(person(f"p{number}")))
    run, told = start(), []
    stopping = threading.Event()

    def report(progress):
        told.append(progress)
        if progress.embedded >= 4:
            stopping.set()

    first = run_build(run, report=report, is_stopping=stopping.is_set, threads=1)
    assert 4 <= first.embedded < 12
    assert gallery.shadow_templates.coverage(collection, NEW_MODEL).embedded == first.embedded
    assert [each.done for each in told] == sorted(each.done for each in told)
    second = run_build(run)
    assert second.embedded == 12 - first.embedded
    assert (second.done, second.total) == (12, 12)
    assert run_build(run).embedded == 0


def test_a_run_that_is_ended_meanwhile_ends_it(run_build, start, enrol_picture, gallery, collection, commit):
    enrol_picture("ada.jpg", picture(person("ada")))
    run = start()
    commit(gallery.reembeddings.begin_discarding, collection, run)
    with pytest.raises(ConflictException):
        run_build(run)


def test_a_vault_gives_templates_without_any_photograph(
    run_build, start, enrol_picture, gallery, collection, commit
):
    (before,) = enrol_picture("early.jpg", picture(person("eve")), crops=True, file=False)
    commit(gallery.vaults.open, collection, kept_days=30)
    (kept,) = enrol_picture("ada.jpg", picture(person("ada")), crops=True, file=False)
    run = start("vault")
    done = run_build(run, source=VaultSource(gallery.vaults, collection))
    assert (done.embedded, done.failed) == (1, 1)
    found = gallery.shadow_templates.templates(collection, NEW_MODEL)
    assert list(found.face_ids) == [kept]
    (missing,) = gallery.shadow_templates.list_missing(collection, run, NEW_MODEL, limit=10)
    assert (missing.face_id, missing.reason) == (before, Reason.NO_CROP)


@pytest.fixture
def reconciled(database, log_keys, tmp_path):
    """What reconciliation finds now."""

    def run():
        return reconcile(database, tmp_path / "data", lambda: searches_ran(tmp_path / "data"), patience_s=0.0)

    return run


def test_what_was_left_behind_and_is_embedded_later_is_in_the_log(
    run_build, start, enrol_picture, gallery, collection, commit, log_keys, folder, reconciled, monkeypatch
):
    """Searches find the faces from then on: a change, which reconciliation looks for in the log."""
    monkeypatch.setattr(building, "_WRITTEN_AT_ONCE", 2)
    monkeypatch.setattr(building, "_WAITING_PER_THREAD", 1)
    pictures = [picture(person(name)) for name in ("ada", "bob", "eve")]
    for number, data in enumerate(pictures):
        enrol_picture(f"{number}.jpg", data, file=False)
    run = start()
    assert run_build(run).failed == 3
    commit(gallery.reembeddings.finish_building, collection, run)
    commit(gallery.reembeddings.switch, collection, run, leave_behind=True)
    for number, data in enumerate(pictures):
        (folder / f"{number}.jpg").write_bytes(data)
    for _ in range(
        3
    ):  # each looks behind the last but one: the third sees nothing of what other tests changed
        earlier = reconciled()
    assert "embedded" not in earlier.figures["changes"]
    audit, told = AuditLog(log_keys), []

    def record(connection, faces):
        told.append(faces)
        audit.record_change(
            connection, "EmbedFaces", account_id=collection.account_id, resource=f"{faces} faces"
        )

    assert run_build(run, record=record, threads=1).embedded == 3
    assert (sum(told), len(told)) == (3, 2)
    found = reconciled()
    assert found.figures["changes"]["embedded"] == 3
    assert "embedded" not in found.mismatches.get("changes_without_an_event", {})
