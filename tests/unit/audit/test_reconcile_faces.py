"""Faces that came or went past the log, on a real gateway, gallery and log."""

from __future__ import annotations

import json
import threading

import pytest

from countenance.audit.reconcile_faces import CHANGED, compare_faces
from countenance.store import Database
from fakes.vision import person, picture
from small_server import small_server

INSERT = (
    "insert into face (collection_id, face_id, image_id, box_left, box_top, box_width, box_height,"
    " confidence, sealed_template, key_generation)"
    " select collection_id, gen_random_uuid(), gen_random_uuid(), 0, 0, 1, 1, 99, '', 1"
    " from collection"
)


@pytest.fixture
def server(empty_database_url, tmp_path, models, policy):
    """A server that has worked, and was reconciled."""
    with small_server(empty_database_url, tmp_path / "data", models=models, policy=policy) as made:
        made.url = empty_database_url
        made.work()
        made.merge()
        assert made.reconcile().mismatches == {}
        yield made


def found_by(server):
    mismatches = server.reconcile().mismatches
    assert mismatches.keys() <= {CHANGED}
    return mismatches.get(CHANGED)


def test_what_calls_do_is_explained(server):
    """Enrolments, known faces, deletions, a collection that goes with its faces, another of its name."""
    server.index("ada")
    gone = server.index("kim")
    server.call("DeleteFaces", CollectionId="friends", FaceIds=[gone])
    server.call("CreateCollection", CollectionId="others")
    server.call("IndexFaces", CollectionId="others", picture=picture(person("eve")))
    found = server.reconcile()
    assert found.mismatches == {}
    assert found.figures["faces"] == {"collections": 2, "faces": 3, "compared": 1}
    server.call("DeleteCollection", CollectionId="friends")
    server.call("CreateCollection", CollectionId="friends")
    server.call("CreateCollection", CollectionId="friends")
    server.index("bob")
    server.call("CreateCollection", CollectionId="short-lived")
    server.call("DeleteCollection", CollectionId="short-lived")
    found = server.reconcile()
    assert found.mismatches == {}
    assert found.figures["faces"] == {"collections": 2, "faces": 2, "compared": 1}
    assert found_by(server) is None


def test_a_face_that_was_removed_by_hand_is_missed_each_time(server):
    for _ in range(2):
        server.execute("delete from face where face_id in (select face_id from face limit 1)")
        found = server.reconcile()
        assert found.mismatches == {CHANGED: {"faces_missing": 1}}
        assert found.new == (CHANGED,)
    assert found_by(server) is None


def test_a_face_that_was_put_in_by_hand_is_told(server):
    server.execute(INSERT)
    assert found_by(server) == {"faces_added": 1}


def test_one_face_in_and_one_out_do_not_cancel_out_across_collections(server):
    server.call("CreateCollection", CollectionId="others")
    server.execute("delete from face where face_id in (select face_id from face limit 1)")
    server.execute(f"{INSERT} where name = 'others'")
    assert found_by(server) == {"faces_missing": 1, "faces_added": 1}


def test_a_collection_that_was_removed_or_made_by_hand_is_told(server):
    server.execute("delete from face")
    server.execute("delete from collection")
    assert found_by(server) == {"collections_missing": 1}
    server.execute(
        "insert into collection"
        " select gen_random_uuid(), account_id, 'made', 'us-east-1', '1.0', 4 from account"
    )
    assert found_by(server) == {"collections_added": 1}


@pytest.mark.parametrize(
    ("told", "figures"), [(1, {"deletions_not_told": 1}), (3, {"deletions_not_done": 1})]
)
def test_an_event_tells_of_as_many_deletions_as_there_were(server, told, figures):
    ids = [server.index(name) for name in ("kim", "lee")]
    server.call("DeleteFaces", CollectionId="friends", FaceIds=ids)
    server.merge()
    server.execute(
        "update audit_entry set entry = convert_to(replace(convert_from(entry, 'UTF8'), '\"deleted\":2', %s),"
        " 'UTF8')",
        f'"deleted":{told}',
    )
    assert server.reconcile().mismatches[CHANGED] == figures


def test_what_is_under_way_at_a_count_belongs_to_the_next(server):
    """It is neither in the first snapshot nor lost between the two."""
    held, go_on = threading.Event(), threading.Event()

    def enrol_slowly():
        with Database(server.url, max_connections=1) as database, database.transaction() as connection:
            connection.execute(INSERT)
            connection.execute(
                "insert into gallery_change (collection_id, kind)"
                " select collection_id, 'enrolled' from collection"
            )
            held.set()
            go_on.wait(30)

    enrolling = threading.Thread(target=enrol_slowly)
    enrolling.start()
    assert held.wait(30)
    server.index("kim")
    first, _, found = compare_faces(server.database, compare_faces(server.database, None)[0])
    assert found == {}
    go_on.set()
    enrolling.join()
    _, figures, found = compare_faces(server.database, first)
    assert (figures["compared"], found) == (1, {})


def test_after_a_long_pause_counting_begins_anew(server):
    """Changes are kept for a day: what lies between is not known."""
    last, *_ = compare_faces(server.database, None)
    server.execute("delete from face")
    _, figures, found = compare_faces(server.database, last, longest_s=0.0)
    assert (figures["compared"], found) == (0, {})


def test_a_database_that_was_copied_is_counted_anew(server):
    last, *_ = compare_faces(server.database, None)
    later = type(last)("9000000000:9000000000:", last.at, last.size, {})
    _, figures, found = compare_faces(server.database, later)
    assert (figures["compared"], found) == (0, {})


def test_a_reconciliation_of_an_earlier_version_is_gone_on_from(server):
    """It left no count: this one begins it."""
    server.execute(
        "update audit_entry set entry = convert_to(regexp_replace(convert_from(entry, 'UTF8'),"
        " '\"count\":\"[0-9a-f]{64}\",', ''), 'UTF8')"
    )
    path = server.data_dir / "receipts" / "last"
    note = json.loads(path.read_bytes())
    del note["faces"]
    with server.database.read() as connection:
        row = connection.execute(
            "select encode(sha256('\\x00'::bytea || entry), 'hex') from audit_entry where event_id = %s",
            (note["reconciliation"][0],),
        ).fetchone()
    note["reconciliation"][1] = row[0]
    path.write_text(json.dumps(note))
    server.execute("delete from face")
    found = server.reconcile()
    assert CHANGED not in found.mismatches
    assert "note_missing" not in found.mismatches
    assert found.figures["faces"]["compared"] == 0
    assert server.reconcile().figures["faces"]["compared"] == 1


def test_a_count_that_was_altered_in_the_data_directory_is_told(server):
    """The log keeps its digest."""
    path = server.data_dir / "receipts" / "last"
    note = json.loads(path.read_bytes())
    [collection] = note["faces"]["faces"]
    note["faces"]["faces"][collection] -= 1
    path.write_text(json.dumps(note))
    server.execute("delete from face where face_id in (select face_id from face limit 1)")
    assert server.reconcile().mismatches == {"note_missing": {"files": 1}}
