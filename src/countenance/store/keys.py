"""The key store: a folder of files outside PostgreSQL, because deletion there is never final.

    keys/master.key           32 random bytes: wraps everything else
    keys/master.check         proof that the master key is the one the rest was wrapped with
    keys/collections/<uuid>   one collection's key, wrapped
    keys/collections/<uuid>.<n>
                              its n-th key for templates, wrapped: replaced from time to time, so that what
                              was deleted meanwhile is beyond recovery
    keys/secrets/<name>       what else must be forgettable or stay out of the database, wrapped: keys of
                              accounts in the log, the log's signing keys
    keys/log-head             the last checkpoint that was signed (audit.signed_head)

A collection is beyond recovery once its file is gone, whatever PostgreSQL's heap, WAL and backups
still hold of its rows (docs/adr/0005).
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Set as AbstractSet
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from countenance.errors import SetupError
from countenance.store.errors import KeyMissing
from countenance.store.files import make_private_directory, remove_durably, sync_directory, write_private

_KEY_BYTES = 32
_NONCE_BYTES = 12
_CHECK_CONTEXT = b"countenance/key-store"
_RESTORE = "restore the keys folder from its backup, or start over with an empty data directory"


class KeyStore:
    """Collection keys and sealed secrets. Thread-safe; several processes may share one folder.

    A key that was created is durable when the call returns; a key that was destroyed is gone for every
    process at once, as none keeps a copy here.

    Attributes:
        fingerprint: 16 bytes that tell master keys apart and give nothing of them away.
    """

    def __init__(self, directory: Path, master_key: bytes) -> None:
        self.directory = directory
        self.fingerprint = _derive(master_key, b"fingerprint")[:16]
        self._collections = directory / "collections"
        self._secrets = directory / "secrets"
        self._wrapping = AESGCM(_derive(master_key, b"collection keys"))
        self._sealing = AESGCM(_derive(master_key, b"secrets"))
        self._derivation = _derive(master_key, b"derived keys")

    def __repr__(self) -> str:
        return f"KeyStore({str(self.directory)!r})"

    @staticmethod
    def is_there(directory: Path) -> bool:
        """Whether the folder is a key store already."""
        return (directory / "master.check").exists()

    @classmethod
    def open(cls, directory: Path) -> KeyStore:
        """Open the folder; make it and a new master key if there is none and nothing depends on one.

        Raises:
            SetupError: the master key is missing or not the one that wrapped what is there, or the
                folder cannot be used or is open to other users.
        """
        make_private_directory(directory)
        make_private_directory(directory / "collections")
        make_private_directory(directory / "secrets")
        master, check = directory / "master.key", directory / "master.check"
        if not check.exists():
            if any((directory / "collections").iterdir()):
                raise SetupError(f"`{check}` is missing but collections have keys", remedy=_RESTORE)
            _create_master(master, check)
        master_key = _read_master(master)
        store = cls(directory, master_key)
        store._require_fitting(check)
        return store

    def create_collection_key(self, collection: UUID) -> bytes:
        """A new random key for a collection that has none: 32 bytes.

        Raises:
            FileExistsError: the collection has a key.
        """
        key = secrets.token_bytes(_KEY_BYTES)
        wrapped = _encrypt(self._wrapping, key, _collection_context(collection))
        write_private(self._path(collection), wrapped, replace=False)
        return key

    def collection_key(self, collection: UUID) -> bytes:
        """The collection's key: 32 bytes.

        Raises:
            KeyMissing: there is none (any more).
            SetupError: the file is damaged or belongs to another collection or master key.
        """
        path = self._path(collection)
        try:
            wrapped = path.read_bytes()
        except FileNotFoundError:
            raise KeyMissing(f"collection {collection} has no key") from None
        try:
            return _decrypt(self._wrapping, wrapped, _collection_context(collection))
        except InvalidTag:
            raise SetupError(f"the key file `{path}` is damaged", remedy=_RESTORE) from None

    def destroy_collection_key(self, collection: UUID) -> None:
        """Remove the key for good, and all for its templates; no error when they are gone already."""
        for path in (self._path(collection), *self._collections.glob(f".{collection}.*")):
            path.unlink(missing_ok=True)
        self.destroy_template_keys(collection)

    def create_template_key(self, collection: UUID, generation: int) -> None:
        """A new random key for templates; the one that is there, if an earlier attempt left it.

        Args:
            generation: 1 or more.
        """
        wrapped = _encrypt(
            self._wrapping, secrets.token_bytes(_KEY_BYTES), _template_context(collection, generation)
        )
        with contextlib.suppress(FileExistsError):
            write_private(self._template_path(collection, generation), wrapped, replace=False)

    def template_key(self, collection: UUID, generation: int) -> bytes:
        """What templates of that generation are sealed with: 32 bytes, of the collection's key and its own.

        Args:
            generation: 0 for templates from before there were generations, under the collection's key.

        Raises:
            KeyMissing: one of the two is not there (any more).
            SetupError: a file is damaged or belongs to another collection or master key.
        """
        own = self.collection_key(collection)
        if generation == 0:
            return own
        path = self._template_path(collection, generation)
        try:
            wrapped = path.read_bytes()
        except FileNotFoundError:
            raise KeyMissing(f"collection {collection} has no key of generation {generation}") from None
        try:
            key = _decrypt(self._wrapping, wrapped, _template_context(collection, generation))
        except InvalidTag:
            raise SetupError(f"the key file `{path}` is damaged", remedy=_RESTORE) from None
        return _derive(own, b"templates", salt=key)

    def destroy_template_keys(self, collection: UUID, *, before: int | None = None) -> None:
        """Remove keys for templates for good: those of generations below `before`, or all."""
        # A file under a temporary name is a second name of a key: of a process that was killed as it made it.
        for path in (*self._collections.glob(f"{collection}.*"), *self._collections.glob(f".{collection}.*")):
            generation = path.name.removeprefix(".").split(".")[1]
            if generation.isdigit() and (before is None or int(generation) < before):
                path.unlink(missing_ok=True)
        # Also where another process took the names out: it may have been killed before this.
        sync_directory(self._collections)

    def abandoned(self, known: AbstractSet[UUID], *, older_than_s: float) -> list[UUID]:
        """Collections that have a key and are not `known`: left by a crash between file and commit.

        Args:
            older_than_s: younger keys are passed over: their collection may be about to be committed.
        """
        found = set()
        for path in self._collections.iterdir():
            with contextlib.suppress(ValueError, FileNotFoundError):
                collection = UUID(path.name.removeprefix(".").split(".")[0])
                if collection not in known and time.time() - path.stat().st_mtime > older_than_s:
                    found.add(collection)
        return sorted(found)

    def secret(self, name: str) -> bytes | None:
        """The secret of that name; None if there is none (any more).

        Raises:
            SetupError: the file is damaged or belongs to another name or master key.
        """
        path = self._secrets / name
        try:
            wrapped = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return _decrypt(self._wrapping, wrapped, _secret_context(name))
        except InvalidTag:
            raise SetupError(f"the key file `{path}` is damaged", remedy=_RESTORE) from None

    def secret_version(self, name: str) -> tuple[int, int] | None:
        """What tells a secret from another that was made under its name later; None if there is none."""
        try:
            found = (self._secrets / name).stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_ctime_ns

    def create_secret(self, name: str, secret: bytes | None = None) -> bytes:
        """The secret of that name, made now (32 random bytes unless given) if there was none.

        Of several processes that create one name at once, all get what the first one wrote.
        """
        made = secrets.token_bytes(_KEY_BYTES) if secret is None else secret
        wrapped = _encrypt(self._wrapping, made, _secret_context(name))
        try:
            write_private(self._secrets / name, wrapped, replace=False)
        except FileExistsError:
            kept = self.secret(name)
            assert kept is not None
            return kept
        return made

    def destroy_secret(self, name: str) -> None:
        """Remove the secret for good; no error when it is gone already."""
        remove_durably(self._secrets / name)

    def derive(self, purpose: str) -> bytes:
        """32 secret bytes for one purpose: the same in every process and after a restart."""
        return _derive(self._derivation, purpose.encode())

    def seal(self, plaintext: bytes, *, context: bytes) -> bytes:
        """Encrypt a small secret so that it opens only under the same `context`: 28 bytes longer."""
        return _encrypt(self._sealing, plaintext, context)

    def unseal(self, sealed: bytes, *, context: bytes) -> bytes:
        """What `seal` was given.

        Raises:
            SetupError: sealed by another master key or for another context, or damaged.
        """
        try:
            return _decrypt(self._sealing, sealed, context)
        except InvalidTag:
            raise SetupError("a sealed secret does not open with this key store", remedy=_RESTORE) from None

    def _path(self, collection: UUID) -> Path:
        return self._collections / str(collection)

    def _template_path(self, collection: UUID, generation: int) -> Path:
        return self._collections / f"{collection}.{generation}"

    def _require_fitting(self, check: Path) -> None:
        try:
            _decrypt(self._sealing, check.read_bytes(), _CHECK_CONTEXT)
        except InvalidTag:
            raise SetupError(
                f"the master key beside `{check}` is not the one in use", remedy=_RESTORE
            ) from None


def _create_master(master: Path, check: Path) -> None:
    """Key first, check second: a crash between them leaves a key that nothing depends on yet."""
    # The key may be there: another process is starting beside us, or an earlier start stopped here.
    with contextlib.suppress(FileExistsError):
        write_private(master, secrets.token_bytes(_KEY_BYTES), replace=False)
    sealing = AESGCM(_derive(_read_master(master), b"secrets"))
    with contextlib.suppress(FileExistsError):
        write_private(check, _encrypt(sealing, b"", _CHECK_CONTEXT), replace=False)


def _read_master(master: Path) -> bytes:
    try:
        key = master.read_bytes()
    except FileNotFoundError:
        raise SetupError(f"the master key `{master}` is missing", remedy=_RESTORE) from None
    except OSError as error:
        raise SetupError(f"the master key `{master}` cannot be read: {error.strerror}") from error
    if len(key) != _KEY_BYTES:
        raise SetupError(f"the master key `{master}` is damaged", remedy=_RESTORE)
    if master.stat().st_mode & 0o077:
        raise SetupError(f"the master key `{master}` is open to other users", remedy=f"chmod 600 {master}")
    return key


def _derive(master_key: bytes, purpose: bytes, *, salt: bytes | None = None) -> bytes:
    kdf = HKDF(algorithm=hashes.SHA256(), length=_KEY_BYTES, salt=salt, info=b"countenance/1/" + purpose)
    return kdf.derive(master_key)


def _collection_context(collection: UUID) -> bytes:
    return b"collection/" + collection.bytes


def _template_context(collection: UUID, generation: int) -> bytes:
    return b"templates/" + collection.bytes + generation.to_bytes(4, "big")


def _secret_context(name: str) -> bytes:
    return b"secret/" + name.encode()


def _encrypt(cipher: AESGCM, plaintext: bytes, context: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plaintext, context)


def _decrypt(cipher: AESGCM, sealed: bytes, context: bytes) -> bytes:
    if len(sealed) < _NONCE_BYTES + 16:
        raise InvalidTag
    return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
