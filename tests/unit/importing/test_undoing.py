"""Taking an import back."""

from __future__ import annotations

import threading
import time

from countenance.importing.records import RunState
from countenance.importing.server import Server
from countenance.importing.undoing import undo_import


def undo(house, run, **given):
    return undo_import(run, house.ledger, Server(run.request), **given)


def test_what_was_there_before_is_there_afterwards(house):
    """Faces and users of others stay as they were, also users to whom the import gave a face."""
    house.photo("ada/1.jpg", "ada")
    house.bring(house.begin())
    before = house.faces(), house.users()
    house.photo("ada/2.jpg", "ada", likeness=0.9)
    house.photo("bob/1.jpg", "bob")
    run = house.begin()
    house.bring(run)
    assert house.verdicts(run) == {"ada/1.jpg": "DUPLICATE", "ada/2.jpg": "ENROLLED", "bob/1.jpg": "ENROLLED"}
    done = undo(house, run)
    assert (done.faces, done.users) == (2, 1)
    assert (house.faces(), house.users()) == before
    assert house.ledger.state(run.import_id) is RunState.UNDONE
    told = [(each.wanted.path, each.outcome.verdict.value) for each in house.ledger.told(run.import_id)]
    assert told == [("ada/1.jpg", "DUPLICATE"), ("", "TAKEN_BACK"), ("", "TAKEN_BACK")]


def test_what_the_ledger_never_heard_of_is_taken_back_as_well(house):
    """The importer died before it wrote: the server knows what it enrolled."""
    for number in range(5):
        house.photo(f"p{number}/1.jpg", f"person {number}")
    run = house.begin()
    house.bring(run)
    house.server.execute("update import_item set verdict = null, face_id = null")
    assert undo(house, run).faces == 5
    assert house.faces() == []
    assert house.users() == set()


def test_an_interrupted_undoing_goes_on_and_a_second_finds_nothing(house):
    house.photo("ada/1.jpg", "ada")
    run = house.begin()
    house.bring(run)
    house.ledger.change(run.import_id, RunState.UNDOING, from_states=list(RunState))
    assert undo(house, run).faces == 1
    assert undo(house, run).faces == 0
    assert house.ledger.state(run.import_id) is RunState.UNDONE


def test_an_import_at_work_stops_when_it_is_taken_back(house):
    """None of its photos comes after the last that was deleted."""
    for number in range(300):
        house.photo(f"p{number:03}/1.jpg", f"person {number}")
    run = house.begin()
    states = []
    importer = threading.Thread(target=lambda: states.append(house.bring(run, at_once=2)))
    importer.start()
    while house.ledger.progress(run.import_id).done < 10:
        time.sleep(0.02)
    undo(house, run)
    importer.join(60)
    assert states in ([RunState.UNDONE], [RunState.UNDOING], [RunState.FINISHED], [])
    assert house.faces() == []
    assert house.users() == set()


def test_a_dry_run_has_nothing_to_take_back(house):
    house.photo("ada/1.jpg", "ada")
    run = house.begin(is_dry=True)
    house.bring(run)
    assert undo(house, run).faces == 0
    assert house.ledger.state(run.import_id) is RunState.UNDONE


def test_the_collection_may_be_gone(house):
    house.photo("ada/1.jpg", "ada")
    run = house.begin()
    house.bring(run)
    house.client.delete_collection(CollectionId="staff")
    assert undo(house, run).faces == 0
    assert house.verdicts(run) == {"": "TAKEN_BACK"}


def test_the_log_agrees_with_what_was_done(house):
    """Every photo has its event: its search, its face, whom it looks like; undoing tells of its deletions."""
    house.server.reconcile()
    house.photo("ada/1.jpg", "ada")
    house.photo("bob/wall.jpg")
    house.photo("eve/1.jpg", "ada", likeness=0.9)
    run = house.begin()
    house.bring(run, at_once=1)
    house.server.merge()
    found = house.server.reconcile()
    assert found.mismatches == {}
    undo(house, run)
    house.server.merge()
    assert house.server.reconcile().mismatches == {}
    events = [
        entry.members for entry in house.server.bench.events() if entry.members["operation"] == "ImportFace"
    ]
    assert len(events) == 3
    told = sorted(
        (members.get("enrolled", 0), members.get("candidates", 0), "in_force" in members.get("threshold", {}))
        for members in events
    )
    assert told == [(0, 0, False), (0, 1, True), (1, 0, True)]
