from __future__ import annotations

import gc
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from countenance.errors import SetupError
from countenance.store import KeyService, KeyServiceError, KeyStore, RotationRuns
from countenance.store import key_ring as key_ring_module
from countenance.store.files import write_private
from countenance.store.master_key import MasterKey
from fixtures_kms import CREDENTIALS, kms_server


def add(keys: KeyStore, kind="file", *, drop=False):
    """A ring with another key before the one of now, or in its place."""
    ring = keys.ring.read()
    place = keys.ring.places(ring).make(kind, ring.places[0].number + 1)
    with keys.ring.exclusively():
        keys.ring.replace(replace(ring, places=(place,) if drop else (place, *ring.places)))
    return place


def test_a_new_key_store_has_one_master_key_in_a_file(tmp_path: Path):
    keys = KeyStore.open(tmp_path / "keys")
    assert [place.name for place in keys.ring.read().places] == ["master.key"]
    assert MasterKey((tmp_path / "keys/master.key").read_bytes()).fingerprint == keys.fingerprint


def test_a_new_key_store_with_a_service_has_none_in_a_file(tmp_path: Path, kms):
    keys = KeyStore.open(tmp_path / "keys", kms.service())
    assert sorted(path.name for path in (tmp_path / "keys").glob("master*")) == ["master.kms"]
    assert KeyStore.open(tmp_path / "keys", kms.service()).fingerprint == keys.fingerprint


def test_a_service_that_refuses_leaves_no_key_store_behind_and_no_key_in_a_file(tmp_path: Path, refusing_kms):
    """Nothing is made instead: the next start, with the service, makes it as it was meant."""
    service = KeyService("arn:aws:kms:eu-west-1:1:key/1", endpoint=refusing_kms.endpoint, **CREDENTIALS)
    with pytest.raises(KeyServiceError, match="AccessDeniedException"):
        KeyStore.open(tmp_path / "keys", service)
    assert not KeyStore.is_there(tmp_path / "keys")
    assert list((tmp_path / "keys").glob("master*")) == []


def test_a_key_in_a_file_is_not_passed_over_where_a_service_is_to_have_it(tmp_path: Path, kms):
    KeyStore.open(tmp_path / "keys")
    (tmp_path / "keys/ring").unlink()
    with pytest.raises(SetupError, match="is to be in a key service"):
        KeyStore.open(tmp_path / "keys", kms.service())


def test_a_key_store_that_is_in_a_file_opens_where_a_service_is_set(tmp_path: Path, kms):
    """So a server can be started with the service before the key is moved there."""
    first = KeyStore.open(tmp_path / "keys")
    assert KeyStore.open(tmp_path / "keys", kms.service()).fingerprint == first.fingerprint


def test_a_key_store_of_before_there_were_rings_is_taken_over(tmp_path: Path):
    """Its master key stays, what it wrapped opens, and what it was tried with goes."""
    keys = KeyStore.open(tmp_path / "keys")
    keys.create_secret("account-1", b"s" * 32)
    master = MasterKey((tmp_path / "keys/master.key").read_bytes())
    (tmp_path / "keys/ring").unlink()
    (tmp_path / "keys/master.check").write_bytes(master.seal(b"", b"countenance/key-store"))
    again = KeyStore.open(tmp_path / "keys")
    assert (again.fingerprint, again.secret("account-1")) == (keys.fingerprint, b"s" * 32)
    assert not (tmp_path / "keys/master.check").exists()
    assert KeyStore.open(tmp_path / "keys").secret("account-1") == b"s" * 32


def test_a_key_store_of_before_with_another_master_key_is_refused(tmp_path: Path):
    keys = KeyStore.open(tmp_path / "keys")
    (tmp_path / "keys/ring").unlink()
    (tmp_path / "keys/master.check").write_bytes(MasterKey(b"x" * 32).seal(b"", b"countenance/key-store"))
    with pytest.raises(SetupError, match="not the one in use"):
        KeyStore.open(tmp_path / "keys")
    (tmp_path / "keys/master.key").unlink()
    with pytest.raises(SetupError, match="missing"):
        KeyStore.open(tmp_path / "keys")
    assert keys.directory.exists()


@pytest.mark.parametrize("folder", ["collections", "secrets"])
def test_keys_without_a_ring_are_not_given_a_new_master_key(tmp_path: Path, folder):
    keys = KeyStore.open(tmp_path / "keys")
    (tmp_path / "keys/ring").unlink()
    (tmp_path / "keys" / folder / "something").write_bytes(b"wrapped")
    with pytest.raises(SetupError, match=f"`.*ring` is missing but {folder} have keys.*backup"):
        KeyStore.open(tmp_path / "keys")
    with pytest.raises(SetupError, match="ring` is missing"):
        keys.collection_key(uuid.UUID(int=1))


def test_a_damaged_ring_is_told_by_who_runs_and_who_starts(tmp_path: Path):
    keys = KeyStore.open(tmp_path / "keys")
    (tmp_path / "keys/ring").write_bytes(b"{}")
    for work in (keys.ring.masters, lambda: KeyStore.open(tmp_path / "keys")):
        with pytest.raises(SetupError, match=r"ring` is damaged.*backup"):
            work()


def test_a_process_that_runs_goes_along_with_the_ring(tmp_path: Path):
    ours, theirs = KeyStore.open(tmp_path / "keys"), KeyStore.open(tmp_path / "keys")
    old = ours.ring.masters().sealing
    new = add(theirs)
    masters = ours.ring.masters()
    assert masters.sealing.fingerprint == new.fingerprint == ours.fingerprint
    assert [key.fingerprint for key in masters.keys] == [new.fingerprint, old.fingerprint]
    assert masters.unwrap(old.wrap(b"k", b"c"), b"c") == b"k"


def test_nothing_is_read_again_while_the_ring_is_the_same(tmp_path: Path, monkeypatch):
    keys = KeyStore.open(tmp_path / "keys")
    monkeypatch.setattr(key_ring_module.KeyRing, "read", None)
    assert keys.ring.masters() is keys.ring.masters()


def test_a_key_that_left_the_ring_opens_for_a_moment_what_was_read_before_and_then_no_more(
    tmp_path: Path, monkeypatch
):
    keys = KeyStore.open(tmp_path / "keys")
    old = keys.ring.masters().sealing
    sealed = old.seal(b"secret", b"c")
    monkeypatch.setattr(key_ring_module, "_RETIRED_S", 0.3)
    add(KeyStore.open(tmp_path / "keys"), drop=True)
    assert keys.ring.masters().unseal(sealed, b"c") == b"secret"
    assert keys.ring.masters().sealing.unseal(sealed, b"c") is None
    time.sleep(0.4)
    assert keys.ring.masters().unseal(sealed, b"c") is None
    assert KeyStore.open(tmp_path / "keys").ring.masters().unseal(sealed, b"c") is None


def test_a_server_that_runs_needs_no_service(tmp_path: Path):
    with kms_server() as server:
        keys = KeyStore.open(tmp_path / "keys", server.service())
        keys.create_secret("account-1", b"s" * 32)
        again = server.service()
    assert keys.secret("account-1") == b"s" * 32
    assert keys.create_secret("account-2", b"t" * 32) == b"t" * 32
    with pytest.raises(KeyServiceError, match="EndpointConnectionError"):
        KeyStore.open(tmp_path / "keys", again)


def test_who_could_not_ask_for_the_newest_key_opens_what_there_was_and_writes_nothing(
    tmp_path: Path, kms, monkeypatch
):
    """The service went away as the key was replaced: calls that need the new key fail until it is back."""
    ours, theirs = (KeyStore.open(tmp_path / "keys", kms.service()) for _ in range(2))
    ours.create_secret("account-1", b"s" * 32)
    opened = ours.ring.service.open_key
    asked = []

    def refuse(*_, **__):
        asked.append(1)
        raise KeyServiceError("away", remedy="wait")

    monkeypatch.setattr(ours.ring.service, "open_key", refuse)
    monkeypatch.setattr(key_ring_module, "_ASK_AGAIN_S", 0.2)
    add(theirs, "kms")
    assert ours.secret("account-1") == b"s" * 32
    with pytest.raises(KeyServiceError, match="away"):
        ours.create_secret("account-2")
    assert len(asked) == 1, "not for each call"
    theirs.create_secret("account-3", b"t" * 32)
    with pytest.raises(KeyServiceError, match="away"):
        ours.secret("account-3")
    monkeypatch.setattr(ours.ring.service, "open_key", opened)
    time.sleep(0.25)
    assert ours.secret("account-3") == b"t" * 32
    assert len(ours.create_secret("account-2")) == 32


def test_a_service_that_is_away_is_waited_for_where_that_was_asked(tmp_path: Path):
    """A worker that is started in the place of a dead one: its service may be back in a moment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    service = KeyService("arn:aws:kms:eu-west-1:1:key/1", endpoint=f"http://127.0.0.1:{port}", **CREDENTIALS)
    began_s = time.monotonic()
    with pytest.raises(KeyServiceError):
        KeyStore.open(tmp_path / "keys", service, patience_s=2.0)
    assert time.monotonic() - began_s >= 2.0


def test_one_rotates_at_a_time(tmp_path: Path):
    first, second = (KeyStore.open(tmp_path / "keys").ring for _ in range(2))
    with first.rotating(), pytest.raises(RotationRuns, match="another process"), second.rotating():
        raise AssertionError
    with second.rotating():
        pass


def test_who_could_not_follow_into_a_service_is_known_while_it_lives(tmp_path: Path, kms, monkeypatch):
    monkeypatch.setattr(key_ring_module, "_OPENING_S", 0.2)
    KeyStore.open(tmp_path / "keys")
    ring = KeyStore.open(tmp_path / "keys", kms.service()).ring
    with ring.with_everybody_able():
        pass
    program = (
        "import sys; from pathlib import Path; from countenance.store import KeyStore;"
        "kept = KeyStore.open(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "keys")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(SetupError, match="uses these keys"), ring.with_everybody_able():
            raise AssertionError
        other.kill()
        other.wait()
    with ring.with_everybody_able():
        pass


def test_who_is_refused_by_the_service_is_taken_for_one_without_it(tmp_path: Path, kms, refusing_kms):
    """A server with a mistyped key, or without the right to it: it is told at start, and nothing is moved."""
    KeyStore.open(tmp_path / "keys")
    ring = KeyStore.open(tmp_path / "keys", kms.service()).ring
    assert ring.refusal is None
    service = KeyService("arn:aws:kms:eu-west-1:1:key/1", endpoint=refusing_kms.endpoint, **CREDENTIALS)
    refused = KeyStore.open(tmp_path / "keys", service)
    assert "AccessDeniedException" in str(refused.ring.refusal)
    with pytest.raises(SetupError, match="refused by the key service"), ring.with_everybody_able():
        raise AssertionError
    del refused
    with ring.with_everybody_able():
        pass


def test_threads_see_one_state_or_the_other(tmp_path: Path):
    """Sixteen threads use the ring while it changes a hundred times."""
    keys, writer = KeyStore.open(tmp_path / "keys"), KeyStore.open(tmp_path / "keys")
    ring = writer.ring.read()
    places = [ring.places[0], *(writer.ring.places(ring).make("file", number) for number in (2, 3))]
    over, wrong = threading.Event(), []

    def use():
        while not over.is_set():
            masters = keys.ring.masters()
            found = {key.fingerprint for key in masters.keys}
            if len(found) != 2 or masters.sealing.fingerprint not in found:
                wrong.append(found)

    with writer.ring.exclusively():
        writer.ring.replace(replace(ring, places=(places[0], places[1])))
    threads = [threading.Thread(target=use) for _ in range(16)]
    for thread in threads:
        thread.start()
    for number in range(100):
        with writer.ring.exclusively():
            writer.ring.replace(replace(ring, places=(places[number % 3], places[(number + 1) % 3])))
    over.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_descriptors_are_given_back_with_the_key_store(tmp_path: Path):
    KeyStore.open(tmp_path / "keys")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        KeyStore.open(tmp_path / "keys").create_secret("a")
    gc.collect()  # what other tests left open may be closed meanwhile: fewer than before is no leak
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_copy_of_the_folder_is_the_same_key_store(tmp_path: Path):
    """So a backup of it opens."""
    KeyStore.open(tmp_path / "keys").create_secret("account-1", b"s" * 32)
    shutil.copytree(tmp_path / "keys", tmp_path / "copy")
    assert KeyStore.open(tmp_path / "copy").secret("account-1") == b"s" * 32
    write_private(tmp_path / "copy" / "ring", b"", replace=True)
    with pytest.raises(SetupError, match="damaged"):
        KeyStore.open(tmp_path / "copy")
