"""`countenance rejections`."""

from __future__ import annotations

import uuid

import pytest

from countenance.audit import AuditLog
from countenance.cli.installation import open_store
from countenance.gallery import Gallery
from countenance.settings import Settings
from countenance.store import UnitOfWork
from fakes.faces import CALIBRATION, DIMENSIONS, new_face, towards, unit


@pytest.fixture
def staff(cli, house):
    """`staff`, with a face of nobody's and Ada's; the collection and the two ids."""
    with open_store(Settings.from_env(cli.environment)) as (database, keys):
        gallery = Gallery(database, keys)
        with UnitOfWork(database) as uow:
            collection = gallery.create_collection(
                uow,
                account_id=house,
                name="staff",
                region="us-east-1",
                face_model_version="1",
                dimensions=DIMENSIONS,
                tags={},
            )
            faces = gallery.enrol(uow, collection, [new_face(towards(0.9)), new_face(unit([1]))])
            gallery.create_user(uow, collection, "ada")
            gallery.associate(
                uow, collection, "ada", [faces[1].face_id], calibration=CALIBRATION, threshold=0
            )
            uow.commit()
    return collection, *(face.face_id for face in faces)


def found(cli, collection, face_id):
    """Users whom a search by the face finds, and which of these commands the account's log tells of."""
    with open_store(Settings.from_env(cli.environment)) as (database, keys):
        users = Gallery(database, keys).search_users_by_face(
            collection, face_id, calibration=CALIBRATION, threshold=0, limit=10
        )
        with database.read() as connection:
            latest = AuditLog(keys).list_latest(connection, collection.account_id)
    told = [each.members["operation"] for each in reversed(latest)]
    return [each.user_id for each in users], [each for each in told if "Reject" in each]


def test_a_match_is_rejected_listed_and_taken_back_and_the_log_says_so(cli, staff):
    """Who keeps the server corrects as an account does, and as visibly."""
    collection, face, adas = staff
    assert found(cli, collection, face) == (["ada"], [])
    row = cli.json("rejections", "add", "staff", face, "--user", "ada", "--reason", "her sister")
    assert (row["FaceId"], row["UserId"], row["Reason"]) == (str(face), "ada", "her sister")
    assert row["RejectedBy"].startswith("uid:")
    assert found(cli, collection, face) == ([], ["RejectMatch"])
    assert cli.json("rejections", "list", "staff", "--user", "ada") == [row]
    assert cli.json("rejections", "list", "staff", "--face", adas) == []
    assert "her sister" in cli.says("rejections", "list", "staff")
    assert cli.json("rejections", "withdraw", "staff", face, "--user", "ada") == row
    assert found(cli, collection, face) == (["ada"], ["RejectMatch", "WithdrawRejection"])
    assert "nothing is rejected" in cli.says("rejections", "list", "staff")


def test_what_cannot_be_rejected_says_why(cli, staff):
    """A refused correction changes nothing, and leaves no entry that says it did."""
    collection, face, adas = staff
    for words, code, says in (
        ((face,), 2, "with --user, or with --face"),
        ((face, "--user", "ada", "--face", adas), 2, "with --user, or with --face"),
        ((face, "--user", "nobody"), 1, "does not exist"),
        ((uuid.uuid4(), "--user", "ada"), 1, "does not exist"),
        ((adas, "--user", "ada"), 1, "disassociate it first"),
        (("face", "--user", "ada"), 2, "is not a valid UUID"),
        ((face, "--user", "ada", "--reason", "two\nlines"), 2, "one line"),
        ((face, "--user", "ada", "--reason", " "), 2, "one line"),
    ):
        failed, told = cli.fails("rejections", "add", "staff", *words)
        assert (failed, says in told) == (code, True), told
    assert cli.fails("rejections", "withdraw", "staff", face, "--user", "ada")[0] == 1
    assert cli.fails("rejections", "list", "nobody's")[0] == 1
    assert found(cli, collection, face) == (["ada"], [])
