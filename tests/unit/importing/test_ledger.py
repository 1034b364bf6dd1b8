"""The ledger names nobody who was erased, counts what it counted, and sends no photo again."""

from __future__ import annotations

import csv
import io
import re

from countenance.cli.importing_shown import print_summary
from countenance.importing.records import FORGOTTEN, RunState
from countenance.importing.report import write_report
from countenance.importing.server import Server
from countenance.importing.thumbnails import write_thumbnails
from countenance.importing.undoing import undo_import

NAMES = ("ada", "ann")


def kept(house):
    """Every word that any ledger has: whole ones, as a digest may well contain `ada`."""
    with house.server.database.read() as connection:
        text = connection.execute("select string_agg(i::text, ' ') from import_item as i").fetchone()[0]
    return set(re.findall(r"\w+", text))


def erase(house, face_id):
    """A face of Ada's, who is a user."""
    face = {"CollectionId": "staff", "FaceIds": [str(face_id)]}
    house.client.disassociate_faces(UserId="ada", **face)
    assert house.client.delete_faces(**face)["DeletedFaces"] == [str(face_id)]


def brought(house):
    """Ada with a copy and one that looks like her; Bob, who stays."""
    photo = house.photo("ada/1.jpg", "ada")
    house.file("ada/copy.jpg", photo.read_bytes())
    house.photo("ann/1.jpg", "ada", likeness=0.9)
    house.photo("bob/1.jpg", "bob")
    run = house.begin()
    house.bring(run, at_once=1)
    assert list(house.verdicts(run).values()) == ["ENROLLED", "DUPLICATE", "LOOKS_LIKE_ANOTHER", "ENROLLED"]
    assert all(name in kept(house) for name in NAMES)
    return run


def test_who_is_erased_is_named_in_no_ledger(house):
    run = brought(house)
    face = house.outcome(run, "ada/1.jpg").face_id
    digest = f"x{house.outcome(run, 'ada/1.jpg').sha256.hex()}"
    assert digest in kept(house)
    before = house.ledger.progress(run.import_id)
    erase(house, face)
    assert not any(name in kept(house) for name in (*NAMES, digest))
    assert "bob" in kept(house)
    assert house.ledger.progress(run.import_id) == before


def test_a_photo_of_an_erased_person_is_not_brought_again(house):
    run = brought(house)
    erase(house, house.outcome(run, "ada/1.jpg").face_id)
    house.server.execute("update import_run set state = 'running'")
    assert house.bring(run) is RunState.FINISHED
    assert [face["ExternalImageId"] for face in house.faces()] == ["bob:1.jpg"]


def test_what_is_written_after_the_erasure_names_nobody_either(house):
    """The importer is answered, the person erased, and only then the ledger written."""
    run = brought(house)
    told = [each.outcome for each in house.ledger.told(run.import_id)]
    house.server.execute(
        "update import_item set verdict = null, face_id = null, other_face_id = null, sha256 = null, "
        "other_external_image_id = null, other_user_id = null where item < 4"
    )
    erase(house, told[0].face_id)
    house.ledger.save(run.import_id, told[:3])
    assert not any(name in kept(house) for name in NAMES)
    assert [each.outcome.verdict for each in house.ledger.told(run.import_id)] == [
        each.verdict for each in told
    ]


def test_a_face_of_its_own_keeps_its_name_when_whom_it_looks_like_is_erased(house):
    house.photo("ada/1.jpg", "ada")
    house.photo("eve/1.jpg", "ada", likeness=0.9)
    run = house.begin(accepts_look_alikes=True)
    house.bring(run, at_once=1)
    by_path = {path: house.outcome(run, path) for path in ("ada/1.jpg", "eve/1.jpg")}
    ((erased, face),) = [(each.other.user_id, each.other.face_id) for each in by_path.values() if each.other]
    assert erased == "ada"
    erase(house, face)
    assert "ada" not in kept(house)
    assert "eve" in kept(house)


def test_taking_back_and_deleting_the_collection_forget_as_well(house):
    run = brought(house)
    undo_import(run, house.ledger, Server(run.request))
    assert not any(name in kept(house) for name in (*NAMES, "bob"))
    assert list(house.ledger.progress(run.import_id).counts.values()) == [1, 1, 2]
    house.client.create_collection(CollectionId="other")
    other = house.begin(collection="other")
    house.bring(other, at_once=1)
    assert "bob" in kept(house)
    house.client.delete_collection(CollectionId="other")
    assert not any(name in kept(house) for name in (*NAMES, "bob"))


def test_what_is_shown_of_the_import_copes(house, tmp_path, capsys):
    run = brought(house)
    erase(house, house.outcome(run, "ada/1.jpg").face_id)
    ledger, folder = house.ledger, tmp_path / "report"
    pictures = write_thumbnails(folder, run, ledger.told(run.import_id), ledger, until=run.begun_at)
    assert pictures.files == {}
    progress = ledger.progress(run.import_id)
    write_report(folder, run, progress, ledger.told(run.import_id), pictures=pictures)
    page = (folder / "report.html").read_text()
    assert page.count(FORGOTTEN) == 2
    rows = list(csv.DictReader(io.StringIO((folder / "report.csv").read_text())))
    assert [row["path"] for row in rows] == ["", "", "", "bob/1.jpg"]
    print_summary(run, progress, ledger.examples(run.import_id, most=3))
    assert FORGOTTEN in capsys.readouterr().out
