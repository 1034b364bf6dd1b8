"""What an enrolment brings beside its templates."""

from __future__ import annotations

import pytest

from countenance.errors import InvalidParameterException, SetupError
from countenance.gallery.stored import weights_of
from countenance.gallery.two_models import Model, read_models
from countenance.store import UnitOfWork
from fakes.vision import person, picture


@pytest.fixture
def moving(call, collection):
    """The collection's gallery row, being re-embedded onto the pack `2.0`."""
    found = call.gallery.require_collection(call.caller.account_id, call.caller.region, collection)
    with UnitOfWork(call.database) as uow:
        call.gallery.reembeddings.start(uow, found, Model("2.0", 48), "folder")
        uow.commit()
    return found


def index(call, collection, data, **given):
    told = call("IndexFaces", CollectionId=collection, Image={"Bytes": data}, **given)
    return [record["Face"]["FaceId"] for record in told["FaceRecords"]]


def embedded(call, found):
    templates = call.gallery.shadow_templates.templates(found, Model("2.0", 48))
    return {str(face_id) for face_id in templates.face_ids}


def test_a_new_face_gets_both_templates_while_its_collection_is_re_embedded(call, collection, moving):
    two = index(call, collection, picture(person("ada"), person("bob", left=500, size=150)))
    assert len(two) == 2
    assert embedded(call, moving) == set(two)


def test_both_templates_weigh_what_their_models_say(call, collection, moving):
    """A sharp photograph counts for more among its user's, before a switch and after."""
    index(call, collection, picture(person("ada", weight=2.0)))
    for model in (Model("1.0", 64), Model("2.0", 48)):
        (weight,) = weights_of(call.gallery.shadow_templates.templates(moving, model).stored)
        assert weight == 2.0


def test_a_second_pack_that_is_not_there_stops_no_enrolment(call, collection, moving, monkeypatch, caplog):
    monkeypatch.setattr(type(call.models), "packs", {"1.0": "fake"})
    (face_id,) = index(call, collection, picture(person("ada")))
    assert embedded(call, moving) == set()
    assert "face model 2.0" in caplog.text
    assert "not installed" in caplog.text
    assert call("ListFaces", CollectionId=collection)["Faces"][0]["FaceId"] == face_id


def test_nor_does_one_that_cannot_be_used(call, collection, moving, monkeypatch, caplog):
    def broken(*_):
        raise SetupError("the file is damaged")

    monkeypatch.setattr(call.models.vision("2.0"), "detect", broken)
    assert len(index(call, collection, picture(person("ada")))) == 1
    assert embedded(call, moving) == set()
    assert "the file is damaged" in caplog.text


def test_a_face_that_the_second_pack_does_not_find_is_enrolled_without(call, collection, moving, monkeypatch):
    new = call.models.vision("2.0")
    original = new.detect
    monkeypatch.setattr(new, "detect", lambda pixels: type(original(pixels))(1000, 800, ()))
    assert len(index(call, collection, picture(person("ada")))) == 1
    assert embedded(call, moving) == set()


def test_a_crop_is_kept_only_where_there_is_a_vault(call):
    call("CreateCollection", CollectionId="plain")
    call("CreateCollection", CollectionId="kept", Tags={"countenance:vault-days": "30", "team": "x"})
    vaults, counts = call.gallery.vaults, {}
    for name in ("plain", "kept"):
        index(call, name, picture(person("ada")))
        found = call.gallery.require_collection(call.caller.account_id, call.caller.region, name)
        counts[name] = vaults.find(found) and (vaults.find(found).kept_days, vaults.find(found).crops)
    assert counts == {"plain": None, "kept": (30, 1)}
    with call.database.read() as connection:
        latest = call.audit.list_latest(connection, call.caller.account_id)
    assert [(each.members["operation"], each.opened("resource")) for each in latest][:1] == [
        ("OpenVault", "crops of enrolled faces are kept for 30 days")
    ]


def test_a_collection_may_be_made_with_a_basis_of_its_own(call):
    """And is searched as any other; what cannot be is refused, with what can."""
    call("CreateCollection", CollectionId="turned", Tags={"countenance:basis": "own"})
    (face_id,) = index(call, "turned", picture(person("ada")))
    index(call, "turned", picture(person("bob")))
    found = call(
        "SearchFacesByImage",
        CollectionId="turned",
        Image={"Bytes": picture(person("ada"))},
        FaceMatchThreshold=90,
    )
    assert [match["Face"]["FaceId"] for match in found["FaceMatches"]] == [face_id]
    collection = call.gallery.require_collection(call.caller.account_id, call.caller.region, "turned")
    with call.database.read() as connection:
        sealing = read_models(connection, collection).sealing
        latest = call.audit.list_latest(connection, call.caller.account_id)
    assert (sealing.basis, sealing.earlier, sealing.generation) == (1, 1, 1)
    assert ("RenewBasis", "templates are in a basis of the collection's own") in [
        (each.members["operation"], each.opened("resource")) for each in latest
    ]
    arn = call("DescribeCollection", CollectionId="turned")["CollectionARN"]
    assert call("ListTagsForResource", ResourceArn=arn)["Tags"] == {}
    with pytest.raises(InvalidParameterException, match="it may be own or model"):
        call("CreateCollection", CollectionId="other", Tags={"countenance:basis": "mine"})
