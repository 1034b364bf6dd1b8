"""`countenance keys`."""

from __future__ import annotations

import json
import uuid

import pytest

from countenance.accounts import Accounts
from countenance.audit import AuditLog
from countenance.cli.installation import open_store
from countenance.gallery import Gallery
from countenance.settings import Settings
from countenance.store import KeyMissing, KeyStore, UnitOfWork
from fakes.faces import DIMENSIONS, new_face, unit


@pytest.fixture
def make_collection(cli, house):
    """`make_collection(name, faces)` in the house's account."""

    def make(name, faces):
        with open_store(Settings.from_env(cli.environment)) as (database, keys):
            gallery = Gallery(database, keys)
            with UnitOfWork(database) as uow:
                collection = gallery.create_collection(
                    uow,
                    account_id=house,
                    name=name,
                    region="us-east-1",
                    face_model_version="1",
                    dimensions=DIMENSIONS,
                    tags={},
                )
                uow.commit()
            with UnitOfWork(database) as uow:
                gallery.enrol(uow, collection, [new_face(unit([1])) for _ in range(faces)])
                uow.commit()
        return collection

    return make


def entries(cli, account_id, operation):
    """What its entries of that operation say of the resource, the newest first."""
    with open_store(Settings.from_env(cli.environment)) as (database, keys), database.read() as connection:
        latest = AuditLog(keys).list_latest(connection, account_id)
        return [each.opened("resource") for each in latest if each.members["operation"] == operation]


def test_status_says_where_the_master_key_is_and_what_is_under_it(cli, house):
    told = cli.json("keys", "status")
    (master,) = told["MasterKeys"]
    assert (master["File"], master["Where"], master["KmsKey"]) == ("master.key", "in a file", None)
    assert master["KeysAndSecrets"] == told["Files"]["secrets"]
    assert (told["Rotation"], told["OpensWithNone"]) == (None, 0)
    assert "master.key" in cli.says("keys", "status")


def test_rotate_puts_everything_under_a_new_key_and_the_log_says_so(cli, house, make_collection):
    make_collection("staff", 3)
    key = cli.json("accounts", "keys", "create", house, "--operator", "o")
    before = cli.json("keys", "status")
    told = cli.json("keys", "rotate")
    after = cli.json("keys", "status")
    (old,), (new,) = before["MasterKeys"], after["MasterKeys"]
    assert (new["File"], new["KeysAndSecrets"]) == ("master.2.key", old["KeysAndSecrets"])
    assert told["Files"] + told["Rows"] == old["KeysAndSecrets"]
    assert not (cli.data_dir / "keys" / "master.key").exists()
    with open_store(Settings.from_env(cli.environment)) as (database, keys):
        assert Accounts(database, keys).find_credential(key["AccessKeyId"]).secret == key["SecretAccessKey"]
    done = cli.run("keys", "rotate")
    assert done.exit_code == 0
    assert "master.2.key` is removed: its bytes may remain in free blocks of the disk" in done.stderr
    (_, first) = entries(cli, house, "RotateMasterKey")
    assert first == f"{new['Fingerprint']} (file) in the place of {old['Fingerprint']} (file)"


def test_move_goes_into_a_key_service_and_back(cli, house, kms):
    code, message = cli.fails("keys", "move", "--to", "kms")
    assert (code, "`kms_key_id` is not set" in message) == (3, True)
    code, message = cli.fails("keys", "move", "--to", "file")
    assert (code, "in a file already" in message) == (3, True)
    cli.environment |= kms.environment
    cli.says("keys", "move", "--to", "kms")
    (master,) = cli.json("keys", "status")["MasterKeys"]
    assert (master["Where"], master["KmsKey"]) == ("in a key service", kms.key_id)
    assert list((cli.data_dir / "keys").glob("master*.key")) == []
    assert "in a key service already" in cli.fails("keys", "move", "--to", "kms")[1]
    cli.says("keys", "rotate")
    cli.says("keys", "move", "--to", "file")
    for name in kms.environment:
        del cli.environment[name]
    assert cli.json("keys", "status")["MasterKeys"][0]["File"] == "master.4.key"


def test_move_is_refused_while_somebody_could_not_follow(cli, house, kms):
    server = KeyStore.open(cli.data_dir / "keys")  # as a server that was started without the service
    cli.environment |= kms.environment
    code, message = cli.fails("keys", "move", "--to", "kms")
    assert (code, "start the server again with kms_key_id" in message) == (3, True)
    assert server.secret("derivation") is None
    assert cli.json("keys", "status")["MasterKeys"][0]["File"] == "master.key"


def test_what_opens_with_no_key_is_named(cli, house):
    (cli.data_dir / "keys" / "secrets" / "damaged").write_bytes(b"x" * 60)
    assert cli.json("keys", "status")["OpensWithNone"] == 1
    done = cli.run("keys", "rotate", "--json")
    assert (done.exit_code, json.loads(done.stdout)["PassedOver"]) == (1, ["secrets/damaged"])


def test_reseal_replaces_the_keys_of_templates_and_the_log_says_so(cli, house, make_collection):
    staff, guests = make_collection("staff", 3), make_collection("guests", 2)
    (row,) = cli.json("keys", "reseal", "--account", house, "--collection", "staff")
    assert (row["CollectionId"], row["Faces"], row["Failed"]) == ("staff", 3, None)
    with open_store(Settings.from_env(cli.environment)) as (database, keys):
        with pytest.raises(KeyMissing):
            keys.template_key(staff.collection_id, 1)
        assert keys.template_key(staff.collection_id, 2)
        assert keys.template_key(guests.collection_id, 1)
        gallery = Gallery(database, keys)
        assert len(gallery.list_faces(staff, limit=10)) == 3
    assert [row["Faces"] for row in cli.json("keys", "reseal")] == [2, 3]
    told = entries(cli, house, "ResealCollection")
    assert len(told) == 3
    assert "keys before generation 3 are destroyed" in told[0]


def test_reseal_goes_on_with_the_others_where_one_cannot_be(cli, house, make_collection):
    broken = make_collection("broken", 1)
    make_collection("whole", 1)
    (cli.data_dir / "keys" / "collections" / f"{broken.collection_id}.1").unlink()
    done = cli.run("keys", "reseal", "--json")
    failed = {row["CollectionId"]: row["Failed"] for row in json.loads(done.stdout)}
    assert done.exit_code == 1
    assert failed["whole"] is None
    assert "`broken`" in failed["broken"]
    code, message = cli.fails("keys", "reseal", "--collection", f"no-{uuid.uuid4()}")
    assert (code, "no such collection" in message) == (3, True)


def test_a_collection_that_is_not_there_is_told_with_where_to_look(cli, house):
    code, told = cli.fails("keys", "reseal", "--collection", "nope")
    assert (code, "list-collections" in told) == (3, True)
