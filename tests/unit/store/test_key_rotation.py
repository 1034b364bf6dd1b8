"""Another master key beside whoever uses it: what is under which, and what a kill leaves behind."""

from __future__ import annotations

import base64
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest

from countenance.accounts.sealed import SEALED, secret_context
from countenance.errors import SetupError, ThrottlingException
from countenance.store import (
    Database,
    EmbeddedPostgres,
    KeyRotation,
    KeyService,
    KeyServiceError,
    KeyStore,
    RotationRuns,
    SealedColumn,
    migrate,
    require_same_keys,
)
from countenance.store import key_rotation as key_rotation_module
from countenance.store import sealed_rows as sealed_rows_module
from countenance.store.master_key import MasterKey
from countenance.store.wrapped_files import context_of
from fixtures_kms import CREDENTIALS

COLLECTIONS = [uuid.UUID(int=number) for number in range(1, 4)]
SECRETS = {f"account-{number}": bytes([number]) * 32 for number in range(3)}
KEY_IDS = [f"AKIA{letter * 16}" for letter in "ABCDE"]


class Filled:
    """A key store and its database with something of each kind in them."""

    def __init__(self, url: str, directory: Path, service: KeyService | None = None) -> None:
        self.url, self.directory, self.service = url, directory, service
        self.database = Database(url, max_connections=4)
        migrate(self.database)
        self.keys = KeyStore.open(directory, service)
        require_same_keys(self.database, self.keys)
        self.collection_keys = {each: self.keys.create_collection_key(each) for each in COLLECTIONS}
        for each in COLLECTIONS:
            self.keys.create_template_key(each, 1)
        self.template_keys = {each: self.keys.template_key(each, 1) for each in COLLECTIONS}
        for name, secret in SECRETS.items():
            self.keys.create_secret(name, secret)
        self.derived = self.keys.derive("page tokens")
        with self.database.transaction() as connection:
            connection.execute("insert into account (account_id, name) values ('000000000001', 'T')")
        for key_id in KEY_IDS:
            self.add_row(key_id)
        self.recorded: list[tuple[str, str]] = []

    def add_row(self, key_id: str) -> None:
        with self.database.transaction() as connection:
            sealed = self.keys.seal(key_id.encode(), context=secret_context(key_id), within=connection)
            connection.execute(
                "insert into access_key (access_key_id, account_id, operator, sealed_secret)"
                " values (%s, '000000000001', 'o', %s)",
                (key_id, sealed),
            )

    def rotation(self, sealed: tuple[SealedColumn, ...] = SEALED) -> KeyRotation:
        return KeyRotation(self.database, KeyStore.open(self.directory, self.service), sealed)

    def record(self, _connection, rotated) -> None:
        self.recorded.append((rotated.old.name, rotated.new.name))

    def rotate(self, kind=None):
        return self.rotation().rotate(kind, record=self.record)

    def master_key(self) -> MasterKey:
        return self.keys.ring.masters().sealing

    def rows(self) -> dict[str, bytes]:
        with self.database.read() as connection:
            found = connection.execute("select access_key_id, sealed_secret from access_key").fetchall()
        return {key_id: bytes(sealed) for key_id, sealed in found}

    def opens(self, master: MasterKey) -> int:
        """How many of all files and rows that key opens by itself."""
        files = sum(
            master.unwrap(path.read_bytes(), context) is not None
            for path in self.directory.rglob("*")
            if path.is_file() and (context := context_of(path)) is not None
        )
        rows = sum(
            master.unseal(sealed, secret_context(key_id)) is not None
            for key_id, sealed in self.rows().items()
        )
        return files + rows

    def require_whole(self, keys: KeyStore | None = None) -> None:
        """Everything is there and says what it said."""
        keys = keys or KeyStore.open(self.directory, self.service)
        require_same_keys(self.database, keys)
        for each in COLLECTIONS:
            assert keys.collection_key(each) == self.collection_keys[each]
            assert keys.template_key(each, 1) == self.template_keys[each]
        assert {name: keys.secret(name) for name in SECRETS} == SECRETS
        assert keys.derive("page tokens") == self.derived
        for key_id, sealed in self.rows().items():
            assert keys.unseal(sealed, context=secret_context(key_id)) == key_id.encode()

    def masters(self) -> list[str]:
        return sorted(path.name for path in self.directory.glob("*master*"))


@pytest.fixture
def filled(empty_database_url, tmp_path):
    made = Filled(empty_database_url, tmp_path / "keys")
    yield made
    made.database.close()


@pytest.fixture
def filled_in_kms(empty_database_url, tmp_path, kms):
    made = Filled(empty_database_url, tmp_path / "keys", kms.service())
    yield made
    made.database.close()


def test_the_old_key_opens_no_file_and_no_row_and_everything_opens(filled):
    old, all_of_them = filled.master_key(), 2 * len(COLLECTIONS) + len(SECRETS) + 1 + len(KEY_IDS)
    assert filled.opens(old) == all_of_them, "before, it opened them"
    rotated = filled.rotate()
    assert filled.opens(old) == 0
    assert (rotated.files + rotated.rows, rotated.passed_over) == (all_of_them, ())
    assert filled.masters() == ["master.2.key"]
    assert filled.recorded == [("master.key", "master.2.key")]
    filled.require_whole()
    filled.require_whole(filled.keys)  # opened before
    filled.rotate()
    assert filled.masters() == ["master.3.key"]
    filled.require_whole(filled.keys)


def test_what_is_derived_and_what_is_a_secret_outlives_the_master_key(filled):
    """Page tokens, whose a face in shared memory is, the log's pseudonyms and its signing keys."""
    seeds = {name: filled.keys.secret(name) for name in SECRETS}
    filled.rotate()
    assert {name: filled.keys.secret(name) for name in SECRETS} == seeds
    assert filled.keys.derive("page tokens") == filled.derived


def test_a_database_of_before_is_refused_after(filled, empty_database_url):
    """What was sealed then opens no more: that is told at start, not at the first call."""
    before = filled.keys.fingerprint
    filled.rotate()
    with filled.database.transaction() as connection:
        connection.execute("update key_binding set fingerprint = %s", (before,))
    with pytest.raises(SetupError, match="same backup"):
        require_same_keys(filled.database, filled.keys)


def test_what_opens_with_no_key_is_named_and_keeps_no_key_alive(filled, caplog):
    (filled.directory / "secrets" / "account-2").write_bytes(b"x" * 60)
    with filled.database.transaction() as connection:
        connection.execute(
            "update access_key set sealed_secret = '\\x00' where access_key_id = %s", (KEY_IDS[0],)
        )
    rotated = filled.rotate()
    assert set(rotated.passed_over) == {"secrets/account-2", f"access_key.sealed_secret {KEY_IDS[0]}"}
    assert f"access_key.sealed_secret {KEY_IDS[0]}" in caplog.text
    assert filled.masters() == ["master.2.key"]
    assert filled.keys.secret("account-1") == SECRETS["account-1"]


def test_a_secret_that_is_being_written_is_waited_for(filled):
    """It was sealed with the old key, and is committed after everything else is under the new one."""
    done = threading.Event()

    def rotate():
        filled.rotate()
        done.set()

    thread = threading.Thread(target=rotate)
    old = filled.master_key()
    with filled.database.transaction() as connection:
        key_id = "AKIA" + "Z" * 16
        sealed = filled.keys.seal(key_id.encode(), context=secret_context(key_id), within=connection)
        assert old.unseal(sealed, secret_context(key_id)) is not None
        thread.start()
        while len(filled.keys.ring.read().places) == 1:
            time.sleep(0.01)
        assert not done.wait(0.5)
        connection.execute(
            "insert into access_key (access_key_id, account_id, operator, sealed_secret)"
            " values (%s, '000000000001', 'o', %s)",
            (key_id, sealed),
        )
    thread.join(30)
    assert done.is_set()
    assert filled.opens(old) == 0
    filled.require_whole()


def test_a_transaction_that_does_not_end_puts_it_off_and_nothing_is_lost(filled, monkeypatch):
    def impatient(database):
        return original(database, within_s=0.2)

    original = key_rotation_module.wait_for_writers
    monkeypatch.setattr(key_rotation_module, "wait_for_writers", impatient)
    with filled.database.transaction() as connection:
        connection.execute("select pg_current_xact_id()")
        with pytest.raises(ThrottlingException):
            filled.rotate()
    assert len(filled.keys.ring.read().places) == 2
    filled.require_whole()
    # with patience again: other tests' transactions are on the same server
    monkeypatch.setattr(key_rotation_module, "wait_for_writers", original)
    assert filled.rotation().finish(record=filled.record) is not None
    assert filled.masters() == ["master.2.key"]


def test_who_writes_during_a_rotation_loses_nothing(filled):
    """Two threads make and destroy keys and rows of all kinds while the key is replaced ten times."""
    over, wrong, made = threading.Event(), [], [0]

    def write(number):
        keys = KeyStore.open(filled.directory)
        for turn in range(10_000):
            if over.is_set():
                return
            try:
                collection, name = uuid.UUID(int=1000 * number + turn + 1000), f"account-x{number}-{turn}"
                key, secret = keys.create_collection_key(collection), keys.create_secret(name)
                keys.create_template_key(collection, 1)
                row = f"AKIA{'CD'[number]}" + "".join(random.choices("ABCDEFGH", k=15))
                filled.add_row(row)
                assert keys.collection_key(collection) == key
                assert keys.secret(name) == secret
                assert keys.unseal(filled.rows()[row], context=secret_context(row)) == row.encode()
                keys.destroy_collection_key(collection)
                keys.destroy_secret(name)
                made[0] += 1
            except Exception as error:
                wrong.append(repr(error))
                raise

    threads = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    old = []
    for _ in range(10):
        old.append(filled.master_key())
        filled.rotate()
    over.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert made[0] > 10
    assert [filled.opens(each) for each in old] == [0] * 10
    filled.require_whole()
    assert len(list(filled.keys.files.list())) == 2 * len(COLLECTIONS) + len(SECRETS) + 1


def test_who_opens_the_key_store_during_a_rotation_finds_it_whole(filled):
    """A worker that is started anew just then, or a command: whatever it reads is gone a moment later."""
    over, opened, wrong = threading.Event(), [0], []

    def open_again():
        while not over.is_set():
            try:
                assert KeyStore.open(filled.directory).secret("account-1") == SECRETS["account-1"]
                opened[0] += 1
            except Exception as error:
                wrong.append(repr(error))
                raise

    threads = [threading.Thread(target=open_again) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(15):
        filled.rotate()
    over.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert opened[0] > 15


def test_one_that_was_begun_is_finished_first_and_no_other_is_begun(filled):
    rotation = filled.rotation()
    rotation._begin(filled.keys.ring.read(), "file")
    assert rotation.is_begun()
    filled.require_whole()
    assert filled.rotate().new.name == "master.2.key"
    assert not filled.rotation().is_begun()
    assert filled.rotation().finish(record=filled.record) is None


def test_two_at_once_are_one(filled):
    with filled.keys.ring.rotating():
        with pytest.raises(RotationRuns):
            filled.rotate()
        with pytest.raises(RotationRuns):
            filled.rotation().finish(record=filled.record)
    assert filled.masters() == ["master.key"]


def test_a_key_that_was_made_and_never_used_is_removed(filled):
    """Left by a kill before the ring named it."""
    ring = filled.keys.ring
    ring.places(ring.read()).make("file", 2)
    (filled.directory / ".master.2.key.0123456789abcdef").write_bytes(b"k" * 32)
    (filled.directory / "log-head").write_bytes(b"kept")
    assert filled.rotation().finish(record=filled.record) is None
    assert filled.masters() == ["master.key"]
    assert (filled.directory / "log-head").exists()


def test_how_much_is_under_which_key_is_counted(filled):
    old = filled.keys.fingerprint
    filled.rotation()._begin(filled.keys.ring.read(), "file")
    filled.keys.create_secret("account-9")
    (filled.directory / "secrets" / "damaged").write_bytes(b"x" * 60)
    under = filled.rotation().count_under()
    assert under == {
        old: 2 * len(COLLECTIONS) + len(SECRETS) + 1 + len(KEY_IDS),
        filled.keys.fingerprint: 1,
        None: 1,
    }


def test_a_columns_values_are_put_under_the_new_key_in_batches(filled, monkeypatch):
    for module in (key_rotation_module, sealed_rows_module):
        monkeypatch.setattr(module, "ROWS_AT_ONCE", 2)
    old, counted = filled.master_key(), []
    filled.rotation().rotate(None, record=filled.record, progress=counted.append)
    assert filled.opens(old) == 0
    assert counted[-3:] == [2, 2, 1]


def test_a_master_key_moves_into_a_service_and_back(filled, kms):
    service, old = kms.service(), filled.master_key()
    filled.keys = None  # nobody without the service has them open
    filled.service = service
    moved = filled.rotate("kms")
    assert (moved.old.kind, moved.new.kind) == ("file", "kms")
    assert filled.masters() == ["master.2.kms"]
    assert filled.opens(old) == 0
    filled.require_whole()
    filled.service = None
    with pytest.raises(SetupError, match="kms_key_id"):
        filled.require_whole()
    filled.service = service
    assert filled.rotate().new.name == "master.3.kms"
    assert filled.rotate("file").new.name == "master.4.key"
    filled.service = None
    assert filled.masters() == ["master.4.key"]
    filled.require_whole()


def test_it_does_not_move_where_a_process_could_not_follow(filled, kms):
    """The server runs without the service: from the first call on it could write nothing."""
    filled.service = kms.service()
    with pytest.raises(SetupError, match="uses these keys"):
        filled.rotate("kms")
    assert len(filled.keys.ring.read().places) == 1
    filled.require_whole(filled.keys)
    filled.rotation().finish(record=filled.record)
    assert filled.masters() == ["master.key"]


def test_it_moves_to_another_key_of_the_service(filled_in_kms, kms):
    other = kms.client.create_key()["KeyMetadata"]["Arn"]
    filled_in_kms.service = kms.service(other)
    rotated = filled_in_kms.rotate()
    ring = KeyStore.open(filled_in_kms.directory, filled_in_kms.service).ring
    assert ring.places(ring.read()).key_id(rotated.new) == other
    filled_in_kms.require_whole(filled_in_kms.keys)  # a process with the setting of before goes along


def test_a_service_that_refuses_changes_nothing(filled, refusing_kms):
    filled.keys = None
    filled.service = KeyService(
        "arn:aws:kms:eu-west-1:1:key/1", endpoint=refusing_kms.endpoint, **CREDENTIALS
    )
    with pytest.raises(KeyServiceError, match="AccessDenied"):
        filled.rotate("kms")
    assert filled.masters() == ["master.key"]
    filled.service = None
    filled.require_whole()


PROGRAM = """
import os, signal, sys
from pathlib import Path
from countenance.accounts import SEALED
from countenance.store import Database, KeyRotation, KeyStore
directory, url, at = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with Database(url, max_connections=2) as database:
    rotation = KeyRotation(database, KeyStore.open(directory), SEALED)
    step = 0
    def count(event, arguments):
        global step
        # A name that appears or goes, before it does; a commit is between two of them.
        if event in {"os.rename", "os.remove", "os.link"} and str(directory) in str(arguments[0]):
            step += 1
            if step == at:
                os.kill(os.getpid(), signal.SIGKILL)
    if at:
        sys.addaudithook(count)
    print("ready", flush=True)
    rotation.rotate(None, record=lambda *_: None)
"""


def rotating(filled, at=0):
    command = [sys.executable, "-c", PROGRAM, str(filled.directory), filled.url, str(at)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


@pytest.mark.slow
def test_killed_at_each_step_nothing_is_unreadable_and_the_next_one_finishes(filled):
    """At every name that it would have written or removed, one after the other."""
    deaths = 0
    for at in range(1, 200):
        old = [filled.master_key()]
        with rotating(filled, at) as process:
            process.communicate()
        filled.require_whole()
        filled.require_whole(filled.keys)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
        deaths += 1
        filled.rotation().finish(record=filled.record)
        if filled.keys.ring.read().places[0].fingerprint != old[0].fingerprint:
            assert filled.opens(old[0]) == 0
        assert len(filled.masters()) == 1
        filled.require_whole()
        filled.require_whole(filled.keys)
    assert deaths > 20
    assert process.returncode == 0
    assert list(filled.directory.rglob(".*")) == []


@pytest.mark.slow
def test_killed_at_any_moment_and_finished_by_whoever_comes_next(filled):
    """Twenty kills at random moments, in the database's part as well; each next one goes on."""
    chance = random.Random(5)
    seen = {filled.keys.fingerprint: filled.master_key()}
    for _ in range(20):
        with rotating(filled) as process:
            assert process.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.0, 0.25))
            os.kill(process.pid, signal.SIGKILL)
        filled.require_whole()
        seen[filled.keys.fingerprint] = filled.master_key()
    filled.rotation().finish(record=filled.record)
    filled.require_whole()
    newest = filled.keys.ring.read().places[0].fingerprint
    assert len(seen) > 2
    assert {filled.opens(key) for fingerprint, key in seen.items() if fingerprint != newest} == {0}
    assert len(filled.masters()) == 1


@pytest.mark.slow
def test_with_a_service_no_master_key_lies_anywhere_on_the_disk(tmp_path, kms):
    """Database, its log, and the key store: in clear, as hexadecimal or base64."""
    data = tmp_path / "data"
    with EmbeddedPostgres(data) as server:
        filled = Filled(server.url, data / "keys", kms.service())
        masters = []

        def plain():
            ring = filled.keys.ring.read()
            (place,) = ring.places
            path = data / "keys" / place.name
            told = json.loads(path.read_bytes())
            return kms.client.decrypt(
                CiphertextBlob=base64.b64decode(told["ciphertext"]),
                EncryptionContext={"countenance:key-store": str(ring.store)},
            )["Plaintext"]

        masters.append(plain())
        assert MasterKey(masters[0]).fingerprint == filled.keys.fingerprint
        filled.rotate()
        masters.append(plain())

        def raw():
            with filled.database.read() as connection:
                connection.execute("checkpoint")
            return b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())

        on_disk = raw()
        forms = [bytes, lambda key: key.hex().encode(), base64.b64encode]
        assert [form(key) in on_disk for key in masters for form in forms] == [False] * 6
        with filled.database.transaction() as connection:
            connection.execute("create table planted (clear bytea)")
            connection.execute("insert into planted values (%s)", (masters[0],))
        (data / "keys" / "planted").write_bytes(masters[1])
        on_disk = raw()
        assert all(key in on_disk for key in masters), "what is planted is found"
        filled.database.close()
