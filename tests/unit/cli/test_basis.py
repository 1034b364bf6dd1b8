"""`countenance basis`."""

from __future__ import annotations

import json

import pytest

from countenance.audit import AuditLog
from countenance.cli.installation import open_store
from countenance.gallery import Gallery
from countenance.gallery.finality import Finality
from countenance.settings import Settings
from countenance.store import UnitOfWork
from fakes.faces import CALIBRATION, DIMENSIONS, new_face, unit


@pytest.fixture
def staff(cli, house):
    return make_collection(cli, house)


def make_collection(cli, account_id):
    """`staff`, with two faces."""
    with open_store(Settings.from_env(cli.environment)) as (database, keys):
        gallery = Gallery(database, keys)
        with UnitOfWork(database) as uow:
            collection = gallery.create_collection(
                uow,
                account_id=account_id,
                name="staff",
                region="us-east-1",
                face_model_version="1",
                dimensions=DIMENSIONS,
                tags={},
            )
            gallery.enrol(uow, collection, [new_face(unit([1])), new_face(unit([0, 1]))])
            uow.commit()
    return collection


def found(cli, collection):
    """How many a search finds, and how many entries of each operation there are."""
    with open_store(Settings.from_env(cli.environment)) as (database, keys):
        matches = Gallery(database, keys).search(
            collection, unit([1]), calibration=CALIBRATION, threshold=90, limit=10
        )
        with database.read() as connection:
            latest = AuditLog(keys).list_latest(connection, collection.account_id)
    told = [each.members["operation"] for each in reversed(latest)]
    return len(matches), [each for each in told if "Basis" in each]


def interrupt(cli, collection, monkeypatch):
    """A renewal that ends half-way."""
    with monkeypatch.context() as patched:
        patched.setattr("countenance.gallery.finality.reseal_all", lambda *_, **__: 1 / 0)
        assert cli.run("basis", "renew", collection.name).exit_code == 1


def test_a_basis_is_given_renewed_and_left_and_the_log_says_so(cli, staff):
    (row,) = cli.json("basis", "status")
    assert (row["CollectionId"], row["Basis"], row["Since"], row["Renewal"]) == (
        "staff",
        "the model's",
        None,
        None,
    )
    for operation, basis in (("renew", "its own"), ("renew", "its own"), ("leave", "the model's")):
        row = cli.json("basis", operation, "staff")
        assert (row["Basis"], row["Faces"], row["Renewal"], row["Failed"]) == (basis, 2, None, None)
        assert row["Since"]
    assert found(cli, staff) == (1, ["RenewBasis", "FinishBasis"] * 3)
    row = cli.json("basis", "leave", "staff")  # it is there
    assert (row["Basis"], row["Faces"]) == ("the model's", 0)
    assert found(cli, staff) == (1, ["RenewBasis", "FinishBasis"] * 3)
    assert "the model's" in cli.says("basis", "status", "--collection", "staff")
    assert cli.json("basis", "status", "--collection", "nobody's") == []


def test_what_was_interrupted_is_brought_to_its_end_before_what_is_asked_for(cli, staff, monkeypatch):
    """Templates that got out after it had begun are of the basis that it was about to use."""
    for operation, basis, entries in (("renew", "its own", 4), ("leave", "the model's", 8)):
        interrupt(cli, staff, monkeypatch)
        (row,) = cli.json("basis", "status")
        assert (row["Basis"], row["Renewal"]) == ("its own", "begun and not finished")
        assert found(cli, staff)[0] == 1
        seeds = set((cli.data_dir / "keys" / "collections").glob("*.basis-*"))
        done = cli.run("basis", operation, "staff", "--json")
        assert "One that was begun before is brought to its end first" in done.stderr
        row = json.loads(done.stdout)
        assert (done.exit_code, row["Basis"], row["Renewal"]) == (0, basis, None)
        assert found(cli, staff) == (1, ["RenewBasis", "FinishBasis"] * (entries // 2))
        assert not seeds & set((cli.data_dir / "keys" / "collections").glob("*.basis-*"))


def test_one_that_is_switched_or_deleted_meanwhile_is_told_as_it_is(cli, staff, monkeypatch):
    original = Finality.renew_basis

    def switched(self, collection, **given):
        with (
            open_store(Settings.from_env(cli.environment)) as (database, _),
            database.transaction() as connection,
        ):
            connection.execute(
                "update collection set face_model_version = '2' where collection_id = %s",
                (collection.collection_id,),
            )
        return original(self, collection, **given)

    def deleted(self, collection, **given):
        with open_store(Settings.from_env(cli.environment)) as (database, keys), UnitOfWork(database) as uow:
            Gallery(database, keys).delete_collection(uow, collection)
            uow.commit()
        return original(self, collection, **given)

    with monkeypatch.context() as patched:
        patched.setattr(Finality, "renew_basis", switched)
        done = cli.run("basis", "renew", "staff", "--json")
    assert json.loads(done.stdout)["Basis"] == "its own"
    with monkeypatch.context() as patched:
        patched.setattr(Finality, "renew_basis", deleted)
        code, message = cli.fails("basis", "renew", "staff")
    assert (code, "`staff` was deleted meanwhile" in message) == (1, True)


def test_or_by_sealing_anew(cli, staff, monkeypatch):
    interrupt(cli, staff, monkeypatch)
    cli.json("keys", "reseal")
    (row,) = cli.json("basis", "status")
    assert (row["Basis"], row["Renewal"]) == ("its own", None)
    assert found(cli, staff) == (1, ["RenewBasis", "FinishBasis"])


def test_one_that_cannot_be_says_which_and_why(cli, staff):
    cli.json("basis", "renew", "staff")
    (seed,) = (cli.data_dir / "keys" / "collections").glob("*.basis-2")
    seed.unlink()
    done = cli.run("basis", "renew", "staff")
    assert done.exit_code == 1
    assert "collection `staff` of account" in done.stderr
    assert "no basis of number 2" in done.stderr


def test_which_collection_must_be_clear(cli, house, staff):
    code, message = cli.fails("basis", "renew", "nope")
    assert (code, "there is no collection `nope` in the region `us-east-1`" in message) == (1, True)
    other = cli.json("accounts", "create", "Other")["AccountId"]
    cli.json("terms", "accept", other, "--officer", "Olga Officer, director")
    make_collection(cli, other)
    code, message = cli.fails("basis", "renew", "staff")
    assert (code, other in message, house in message) == (2, True, True)
    row = cli.json("basis", "renew", "staff", "--account", other)
    assert row["AccountId"] == other
    assert {each["AccountId"]: each["Basis"] for each in cli.json("basis", "status")} == {
        house: "the model's",
        other: "its own",
    }


def test_its_seed_is_a_key_as_others_are(cli, staff):
    """Counted, and put under a new master key with the rest."""
    cli.json("basis", "renew", "staff")
    assert cli.json("keys", "status")["Files"]["seeds of bases"] == 1
    assert cli.json("keys", "rotate")["PassedOver"] == []
    assert found(cli, staff)[0] == 1
