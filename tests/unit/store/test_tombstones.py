"""No acknowledged erasure without its tombstone, no tombstone of what was not erased."""

from __future__ import annotations

import threading
import uuid
from concurrent import futures

import pytest

from countenance.cli.installation import open_tombstones
from countenance.gallery import Gallery
from countenance.settings import Settings
from countenance.store import StoreUnavailable, Tombstones, UnitOfWork
from countenance.store.tombstones import find_copy, remember_copy, tombstone_list
from installations import installed


@pytest.fixture
def house(empty_database_url, tmp_path):
    with installed(empty_database_url, tmp_path / "data") as made:
        made.staff = made.make_collection("staff")
        made.faces = [face.face_id for face in made.enrol(made.staff, 40)]
        yield made


def listed(house, path=None):
    """Kind and words of each line."""
    read = tombstone_list(house.keys, path or house.list).read()
    return [(each.kind, *each.words) for each in read]


def erased(house, path=None):
    return {face for kind, *words in listed(house, path) if kind == "face" for face in words[1].split(",")}


def test_every_way_of_erasing_is_in_the_list_when_it_returns(house):
    """And the database keeps nothing of it."""
    gallery, staff = house.gallery, house.staff
    house.change(lambda uow: gallery.delete_faces(uow, staff, house.faces[:2]))
    assert erased(house) == {str(face) for face in house.faces[:2]}
    house.change(lambda uow: gallery.erase_faces(uow, staff, house.faces[2:3]))
    run = uuid.uuid4()
    with house.database.transaction() as connection:
        connection.execute("update face set import_id = %s where face_id = %s", (run, house.faces[3]))
    house.change(lambda uow: gallery.undo_import(uow, staff, run))
    assert str(house.faces[3]) in erased(house)
    house.change(lambda uow: gallery.create_user(uow, staff, "ada"))
    house.change(lambda uow: gallery.delete_user(uow, staff, "ada"))
    house.change(lambda uow: gallery.delete_collection(uow, staff))
    assert [line[0] for line in listed(house)] == ["face", "face", "face", "user", "collection"]
    assert listed(house)[-1] == ("collection", str(staff.collection_id))
    assert house.one("select count(*) from erasure") == (0,)


def test_faces_that_go_past_the_gallery_are_in_the_list_as_well(house):
    """Whoever deletes rows, in whatever words: the next one to write writes for all."""
    with house.database.transaction() as connection:
        connection.execute("delete from face where face_id = any(%s)", (house.faces[:3],))
    house.tombstones.write()
    assert erased(house) == {str(face) for face in house.faces[:3]}


def test_a_vault_that_is_closed_is_in_the_list_and_not_again_with_its_collection(house):
    gallery, other = house.gallery, house.make_collection("other")
    for collection in (house.staff, other):
        house.change(lambda uow, it=collection: gallery.vaults.open(uow, it, kept_days=30))
    house.change(lambda uow: gallery.vaults.close(uow, house.staff))
    house.change(lambda uow: gallery.delete_collection(uow, other))
    house.tombstones.write()
    assert listed(house) == [
        ("vault", str(house.staff.collection_id)),
        ("collection", str(other.collection_id)),
    ]


def test_what_was_rolled_back_is_in_no_list(house):
    """It would be erased by a restore, and never was."""
    with UnitOfWork(house.database) as uow:
        house.gallery.erase_faces(uow, house.staff, house.faces[:5])
    house.tombstones.flush()
    assert not house.list.exists()
    house.tombstones.write()
    assert listed(house) == []


def test_what_a_crash_kept_from_the_list_is_made_good(house):
    """Between commit and list: a process that came no further leaves it to the next."""
    with UnitOfWork(house.database) as uow:
        Gallery(house.database, house.keys).erase_faces(uow, house.staff, house.faces[:5])
        uow.commit()
    assert not house.list.exists()
    house.tombstones.write()
    assert erased(house) == {str(face) for face in house.faces[:5]}


def test_each_of_many_that_erase_at_once_finds_its_own_in_the_list(house):
    """Though one of them wrote for others."""
    together = threading.Barrier(8)

    doors = [house.gallery, house.gallery]  # as of two processes, with four threads each

    def erase(number):
        gallery = doors[number % 2]
        together.wait()
        missing = []
        for face in house.faces[number::8]:
            house.change(lambda uow, face=face: gallery.erase_faces(uow, house.staff, [face]))
            missing += [face] if str(face) not in erased(house) else []
        return missing

    with futures.ThreadPoolExecutor(8) as pool:
        assert [missing for missing in pool.map(erase, range(8)) if missing] == []
    assert erased(house) == {str(face) for face in house.faces}


def test_a_list_that_cannot_be_written_is_told_and_written_later(house, tmp_path):
    """The face is gone, its caller is not told so: fail closed."""
    house.list.mkdir()
    with pytest.raises(StoreUnavailable, match="tombstone list cannot be written"):
        house.change(lambda uow: house.gallery.erase_faces(uow, house.staff, house.faces[:1]))
    assert len(house.gallery.list_faces(house.staff, limit=100)) == 39
    house.list.rmdir()
    house.tombstones.write()
    assert erased(house) == {str(house.faces[0])}


def test_the_second_place_holds_the_same_and_is_made_whole(house, tmp_path):
    """A new disk gets all of it; a lost data directory's list comes from the other disk."""
    house.change(lambda uow: house.gallery.erase_faces(uow, house.staff, house.faces[:1]))
    (tmp_path / "disk").mkdir()
    copy = tmp_path / "disk" / "tombstones"
    both = Tombstones(house.database, house.keys, data_dir=house.data_dir, copy=copy)
    gallery = Gallery(house.database, house.keys, tombstones=both)
    house.change(lambda uow: gallery.erase_faces(uow, house.staff, house.faces[1:2]))
    both.say_alive()
    assert copy.read_bytes() == house.list.read_bytes()
    assert erased(house, copy) == {str(face) for face in house.faces[:2]}
    house.list.unlink()
    house.change(lambda uow: gallery.erase_faces(uow, house.staff, house.faces[2:3]))
    assert erased(house) == erased(house, copy) == {str(face) for face in house.faces[:3]}


def test_a_command_that_is_not_told_of_the_second_place_writes_it_all_the_same(house, tmp_path):
    """Else what it erased would come back with a backup when the first disk is lost."""
    copy = tmp_path / "copy"
    remember_copy(house.data_dir, None)
    assert find_copy(house.data_dir) is None
    remember_copy(house.data_dir, copy)
    with house.database.transaction() as connection:
        connection.execute("delete from face where face_id = %s", (house.faces[0],))
    open_tombstones(house.database, house.keys, Settings(data_dir=house.data_dir)).flush()
    assert erased(house, copy) == erased(house) == {str(house.faces[0])}


def test_a_second_place_that_is_not_there_is_told(house, tmp_path):
    """It is a disk that is not mounted: nothing is made in its stead."""
    both = Tombstones(house.database, house.keys, data_dir=house.data_dir, copy=tmp_path / "disk" / "list")
    with pytest.raises(StoreUnavailable, match=r"disk/list.*No such file"):
        both.say_alive()


def test_another_installations_list_in_the_second_place_is_not_written_to(house, tmp_path):
    (tmp_path / "list").write_text("countenance-tombstones/1 00\n")
    both = Tombstones(house.database, house.keys, data_dir=house.data_dir, copy=tmp_path / "list")
    with pytest.raises(StoreUnavailable, match="another installation"):
        both.say_alive()
