"""Doing an import: what becomes of each photo, and what becomes of it all when something is killed."""

from __future__ import annotations

import csv
import os
import random
import threading
import time
from collections import Counter

import psycopg
import pytest

from countenance.errors import SetupError
from countenance.importing.records import RunState, Verdict, Wanted
from countenance.importing.report import write_report
from fakes.vision import AS_JPEG
from gateway_server import Server as Socket

PHOTOS = int(os.environ.get("COUNTENANCE_IMPORT_PHOTOS", "400"))
"""Of the import that is measured; ten thousand take some minutes."""


def test_every_photo_has_its_verdict(house):
    house.photo("ada/1.jpg", "ada")
    house.photo("ada/2.jpg", "ada", likeness=0.9)
    house.photo("ada/group.jpg", "ada", "bob", likeness=0.7)
    house.photo("bob/1.jpg", "bob")
    house.photo("bob/small.jpg", "bob", size=15)
    house.photo("bob/blurred.jpg", "bob", sharpness=3.0)
    house.photo("bob/dark.jpg", "bob", brightness=1.0)
    house.photo("bob/wall.jpg")
    house.file("bob/broken.jpg", AS_JPEG + b"\x00" * 50)
    house.file("bob/empty.jpg", b"")
    house.file("bob/text.png", b"no picture")
    house.file("bob/phone.heic", b"\x00\x00\x00\x18ftypheic")
    house.file("cat/phone.jpg", b"GIF89a")
    run = house.begin()
    assert house.bring(run) is RunState.FINISHED
    assert house.verdicts(run) == {
        "ada/1.jpg": "ENROLLED",
        "ada/2.jpg": "ENROLLED",
        "ada/group.jpg": "ENROLLED",
        "bob/1.jpg": "ENROLLED",
        "bob/small.jpg": "TOO_SMALL",
        "bob/blurred.jpg": "BLURRED",
        "bob/dark.jpg": "LOW_QUALITY",
        "bob/wall.jpg": "NO_FACE",
        "bob/broken.jpg": "BROKEN",
        "bob/empty.jpg": "BROKEN",
        "bob/text.png": "BROKEN",
        "bob/phone.heic": "UNSUPPORTED",
        "cat/phone.jpg": "UNSUPPORTED",
    }
    assert house.outcome(run, "ada/group.jpg").reasons == ("SEVERAL_FACES",)
    for path, advice in (("small", "come closer"), ("blurred", "hold the camera still"), ("dark", "lamp")):
        assert advice in house.outcome(run, f"bob/{path}.jpg").detail, "how to take it better is told"
    assert house.users() == {"ada", "bob"}
    by_id = {face["FaceId"]: face for face in house.faces()}
    told = {
        str(each.outcome.face_id): each for each in house.ledger.told(run.import_id) if each.outcome.face_id
    }
    assert by_id.keys() == told.keys()
    assert {face["ExternalImageId"]: face["UserId"] for face in by_id.values()} == {
        "ada:1.jpg": "ada",
        "ada:2.jpg": "ada",
        "ada:group.jpg": "ada",
        "bob:1.jpg": "bob",
    }


def test_who_lies_with_the_wrong_person_is_told_with_whom_it_is(house):
    house.photo("ada/1.jpg", "ada")
    first = house.begin()
    house.bring(first)
    house.photo("eve/1.jpg", "ada", likeness=0.9)
    run = house.begin()
    assert house.bring(run, at_once=1) is RunState.FINISHED
    assert house.verdicts(run) == {"ada/1.jpg": "DUPLICATE", "eve/1.jpg": "LOOKS_LIKE_ANOTHER"}
    other = house.outcome(run, "eve/1.jpg").other
    assert (other.user_id, other.external_image_id) == ("ada", "ada:1.jpg")
    assert other.face_id == house.outcome(first, "ada/1.jpg").face_id
    assert house.users() == {"ada"}


def test_without_users_the_person_is_the_external_image_id(house):
    house.photo("ada/1.jpg", "ada")
    house.photo("ada/2.jpg", "ada", likeness=0.9)
    run = house.begin(with_users=False)
    house.bring(run)
    assert set(house.verdicts(run).values()) == {"ENROLLED"}
    assert [face["ExternalImageId"] for face in house.faces()] == ["ada", "ada"]
    assert house.users() == set()


def test_what_looks_alike_is_enrolled_where_the_user_says_so(house):
    house.photo("ada/1.jpg", "ada")
    house.photo("eve/1.jpg", "ada", likeness=0.9)
    run = house.begin(accepts_look_alikes=True)
    house.bring(run)
    assert set(house.verdicts(run).values()) == {"ENROLLED"}
    reasons = {told.outcome.reasons for told in house.ledger.told(run.import_id)}
    assert reasons == {(), ("LOOKS_LIKE_ANOTHER",)}


def test_a_box_names_the_face(house):
    house.photo("group.jpg", "ada", "bob")
    box = (400 / 4000, 100 / 800, 200 / 4000, 200 / 800)
    run = house.begin([Wanted("group.jpg", "bob", "bob", box)])
    house.bring(run)
    (face,) = house.faces()
    assert face["BoundingBox"]["Left"] == pytest.approx(0.1)


def test_a_dry_run_enrols_nothing_and_tells_copies_of_a_file(house):
    photo = house.photo("ada/1.jpg", "ada")
    house.file("ada/2.jpg", photo.read_bytes())
    house.file("eve/1.jpg", photo.read_bytes())
    run = house.begin(is_dry=True)
    assert house.bring(run, at_once=1) is RunState.FINISHED
    counts = Counter(house.verdicts(run).values())
    assert counts["ENROLLED"] >= 1
    assert house.faces() == []
    assert house.users() == set()
    house.photo("ada/3.jpg", "ada", likeness=0.9)
    again = house.begin([Wanted(f"ada/{n}.jpg", f"ada:{n}", "ada") for n in (1, 3)], is_dry=True)
    house.bring(again)
    late = house.begin(
        [Wanted("ada/1.jpg", "ada:1", "ada"), *(Wanted("wall.jpg", f"w{n}") for n in range(20)),
         Wanted("ada/2.jpg", "ada:2", "ada"), Wanted("eve/1.jpg", "eve:1", "eve")],
        is_dry=True,
    )  # fmt: skip
    house.bring(late, at_once=1)
    told = house.verdicts(late)
    assert (told["ada/1.jpg"], told["ada/2.jpg"], told["eve/1.jpg"]) == (
        "ENROLLED",
        "DUPLICATE",
        "LOOKS_LIKE_ANOTHER",
    )


def test_an_import_that_is_asked_to_stop_goes_on_where_it_was(house):
    for number in range(40):
        house.photo(f"p{number}/1.jpg", f"person {number}")
    run = house.begin()
    seen = []

    def stop_soon():
        seen.append(house.ledger.progress(run.import_id).done)
        return seen[-1] >= 5

    assert house.bring(run, is_stopping=stop_soon, at_once=2) is RunState.RUNNING
    done = house.ledger.progress(run.import_id).done
    assert 5 <= done < 40
    assert house.bring(run) is RunState.FINISHED
    assert Counter(house.verdicts(run).values()) == {"ENROLLED": 40}
    assert len(house.faces()) == 40


def test_a_stop_does_not_wait_for_calls_that_hang(house, monkeypatch):
    """They are made again, and answered alike: no photo is enrolled twice."""
    for number in range(4):
        house.photo(f"p{number}/1.jpg", f"person {number}")
    operations = house.server.bench.services.operations["countenance"]
    import_face, hanging, go_on = operations["ImportFace"], threading.Event(), threading.Event()

    def hang(request, deps):
        if request["ExternalImageId"] == "p2:1.jpg" and not go_on.is_set():
            hanging.set()
            go_on.wait(60)
        return import_face(request, deps)

    monkeypatch.setitem(operations, "ImportFace", hang)
    run = house.begin()
    began_s = time.monotonic()
    assert house.bring(run, is_stopping=hanging.is_set) is RunState.RUNNING
    assert time.monotonic() - began_s < 15
    assert house.outcome(run, "p2/1.jpg") is None
    go_on.set()
    assert house.bring(run) is RunState.FINISHED
    assert Counter(house.verdicts(run).values()) == {"ENROLLED": 4}
    assert len(house.faces()) == 4


def test_what_was_enrolled_and_not_written_down_is_enrolled_once(house):
    """The importer died between the server's answer and the ledger."""
    for number in range(10):
        house.photo(f"p{number}/1.jpg", f"person {number}")
    run = house.begin()
    house.bring(run)
    before = (
        house.verdicts(run),
        {told.wanted.path: told.outcome.face_id for told in house.ledger.told(run.import_id)},
    )
    house.server.execute(
        "update import_item set verdict = null, face_id = null, user_created = false where item > 4"
    )
    house.server.execute("update import_run set state = 'running'")
    assert house.bring(run) is RunState.FINISHED
    after = (
        house.verdicts(run),
        {told.wanted.path: told.outcome.face_id for told in house.ledger.told(run.import_id)},
    )
    assert after == before
    assert all(told.outcome.user_created for told in house.ledger.told(run.import_id))
    assert len(house.faces()) == 10


def test_two_processes_are_not_at_one_import(house):
    house.photo("ada/1.jpg", "ada")
    run = house.begin()
    with house.ledger.held(run.import_id) as is_ours:
        assert is_ours
        with pytest.raises(SetupError, match="another process"):
            house.bring(run)
    assert house.bring(run) is RunState.FINISHED


def test_an_import_that_policy_refuses_is_paused_with_the_reason(house):
    """Each of ten thousand photos would be refused alike: nobody wants to hear it ten thousand times."""
    for number in range(20):
        house.photo(f"p{number}/1.jpg", f"person {number}")
    run = house.begin()
    house.server.execute("update charter set legal_basis = ''")
    assert house.bring(run) is RunState.PAUSED
    assert "CAP-002" in house.ledger.require(run.import_id).problem
    assert house.ledger.progress(run.import_id).done == 0
    house.server.execute("update charter set legal_basis = 'they agreed'")
    assert house.bring(run) is RunState.FINISHED
    assert len(house.faces()) == 20


def test_a_collection_that_is_gone_pauses_it(house):
    house.photo("ada/1.jpg", "ada")
    run = house.begin(collection="nowhere")
    assert house.bring(run) is RunState.PAUSED
    assert "ResourceNotFoundException" in house.ledger.require(run.import_id).problem


def test_nobody_answers_for_too_long(house):
    house.photo("ada/1.jpg", "ada")
    run = house.begin(endpoint_url="http://127.0.0.1:9")
    assert house.bring(run, patience_s=0.5) is RunState.PAUSED
    assert "does not answer" in house.ledger.require(run.import_id).problem
    assert house.ledger.progress(run.import_id).done == 0


def test_a_server_that_comes_back_elsewhere_is_found(house):
    """`countenance serve --port 0` after a crash: the profile says where it is now."""
    for number in range(6):
        house.photo(f"p{number}/1.jpg", f"person {number}")
    run = house.begin()
    house.credentials.write_text(
        house.credentials.read_text().replace("endpoint_url", "endpoint_url = http://127.0.0.1:9\n#")
    )
    work = house.work(run)

    def move():
        time.sleep(0.5)
        house.listen(house.stack.enter_context(Socket(house.server.bench)))

    mover = threading.Thread(target=move)
    mover.start()
    from countenance.importing.runner import run_import

    assert run_import(run, work) is RunState.FINISHED
    mover.join()
    assert len(house.faces()) == 6


def test_a_server_that_is_busy_fails_no_photo(house, monkeypatch):
    from countenance.errors import ThrottlingException

    for number in range(8):
        house.photo(f"p{number}/1.jpg", f"person {number}")
    calls = iter(range(1000))
    offered = house.server.bench.operations["countenance"]
    import_face = offered["ImportFace"]

    def busy(request, deps):
        if next(calls) < 20:
            raise ThrottlingException
        return import_face(request, deps)

    services = house.server.bench.services
    monkeypatch.setitem(services.operations["countenance"], "ImportFace", busy)
    run = house.begin()
    assert house.bring(run, pause=lambda _s: None) is RunState.FINISHED
    assert Counter(house.verdicts(run).values()) == {"ENROLLED": 8}


def test_a_photo_that_the_server_fails_at_is_told_and_the_others_go_on(house, monkeypatch):
    for number in range(4):
        house.photo(f"p{number}/1.jpg", f"person {number}")
    import_face = house.server.bench.services.operations["countenance"]["ImportFace"]

    def broken(request, deps):
        if request["ExternalImageId"] == "p2:1.jpg":
            raise RuntimeError("a fault")
        return import_face(request, deps)

    monkeypatch.setitem(house.server.bench.services.operations["countenance"], "ImportFace", broken)
    run = house.begin()
    assert house.bring(run, pause=lambda _s: None) is RunState.FINISHED
    assert Counter(house.verdicts(run).values()) == {"ENROLLED": 3, "FAILED": 1}


def test_a_ledger_that_is_gone_for_a_while_is_waited_for(house):
    """PostgreSQL was killed: what was answered meanwhile is written when it is there again."""
    for number in range(30):
        house.photo(f"p{number}/1.jpg", f"person {number}")
    run = house.begin()
    chance = random.Random(1)
    url = house.server.database._pool.conninfo

    def kill_backends():
        for _ in range(5):
            time.sleep(chance.uniform(0.05, 0.4))
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where pid <> pg_backend_pid() and datname = current_database()"
                )

    killer = threading.Thread(target=kill_backends)
    killer.start()
    state = house.bring(run, patience_s=90.0)
    killer.join()
    assert state is RunState.FINISHED
    assert Counter(house.verdicts(run).values()) == {"ENROLLED": 30}
    faces = house.faces()
    assert len(faces) == 30
    assert {face["FaceId"] for face in faces} == {
        str(told.outcome.face_id) for told in house.ledger.told(run.import_id)
    }


@pytest.mark.slow
def test_thousands_of_photos_with_broken_ones_among_them_end_with_a_correct_ledger(house, tmp_path):
    """What each photo is is known beforehand: ledger, gallery and report must say the same of each."""
    chance = random.Random(7)
    expected, twins = {}, []
    for number in range(PHOTOS):
        path = f"p{number:05}/1.jpg"
        match chance.choices(range(8), weights=(70, 10, 4, 4, 4, 3, 3, 2))[0]:
            case 0:
                house.photo(path, path)
                expected[path] = "ENROLLED"
            case 1:  # a photo and a copy of it that was saved anew: whichever comes first is enrolled
                copy = f"p{number:05}/copy.jpg"
                house.photo(path, path)
                house.photo(copy, path)
                twins.append((path, copy))
            case 2:
                house.file(path, AS_JPEG + bytes(chance.randrange(256) for _ in range(40)))
                expected[path] = "BROKEN"
            case 3:
                house.photo(path)
                expected[path] = "NO_FACE"
            case 4:
                house.photo(path, "x", size=15)
                expected[path] = "TOO_SMALL"
            case 5:
                house.photo(path, "x", sharpness=2.0)
                expected[path] = "BLURRED"
            case 6:
                house.file(path, b"II*\x00")
                expected[path] = "UNSUPPORTED"
            case 7:
                house.file(path, b"")
                expected[path] = "BROKEN"
    run = house.begin()
    began_s = time.monotonic()
    assert house.bring(run, at_once=4) is RunState.FINISHED
    took_s = time.monotonic() - began_s
    told = house.verdicts(run)
    for pair in twins:
        assert sorted(told[path] for path in pair) == ["DUPLICATE", "ENROLLED"]
        expected |= {path: told[path] for path in pair}
    assert told == expected
    enrolled = {path for path, verdict in told.items() if verdict == Verdict.ENROLLED}
    faces = house.faces()
    assert {face["ExternalImageId"] for face in faces} == {path.replace("/", ":") for path in enrolled}
    assert len(faces) == len(enrolled)
    write_report(
        tmp_path / "report",
        house.ledger.require(run.import_id),
        house.ledger.progress(run.import_id),
        house.ledger.told(run.import_id),
    )
    with (tmp_path / "report" / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(expected)
    assert {row["path"]: row["verdict"] for row in rows} == expected
    assert {row["path"]: row["face_id"] for row in rows if row["face_id"]} == {
        face["ExternalImageId"].replace(":", "/"): face["FaceId"] for face in faces
    }
    print(f"{len(told)} photos in {took_s:.1f} s, {len(told) / took_s:.0f}/s: {Counter(told.values())}")
