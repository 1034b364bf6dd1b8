from __future__ import annotations

import stat
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from countenance.errors import SetupError
from countenance.store import Database, KeyMissing, KeyStore

COLLECTION = uuid.UUID("00000000-0000-0000-0000-000000000001")


def test_a_collections_key_is_the_same_after_reopening(tmp_path: Path):
    """A key that changed would make every template of the collection unreadable."""
    key = KeyStore.open(tmp_path / "keys").create_collection_key(COLLECTION)
    assert len(key) == 32
    assert KeyStore.open(tmp_path / "keys").collection_key(COLLECTION) == key


def test_a_destroyed_key_is_gone_for_every_process_and_can_be_destroyed_again(tmp_path: Path):
    """This is what makes deletion final: nobody may have kept a copy."""
    ours, theirs = KeyStore.open(tmp_path / "keys"), KeyStore.open(tmp_path / "keys")
    ours.create_collection_key(COLLECTION)
    ours.destroy_collection_key(COLLECTION)
    ours.destroy_collection_key(COLLECTION)
    for store in (ours, theirs):
        with pytest.raises(KeyMissing):
            store.collection_key(COLLECTION)
    assert list((tmp_path / "keys" / "collections").iterdir()) == []


def test_a_collection_gets_one_key_only(key_store: KeyStore):
    """A second key would orphan what the first one sealed."""
    key = key_store.create_collection_key(COLLECTION)
    with pytest.raises(FileExistsError):
        key_store.create_collection_key(COLLECTION)
    assert key_store.collection_key(COLLECTION) == key


def test_no_key_lies_in_the_clear_beside_the_master_key(tmp_path: Path):
    """Without the master key the rest of the folder is worth nothing."""
    key = KeyStore.open(tmp_path / "keys").create_collection_key(COLLECTION)
    for file in (tmp_path / "keys").rglob("*"):
        assert file.is_dir() or key not in file.read_bytes()


def test_everything_in_the_folder_is_ours_alone(tmp_path: Path):
    """The folder is the one thing that must not leak with the database."""
    KeyStore.open(tmp_path / "keys").create_collection_key(COLLECTION)
    for path in [tmp_path / "keys", *(tmp_path / "keys").rglob("*")]:
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_a_wrapped_key_under_another_collections_name_does_not_open(tmp_path: Path):
    """Swapping two files must not swap two galleries."""
    store = KeyStore.open(tmp_path / "keys")
    store.create_collection_key(COLLECTION)
    folder = tmp_path / "keys" / "collections"
    other = uuid.UUID(int=2)
    (folder / str(COLLECTION)).rename(folder / str(other))
    with pytest.raises(SetupError, match="damaged"):
        store.collection_key(other)


def seal(database: Database, key_store: KeyStore) -> bytes:
    with database.transaction() as connection:
        return key_store.seal(b"secret", context=b"row/1", within=connection)


def test_what_is_sealed_opens_under_its_context_alone(database: Database, key_store: KeyStore):
    """A secret copied into another row must not open there."""
    sealed = seal(database, key_store)
    assert b"secret" not in sealed
    assert key_store.unseal(sealed, context=b"row/1") == b"secret"
    with pytest.raises(SetupError):
        key_store.unseal(sealed, context=b"row/2")


@pytest.mark.parametrize("position", [0, 12, -1])
def test_a_sealed_secret_that_was_altered_or_cut_does_not_open(
    database: Database, key_store: KeyStore, position: int
):
    """Nonce, text and tag are all covered."""
    sealed = bytearray(seal(database, key_store))
    sealed[position] ^= 1
    for altered in (bytes(sealed), bytes(sealed[:5]), b""):
        with pytest.raises(SetupError):
            key_store.unseal(altered, context=b"row/1")


def test_two_seals_of_one_secret_differ(database: Database, key_store: KeyStore):
    """Equal ciphertexts would tell that two secrets are equal; a repeated nonce would break the cipher."""
    assert len({seal(database, key_store) for _ in range(100)}) == 100


def test_a_secret_is_sealed_only_in_the_transaction_that_writes_it(database: Database, key_store: KeyStore):
    """Else a rotation could not know whom to wait for, and the row would be lost."""
    with database.read() as connection, pytest.raises(AssertionError):
        key_store.seal(b"secret", context=b"row/1", within=connection)


def test_derived_keys_are_stable_and_one_for_each_purpose(tmp_path: Path):
    """Page tokens of one process are read by another, and by nobody with a key of another purpose."""
    first, second = KeyStore.open(tmp_path / "keys"), KeyStore.open(tmp_path / "keys")
    assert first.derive("page-tokens") == second.derive("page-tokens")
    assert first.derive("page-tokens") != first.derive("other")


def test_a_missing_master_key_is_told_not_replaced(tmp_path: Path):
    """A new one would look like a start and be the loss of every gallery."""
    KeyStore.open(tmp_path / "keys").create_collection_key(COLLECTION)
    (tmp_path / "keys" / "master.key").unlink()
    with pytest.raises(SetupError, match=r"master.key` is missing.*backup"):
        KeyStore.open(tmp_path / "keys")


def test_a_missing_ring_beside_collection_keys_is_told(tmp_path: Path):
    """Both master files gone and keys left: somebody restored half a folder."""
    KeyStore.open(tmp_path / "keys").create_collection_key(COLLECTION)
    (tmp_path / "keys" / "master.key").unlink()
    (tmp_path / "keys" / "ring").unlink()
    with pytest.raises(SetupError, match="collections have keys"):
        KeyStore.open(tmp_path / "keys")
    assert not (tmp_path / "keys" / "master.key").exists()


@pytest.mark.parametrize(("content", "problem"), [(b"x" * 32, "not the one in use"), (b"short", "damaged")])
def test_another_or_a_damaged_master_key_is_told_at_start(tmp_path: Path, content: bytes, problem: str):
    """Not at the first face that does not open."""
    KeyStore.open(tmp_path / "keys").create_collection_key(COLLECTION)
    (tmp_path / "keys" / "master.key").write_bytes(content)
    with pytest.raises(SetupError, match=problem):
        KeyStore.open(tmp_path / "keys")


def test_a_master_key_that_others_may_read_is_refused(tmp_path: Path):
    """It may have been copied already: the operator has to know."""
    KeyStore.open(tmp_path / "keys")
    (tmp_path / "keys" / "master.key").chmod(0o644)
    with pytest.raises(SetupError, match="chmod 600"):
        KeyStore.open(tmp_path / "keys")


def test_processes_that_open_a_new_store_at_once_agree_on_one_master_key(tmp_path: Path):
    """Workers start together; two master keys would make half of what they seal unreadable."""
    program = (
        "import sys; from pathlib import Path; from countenance.store import KeyStore;"
        "print(KeyStore.open(Path(sys.argv[1])).fingerprint.hex())"
    )
    racing = [
        subprocess.Popen([sys.executable, "-c", program, tmp_path / "keys"], stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    answers = {process.communicate()[0] for process in racing}
    assert all(process.returncode == 0 for process in racing)
    assert len(answers) == 1


def test_a_key_store_does_not_show_its_keys(tmp_path: Path):
    """Reprs end up in logs."""
    store = KeyStore.open(tmp_path / "keys")
    assert repr(store) == f"KeyStore({str(tmp_path / 'keys')!r})"


def test_a_key_for_templates_depends_on_the_collections_and_on_its_own(key_store: KeyStore):
    """Destroying either of them is enough."""
    key_store.create_collection_key(COLLECTION)
    for generation in (1, 2):
        key_store.create_template_key(COLLECTION, generation)
    first, second = (key_store.template_key(COLLECTION, generation) for generation in (1, 2))
    assert len({first, second, key_store.collection_key(COLLECTION)}) == 3
    key_store.create_template_key(COLLECTION, 1)
    assert key_store.template_key(COLLECTION, 1) == first
    key_store.destroy_template_keys(COLLECTION, before=2)
    with pytest.raises(KeyMissing):
        key_store.template_key(COLLECTION, 1)
    assert key_store.template_key(COLLECTION, 2) == second
    key_store.destroy_collection_key(COLLECTION)
    assert list((key_store.directory / "collections").iterdir()) == []
    with pytest.raises(KeyMissing):
        key_store.template_key(COLLECTION, 2)


def test_templates_from_before_there_were_generations_are_under_the_collections_key(key_store: KeyStore):
    key = key_store.create_collection_key(COLLECTION)
    assert key_store.template_key(COLLECTION, 0) == key


def test_a_template_key_does_not_open_under_another_generation(key_store: KeyStore):
    key_store.create_collection_key(COLLECTION)
    key_store.create_template_key(COLLECTION, 1)
    folder = key_store.directory / "collections"
    (folder / f"{COLLECTION}.1").rename(folder / f"{COLLECTION}.2")
    with pytest.raises(SetupError, match="damaged"):
        key_store.template_key(COLLECTION, 2)


def test_a_collection_with_keys_for_templates_is_abandoned_once(key_store: KeyStore):
    key_store.create_collection_key(COLLECTION)
    key_store.create_template_key(COLLECTION, 1)
    folder = key_store.directory / "collections"
    (folder / f".{uuid.UUID(int=9)}.1.0123456789abcdef").write_bytes(b"left by a crash")
    assert key_store.abandoned({uuid.UUID(int=9)}, older_than_s=-1) == [COLLECTION]
    assert key_store.abandoned({COLLECTION}, older_than_s=-1) == [uuid.UUID(int=9)]
    key_store.destroy_collection_key(uuid.UUID(int=9))
    assert key_store.abandoned({COLLECTION}, older_than_s=-1) == []


def test_secrets_are_found_by_how_their_names_begin_once_they_are_old(key_store: KeyStore):
    """What is about to be committed must not look as if a crash had left it."""
    for name in ("test-b", "test-a", "other"):
        key_store.create_secret(name)
    assert key_store.secrets_named("test-", older_than_s=-1.0) == ["test-a", "test-b"]
    assert key_store.secrets_named("test-", older_than_s=3600.0) == []
