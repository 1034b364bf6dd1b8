"""The key store: a folder of files outside PostgreSQL, because deletion there is never final.

    keys/ring                 which master keys there are (key_ring); one, but for the time of a rotation
    keys/master.key           32 random bytes that wrap everything else; or keys/master.kms, if the master key
                              is in a key management service (master_places)
    keys/collections/<uuid>   one collection's key, wrapped
    keys/collections/<uuid>.<n>
                              its n-th key for templates, wrapped: replaced from time to time, so that what
                              was deleted meanwhile is beyond recovery
    keys/collections/<uuid>.basis-<n>
                              the seed of a basis that its templates are kept in, wrapped (docs/adr/0023)
    keys/secrets/<name>       what else must be forgettable or stay out of the database, wrapped: keys of
                              accounts in the log, the log's signing keys, what other keys are derived from
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
from typing import Final
from uuid import UUID

from psycopg.pq import TransactionStatus

from countenance.errors import SetupError
from countenance.store.errors import KeyMissing, KeyServiceError
from countenance.store.files import make_private_directory
from countenance.store.key_ring import KeyRing
from countenance.store.key_service import KeyService
from countenance.store.master_key import KEY_BYTES, derive_key
from countenance.store.master_places import RESTORE
from countenance.store.pool import Connection
from countenance.store.wrapped_files import BASIS, WrappedFiles

_DERIVATION: Final = "derivation"
"""The secret that `derive` goes by: of its own, so that what is derived outlives the master key."""
_TRY_AGAIN_S: Final = 1.0
KEY_SERVICE_PATIENCE_S: Final = 60.0
"""Of a process that is started in the place of one that died: the others go on serving meanwhile."""


class KeyStore:
    """Collection keys and sealed secrets. Thread-safe; several processes may share one folder.

    A key that was created is durable when the call returns; a key that was destroyed is gone for every
    process at once, as none keeps a copy here. The master key may be replaced beside it (key_rotation).
    """

    def __init__(self, directory: Path, ring: KeyRing) -> None:
        """Use `open`."""
        self.directory = directory
        self.ring = ring
        self.files = WrappedFiles(ring)
        self._collections = self.files.collections
        self._secrets = self.files.secrets

    def __repr__(self) -> str:
        return f"KeyStore({str(self.directory)!r})"

    @property
    def fingerprint(self) -> bytes:
        """16 bytes that tell master keys apart and give nothing of them away."""
        return self.ring.masters().keys[0].fingerprint

    @staticmethod
    def is_there(directory: Path) -> bool:
        """Whether the folder is a key store already."""
        return KeyRing.is_there(directory)

    @classmethod
    def open(cls, directory: Path, service: KeyService | None = None, *, patience_s: float = 0.0) -> KeyStore:
        """Open the folder; make it and a new master key if there is none and nothing depends on one.

        Args:
            service: where a new master key is made, and one that is there is opened; None for files.
            patience_s: for how long to ask a key service again that does not open the master key.

        Raises:
            KeyServiceError: the key service is away, or refuses.
            SetupError: the master key is missing or not the one that wrapped what is there, or the
                folder cannot be used or is open to other users.
        """
        for path in (directory, directory / "collections", directory / "secrets"):
            make_private_directory(path)
        deadline_s = time.monotonic() + patience_s
        while True:
            try:
                return cls(directory, KeyRing.open(directory, service))
            except KeyServiceError:
                if time.monotonic() >= deadline_s:
                    raise
                time.sleep(_TRY_AGAIN_S)

    def create_collection_key(self, collection: UUID) -> bytes:
        """A new random key for a collection that has none: 32 bytes.

        Raises:
            FileExistsError: the collection has a key.
        """
        key = secrets.token_bytes(KEY_BYTES)
        self.files.create(self._path(collection), key)
        return key

    def collection_key(self, collection: UUID) -> bytes:
        """The collection's key: 32 bytes.

        Raises:
            KeyMissing: there is none (any more).
            SetupError: the file is damaged or belongs to another collection or master key.
        """
        try:
            return self.files.read(self._path(collection))
        except FileNotFoundError:
            raise KeyMissing(f"collection {collection} has no key") from None

    def destroy_collection_key(self, collection: UUID) -> None:
        """Remove the key for good, and all for its templates; no error when they are gone already."""
        # A file under a temporary name is a second name of a key: of a process that was killed as it made it.
        self.files.destroy(
            lambda: (
                self._path(collection),
                *self._collections.glob(f"{collection}.*"),
                *self._collections.glob(f".{collection}.*"),
            )
        )

    def create_template_key(self, collection: UUID, generation: int) -> None:
        """A new random key for templates; the one that is there, if an earlier attempt left it.

        Args:
            generation: 1 or more.
        """
        with contextlib.suppress(FileExistsError):
            self.files.create(self._template_path(collection, generation), secrets.token_bytes(KEY_BYTES))

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
        try:
            key = self.files.read(self._template_path(collection, generation))
        except FileNotFoundError:
            raise KeyMissing(f"collection {collection} has no key of generation {generation}") from None
        return derive_key(own, b"templates", salt=key)

    def destroy_template_keys(self, collection: UUID, *, before: int | None = None) -> None:
        """Remove keys for templates for good: those of generations below `before`, or all."""

        def older() -> list[Path]:
            found = []
            for path in (
                *self._collections.glob(f"{collection}.*"),
                *self._collections.glob(f".{collection}.*"),
            ):
                generation = path.name.removeprefix(".").split(".")[1]
                if generation.isdigit() and (before is None or int(generation) < before):
                    found.append(path)
            return found

        self.files.destroy(older)

    def create_basis(self, collection: UUID, number: int) -> None:
        """A new random seed of a basis; the one that is there, if an earlier attempt left it.

        Args:
            number: 1 or more.
        """
        with contextlib.suppress(FileExistsError):
            self.files.create(self._basis_path(collection, number), secrets.token_bytes(KEY_BYTES))

    def basis(self, collection: UUID, number: int) -> bytes:
        """What the basis of that number is made from: 32 bytes, of the collection's key and its own.

        Raises:
            KeyMissing: one of the two is not there (any more).
            SetupError: a file is damaged or belongs to another collection or master key.
        """
        own = self.collection_key(collection)
        try:
            seed = self.files.read(self._basis_path(collection, number))
        except FileNotFoundError:
            raise KeyMissing(f"collection {collection} has no basis of number {number}") from None
        return derive_key(own, b"basis", salt=seed)

    def destroy_bases(self, collection: UUID, *, but: int) -> None:
        """Remove the seeds of the collection's bases for good: of all but one."""
        kept = self._basis_path(collection, but)
        self.files.destroy(
            lambda: (
                path
                for path in (
                    *self._collections.glob(f"{collection}.{BASIS}*"),
                    *self._collections.glob(f".{collection}.{BASIS}*"),
                )
                if path != kept
            )
        )

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
        try:
            return self.files.read(self._secrets / name)
        except FileNotFoundError:
            return None

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
        made = secrets.token_bytes(KEY_BYTES) if secret is None else secret
        try:
            self.files.create(self._secrets / name, made)
        except FileExistsError:
            kept = self.secret(name)
            assert kept is not None
            return kept
        return made

    def destroy_secret(self, name: str) -> None:
        """Remove the secret for good; no error when it is gone already."""
        self.files.destroy(lambda: (self._secrets / name, *self._secrets.glob(f".{name}.*")))

    def secrets_named(self, prefix: str, *, older_than_s: float) -> list[str]:
        """Names of secrets that begin so.

        Args:
            older_than_s: younger ones are passed over: what they are for may be about to be committed.
        """
        found = []
        for path in self._secrets.glob(f"{prefix}*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > older_than_s:
                    found.append(path.name)
        return sorted(found)

    def derive(self, purpose: str) -> bytes:
        """32 secret bytes for one purpose: the same in every process, after a restart and a rotation."""
        secret = self.secret(_DERIVATION) or self.create_secret(_DERIVATION)
        return derive_key(secret, purpose.encode())

    def seal(self, plaintext: bytes, *, context: bytes, within: Connection) -> bytes:
        """Encrypt a small secret so that it opens only under the same `context`: 28 bytes longer.

        Args:
            within: the transaction that writes it. Whoever rotates the master key waits for the end of those
                that may have looked at the ring before, and seals anew what they wrote.

        Raises:
            KeyServiceError: the key service does not open the newest master key.
        """
        assert within.info.transaction_status is TransactionStatus.INTRANS, "in the transaction that writes"
        # INVARIANT: first a number of its own, then a look at the ring.
        within.execute("select pg_current_xact_id()")
        return self.ring.masters().sealing.seal(plaintext, context)

    def unseal(self, sealed: bytes, *, context: bytes) -> bytes:
        """What `seal` was given.

        Raises:
            SetupError: sealed by another master key or for another context, or damaged.
        """
        masters = self.ring.masters()
        plaintext = masters.unseal(sealed, context)
        if plaintext is not None:
            return plaintext
        masters.require_all()
        raise SetupError("a sealed secret does not open with this key store", remedy=RESTORE)

    def _path(self, collection: UUID) -> Path:
        return self._collections / str(collection)

    def _template_path(self, collection: UUID, generation: int) -> Path:
        return self._collections / f"{collection}.{generation}"

    def _basis_path(self, collection: UUID, number: int) -> Path:
        return self._collections / f"{collection}.{BASIS}{number}"
