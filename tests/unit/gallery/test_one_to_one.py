"""A face against one that is enrolled: the number that a search answers, without a search."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from countenance.accounts import Accounts
from countenance.errors import (
    InternalServerError,
    InvalidParameterException,
    ResourceNotFoundException,
    ThrottlingException,
)
from countenance.gallery import Gallery
from countenance.gallery.finality import Finality
from countenance.store import UnitOfWork
from countenance.types import FaceId
from fakes.faces import CALIBRATION, DIMENSIONS, new_face, random_templates, towards, unit

ALL = {"calibration": CALIBRATION, "threshold": 0.0, "limit": 4096}


@pytest.fixture
def renew(database, key_store, collection):
    """Templates into a basis of the collection's own."""

    def run():
        Finality(database, key_store).renew_basis(
            collection,
            is_own=True,
            began=lambda _connection: None,
            record=lambda _connection, _faces, _generation: None,
            renewed=lambda _connection: None,
        )

    return run


@pytest.fixture
def with_face(gallery, collection):
    def compare(face_id, probe, of=collection):
        return gallery.compare_with_face(of, face_id, probe, calibration=CALIBRATION)

    return compare


@pytest.fixture
def with_user(gallery, collection):
    def compare(user_id, probe):
        return gallery.compare_with_user(collection, user_id, probe, calibration=CALIBRATION)

    return compare


@pytest.mark.parametrize("is_renewed", [False, True], ids=["the model's basis", "one of its own"])
def test_it_is_as_similar_as_a_search_finds_it(gallery, collection, enrol, rng, renew, with_face, is_renewed):
    """To half a hundredth: a search may add up in another order."""
    templates = random_templates(rng, 20)
    face_ids = enrol(*templates)
    if is_renewed:
        renew()
    for probe in random_templates(rng, 3):
        found = {each.face.face_id: each.similarity for each in gallery.search(collection, probe, **ALL)}
        for face_id in face_ids:
            assert with_face(face_id, probe) == pytest.approx(found[face_id], abs=0.0101)


@pytest.mark.parametrize("is_renewed", [False, True], ids=["the model's basis", "one of its own"])
def test_a_user_is_the_mean_of_its_faces(gallery, collection, commit, enrol, renew, with_user, is_renewed):
    face_ids = enrol(unit([1]), towards(0.6))
    commit(gallery.create_user, collection, "ada")
    commit(gallery.associate, collection, "ada", face_ids, calibration=CALIBRATION, threshold=0.0)
    if is_renewed:
        renew()
    [found] = gallery.search_users(collection, towards(0.9), **ALL)
    assert with_user("ada", towards(0.9)) == pytest.approx(found.similarity, abs=0.0101)


def test_what_was_committed_counts_and_what_was_deleted_does_not(
    gallery, collection, commit, enrol, with_face
):
    [face_id] = enrol(unit([1]))
    assert with_face(face_id, towards(0.5)) == pytest.approx(80.0, abs=0.03)
    commit(gallery.delete_faces, collection, [face_id])
    with pytest.raises(InvalidParameterException, match="faceId was not found"):
        with_face(face_id, unit([1]))


def test_who_is_not_there_is_said_not_to_be(gallery, collection, commit, with_face, with_user):
    with pytest.raises(InvalidParameterException, match="faceId was not found"):
        with_face(FaceId(uuid.uuid4()), unit([1]))
    with pytest.raises(ResourceNotFoundException, match="ada"):
        with_user("ada", unit([1]))
    commit(gallery.create_user, collection, "ada")
    with pytest.raises(InvalidParameterException, match="no faces"):
        with_user("ada", unit([1]))


def test_a_face_of_another_collection_is_not_found(gallery, new_collection, enrol, with_face):
    [face_id] = enrol(unit([1]))
    with pytest.raises(InvalidParameterException, match="faceId was not found"):
        with_face(face_id, unit([1]), of=new_collection("others"))


def test_templates_of_two_models_never_meet(collection, enrol, with_face):
    """Whoever embedded a photo for the model of before begins again."""
    [face_id] = enrol(unit([1]))
    with pytest.raises(ThrottlingException, match="another face model"):
        with_face(face_id, unit([1]), of=replace(collection, face_model_version="2.0"))


def test_a_collection_that_was_deleted_is_gone(gallery, collection, commit, enrol, with_face):
    [face_id] = enrol(unit([1]))
    commit(gallery.delete_collection, collection)
    with pytest.raises(ResourceNotFoundException, match="friends"):
        with_face(face_id, unit([1]))


@pytest.mark.parametrize("of", ["face", "user"])
def test_nothing_is_decided_from_a_damaged_template(
    database, gallery, collection, commit, enrol, with_face, with_user, of
):
    [face_id] = enrol(unit([1]))
    commit(gallery.create_user, collection, "ada")
    commit(gallery.associate, collection, "ada", [face_id], calibration=CALIBRATION, threshold=0.0)
    with database.transaction() as connection:
        connection.execute(
            "update face set sealed_template = set_byte(sealed_template, 20, 255 -"
            " get_byte(sealed_template, 20)) where face_id = %s",
            (face_id,),
        )
    with pytest.raises(InternalServerError, match="damaged"):
        with_face(face_id, unit([1])) if of == "face" else with_user("ada", unit([1]))


def test_a_template_is_given_as_the_model_makes_it_whatever_basis_it_is_in(database, key_store):
    """What is kept of who objects is compared with faces of every collection of the model."""
    gallery = Gallery(database, key_store)
    face = new_face(unit([1, 2, 3]))
    for own in (False, True):
        with UnitOfWork(database) as uow:
            made = gallery.create_collection(
                uow,
                account_id=Accounts(database, key_store).create_account(f"basis {own}").account_id,
                name="c",
                region="r",
                face_model_version="1",
                dimensions=DIMENSIONS,
                tags={},
                has_own_basis=own,
            )
            uow.commit()
        with UnitOfWork(database) as uow:
            gallery.enrol(uow, made, [face])
            uow.commit()
        assert float(gallery.template_of(made, face.face_id) @ face.template) == pytest.approx(1.0, abs=1e-3)
