"""What a server tidies up by itself."""

from __future__ import annotations

import os
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from countenance.accounts import Accounts, Actor
from countenance.audit import AuditLog, Touch, open_log
from countenance.audit.disclosure import disclose
from countenance.audit.reconcile import last_reconciled
from countenance.cli.housekeeping import RECONCILE_AFTER, TOKENS_KEPT, Housekeeping
from countenance.errors import ResourceNotFoundException
from countenance.gallery import Gallery
from countenance.gallery.finality import Finality
from countenance.gallery.reading import CHANGES_KEPT
from countenance.rights import Rights
from countenance.store import Database, KeyMissing, UnitOfWork, idempotency, migrate
from countenance.store.jobs import Jobs, JobState
from fakes.faces import DIMENSIONS, new_face, unit
from fakes.vision import person, picture
from job_runner import await_jobs, await_none_left, run_all, working
from small_server import small_server


class House:
    """One installation's housekeeping, done when the test says so."""

    def __init__(self, url, database, keys, data_dir):
        self.url, self.database, self.told = url, database, []
        self.tasks = Housekeeping(keys, data_dir, self.told.append).tasks()

    def keep(self):
        """All that is due hourly, once; the jobs of it."""
        return run_all(self.url, self.database, self.tasks, tell=self.told.append)


@pytest.fixture
def house(empty_database_url, key_store, tmp_path):
    """On a database whose log is the test's own."""
    with Database(empty_database_url, max_connections=12) as database:
        migrate(database)
        open_log(database, key_store)
        yield House(empty_database_url, database, key_store, tmp_path)


def test_all_of_it_is_done_by_itself_every_hour(house):
    """On a new server at once; per collection only where there is something to do."""
    hourly = {task.name for task in house.tasks if task.every_s == 3600.0}
    assert hourly == {
        *("forget-tokens", "destroy-abandoned-keys", "expire-faces", "finish-erasures"),
        *("reconcile", "compact", "expire-vaults", "finish-rotation", "say-alive"),
        "watch-drift",
    }
    with working(house.url, house.database, house.tasks):
        jobs = Jobs(house.database)
        await_jobs(jobs, len(hourly))
        await_none_left(jobs)
        done = {job.task: job.state for job in jobs.list(with_ended=True)}
    assert done == dict.fromkeys(hourly, JobState.DONE)
    assert house.told == []


def test_old_tokens_go_and_young_ones_stay(house, key_store):
    """A token must hold for as long as a client may retry, and not for ever."""
    account = Accounts(house.database, key_store).create_account("tokens").account_id
    for token, age in (("old", timedelta(hours=1)), ("young", timedelta(hours=-1))):
        with house.database.transaction() as connection:
            scope = (connection, account, "rekognition:CreateUser", token)
            idempotency.save(*scope, input_digest=b"\0" * 32, response={}, sealed_event=b"e")
            connection.execute(
                "update idempotency set created_at = created_at - %s where token = %s",
                (TOKENS_KEPT + age, token),
            )
    house.keep()
    with house.database.read() as connection:
        assert connection.execute("select token from idempotency").fetchall() == [("young",)]


def test_keys_without_a_collection_are_destroyed_once_they_are_settled(house, key_store, tmp_path):
    """A crash after DeleteCollection's commit must not leave the sealed rows with a key."""
    account = Accounts(house.database, key_store).create_account("keys").account_id
    kept, abandoned, young = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    for collection in (kept, abandoned, young):
        key_store.create_collection_key(collection)
    for collection in (kept, abandoned):
        os.utime(tmp_path / "keys" / "collections" / str(collection), (0, 0))
    with house.database.transaction() as connection:
        connection.execute(
            "insert into collection (collection_id, account_id, name, region, face_model_version, dimensions)"
            " values (%s, %s, 'kept', 'us-east-1', '1.0', 4)",
            (kept, account),
        )
    house.keep()
    assert key_store.collection_key(kept)
    assert key_store.collection_key(young)
    with pytest.raises(KeyMissing):
        key_store.collection_key(abandoned)


def test_the_log_is_reconciled_at_the_start_and_daily(house, tmp_path):
    """The first begins the count of searches; changes of galleries are compared before they are forgotten."""
    assert timedelta(hours=2) + RECONCILE_AFTER <= CHANGES_KEPT
    note = tmp_path / "receipts" / "last"
    house.keep()
    first = last_reconciled(tmp_path)
    assert first is not None
    house.keep()
    assert last_reconciled(tmp_path) == first
    young = note.stat().st_mtime - RECONCILE_AFTER.total_seconds() - 1
    os.utime(note, (young, young))
    house.keep()
    assert last_reconciled(tmp_path) >= first


def test_what_does_not_agree_is_told_in_one_line_and_fails_nothing(house):
    with house.database.transaction() as connection:
        connection.execute(
            "insert into gallery_change (collection_id, kind) values (%s, 'enrolled')", (uuid.uuid4(),)
        )
    [job] = [job for job in house.keep() if job.task == "reconcile"]
    assert job.note == "mismatches: changes_without_an_event"
    [line] = house.told
    assert "changes_without_an_event" in line


def test_a_reconciliation_that_fails_is_told_and_tried_again(house, tmp_path):
    (tmp_path / "receipts").write_text("in the way")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("countenance.cli.housekeeping.last_reconciled", lambda _: None)
        [job] = [job for job in house.keep() if job.task == "reconcile"]
    assert (job.state, job.failures) == (JobState.WAITING, 1)
    assert job.next_at is not None
    [line] = house.told
    assert line.startswith(f"job {job.job_id} (reconcile) failed: SetupError in countenance.store.files")


# What nobody needs any more


def test_changes_that_no_reader_needs_and_jobs_that_ended_long_ago_are_forgotten(house):
    with house.database.transaction() as connection:
        connection.execute(
            "insert into gallery_change (collection_id, kind, at)"
            " select gen_random_uuid(), 'enrolled', now() - age from generate_series(1, 10001),"
            " (values (interval '25 hours')) as old (age) union all"
            " select gen_random_uuid(), 'enrolled', now()"
        )
    ended = house.keep()
    with house.database.transaction() as connection:
        assert connection.execute("select count(*) from gallery_change").fetchone() == (1,)
        connection.execute("update jobs.procrastinate_events set at = at - interval '15 days'")
    house.keep()
    left = {job.job_id for job in Jobs(house.database).list(with_ended=True)}
    assert left.isdisjoint(job.job_id for job in ended)
    with house.database.read() as connection:
        orphans = connection.execute(
            "select count(*) from jobs.progress where job_id not in (select id from jobs.procrastinate_jobs)"
        )
        assert orphans.fetchone() == (0,)


# Faces that are older than their collection's charter allows


class Retention:
    """A server whose faces a test can make older, and its housekeeping."""

    def __init__(self, server, url):
        self.server = server
        self.house = House(url, server.database, server.keys, server.data_dir)
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
        """As the server does, hourly."""
        self.house.keep()
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
        yield Retention(server, empty_database_url)


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


def test_erasures_that_cannot_be_finished_are_told_and_keep_no_other_from_its_turn(retention, monkeypatch):
    """Tried again within minutes, and by the next hour's look whatever comes of that."""
    for name in ("guests", "staff"):
        [gone] = retention.collection(name, "ada")
        retention.server.call("DeleteFaces", CollectionId=name, FaceIds=[gone])
    deletions_age(retention.server, 20)
    real = Finality.make_final

    def make_final(self, collection, **given):
        return 1 / 0 if collection.name == "guests" else real(self, collection, **given)

    with monkeypatch.context() as patched:
        patched.setattr(Finality, "make_final", make_final)
        retention.keep_house()
    assert pending_in(retention) == {"guests": 1}
    [line] = retention.house.told
    assert "(finish-erasures-of-collection) failed: ZeroDivisionError" in line
    assert "tried again in 60 s" in line
    assert "guests" not in line
    [job] = Jobs(retention.server.database).list()
    Jobs(retention.server.database).retry(job.job_id)
    retention.keep_house()
    assert pending_in(retention) == {}


def test_a_renewal_that_was_interrupted_is_brought_to_its_end(retention):
    [kept] = retention.collection("guests", "ada")
    finality = Finality(retention.server.database, retention.server.keys)
    [collection] = finality.collections(account_id=retention.account_id, name="guests")

    def killed(_faces):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finality.renew_basis(
            collection,
            began=lambda _connection: None,
            record=lambda *_: None,
            renewed=lambda _connection: None,
            progress=killed,
        )
    retention.keep_house()
    [basis] = finality.bases(account_id=retention.account_id, name="guests")
    assert (basis.is_own, basis.is_renewing) == (True, False)
    [entry] = retention.entries("FinishBasis")
    assert entry.opened("collection") == "guests"
    assert retention.entries("FinishErasures") == []
    assert retention.faces("guests") == [kept]
    retention.server.merge()
    assert retention.server.reconcile(full=True).mismatches == {}


def test_a_collection_that_is_deleted_meanwhile_is_passed_over(retention, monkeypatch):
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
    assert retention.house.told == []


def test_pictures_whose_time_is_over_are_deleted_hourly(retention):
    """Whatever asked for them to be kept: nobody has to come back and delete them."""
    server = retention.server
    gallery = Gallery(server.database, server.keys)
    made = {"name": "kept", "region": "r", "face_model_version": "1", "dimensions": DIMENSIONS, "tags": {}}
    with UnitOfWork(server.database) as uow:
        collection = gallery.create_collection(uow, account_id=retention.account_id, **made)
        uow.commit()
    with UnitOfWork(server.database) as uow:
        gallery.vaults.open(uow, collection, kept_days=1)
        gallery.enrol(uow, collection, [replace(new_face(unit([1])), crop=b"crop") for _ in range(2)])
        uow.commit()
    retention.keep_house()
    assert gallery.vaults.find(collection).crops == 2
    server.execute(
        "update vault_crop set kept_until = now() where collection_id = %s", collection.collection_id
    )
    retention.keep_house()
    assert gallery.vaults.find(collection).crops == 0


def test_what_hangs_on_a_face_ends_with_its_retention(retention):
    """Its consent has nobody, its code still shows what came of requests, an open request is answered."""
    server = retention.server
    old, young = retention.collection("guests", "ada", "bob", retention_days="30")
    gallery = Gallery(server.database, server.keys)
    rights = Rights.open(server.database, server.keys, gallery)
    guests = gallery.require_collection(retention.account_id, "us-east-1", "guests")
    ours, actor = uuid.UUID(old), Actor("Olga")
    for reference, face in (("form 7", old), ("form 8", young)):
        rights.consents.put(guests, reference, [uuid.UUID(face)], recorded_by="Olga", actor=actor)
    code = rights.codes.issue(guests, face_ids=[ours], issued_by="Olga", actor=actor)
    who = rights.codes.identify(code, place="a test")
    asked = {
        kind: rights.requests.open_by_code(who, kind, opened_by="person", actor=actor)
        for kind in ("access", "erasure")
    }
    retention.age(30, old)
    server.merge()
    retention.keep_house()
    assert retention.faces("guests") == [young]
    consents = {each.reference: each for each in rights.consents.list(retention.account_id, limit=10)}
    assert {name: each.faces for name, each in consents.items()} == {"form 7": 0, "form 8": 1}
    assert consents["form 7"].withdrawn_at is None  # it ended by time and not by the person's word
    who = rights.codes.identify(code, place="a test")
    seen = rights.requests.list(who.account_id, code_id=who.code_id)
    assert {each.request_id for each in seen} == {each.request_id for each in asked.values()}
    report = rights.reports.make(asked["access"])
    assert report["Faces"] == []
    assert [use["Operation"] for use in report["Uses"]] == ["ExpireFaces"]
    with UnitOfWork(server.database) as work:
        granted, _ = rights.requests.decide(
            work, asked["erasure"], "grant", reason="gone already", decided_by="Olga",
            actor=Actor("Olga", work.connection),
        )  # fmt: skip
        work.commit()
    assert granted.erased_ids == ()
    assert rights.erasing.prove(granted).rows_left == 0
    server.call("DeleteCollection", CollectionId="guests")
    with pytest.raises(ResourceNotFoundException):
        rights.codes.identify(code, place="a test")
