"""Restoring brings back what was there, nothing that was erased since, and never half of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from countenance.accounts import Actor
from countenance.audit.keys import AuditKeys
from countenance.backup.erasures import Replayed
from countenance.backup.reading import BackupFile
from countenance.backup.restoring import Target, Wishes, restore
from countenance.cli.installation import open_store
from countenance.errors import AccessDeniedException, SetupError
from countenance.gallery import Target as Rejected
from countenance.rights import Rights
from countenance.settings import Settings
from countenance.store import KeyStore, UnitOfWork
from countenance.store.unfinished import is_unfinished
from fakes.faces import CALIBRATION, new_face, unit
from fixtures_store import fresh_database
from installations import Installed, back_up, installed, reopened

NONE = Wishes(no_tombstones="a test")


@pytest.fixture
def kept(house, tmp_path):
    return back_up(house, tmp_path / "kept")


@pytest.fixture
def target(target_url, tmp_path):
    return Target(tmp_path / "new", target_url)


def entries(there):
    return [
        json.loads(entry)
        for (entry,) in there.all("select convert_from(entry, 'UTF8') from audit_entry order by log_index")
    ]


def found_in(there, name="staff"):
    collection = there.gallery.require_collection(there.account_id, "us-east-1", name)
    return {face.face_id for face in there.gallery.list_faces(collection, limit=100)}


def test_what_was_erased_since_is_erased_again_and_the_rest_answers_as_before(house, kept, target):
    """Faces, whole collections, users; with an entry for each, and their finality pending."""
    gallery = house.gallery
    before = gallery.search_by_face(
        house.staff, house.faces[5], calibration=CALIBRATION, threshold=0, limit=20
    )
    house.change(lambda uow: gallery.erase_faces(uow, house.staff, house.faces[:2]))
    new = house.enrol(house.staff, 1)[0].face_id
    house.change(lambda uow: gallery.delete_faces(uow, house.staff, [new]))
    restored = restore(kept.file, target, Wishes(tombstones=[house.list]))
    assert restored.replayed == Replayed(faces=2)
    with reopened(target.database_url, target.data_dir) as there:
        assert found_in(there) == set(house.faces[2:])
        staff = there.gallery.require_collection(there.account_id, "us-east-1", "staff")
        after = there.gallery.search_by_face(
            staff, house.faces[5], calibration=CALIBRATION, threshold=0, limit=20
        )
        assert after == [each for each in before if each.face.face_id not in house.faces[:2]]
        assert [each.faces for each in there.gallery.finality.pending()] == [3]
        told = entries(there)
        (continued,) = [each for each in told if each["kind"] == "log.continued"]
        assert continued["erasures"]["replayed"] == 2
        (again,) = [each for each in told if each.get("operation") == "ReplayErasures"]
        assert (again["deleted"], again["touched"]["count"]) == (2, 2)
        assert told.index(again) > told.index(continued)
        there.tombstones.write()
        assert there.list.read_bytes().startswith(house.list.read_bytes())


def test_a_hold_that_was_released_since_keeps_nothing_that_was_erased_since(house, tmp_path, target):
    """The backup knows the hold and not its end: what the list says was erased is erased all the same."""
    rights = Rights.open(house.database, house.keys, house.gallery)
    actor = Actor("Olga")
    ended, standing = (
        rights.holds.put(house.staff, faces, officer="Olga", reason="court order", actor=actor)
        for faces in (house.faces[:2], house.faces[2:3])
    )
    kept = back_up(house, tmp_path / "kept")
    rights.holds.release(ended, officer="Olga", reason="over", actor=actor)
    request = rights.requests.open_by_operator(
        house.staff, "erasure", face_ids=house.faces[:1], user_id=None,
        attestation="seen", opened_by="Olga", actor=actor,
    )  # fmt: skip
    with UnitOfWork(house.database) as uow:
        rights.requests.decide(
            uow, request, "grant", reason="as asked", decided_by="Olga", actor=Actor("Olga", uow.connection)
        )
        uow.commit()
    assert restore(kept.file, target, Wishes(tombstones=[house.list])).replayed == Replayed(faces=1)
    with reopened(target.database_url, target.data_dir) as there:
        assert found_in(there) == set(house.faces[1:])
        held = {
            each.hold_id: each.face_ids
            for each in Rights.open(there.database, there.keys, there.gallery).holds.list()
        }
        assert held == {ended: (house.faces[1],), standing: (house.faces[2],)}  # what was not erased is held
        staff = there.gallery.require_collection(there.account_id, "us-east-1", "staff")
        with pytest.raises(AccessDeniedException, match="HLD-001"), UnitOfWork(there.database) as uow:
            there.gallery.delete_faces(uow, staff, [house.faces[2]])


def test_what_people_took_back_since_is_not_brought_back(house, tmp_path, target):
    """A consent withdrawn, a kept template forgotten: neither rows nor keys of the backup count."""
    rights = Rights.open(house.database, house.keys, house.gallery)
    actor = Actor("Olga")
    for reference, face in (("form 7", 0), ("form 8", 1), ("form 9", 2)):
        rights.consents.put(
            house.staff, reference, house.faces[face : face + 1], recorded_by="Olga", actor=actor
        )
    kept_by = []
    for face in house.faces[3:5]:
        request = rights.requests.open_by_operator(
            house.staff, "objection", face_ids=[face], user_id=None,
            attestation="seen", opened_by="Olga", actor=actor,
        )  # fmt: skip
        decide(house, rights, request, block=rights.objections.read(request), block_consent="form B")
        kept_by.append(request)
    kept = back_up(house, tmp_path / "kept")
    rights.consents.put(house.staff, "form 10", house.faces[6:7], recorded_by="Olga", actor=actor)
    with UnitOfWork(house.database) as uow:
        rights.objections.withdraw(uow, kept_by[0], actor=Actor("Olga", uow.connection))
        uow.commit()
    for reference in ("form 7", "form 10"):
        with UnitOfWork(house.database) as uow:
            rights.consents.withdraw(
                uow, house.account_id, reference, withdrawn_by="Olga", actor=Actor("Olga", uow.connection)
            )
            uow.commit()
    withdrawal = rights.requests.open_by_operator(
        house.staff, "withdrawal", face_ids=house.faces[1:2], user_id=None,
        attestation="seen", opened_by="Olga", actor=actor,
    )  # fmt: skip
    decide(house, rights, withdrawal)
    restored = restore(kept.file, target, Wishes(tombstones=[house.list]))
    assert restored.replayed == Replayed(faces=3, objections=1, consents=3)
    with reopened(target.database_url, target.data_dir) as there:
        again = Rights.open(there.database, there.keys, there.gallery)
        standing = {
            each.reference: each.withdrawn_at is None
            for each in again.consents.list(house.account_id, limit=9)
        }
        unknown = "(a reference that the backup does not hold)"  # it was given, and taken back, after it
        assert standing == {"form 7": False, "form 8": False, "form 9": True, unknown: False}
        for reference in ("form 7", "form 10"):
            with pytest.raises(AccessDeniedException, match="CON-002"):
                again.consents.require_standing(there.account_id, reference)
        assert [each.request_id for each in again.objections.list()] == [kept_by[1].request_id]
        assert len(there.keys.secrets_named("objection-", older_than_s=-10)) == 1
        assert sum(each.get("operation") == "ReplayErasures" for each in entries(there)) == 7


def decide(house, rights, request, **more):
    with UnitOfWork(house.database) as uow:
        actor = Actor("Olga", uow.connection)
        rights.requests.decide(
            uow, request, "grant", reason="as asked", decided_by="Olga", actor=actor, **more
        )
        uow.commit()


def test_rejections_are_restored_without_those_of_what_was_erased_since(house, tmp_path, target):
    """A reviewer's word outlives the machine; what it says of a face that is gone goes with the face."""
    gallery, (one, two, three, *_) = house.gallery, house.faces
    for face in (two, three):
        house.change(
            lambda uow, face=face: gallery.reject(
                uow, house.staff, one, Rejected(face_id=face), rejected_by="lea", reason="a twin"
            )
        )
    kept = back_up(house, tmp_path / "kept")
    house.change(lambda uow: gallery.erase_faces(uow, house.staff, [two]))
    restore(kept.file, target, Wishes(tombstones=[house.list]))
    with reopened(target.database_url, target.data_dir) as there:
        staff = there.gallery.require_collection(there.account_id, "us-east-1", "staff")
        assert there.gallery.list_rejections(staff, limit=10) == gallery.list_rejections(
            house.staff, limit=10
        )
        found = there.gallery.search_by_face(staff, one, calibration=CALIBRATION, threshold=0, limit=20)
        assert three not in {each.face.face_id for each in found}
        assert (len(found), found.rejected) == (len(house.faces) - 3, 1)
        # The next one has a place of its own in the order.
        house_last = there.gallery.list_rejections(staff, limit=10)[-1].ordinal
        with UnitOfWork(there.database) as uow:
            made = there.gallery.reject(uow, staff, one, Rejected(face_id=house.faces[3]), rejected_by="lea")
            uow.commit()
        assert made.ordinal > house_last


def test_a_collection_that_was_deleted_since_is_gone_with_its_keys(house, tmp_path, target):
    other = house.make_collection("other")
    house.enrol(other, 3)
    kept = back_up(house, tmp_path / "kept")
    house.change(lambda uow: house.gallery.delete_collection(uow, other))
    assert house.list.exists()
    restored = restore(kept.file, target, Wishes(tombstones=[house.list]))
    assert restored.replayed == Replayed(collections=1)
    assert not list((target.data_dir / "keys" / "collections").glob(f"{other.collection_id}*"))
    with reopened(target.database_url, target.data_dir) as there:
        assert there.all("select name from collection") == [("staff",)]


def test_a_user_that_was_deleted_since_goes_and_one_made_anew_before_the_backup_stays(
    house, tmp_path, target
):
    """Users' ids are chosen by callers and may come again: times decide. No id stands in the list."""
    gallery = house.gallery
    for user in ("uma", "bob"):
        house.change(lambda uow, user=user: gallery.create_user(uow, house.staff, user))
    house.change(lambda uow: gallery.delete_user(uow, house.staff, "uma"))
    house.change(lambda uow: gallery.create_user(uow, house.staff, "uma"))
    kept = back_up(house, tmp_path / "kept")
    house.change(lambda uow: gallery.delete_user(uow, house.staff, "bob"))
    house.change(lambda uow: gallery.create_user(uow, house.staff, "eve"))
    house.change(lambda uow: gallery.delete_user(uow, house.staff, "eve"))
    assert not any(name in house.list.read_text() for name in ("uma", "bob", "eve"))
    assert restore(kept.file, target, Wishes(tombstones=[house.list])).replayed == Replayed(users=1)
    with reopened(target.database_url, target.data_dir) as there:
        assert there.all("select user_id from subject") == [("uma",)]


def test_an_account_that_was_forgotten_stays_forgotten(house, kept, target, tmp_path):
    """The backup holds the key that says whose entries are whose."""
    from countenance.accounts import Accounts

    name = f"account-{house.account_id}"
    Accounts(house.database, house.keys).forget_in_log(house.account_id)
    house.tombstones.write()
    assert house.keys.secret(name) is None
    assert restore(kept.file, target, Wishes(tombstones=[house.list])).replayed == Replayed(accounts=1)
    assert not (target.data_dir / "keys" / "secrets" / name).exists()


def test_a_vault_that_was_closed_since_stays_closed_and_its_pictures_gone(house, tmp_path, target):
    """A vault that was open at the backup, and one that was closed and opened again before it."""
    gallery, again = house.gallery, house.make_collection("again")
    for collection in (house.staff, again):
        house.change(lambda uow, it=collection: gallery.vaults.open(uow, it, kept_days=30))
    house.change(lambda uow: gallery.vaults.close(uow, again))
    house.change(lambda uow: gallery.vaults.open(uow, again, kept_days=5))
    for collection in (house.staff, again):
        faces = [replace(new_face(unit([1])), crop=b"a picture") for _ in range(3)]
        house.change(lambda uow, it=collection, faces=faces: gallery.enrol(uow, it, faces))
    kept = back_up(house, tmp_path / "kept")
    house.change(lambda uow: gallery.vaults.close(uow, house.staff))
    house.tombstones.write()
    assert house.list.read_text().count(f" vault {house.staff.collection_id} ") == 1
    restored = restore(kept.file, target, Wishes(tombstones=[house.list]))
    assert restored.replayed == Replayed(vaults=1)
    with reopened(target.database_url, target.data_dir) as there:
        assert there.all("select collection_id from vault") == [(again.collection_id,)]
        assert there.all("select collection_id, count(*) from vault_crop group by 1") == [
            (again.collection_id, 3)
        ]
        assert sum(each.faces for each in there.gallery.finality.pending()) == 1 + 3
        assert [each.get("operation") for each in entries(there)].count("ReplayErasures") == 1


@pytest.fixture
def second(house, tmp_path):
    """Another server's data directory, on the same database and with the same folder of keys."""
    folder = tmp_path / "second"
    folder.mkdir(mode=0o700)
    (folder / "keys").symlink_to(house.data_dir / "keys")
    return Installed(house.database, folder, KeyStore.open(folder / "keys"), house.account_id)


def test_of_several_servers_each_list_is_replayed_and_only_one_is_the_backups(
    house, second, tmp_path, target
):
    """The other's lines have numbers of their own: all are replayed, what is not there is passed over."""
    one, two = house.gallery, second.gallery
    for user in ("uma", "bob"):
        house.change(lambda uow, user=user: one.create_user(uow, house.staff, user))
    second.change(lambda uow: two.delete_user(uow, house.staff, "uma"))
    house.change(lambda uow: one.create_user(uow, house.staff, "uma"))
    for face in house.faces[:3]:
        house.change(lambda uow, face=face: one.erase_faces(uow, house.staff, [face]))
    kept = back_up(house, tmp_path / "kept")
    assert kept.manifest.tombstones[0] == 4
    second.change(lambda uow: two.erase_faces(uow, house.staff, house.faces[3:4]))
    second.change(lambda uow: two.delete_user(uow, house.staff, "bob"))
    house.change(lambda uow: one.erase_faces(uow, house.staff, house.faces[4:5]))
    assert len(second.list.read_text().splitlines()) == 1 + 3
    restored = restore(kept.file, target, Wishes(tombstones=[second.list, house.list]))
    assert restored.replayed == Replayed(faces=2, users=1)
    with reopened(target.database_url, target.data_dir) as there:
        assert found_in(there) == set(house.faces[5:])
        assert there.all("select user_id from subject") == [("uma",)]
        joined = there.list.read_text()
        assert joined.startswith(house.list.read_text())
        assert str(house.faces[3]) in joined
        there.tombstones.write()


def test_another_servers_list_alone_is_not_enough(house, second, kept, target):
    second.change(lambda uow: second.gallery.erase_faces(uow, house.staff, house.faces[3:4]))
    with pytest.raises(SetupError, match="does not reach line 1, which the list of the server that made"):
        restore(kept.file, target, Wishes(tombstones=[second.list]))


def test_none_of_several_lists_that_are_not_the_backups_is_enough(house, second, kept, target, tmp_path):
    second.change(lambda uow: second.gallery.erase_faces(uow, house.staff, house.faces[3:4]))
    shutil.copy(second.list, tmp_path / "copy")
    with pytest.raises(SetupError, match=r"none of .* reaches line 1"):
        restore(kept.file, target, Wishes(tombstones=[second.list, tmp_path / "copy"]))


def test_an_accounts_next_key_stays_though_another_server_forgot_the_one_of_before(
    house, second, tmp_path, target
):
    """Lines of before the backup are replayed with the other list: the time tells."""
    from countenance.accounts import Accounts

    name = f"account-{house.account_id}"
    Accounts(second.database, second.keys).forget_in_log(house.account_id)
    with house.database.transaction() as connection:
        connection.execute("update erasure set at = at - interval '1 day' where kind = 'account'")
    second.tombstones.write()
    AuditKeys(house.keys).account(house.account_id)
    kept = back_up(house, tmp_path / "kept")
    lists = Wishes(tombstones=[house.list, second.list])
    assert restore(kept.file, target, lists).replayed == Replayed()
    assert (target.data_dir / "keys" / "secrets" / name).exists()


def test_without_a_list_nothing_is_restored_unless_the_log_says_why(house, kept, target):
    """Never silently: what was erased would be back."""
    with pytest.raises(SetupError, match="--no-tombstones REASON"):
        restore(kept.file, target, Wishes())
    assert not target.data_dir.exists()
    restore(kept.file, target, Wishes(no_tombstones="the other disk burnt as well"))
    with reopened(target.database_url, target.data_dir) as there:
        (continued,) = [each for each in entries(there) if each["kind"] == "log.continued"]
        assert continued["erasures"]["unknown"] == "the other disk burnt as well"
        assert found_in(there) == set(house.faces)


def test_an_older_copy_of_the_list_is_told(house, tmp_path, target):
    """It lacks lines that it had when the backup was made."""
    old = tmp_path / "old"
    shutil.copy(house.list, old)
    house.change(lambda uow: house.gallery.erase_faces(uow, house.staff, house.faces[:1]))
    kept = back_up(house, tmp_path / "kept")
    with pytest.raises(SetupError, match="does not reach line 2"):
        restore(kept.file, target, Wishes(tombstones=[old]))


@pytest.mark.parametrize("how", ["dropped", "altered", "no list"])
def test_a_list_that_was_changed_is_told_by_its_line(house, kept, target, tmp_path, how):
    house.change(lambda uow: house.gallery.erase_faces(uow, house.staff, house.faces[:1]))
    house.change(lambda uow: house.gallery.erase_faces(uow, house.staff, house.faces[1:2]))
    lines = house.list.read_text().splitlines(keepends=True)
    changed, told = {
        "dropped": ([*lines[:2], *lines[3:]], "damaged at line 2"),
        "altered": (
            [*lines[:2], lines[2].replace(str(house.faces[0]), str(house.faces[3])), *lines[3:]],
            "damaged at line 2",
        ),
        "no list": (["dear diary\n", *lines[1:]], "no tombstone list"),
    }[how]
    (tmp_path / "list").write_text("".join(changed))
    with pytest.raises(SetupError, match=told):
        restore(kept.file, target, Wishes(tombstones=[tmp_path / "list"]))


def test_another_installations_list_is_told(kept, target, tmp_path, postgres_url):
    with fresh_database(postgres_url) as url, installed(url, tmp_path / "others") as others:
        others.tombstones.say_alive()
        with pytest.raises(SetupError, match="of another installation"):
            restore(kept.file, target, Wishes(tombstones=[others.list]))


def test_another_installations_backup_is_told_before_anything_is_done(
    kept, target, tmp_path, postgres_url, house
):
    with fresh_database(postgres_url) as url, installed(url, tmp_path / "others") as others:
        planted = back_up(others, tmp_path / "planted")
    ours = BackupFile(planted.path, planted.file._identities, kept.file._log_keys)
    with pytest.raises(SetupError, match="is signed by"):
        restore(ours, target, NONE)
    assert not target.data_dir.exists()
    nobody = BackupFile(planted.path, planted.file._identities, [])
    with pytest.raises(SetupError, match="give it: --log-key"):
        restore(nobody, target, NONE)


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_backup_restores_nothing(kept, target, part):
    content = kept.path.read_bytes()
    kept.path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(SetupError, match=r"`a\.backup` is cut short"):
        restore(kept.file, target, NONE)
    assert not target.data_dir.exists()


def test_what_is_there_is_never_overwritten(house, kept, target, tmp_path):
    """Neither a folder with something in it nor a database with tables."""
    target.data_dir.mkdir(mode=0o700)
    (target.data_dir / "letters").write_text("dear")
    with pytest.raises(SetupError, match="is not empty"):
        restore(kept.file, target, NONE)
    assert [path.name for path in target.data_dir.iterdir()] == ["letters"]
    with pytest.raises(SetupError, match="the database is not empty: it has a table"):
        restore(kept.file, Target(tmp_path / "other", house_url(house)), NONE)
    assert len(found_in(house)) == 10
    assert not is_unfinished(tmp_path / "other")


def house_url(house):
    (name,) = house.one("select current_database()")
    return house.database._pool.conninfo.replace("/countenance?", f"/{name}?")


def test_a_restore_that_did_not_end_serves_nobody(house, kept, target, tmp_path):
    """A list that is not the right one stops it: its mark stays in folder and database."""
    (tmp_path / "list").write_text("nothing\n")
    with pytest.raises(SetupError):
        restore(kept.file, target, Wishes(tombstones=[tmp_path / "list"]))
    settings = Settings.from_env({}, data_dir=target.data_dir, database_url=target.database_url)
    with pytest.raises(SetupError, match="did not end"), open_store(settings):
        pass
    (target.data_dir / "restore.unfinished").unlink()
    with pytest.raises(SetupError, match="a restore into the database did not end"), open_store(settings):
        pass
    with pytest.raises(SetupError, match="drop it and create it again"):
        restore(kept.file, Target(tmp_path / "another", target.database_url), Wishes(tombstones=[house.list]))


def test_in_a_folder_of_its_own_it_is_begun_anew(house, kept, tmp_path):
    """With the embedded database: what the first attempt left is cleared away."""
    (tmp_path / "list").write_text("nothing\n")
    target = Target(tmp_path / "new")
    with pytest.raises(SetupError):
        restore(kept.file, target, Wishes(tombstones=[tmp_path / "list"]))
    assert is_unfinished(target.data_dir)
    assert restore(kept.file, target, Wishes(tombstones=[house.list])).manifest.faces == 10
    with (
        open_store(Settings.from_env({}, data_dir=target.data_dir)) as (database, _),
        database.read() as connection,
    ):
        assert connection.execute("select count(*) from face").fetchone() == (10,)


def test_the_log_goes_on_from_the_last_checkpoint_that_is_known(house, kept, target, tmp_path):
    """Newer than the backup's: then what lies between is lost, and said to be."""
    house.make_collection("later")
    from countenance.accounts import Accounts

    Accounts(house.database, house.keys).create_account("Later")
    note = house.sign_log()
    restored = restore(kept.file, target, Wishes(tombstones=[house.list], last_checkpoint=note))
    assert restored.log.previous.size == int(note.splitlines()[1]) > restored.log.kept
    assert restored.log.previous.origin == kept.manifest.origin
    assert restored.log.origin.startswith(f"{kept.manifest.origin}/restored-")
    with reopened(target.database_url, target.data_dir) as there:
        signed = there.sign_log()
        assert signed.startswith(restored.log.origin + "\n")
        assert restored.log.log_key.split("+")[0] in signed


def test_a_checkpoint_that_is_not_the_logs_is_told(house, kept, target, tmp_path, postgres_url):
    note = house.sign_log()
    with pytest.raises(SetupError, match="cannot be read"):
        restore(kept.file, target, Wishes(no_tombstones="x", last_checkpoint=note[:-30]))
    with fresh_database(postgres_url) as url, installed(url, tmp_path / "others") as others:
        theirs = others.sign_log()
    with fresh_database(postgres_url) as url, pytest.raises(SetupError, match="is not one that"):
        restore(kept.file, Target(tmp_path / "2", url), Wishes(no_tombstones="x", last_checkpoint=theirs))
    with fresh_database(postgres_url) as url, pytest.raises(SetupError, match="cannot go on under that name"):
        restore(
            kept.file, Target(tmp_path / "3", url), Wishes(no_tombstones="x", log_origin=kept.manifest.origin)
        )
