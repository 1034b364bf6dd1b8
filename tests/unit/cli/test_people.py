"""`countenance people`."""

from __future__ import annotations

import json
import uuid

import pytest

from countenance.accounts import Actor
from countenance.cli.installation import open_store
from countenance.gallery import Gallery
from countenance.rights import Rights
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


@pytest.fixture
def opened(cli):
    """The rights of the installation: what calls do and no command does."""
    with open_store(Settings.from_env(cli.environment)) as (database, keys):
        yield database, Rights.open(database, keys, Gallery(database, keys))


def consented(opened, account_id, faces, reference):
    """Faces of `staff` by a consent, as PutConsent binds them."""
    database, rights = opened
    [collection] = Gallery(database, rights.erasing._keys).find_named("us-east-1", "staff")
    assert collection.account_id == account_id
    ids = [uuid.UUID(each) for each in faces]
    rights.consents.put(collection, reference, ids, recorded_by="Olga", actor=Actor("Olga"))


def test_a_consent_is_seen_and_withdrawn_with_its_faces(cli, house, staff, opened):
    """What the person signed is looked for by the operator's own words for it."""
    consented(opened, house, staff[:1], "form 7")
    [seen] = cli.json("people", "consents")
    assert (seen["Reference"], seen["Faces"], seen["WithdrawnAt"]) == ("form 7", 1, None)
    assert cli.fails("people", "withdraw-consent", "form 8")[0] == 1
    assert cli.json("people", "withdraw-consent", "form 7")["ErasedFaceIds"] == staff[:1]
    [seen] = cli.json("people", "consents", "--account", house)
    assert (seen["Faces"], seen["WithdrawnAt"] is None) == (0, False)
    code, said = cli.fails("people", "withdraw-consent", "form 7")
    assert (code, "already" in said) == (1, True)
    assert cli.json("people", "consents", "--account", "000000000000") == []


def test_a_hold_keeps_faces_until_an_officer_releases_it(cli, house, staff, opened, officers):
    """Consent and request wait for it, nothing is erased; afterwards both go through."""
    first = staff[0]
    consented(opened, house, [first], "form 7")
    hold = ("people", "hold", "staff", "--face", first, "--reason", "court order")
    assert "--officer" in cli.fails(*hold)[1]  # there are two
    made = cli.json(*hold, "--officer", officers[1])
    [seen] = cli.json("people", "holds")
    assert (seen["HoldId"], seen["FaceIds"], seen["PutBy"]) == (made["HoldId"], [first], officers[1])
    assert first[:8] not in cli.says("people", "holds")
    asked = cli.json("people", "open", "staff", "--face", first, "--kind", "erasure", "--attest", "seen")
    for stopped in (
        ("people", "withdraw-consent", "form 7"),
        ("people", "grant", asked["RequestId"], "--reason", "as asked"),
    ):
        code, said = cli.fails(*stopped)
        assert (code, "HLD-001" in said) == (1, True)
    assert cli.json("people", "consents")[0]["WithdrawnAt"] is None
    release = ("people", "release-hold", made["HoldId"], "--reason", "over", "--officer", officers[0])
    assert cli.json(*release)["Status"] == "released"
    assert cli.fails(*release)[0] == 1
    assert cli.json("people", "holds")[0]["ReleasedBy"] == officers[0]
    done = cli.json("people", "grant", asked["RequestId"], "--reason", "as asked")
    assert done["ErasedFaceIds"] == [first]


def test_kept_templates_are_listed_and_forgotten_with_their_keys(cli, house, staff, opened):
    """The person takes the consent back: neither a row nor a key is left."""
    database, rights = opened
    assert cli.json("people", "kept") == []
    asked = cli.json("people", "open", "staff", "--face", staff[0], "--kind", "objection", "--attest", "seen")
    request = rights.requests.require(uuid.UUID(asked["RequestId"]))
    block = rights.objections.read(request)
    with UnitOfWork(database) as uow:
        rights.requests.decide(
            uow, request, "grant", reason="as asked", decided_by="Olga",
            actor=Actor("Olga", uow.connection), block=block, block_consent="form B",
        )  # fmt: skip
        uow.commit()
    [seen] = cli.json("people", "kept", "--account", house)
    assert (seen["RequestId"], seen["Templates"], seen["Consent"]) == (asked["RequestId"], 1, "form B")
    secrets = cli.data_dir / "keys/secrets"
    assert [each.name for each in secrets.glob("objection-*")] != []
    assert cli.json("people", "forget-kept", asked["RequestId"])["Forgotten"] == 1
    assert (cli.json("people", "kept"), list(secrets.glob("objection-*"))) == ([], [])
    assert cli.fails("people", "forget-kept", asked["RequestId"])[0] == 1
