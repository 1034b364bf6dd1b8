"""Which master keys a key store has, and how processes that run learn that they changed.

    keys/ring       JSON: the master keys. The first one seals, all of them open; there is one, but for the
                    time of a rotation
    keys/locks/     locks of processes: nothing is in these files

The ring is replaced as a whole, so that a reader sees one state or the other. Every use looks whether it is
still the same file (one system call): a process goes along with a rotation by itself.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
import uuid
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from countenance.errors import SetupError
from countenance.store.errors import KeyServiceError, RotationRuns
from countenance.store.file_locks import lock_file, locked_file
from countenance.store.files import make_private_directory, remove_durably, write_private
from countenance.store.key_service import KeyService
from countenance.store.master_key import KEY_BYTES, MasterKey
from countenance.store.master_places import RESTORE, Place, Places
from countenance.store.ring_file import Ring

_CHECK_CONTEXT: Final = b"countenance/key-store"
_RETIRED_S: Final = 60.0
"""For so long a process opens with a key that left the ring what it had read before."""
_ASK_AGAIN_S: Final = 3.0
"""After the key service did not answer a process that runs."""
_OPENING_S: Final = 5.0
"""For so long it is waited for processes that are only about to open the keys."""
_NEVER: Final = float("inf")

_Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Masters:
    """The master keys as a process has them in memory.

    Attributes:
        keys: those of the ring, the first one for sealing.
        retired: that left the ring just now: what was read before may still be under them.
        missing: why the newest are not here: the key service did not open them.
        look_again_s: on the monotonic clock, when to read the ring though its file is the same.
    """

    version: _Version
    keys: tuple[MasterKey, ...]
    retired: tuple[MasterKey, ...] = ()
    missing: KeyServiceError | None = None
    look_again_s: float = _NEVER

    @property
    def sealing(self) -> MasterKey:
        """The key that everything is written with.

        Raises:
            KeyServiceError: it is not here.
        """
        self.require_all()
        return self.keys[0]

    def require_all(self) -> None:
        """Raises KeyServiceError: the newest key is not here."""
        if self.missing is not None:
            raise self.missing.again()

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes | None:
        """With whichever key opens it."""
        opened = (key.unwrap(wrapped, context) for key in (*self.keys, *self.retired))
        return next((each for each in opened if each is not None), None)

    def unseal(self, sealed: bytes, context: bytes) -> bytes | None:
        """With whichever key opens it."""
        opened = (key.unseal(sealed, context) for key in (*self.keys, *self.retired))
        return next((each for each in opened if each is not None), None)


class KeyRing:
    """The master keys of one folder. Thread-safe; several processes may share the folder.

    Attributes:
        refusal: why the key service, where the master key is not yet, could not have it: as it was at `open`.
    """

    def __init__(self, directory: Path, service: KeyService | None) -> None:
        """Use `open`."""
        self.directory = directory
        self.service = service
        self.refusal: KeyServiceError | None = None
        self._path = directory / "ring"
        self._lock = threading.Lock()
        self._kept: Masters | None = None

    @staticmethod
    def is_there(directory: Path) -> bool:
        """Whether the folder is a key store already."""
        return (directory / "ring").exists() or (directory / "master.check").exists()

    @classmethod
    def open(cls, directory: Path, service: KeyService | None) -> Self:
        """Open the folder's ring; make it, and a master key, if nothing is there that depends on one.

        Raises:
            KeyServiceError: the key service did not open or make the master key.
            SetupError: a master key or the ring is missing, damaged or not the one in use.
        """
        make_private_directory(directory / "locks")
        ring = cls(directory, service)
        # While we have it whoever moves the master key into a service knows that we could not follow.
        held = lock_file(directory / "locks" / "without-service", fcntl.LOCK_SH)
        release = weakref.finalize(ring, os.close, held)
        if not ring._path.exists():
            with ring.exclusively():
                if not ring._path.exists():
                    ring._create()
        ring.masters()
        found = ring.read()
        if all(place.kind == "file" for place in found.places):  # else it has just opened one
            ring.refusal = ring.places(found).refusal()
        if service is not None and ring.refusal is None:
            release()
        return ring

    def masters(self) -> Masters:
        """The master keys of now.

        Raises:
            KeyServiceError: the key service does not open them, and this process has none.
            SetupError: the ring or a key is missing, damaged or not the one in use.
        """
        kept = self._kept
        if kept is not None and kept.version == self._version() and time.monotonic() < kept.look_again_s:
            return kept
        with self._lock:
            version = self._version()
            if kept is self._kept or self._kept is None or self._kept.version != version:
                self._kept = self._load_settled(version)
            return self._kept

    def read(self) -> Ring:
        """The ring as the file says it now.

        Raises:
            SetupError: it is missing or damaged.
        """
        try:
            return Ring.parse(self._path.read_bytes())
        except FileNotFoundError:
            raise SetupError(f"the key ring `{self._path}` is missing", remedy=RESTORE) from None
        except OSError as error:
            raise SetupError(f"the key ring `{self._path}` cannot be read: {error.strerror}") from error
        except ValueError:
            raise SetupError(f"the key ring `{self._path}` is damaged", remedy=RESTORE) from None

    def places(self, ring: Ring) -> Places:
        """Where the master keys of that ring are, or are to be."""
        return Places(self.directory, self.service, ring.store)

    def replace(self, ring: Ring) -> None:
        """Another ring, durable on return. Only while `exclusively` is held."""
        write_private(self._path, ring.to_bytes(), replace=True)

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Nobody else writes or removes a wrapped key, or changes the ring, until this ends.

        # INVARIANT: whoever writes a wrapped key holds this, and looks at the ring inside: so no file is
        under a key that has left the ring.
        """
        with locked_file(self.directory / "locks" / "writing", fcntl.LOCK_EX):
            yield

    @contextmanager
    def rotating(self, *, patience_s: float = 0.0) -> Iterator[None]:
        """Rotate alone, or see to it that nobody does.

        Args:
            patience_s: how long to wait for somebody else.

        Raises:
            RotationRuns: somebody else rotates, or copies the keys.
        """
        busy = RotationRuns(
            "another process is replacing the master key, or copying the keys for a backup",
            remedy="wait until it is done",
        )
        with locked_file(
            self.directory / "locks" / "rotating", fcntl.LOCK_EX, busy=busy, patience_s=patience_s
        ):
            yield

    @contextmanager
    def with_everybody_able(self) -> Iterator[None]:
        """Until this ends no process has these keys open that could not ask the key service.

        Raises:
            SetupError: there is one.
        """
        busy = SetupError(
            "a process uses these keys that runs without `kms_key_id`, or was refused by the key service: "
            "it could not follow there",
            remedy="start the server again with kms_key_id set, see what it says, then move the master key",
        )
        with locked_file(
            self.directory / "locks" / "without-service", fcntl.LOCK_EX, busy=busy, patience_s=_OPENING_S
        ):
            yield

    def _version(self) -> _Version:
        try:
            found = os.stat(self._path)  # noqa: PTH116  # for every key that is used: no detour
        except FileNotFoundError:
            raise SetupError(f"the key ring `{self._path}` is missing", remedy=RESTORE) from None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _load_settled(self, version: _Version) -> Masters:
        while True:
            try:
                return self._load(version)
            except SetupError:
                # A rotation may have ended since the ring was read, and its old key's file be gone.
                before, version = version, self._version()
                if version == before:
                    raise

    def _load(self, version: _Version) -> Masters:
        before = self._kept
        known = {} if before is None else {key.fingerprint: key for key in (*before.keys, *before.retired)}
        ring = self.read()
        places = self.places(ring)
        keys: list[MasterKey] = []
        missing: KeyServiceError | None = None
        for place in ring.places:
            try:
                is_known = place.fingerprint in known
                keys.append(known.pop(place.fingerprint) if is_known else places.load(place))
            except KeyServiceError as error:
                if before is None:
                    raise
                missing = error.again()
        now_s = time.monotonic()
        if missing is not None:
            # What there was goes on opening what is under it.
            return Masters(version, (*keys, *known.values()), (), missing, now_s + _ASK_AGAIN_S)
        if before is None or before.version == version or not known:
            return Masters(version, tuple(keys))
        return Masters(version, tuple(keys), tuple(known.values()), None, now_s + _RETIRED_S)

    def _create(self) -> None:
        """A ring for a folder that has none: of the master key of before there were rings, or a new one."""
        store = uuid.uuid4()
        check, legacy = self.directory / "master.check", self.directory / "master.key"
        places = Places(self.directory, self.service, store)
        if check.exists():
            self.replace(Ring(store, (_adopt(legacy, check),)))
            remove_durably(check)
            return
        for folder in ("collections", "secrets"):
            if any((self.directory / folder).iterdir()):
                raise SetupError(f"`{self._path}` is missing but {folder} have keys", remedy=RESTORE)
        if self.service is None and legacy.exists():  # put there, or left by a start that was killed
            place = _of_file(legacy)
        elif legacy.exists():
            raise SetupError(
                f"`{legacy}` is there, and the master key is to be in a key service",
                remedy="remove it if nothing depends on it, or unset kms_key_id",
            )
        else:
            place = places.make("file" if self.service is None else "kms", 1)
        self.replace(Ring(store, (place,)))


def _of_file(path: Path) -> Place:
    """A key that is in a file already."""
    since = datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
    content = path.read_bytes()
    if len(content) != KEY_BYTES:
        raise SetupError(f"the master key `{path}` is damaged", remedy=RESTORE)
    return Place(path.name, MasterKey(content).fingerprint, since)


def _adopt(path: Path, check: Path) -> Place:
    """The master key of a store from before there were rings, which had a file to try it with."""
    if not path.exists():
        raise SetupError(f"the master key `{path}` is missing", remedy=RESTORE)
    place = _of_file(path)
    if MasterKey(path.read_bytes()).unseal(check.read_bytes(), _CHECK_CONTEXT) is None:
        raise SetupError(f"the master key beside `{check}` is not the one in use", remedy=RESTORE)
    return place
