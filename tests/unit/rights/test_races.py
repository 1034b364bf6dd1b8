"""Two at once, and somebody killed in between: decided once, erased wholly or not at all."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from countenance.accounts import Actor
from countenance.errors import AccessDeniedException, ConflictException, ResourceNotFoundException
from countenance.rights import requests
from countenance.store import UnitOfWork
from fakes.faces import new_face, unit
from rights_house import rights_house


@pytest.fixture
def house(empty_database_url, key_store, tmp_path):
    with rights_house(empty_database_url, key_store, tmp_path) as house:
        yield house


def test_of_two_grants_at_once_one_counts_and_erases_once(house):
    """The other is told that it was decided; there is one receipt, and one entry of the erasure."""
    request = house.asked("erasure", house.faces[0])
    both = threading.Barrier(2)

    def grant():
        both.wait()
        try:
            return house.grant(request)
        except ConflictException as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        found = [each.result(30) for each in [pool.submit(grant), pool.submit(grant)]]
    [refused] = [each for each in found if isinstance(each, ConflictException)]
    [granted] = [each for each in found if not isinstance(each, ConflictException)]
    assert "granted already" in refused.message
    assert granted.erased_ids == (house.faces[0],)
    assert house.there() == {house.faces[1]}
    assert house.rights.requests.require(request.request_id).receipt == granted.receipt
    with house.database.read() as connection:
        rows = connection.execute("select convert_from(entry, 'UTF8') from audit_event").fetchall()
    assert sum('"EraseFaces"' in row for (row,) in rows) == 1


@pytest.mark.parametrize("ends", ["commits", "rolls back"])
def test_a_withdrawal_waits_for_an_enrolment_under_the_same_consent(house, ends):
    """Somebody else comes in under it meanwhile: the consent stands for them; else nobody is left by it.

    Without the wait a face would be there under a consent that is withdrawn.
    """
    consents = house.rights.consents
    consents.put(house.staff, "form 7", house.faces[:1], recorded_by="Olga", actor=Actor("Olga"))
    request, done = house.asked("withdrawal", house.faces[0]), []
    with UnitOfWork(house.database) as uow:
        [another] = house.gallery.enrol(uow, house.staff, [new_face(unit([5]))])
        consents.bind(uow.connection, house.staff, "form 7", [another.face_id], recorded_by="Otto")
        thread = threading.Thread(target=lambda: done.append(house.grant(request)))
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        if ends == "commits":
            uow.commit()
    thread.join(30)
    [granted] = done
    assert granted.erased_ids == (house.faces[0],)
    [consent] = consents.list(house.account, limit=10)
    is_in = another.face_id in house.there()
    assert is_in == (ends == "commits")
    assert (consent.withdrawn_at is None) == is_in
    if not is_in:
        with pytest.raises(AccessDeniedException, match="CON-002"):
            consents.require_standing(house.account, "form 7")


@pytest.mark.parametrize("kind", ["erasure", "objection", "withdrawal"])
def test_a_user_gets_no_face_while_it_is_erased(house, monkeypatch, kind):
    """Else a face of theirs stays, of nobody by then, and the receipt says that all is erased."""
    house.give("ada", house.faces[0])
    request = house.asked(kind, user_id="ada")
    reads, threads = requests.faces_of, []

    def give():
        try:
            return house.give("ada", house.faces[1])
        except ResourceNotFoundException as error:
            return error

    def then_give(connection, scope):
        found = reads(connection, scope)
        if not threads:
            threads.append(pool.submit(give))
            wait(threads, 1)
        return found

    monkeypatch.setattr(requests, "faces_of", then_give)
    with ThreadPoolExecutor(1) as pool:
        granted = house.grant(request)
        refused = threads[0].result(30)
    assert isinstance(refused, ResourceNotFoundException)
    assert granted.erased_ids == (house.faces[0],)
    assert house.gallery.list_users(house.staff, limit=10) == []


def test_two_requests_about_one_user_are_granted_at_once(house):
    """Each takes the user's name out of the other: they must not wait for one another in a circle."""
    house.give("ada", house.faces[0])
    asked = [house.asked(kind, user_id="ada") for kind in ("erasure", "objection")]
    both = threading.Barrier(2)

    def grant(request):
        both.wait()
        return house.grant(request)

    with ThreadPoolExecutor(2) as pool:
        granted = list(pool.map(grant, asked))
    assert {each.status for each in granted} == {"granted"}
    assert sorted(each.erased_ids for each in granted) == [(), (house.faces[0],)]


def test_a_consent_that_is_bound_during_a_withdrawal_is_not_withdrawn_unheld(house, monkeypatch):
    """It was not held when it was asked who is there by it: another face may be coming in under it."""
    consents = house.rights.consents
    consents.put(house.staff, "form 7", house.faces[:1], recorded_by="Olga", actor=Actor("Olga"))
    request, reads, open_ = house.asked("withdrawal", house.faces[0]), requests.faces_of, []

    def then_bind(connection, scope):
        found = reads(connection, scope)
        if len(open_) == 1:  # asked again: the consents are held by now
            consents.put(house.staff, "form 9", house.faces[:1], recorded_by="Olga", actor=Actor("Olga"))
        open_.append(found)
        return found

    monkeypatch.setattr(requests, "faces_of", then_bind)
    assert house.grant(request).erased_ids == (house.faces[0],)
    assert {each.reference: each.withdrawn_at is None for each in consents.list(house.account, limit=9)} == {
        "form 7": False,
        "form 9": True,
    }


@pytest.mark.parametrize("before", ["opened", "decided"])
def test_a_form_that_is_sent_twice_at_once_opens_one_request(house, before):
    """Both find none and open one: the second is answered the first's, unless that was decided meanwhile."""
    who = house.identified(house.faces[0])

    def send():
        with UnitOfWork(house.database) as uow:
            found = house.rights.requests.open_by_code(
                who, "erasure", opened_by="person by code", actor=Actor("person by code", uow.connection)
            )
            uow.commit()
        return found

    with UnitOfWork(house.database) as uow, ThreadPoolExecutor(1) as pool:
        actor = Actor("person by code", uow.connection)
        first = house.rights.requests.open_by_code(who, "erasure", opened_by="person by code", actor=actor)
        sending = pool.submit(send)
        assert not wait([sending], 0.5).done  # it saw none, and waits to know whether there is one now
        if before == "decided":
            house.rights.requests.decide(
                uow,
                first,
                "refuse",
                reason="as it is",
                decided_by="Olga",
                actor=Actor("Olga", uow.connection),
            )
        uow.commit()
        second = sending.result(30)
    assert (second.request_id == first.request_id) == (before == "opened")
    opened = house.rights.requests.list(house.account, code_id=who.code_id)
    assert {each.request_id for each in opened} == {first.request_id, second.request_id}
    with house.database.read() as connection:
        rows = connection.execute("select convert_from(entry, 'UTF8') from audit_event").fetchall()
    assert sum('"OpenSubjectRequest"' in row for (row,) in rows) == len(opened)


def test_an_objection_waits_for_an_enrolment_that_found_none(house):
    """What was looked at stays so until the enrolment has ended; then whoever enrols finds it."""
    request = house.asked("objection", house.faces[0])
    block = house.rights.objections.read(request)
    with UnitOfWork(house.database) as uow, ThreadPoolExecutor(1) as pool:
        house.look(behind=uow.connection)
        granting = pool.submit(house.grant, request, block=block, block_consent="form B")
        assert not wait([granting], 0.5).done
        uow.commit()
        assert granting.result(30).status == "granted"
    with pytest.raises(AccessDeniedException, match="OBJ-001"):
        house.look()


@pytest.mark.parametrize("ends", ["commits", "rolls back"])
def test_an_enrolment_waits_for_an_objection_that_is_being_granted(house, ends):
    """Its own look, behind the one before the work, finds what was not committed then."""
    request = house.asked("objection", house.faces[0])
    block = house.rights.objections.read(request)

    def look():
        with UnitOfWork(house.database) as uow:
            return house.look(behind=uow.connection)

    with ThreadPoolExecutor(1) as pool:
        looking = []

        def then_look():
            house.look()  # nothing stands yet
            looking.append(pool.submit(look))
            assert not wait(looking, 0.5).done

        house.grant(
            request, block=block, block_consent="form B", before_commit=then_look, commits=ends == "commits"
        )
        refused = looking[0].exception(30)
    assert (refused is None) == (ends == "rolls back")
    assert refused is None or "OBJ-001" in str(refused)


def test_enrolments_of_one_account_do_not_wait_for_one_another(house):
    """The turn is shared by them."""
    with UnitOfWork(house.database) as one, UnitOfWork(house.database) as another:
        one.connection.execute("set local lock_timeout = '5s'")
        house.look(behind=one.connection)
        another.connection.execute("set local lock_timeout = '5s'")
        house.look(behind=another.connection)


PROGRAM = """
import sys, time, uuid
from pathlib import Path
from countenance.accounts import Actor
from countenance.gallery import Gallery
from countenance.rights import Rights
from countenance.store import Database, KeyStore, Tombstones, UnitOfWork

url, data_dir, keys, request_id, moment = sys.argv[1:]

def wait_to_be_killed():
    print("ready", flush=True)
    time.sleep(60)

with Database(url, max_connections=4) as database:
    store = KeyStore.open(Path(keys))
    gallery = Gallery(database, store, tombstones=Tombstones(database, store, data_dir=Path(data_dir)))
    rights = Rights.open(database, store, gallery)
    request = rights.requests.require(uuid.UUID(request_id))
    with UnitOfWork(database) as uow:
        if moment == "after":
            uow.after_commit(wait_to_be_killed)
        rights.requests.decide(
            uow, request, "grant", reason="as asked", decided_by="Olga", actor=Actor("Olga", uow.connection)
        )
        if moment == "before":
            wait_to_be_killed()
        uow.commit()
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_who_is_killed_while_granting_leaves_nothing_half_erased(
    house, empty_database_url, key_store, tmp_path, moment
):
    """kill -9 before the commit: nothing is decided, the face is there. Behind it: all is, and is shown."""
    request = house.asked("erasure", house.faces[0])
    where = (empty_database_url, tmp_path, key_store.directory)
    command = [sys.executable, "-c", PROGRAM, *where, request.request_id, moment]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
    now = house.rights.requests.require(request.request_id)
    if moment == "before":
        assert (now.status, now.receipt) == ("open", None)
        assert house.faces[0] in house.there()
        now = house.grant(now)  # and it is decided as if nothing had been
    assert (now.status, now.erased_ids) == ("granted", (house.faces[0],))
    assert house.there() == {house.faces[1]}
    house.tombstones.flush()  # as whoever comes next does: what the crash kept from the list
    assert house.rights.erasing.prove(now).holds
