"""Everything that is sealed of faces is opened, with the seal that it was made with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from countenance.backup.opening import Opened, open_all
from countenance.backup.proving import prove
from countenance.gallery.two_models import Model
from countenance.types import WeighedTemplate
from fakes.faces import new_face, unit
from installations import back_up

NEW = Model("2", 4)
OTHER = np.array([1, 0, 0, 0], np.float32)
WEIGHED = WeighedTemplate(OTHER)


@pytest.fixture
def switched(house):
    """Ten faces of two models, the newer in use; then two more with crops, the other's templates wanting."""
    gallery, staff = house.gallery, house.staff
    house.change(lambda uow: gallery.reembeddings.start(uow, staff, NEW, "folder"))
    run = gallery.reembeddings.require(staff)
    house.change(
        lambda uow: gallery.shadow_templates.put(uow, staff, run, NEW, dict.fromkeys(house.faces, WEIGHED))
    )
    house.change(lambda uow: gallery.reembeddings.finish_building(uow, staff, run))
    house.change(lambda uow: gallery.reembeddings.switch(uow, staff, run))
    house.staff = staff = gallery.require_collection(house.account_id, "us-east-1", "staff")
    house.change(lambda uow: gallery.vaults.open(uow, staff, kept_days=30))
    new = [replace(new_face(unit([1])), template=OTHER, crop=b"a picture") for _ in range(2)]
    house.new = [face.face_id for face in new]
    house.change(lambda uow: gallery.enrol(uow, staff, new))
    return house


def opened(house):
    told = []
    found = open_all(house.database, house.keys, tell=told.append)
    assert sum(told) == found.templates + found.broken_templates or found.broken_templates
    return found


def damage(house, table, column, face_id):
    with house.database.transaction() as connection:
        connection.execute(
            f"update {table} set {column} = {column} || '\\x00' where face_id = %s",
            (face_id,),
        )


def test_after_a_change_of_model_sound_templates_of_both_open(switched):
    """Faces' own rows are of either model: which, their slots say."""
    assert switched.all("select model_slot, count(*) from face group by 1 order by 1") == [(0, 10), (1, 2)]
    assert opened(switched) == Opened(templates=12, other_templates=10, crops=2)


def test_a_backup_of_a_collection_of_two_models_is_proved(switched, tmp_path):
    kept = back_up(switched, tmp_path / "kept")
    proved = prove(kept.file, work_dir=tmp_path)
    assert proved.is_whole
    assert proved.opened == Opened(templates=12, other_templates=10, crops=2)
    assert not list(tmp_path.glob("countenance-verify-*"))


def test_what_does_not_open_is_counted_by_its_kind_and_its_face_named_once(switched):
    first, second, *_ = switched.faces
    damage(switched, "face", "sealed_template", first)
    damage(switched, "shadow_template", "sealed_template", first)
    damage(switched, "shadow_template", "sealed_template", second)
    damage(switched, "vault_crop", "sealed_crop", switched.new[0])
    found = opened(switched)
    assert (found.templates, found.other_templates, found.crops) == (11, 8, 1)
    assert (found.broken_templates, found.broken_crops) == (3, 1)
    assert sorted(found.broken) == sorted(map(str, (first, second, switched.new[0])))


def test_without_its_key_nothing_of_a_collection_opens(switched):
    switched.keys.destroy_collection_key(switched.staff.collection_id)
    found = opened(switched)
    assert (found.templates, found.other_templates, found.crops) == (0, 0, 0)
    assert (found.broken_templates, found.broken_crops) == (22, 2)
