"""A backup is of one moment, whatever is written meanwhile, and there wholly or not at all."""

from __future__ import annotations

import resource
import subprocess
import tarfile
import threading
import time
import uuid
from io import BytesIO

import pytest

from countenance.assurance.independent_keys import KEY_PREFIX
from countenance.backup.envelope import decrypted, load_identities
from countenance.backup.making import make_backup
from countenance.backup.restoring import Target, Wishes, restore
from countenance.errors import SetupError
from countenance.store import keeping_keys
from fakes.faces import CALIBRATION
from installations import back_up, load_identities_of, reopened

NONE = Wishes(no_tombstones="a test")


def members(kept):
    with kept.path.open("rb") as file, decrypted(file, load_identities(kept.identity), name="x") as plain:
        return tarfile.open(fileobj=BytesIO(plain.read())).getnames()


def test_it_holds_tables_keys_and_what_else_is_state(house, tmp_path):
    """A plain tar within; nothing of what a server makes anew by itself."""
    (house.data_dir / "credentials").write_text("[countenance]\n")
    (house.data_dir / "keys" / "collections" / ".half-written").write_bytes(b"x")
    kept = back_up(house, tmp_path / "kept")
    names = members(kept)
    assert names[0] == "backup.json"
    assert names[-2:] == ["manifest.json", "manifest.sig"]
    assert {"keys/master.key", "keys/log-head", "credentials", "tables/face/000001.gz"} <= set(names)
    assert not any(name.startswith(("keys/collections/.", "postgres", "tombstones")) for name in names)
    assert kept.file.check() == kept.manifest
    assert kept.manifest.faces == 10
    assert kept.path.stat().st_mode & 0o777 == 0o600


def test_no_key_of_an_independent_test_is_in_it(house, tmp_path):
    """What a tester deletes is gone from every backup as well: none ever had what opens it."""
    name = f"{KEY_PREFIX}{uuid.uuid4()}"
    house.keys.create_secret(name)
    house.keys.create_secret("another")
    names = members(back_up(house, tmp_path / "kept"))
    assert "keys/secrets/another" in names
    assert [each for each in names if KEY_PREFIX in each] == []


def test_what_is_written_meanwhile_is_in_another_backup(house, tmp_path, target_url):
    """Enrolments, deletions, a key that is replaced and a collection that goes, while rows are copied."""
    other = house.make_collection("other")
    house.enrol(other, 5)
    done = []

    def meanwhile(_done, _all):
        if not done:
            done.append(True)
            house.enrol(house.staff, 3)
            house.change(lambda uow: house.gallery.erase_faces(uow, house.staff, house.faces[:2]))
            house.gallery.finality.make_final(house.staff, record=lambda *_: None)
            house.change(lambda uow: house.gallery.delete_collection(uow, other))

    kept = back_up(house, tmp_path / "kept", tell=meanwhile)
    assert done
    assert kept.manifest.faces == 15
    assert not (house.data_dir / "keys" / "collections" / str(other.collection_id)).exists()
    restore(kept.file, Target(tmp_path / "new", target_url), NONE)
    with reopened(target_url, tmp_path / "new") as there:
        for name, count in (("staff", 10), ("other", 5)):
            collection = there.gallery.require_collection(there.account_id, "us-east-1", name)
            assert len(there.gallery.list_faces(collection, limit=100)) == count
            templates = [
                there.gallery.search_by_face(
                    collection, face.face_id, calibration=CALIBRATION, threshold=0, limit=50
                )
                for face in there.gallery.list_faces(collection, limit=1)
            ]
            assert len(templates[0]) == count - 1  # every one of them opens


def test_a_basis_comes_with_it_also_half_way_from_one_into_another(house, tmp_path, target_url, monkeypatch):
    """Of one collection whose basis is renewed and of one where that is under way as it is backed up."""
    monkeypatch.setattr("countenance.gallery.resealing._ROWS_AT_ONCE", 2)
    half = house.make_collection("half")
    house.enrol(half, 5)

    def killed(_faces):
        raise KeyboardInterrupt

    given = {"began": lambda _: None, "record": lambda *_: None, "renewed": lambda _: None}
    house.gallery.finality.renew_basis(house.staff, **given)
    house.gallery.finality.renew_basis(half, **given)
    with pytest.raises(KeyboardInterrupt):
        house.gallery.finality.renew_basis(half, progress=killed, **given)
    question = {"calibration": CALIBRATION, "threshold": 0, "limit": 50}

    def answers(gallery, collection):
        return {
            (face.face_id, match.face.face_id): match.similarity
            for face in gallery.list_faces(collection, limit=100)
            for match in gallery.search_by_face(collection, face.face_id, **question)
        }

    before = {each.name: answers(house.gallery, each) for each in (house.staff, half)}
    kept = back_up(house, tmp_path / "kept")
    assert kept.manifest.without_key == ()
    restore(kept.file, Target(tmp_path / "new", target_url), NONE)
    with reopened(target_url, tmp_path / "new") as there:
        for name in ("staff", "half"):
            collection = there.gallery.require_collection(there.account_id, "us-east-1", name)
            assert answers(there.gallery, collection) == before[name]
            there.gallery.finality.renew_basis(collection, **given)
            (basis,) = there.gallery.finality.bases(account_id=there.account_id, name=name)
            assert (basis.is_own, basis.is_renewing) == (True, False)
            assert answers(there.gallery, collection).keys() == before[name].keys()
    (seed,) = (house.data_dir / "keys" / "collections").glob(f"{half.collection_id}.basis-2")
    seed.unlink()
    assert back_up(house, tmp_path / "later").manifest.without_key == (str(half.collection_id),)


def test_no_key_is_destroyed_while_keys_are_copied(house):
    """Who destroys waits; a snapshot's rows would open with nothing."""
    house.change(lambda uow: house.gallery.erase_faces(uow, house.staff, house.faces[:1]))
    finishing = threading.Thread(
        target=house.gallery.finality.make_final, args=(house.staff,), kwargs={"record": lambda *_: None}
    )
    first = house.data_dir / "keys" / "collections" / f"{house.staff.collection_id}.1"
    with keeping_keys(house.database):
        finishing.start()
        time.sleep(0.5)
        assert finishing.is_alive()
        assert first.exists()
    finishing.join(20)
    assert not first.exists()


def test_a_collection_that_has_lost_its_key_is_named_and_keeps_no_other_from_being_backed_up(house, tmp_path):
    """Its rows are noise; the rest is worth a backup all the more."""
    lost = house.make_collection("lost")
    house.keys.destroy_collection_key(lost.collection_id)
    assert back_up(house, tmp_path / "kept").manifest.without_key == (str(lost.collection_id),)


def test_a_file_that_is_there_is_not_replaced_unasked(house, tmp_path):
    kept = back_up(house, tmp_path / "kept")
    before = kept.path.read_bytes()
    with pytest.raises(SetupError, match="is there already"):
        back_up(house, tmp_path / "kept")
    assert kept.path.read_bytes() == before
    assert back_up(house, tmp_path / "kept", replace=True).manifest.faces == 10
    assert kept.path.read_bytes() != before


def test_a_full_disk_leaves_nothing_behind(house, tmp_path):
    """Neither a half file nor the one before harmed."""
    kept = back_up(house, tmp_path / "kept")
    before = kept.path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        with pytest.raises(SetupError, match=r"a\.backup` cannot be written: File too large"):
            back_up(house, tmp_path / "kept", replace=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert kept.path.read_bytes() == before
    assert sorted(path.name for path in kept.path.parent.iterdir()) == ["a.backup", "identity"]


def test_a_disk_that_is_full_indeed(house, tmp_path):
    """A file system of 64 KiB, where one can be mounted."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        (small / "filler").write_bytes(bytes(60_000))
        with pytest.raises(SetupError, match="No space left on device"):
            make_backup(house.source, small / "b", load_identities_of(tmp_path / "identity"))
        assert [path.name for path in small.iterdir()] == ["filler"]
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_place_that_is_none_is_told(house, tmp_path):
    with pytest.raises(SetupError, match="cannot be written: No such file"):
        make_backup(house.source, tmp_path / "nowhere" / "b", load_identities_of(tmp_path / "identity"))
