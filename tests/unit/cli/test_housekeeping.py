"""What a server tidies up by itself."""

from __future__ import annotations

import os
import threading
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from countenance.accounts import Accounts
from countenance.audit import AuditLog, Touch, open_log
from countenance.audit.disclosure import disclose
from countenance.audit.reconcile import last_reconciled
from countenance.cli.housekeeping import RECONCILE_AFTER, TOKENS_KEPT, Housekeeping
from countenance.gallery import Gallery
from countenance.gallery.finality import Finality
from countenance.gallery.reading import CHANGES_KEPT
from countenance.store import Database, KeyMissing, UnitOfWork, idempotency, migrate
from fakes.faces import DIMENSIONS, new_face, unit
from fakes.vision import person, picture
from small_server import small_server


def test_old_tokens_go_and_young_ones_stay_once_an_hour(database, key_store):
    """A token must hold for as long as a client may retry, and not for ever."""
    account = Accounts(database, key_store).create_account("tokens").account_id
    now = [0.0]
    tidy = Housekeeping(database, key_store, clock=lambda: now[0])

    def kept():
        with database.transaction() as connection:
            return [
                token
                for token in ("old", "young")
                if idempotency.find(connection, account, "rekognition:CreateUser", token)
            ]

    def save(token, age):
        with database.transaction() as connection:
            scope = (connection, account, "rekognition:CreateUser", token)
            idempotency.save(*scope, input_digest=b"\0" * 32, response={}, sealed_event=b"e")
            connection.execute(
                "update idempotency set created_at = created_at - %s where token = %s and account_id = %s",
                (age, token, account),
            )

    save("old", TOKENS_KEPT + timedelta(hours=1))
    save("young", TOKENS_KEPT - timedelta(hours=1))
    tidy()
    assert kept() == ["young"]
    save("old", TOKENS_KEPT + timedelta(hours=1))
    now[0] = 3599.0
    tidy()
    assert kept() == ["old", "young"]
    now[0] = 3600.0
    tidy()
    assert kept() == ["young"]


def test_keys_without_a_collection_are_destroyed_once_they_are_settled(database, key_store, tmp_path):
    """A crash after DeleteCollection's commit must not leave the sealed rows with a key."""
    account = Accounts(database, key_store).create_account("keys").account_id
    kept, abandoned, young = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    for collection in (kept, abandoned, young):
        key_store.create_collection_key(collection)
    for collection in (kept, abandoned):
        os.utime(tmp_path / "keys" / "collections" / str(collection), (0, 0))
    with database.transaction() as connection:
        connection.execute(
            "insert into collection (collection_id, account_id, name, region, face_model_version, dimensions)"
            " values (%s, %s, 'kept', 'us-east-1', '1.0', 4)",
            (kept, account),
        )
    Housekeeping(database, key_store)()
    assert key_store.collection_key(kept)
    assert key_store.collection_key(young)
    with pytest.raises(KeyMissing):
        key_store.collection_key(abandoned)


@pytest.fixture
def own(empty_database_url, key_store):
    """A database whose log is the test's own."""
    with Database(empty_database_url, max_connections=2) as database:
        migrate(database)
        open_log(database, key_store)
        yield database


def tidied(tidy):
    """Let it work, and what it began beside itself end."""
    tidy()
    for thread in threading.enumerate():
        if thread.name == "reconcile":
            thread.join()


def test_the_log_is_reconciled_at_the_start_and_daily(own, key_store, tmp_path):
    """The first begins the count of searches; changes of galleries are compared before they are forgotten."""
    assert timedelta(hours=2) + RECONCILE_AFTER <= CHANGES_KEPT
    now, note = [0.0], tmp_path / "receipts" / "last"
    tidy = Housekeeping(own, key_store, data_dir=tmp_path, clock=lambda: now[0])
    tidied(tidy)
    first = last_reconciled(tmp_path)
    assert first is not None
    now[0] += 3600
    tidied(tidy)
    assert last_reconciled(tmp_path) == first
    young = note.stat().st_mtime - RECONCILE_AFTER.total_seconds() - 1
    os.utime(note, (young, young))
    now[0] += 3600
    tidied(tidy)
    assert last_reconciled(tmp_path) >= first


def test_what_does_not_agree_is_told_in_one_line_and_ends_nothing(own, key_store, tmp_path, capsys):
    with own.transaction() as connection:
        connection.execute(
            "insert into gallery_change (collection_id, kind) values (%s, 'enrolled')", (uuid.uuid4(),)
        )
    tidied(Housekeeping(own, key_store, data_dir=tmp_path))
    [line] = capsys.readouterr().err.splitlines()
    assert "changes_without_an_event" in line


def test_a_reconciliation_that_fails_is_told_and_ends_nothing(own, key_store, tmp_path, capsys):
    (tmp_path / "receipts").write_text("in the way")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("countenance.cli.housekeeping.last_reconciled", lambda _: None)
        tidied(Housekeeping(own, key_store, data_dir=tmp_path))
    assert "could not be reconciled" in capsys.readouterr().err


# Faces that are older than their collection's charter allows


class Retention:
    """A server whose faces a test can make older, and its housekeeping."""

    def __init__(self, server):
        self.server = server
        self.account_id = server.bench.account.account_id

    def collection(self, name, *people, **tags):
        """A collection with these people; their FaceIds."""
        tags = {f"countenance:{key.replace('_', '-')}": value for key, value in tags.items()}
        self.server.call("CreateCollection", CollectionId=name, Tags=tags)
        return [self._index(name, each) for each in people]

    def _index(self, name, who):
        indexed = self.server.call("IndexFaces", CollectionId=name, picture=picture(person(who)))
        return indexed["FaceRecords"][0]["Face"]["FaceId"]

    def age(self, days, *face_ids):
        self.server.execute(
            "update face set created_at = created_at - make_interval(days => %s) where face_id = any(%s)",
            days,
            [uuid.UUID(face_id) for face_id in face_ids],
        )

    def keep_house(self):
        """As the supervisor does, hourly."""
        housekeeping = Housekeeping(self.server.database, self.server.keys)
        housekeeping()
        housekeeping._finishing.join(30)
        self.server.merge()

    def faces(self, name):
        return [face["FaceId"] for face in self.server.call("ListFaces", CollectionId=name)["Faces"]]

    def entries(self, operation="ExpireFaces"):
        """What the account's own log has of it."""
        with self.server.database.read() as connection:
            found = AuditLog(self.server.keys).list_latest(connection, self.account_id)
        return [entry for entry in found if entry.members["operation"] == operation]

    def disclosed(self, name, face_id):
        """Operations that the person whose face it was is told of."""
        with self.server.database.read() as connection:
            found = disclose(
                connection,
                AuditLog(self.server.keys),
                account_id=self.account_id,
                region="us-east-1",
                collection=name,
                subject=Touch(role="probe", kind="face", id=face_id),
            )
        return [each.own.members["operation"] for each in found]


@pytest.fixture
def retention(empty_database_url, tmp_path, models, policy):
    """On a server with a log of its own, reconciled."""
    with small_server(empty_database_url, tmp_path / "data", models=models, policy=policy) as server:
        server.merge()
        server.reconcile()
        yield Retention(server)


def test_faces_older_than_the_charter_allows_are_deleted_and_told(retention):
    """A promise to people that needs nobody to remember it; the log agrees with what is left."""
    old, young = retention.collection("guests", "ada", "bob", retention_days="30")
    [kept] = retention.collection("archive", "kim")
    retention.age(30, old, kept)
    retention.age(29, young)
    retention.server.merge()
    assert retention.server.reconcile().mismatches == {}
    retention.keep_house()
    assert (retention.faces("guests"), retention.faces("archive")) == ([young], [kept])
    [entry] = retention.entries()
    told = {name: entry.members[name] for name in ("kind", "outcome", "deleted")}
    assert told == {"kind": "change", "outcome": "answered", "deleted": 1}
    assert entry.opened("collection") == "guests"
    assert entry.opened("resource") == "older than the charter allows"
    assert retention.disclosed("guests", old) == ["ExpireFaces"]
    assert retention.server.reconcile(full=True).mismatches == {}
    retention.keep_house()
    assert len(retention.entries()) == 1  # nothing is told of nothing


def test_a_face_that_is_deleted_for_its_age_is_found_no_more(retention):
    """Also by a server that has it in memory."""
    [old] = retention.collection("guests", "ada", retention_days="1")
    retention.collection("others", "ada")
    search = {"CollectionId": "guests", "picture": picture(person("ada"), note="another")}
    assert [
        match["Face"]["FaceId"]
        for match in retention.server.call("SearchFacesByImage", **search)["FaceMatches"]
    ] == [old]
    retention.age(1, old)
    retention.keep_house()
    search["picture"] = picture(person("ada"), note="another")
    assert retention.server.call("SearchFacesByImage", **search)["FaceMatches"] == []


def test_faces_of_users_go_as_well(retention):
    """DeleteFaces leaves them alone; a time limit does not."""
    [old] = retention.collection("guests", "ada", retention_days="30")
    retention.server.call("CreateUser", CollectionId="guests", UserId="ada")
    retention.server.call("AssociateFaces", CollectionId="guests", UserId="ada", FaceIds=[old])
    retention.age(31, old)
    retention.keep_house()
    assert retention.faces("guests") == []
    retention.server.merge()
    assert retention.server.reconcile().mismatches == {}


@pytest.mark.parametrize("standing", ["restricted", "suspended"])
def test_faces_go_whatever_the_standing_of_the_account(retention, standing):
    """What people were promised does not depend on what the account did."""
    [old] = retention.collection("guests", "ada", retention_days="30")
    retention.server.execute("update account set standing = %s, effective_standing = %s", standing, standing)
    retention.age(31, old)
    retention.keep_house()
    assert retention.entries()[0].members["deleted"] == 1
    with retention.server.database.read() as connection:
        assert connection.execute("select count(*) from face").fetchone() == (0,)


def test_a_charter_that_is_narrowed_holds_for_the_faces_that_are_there(retention):
    [old] = retention.collection("guests", "ada", retention_days="300")
    retention.age(31, old)
    retention.keep_house()
    assert retention.faces("guests") == [old]
    narrowed = {"CollectionId": "guests", "RetentionDays": 30}
    answer, _ = retention.server.bench.call("PutCharter", narrowed, service="countenance")
    assert answer.status == 200
    retention.keep_house()
    assert retention.faces("guests") == []


def test_many_faces_go_in_parts_with_an_entry_for_each_few_hundred(retention):
    """No lock is held for long, and no entry grows past what an entry may be."""
    retention.collection("guests", "ada", retention_days="30")
    retention.server.execute(
        "insert into face (collection_id, face_id, image_id, box_left, box_top, box_width, box_height,"
        " confidence, sealed_template, key_generation) select collection_id, gen_random_uuid(),"
        " gen_random_uuid(), 0, 0, 1, 1, 99, '', 1 from collection, generate_series(1, 1200)"
    )
    retention.server.execute("update face set created_at = created_at - interval '31 days'")
    retention.keep_house()
    deleted = [entry.members["deleted"] for entry in retention.entries()]
    assert sum(deleted) == 1201
    assert max(deleted) <= 500
    with retention.server.database.read() as connection:
        assert connection.execute("select count(*) from face").fetchone() == (0,)


# Deletions that are to be final


def pending_in(retention):
    return {
        each.collection.name: each.faces
        for each in Finality(retention.server.database, retention.server.keys).pending()
    }


def deletions_age(server, hours):
    server.execute("update pending_erasure set at = at - make_interval(hours => %s)", hours)


def test_deletions_become_final_within_a_day_and_the_log_says_so(retention):
    [gone, kept] = retention.collection("guests", "ada", "bob")
    retention.server.call("DeleteFaces", CollectionId="guests", FaceIds=[gone])
    retention.keep_house()
    assert pending_in(retention) == {"guests": 1}
    deletions_age(retention.server, 20)
    retention.keep_house()
    assert pending_in(retention) == {}
    [entry] = retention.entries("FinishErasures")
    assert entry.opened("resource") == "1 deletions are final: keys before generation 2 are destroyed"
    assert entry.opened("collection") == "guests"
    retention.server.merge()
    assert retention.server.reconcile(full=True).mismatches == {}
    assert retention.faces("guests") == [kept]


def test_erasures_that_cannot_be_finished_are_told_and_tried_again(retention, monkeypatch, capsys):
    [gone] = retention.collection("guests", "ada")
    retention.server.call("DeleteFaces", CollectionId="guests", FaceIds=[gone])
    deletions_age(retention.server, 20)
    with monkeypatch.context() as patched:
        patched.setattr(Finality, "make_final", lambda *_, **__: 1 / 0)
        retention.keep_house()
    said = capsys.readouterr().err
    assert "deletions of collection `guests`" in said
    assert "could not be made final: division by zero; tried again in an hour" in said
    assert pending_in(retention) == {"guests": 1}
    retention.keep_house()
    assert pending_in(retention) == {}


def test_a_collection_that_is_deleted_meanwhile_is_passed_over(retention, monkeypatch, capsys):
    [gone] = retention.collection("guests", "ada")
    retention.server.call("DeleteFaces", CollectionId="guests", FaceIds=[gone])
    deletions_age(retention.server, 20)
    original = Finality.pending

    def late(self, **options):
        found = original(self, **options)
        retention.server.call("DeleteCollection", CollectionId="guests")
        return found

    monkeypatch.setattr(Finality, "pending", late)
    retention.keep_house()
    assert capsys.readouterr().err == ""


def test_pictures_whose_time_is_over_are_deleted_hourly(database, log_keys):
    """Whatever asked for them to be kept: nobody has to come back and delete them."""
    account_id = Accounts(database, log_keys).create_account("vault").account_id
    gallery = Gallery(database, log_keys)
    made = {"name": "kept", "region": "r", "face_model_version": "1", "dimensions": DIMENSIONS, "tags": {}}
    with UnitOfWork(database) as uow:
        collection = gallery.create_collection(uow, account_id=account_id, **made)
        uow.commit()
    with UnitOfWork(database) as uow:
        gallery.vaults.open(uow, collection, kept_days=1)
        gallery.enrol(uow, collection, [replace(new_face(unit([1])), crop=b"crop") for _ in range(2)])
        uow.commit()
    now = [0.0]
    tidy = Housekeeping(database, log_keys, clock=lambda: now[0])
    tidy()
    assert gallery.vaults.find(collection).crops == 2
    with database.transaction() as connection:
        connection.execute(
            "update vault_crop set kept_until = now() where collection_id = %s", (collection.collection_id,)
        )
    now[0] += 3600
    tidy()
    assert gallery.vaults.find(collection).crops == 0
