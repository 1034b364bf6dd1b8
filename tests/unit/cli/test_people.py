"""`countenance people`."""

from __future__ import annotations

import json

import pytest

from countenance.cli.installation import open_store
from countenance.gallery import Gallery
from countenance.settings import Settings
from countenance.store import UnitOfWork
from fakes.faces import DIMENSIONS, new_face, towards, unit


@pytest.fixture
def staff(cli, house):
    """`staff`, with two faces: their ids."""
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
            uow.commit()
    return [str(face.face_id) for face in faces]


def test_somebody_is_let_know_and_erased_from_the_machine(cli, staff):
    """The operator's path, from the desk to the proof, without a server."""
    first, second = staff
    who = ("staff", "--face", first, "--attest", "passport seen")
    access = cli.json("people", "open", *who, "--kind", "access")
    assert (access["IdentifiedBy"], access["Status"]) == ("operator", "open")
    report = cli.json("people", "report", access["RequestId"])
    assert [face["FaceId"] for face in report["Faces"]] == [first]
    assert second not in json.dumps(report)
    erasure = cli.json("people", "open", *who, "--kind", "erasure")
    longer = cli.json("people", "extend", erasure["RequestId"], "--months", "1", "--reason", "archived")
    assert longer["DueAt"] > erasure["DueAt"]
    assert first[:8] not in cli.says("people", "requests")
    done = cli.json("people", "grant", erasure["RequestId"], "--reason", "as asked")
    assert (done["Status"], done["ErasedFaceIds"]) == ("granted", [first])
    proof = cli.json("people", "proof", erasure["RequestId"])
    assert (proof["Holds"], proof["RowsLeft"], proof["IsListed"]) == (True, 0, True)
    assert proof["Receipt"].startswith("countenance-erasure/v1\n")
    assert cli.json("people", "refuse", access["RequestId"], "--reason", "abusive")["Status"] == "refused"
    assert cli.json("people", "requests", "--status", "open") == []


def test_a_code_is_shown_once(cli, staff):
    made = cli.json("people", "code", "staff", "--face", staff[0])
    assert list(made) == ["Code"]
    assert len(made["Code"].replace("-", "")) == 24
