"""What a witness keeps, as files of one directory; it needs no database and no key store.

DIR/key        the private key, one line in the form of golang.org/x/mod/sumdb/note, mode 600
DIR/lock       held by the one process that cosigns
DIR/heads/     a file per log, named by the SHA-256 of its origin: the newest checkpoint that was
               cosigned, a note with the log's signature and ours. It vouches for itself: a head that our
               own key does not verify is damaged, and no head that is damaged is ever started anew from.
DIR/evidence/  requests of logs that signed what does not fit the head: see `witness_evidence`

Nothing is imported from `store`: that would load a database driver into a program that has none.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from countenance.errors import CountenanceError, SetupError
from countenance.transparency.checkpoint import Checkpoint, CheckpointInvalid
from countenance.transparency.merkle import EMPTY_ROOT
from countenance.transparency.note import (
    COSIGNATURE,
    Note,
    NoteInvalid,
    Signer,
    Verifier,
    decode_base64,
    encode_base64,
)

_OTHERS = 0o077
_KEY_PREFIX = "PRIVATE+KEY+"
_MAX_HEAD_BYTES = 128 * 1024


class HeadDamaged(CountenanceError):
    """A head cannot be read or is not one that our key signed for that log."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest checkpoint of a log that was cosigned, when (Unix seconds), and its note.

    Before the first: the empty tree, and no note.
    """

    checkpoint: Checkpoint
    cosigned_s: int
    note: Note | None

    @classmethod
    def before_the_first(cls, origin: str) -> Head:
        return cls(Checkpoint(origin, 0, EMPTY_ROOT), 0, None)


class WitnessState:
    """The directory, owned by this process until `close`, and the heads in it.

    Not for threads: the caller holds a lock from reading a head to replacing it.
    """

    def __init__(self, directory: Path, verifier: Verifier) -> None:
        """Take the directory.

        Raises:
            SetupError: it is no witness's directory, or another process owns it.
        """
        _require_private(directory)
        for name in ("heads", "evidence"):
            if not (directory / name).is_dir():
                raise SetupError(
                    f"`{directory}` has no folder `{name}`: what this witness has cosigned may be lost",
                    remedy="restore it; if it is lost, make a witness with a new key and tell the auditors",
                )
        self._verifier = verifier
        self._heads = directory / "heads"
        self._lock = _take(directory)
        for left_over in [*self._heads.glob(".*"), *(directory / "evidence").glob(".*")]:
            left_over.unlink()

    def close(self) -> None:
        """Let another process have the directory."""
        os.close(self._lock)

    def head(self, origin: str) -> Head:
        """The log's head.

        Raises:
            HeadDamaged: there is one and it cannot be trusted.
        """
        path = self._heads / _head_name(origin)
        try:
            return _load_head(path, self._verifier)
        except FileNotFoundError:
            return Head.before_the_first(origin)

    def replace_head(self, origin: str, note: Note) -> None:
        """Make a cosigned note the log's head: durable on return.

        Raises:
            OSError: it could not be written; the head that was is still there.
        """
        write_durably(self._heads / _head_name(origin), str(note).encode())

    def heads(self) -> tuple[list[Head], list[HeadDamaged]]:
        """Every head that is whole, by origin, and what is wrong with the others."""
        return _read_heads(self._heads, self._verifier)


def create_witness(directory: Path, name: str) -> Verifier:
    """Make the directory and the key of a new witness.

    Raises:
        SetupError: there is a key already, the name cannot be a key's, or the directory cannot be made.
    """
    try:
        signer = Signer.generate(name, COSIGNATURE)
    except ValueError as error:
        raise SetupError(
            f"`{name}` cannot be the name of a witness: {error}",
            remedy="give one like witness.example.org/w1: no spaces and no +",
        ) from None
    try:
        for path in (directory, directory / "heads", directory / "evidence"):
            path.mkdir(mode=0o700, parents=path == directory, exist_ok=True)
        _require_private(directory)
        if (directory / "key").exists() or any((directory / "heads").iterdir()):
            raise SetupError(
                f"`{directory}` belongs to a witness already", remedy="use it, or choose another directory"
            )
        write_durably(directory / "key", _format_key(signer).encode())
    except OSError as error:
        raise SetupError(
            f"cannot make the witness in `{directory}`: {error.strerror}",
            remedy="choose a place that this user may write to and that has space",
        ) from error
    return signer.verifier


def load_key(directory: Path) -> Signer:
    """The key that `create_witness` made.

    Raises:
        SetupError: there is none, others can read it, or it is damaged.
    """
    path = directory / "key"
    try:
        found = path.stat()
        if found.st_mode & _OTHERS or not stat.S_ISREG(found.st_mode):
            raise SetupError(
                f"the key `{path}` is open to other users",
                remedy="if nobody can have read it: chmod 600; else make a witness with a new key",
            )
        return _parse_key(path.read_text("utf-8"))
    except OSError as error:
        raise SetupError(
            f"there is no key of a witness in `{directory}` ({error.strerror})",
            remedy=f"countenance witness init {directory} --name NAME",
        ) from error
    except ValueError:  # never its text: that is the key
        raise SetupError(f"the key `{path}` is damaged", remedy="restore it from your backup") from None


def read_heads(directory: Path, verifier: Verifier) -> tuple[list[Head], list[HeadDamaged]]:
    """As `WitnessState.heads`, beside a process that owns the directory."""
    return _read_heads(directory / "heads", verifier)


def _format_key(signer: Signer) -> str:
    verifier = signer.verifier
    material = encode_base64(bytes([COSIGNATURE]) + signer.seed)
    return f"{_KEY_PREFIX}{verifier.name}+{verifier.key_hash.hex()}+{material}\n"


def _parse_key(text: str) -> Signer:
    """Raises ValueError on anything that `_format_key` does not write."""
    name, _, material = text.removeprefix(_KEY_PREFIX).removesuffix("\n").split("+", 2)
    signer = Signer.from_seed(name, decode_base64(material)[1:], COSIGNATURE)
    if text != _format_key(signer):
        raise ValueError("not as it was written")
    return signer


def _head_name(origin: str) -> str:
    return hashlib.sha256(origin.encode()).hexdigest()


def _read_heads(folder: Path, verifier: Verifier) -> tuple[list[Head], list[HeadDamaged]]:
    whole, damaged = [], []
    for path in sorted(folder.glob("[!.]*")):
        try:
            whole.append(_load_head(path, verifier))
        except HeadDamaged as error:
            damaged.append(error)
    return sorted(whole, key=lambda head: head.checkpoint.origin), damaged


def _load_head(path: Path, verifier: Verifier) -> Head:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_HEAD_BYTES)
        note = Note.parse(content.decode())
        checkpoint = Checkpoint.parse(note.text)
        cosignature = note.find_signature(verifier) if note.signed_by([verifier]) else None
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError, NoteInvalid, CheckpointInvalid) as error:
        raise HeadDamaged(f"the head `{path}` cannot be read: {error}") from error
    if cosignature is None or path.name != _head_name(checkpoint.origin):
        raise HeadDamaged(f"the head `{path}` is not one that this witness cosigned for that log")
    return Head(checkpoint, cosignature.timestamp_s, note)


def _require_private(directory: Path) -> None:
    try:
        found = directory.stat()
    except OSError as error:
        raise SetupError(
            f"`{directory}` is not the directory of a witness ({error.strerror})",
            remedy=f"countenance witness init {directory} --name NAME",
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_mode & _OTHERS:
        raise SetupError(f"`{directory}` is open to other users", remedy=f"chmod 700 {directory}")


def _take(directory: Path) -> int:
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise SetupError(
            f"another witness runs in `{directory}`", remedy="stop it: two would forget each other's heads"
        ) from None
    return descriptor


def write_durably(path: Path, content: bytes) -> None:
    """A file of mode 600, complete and durable on return; on an error, whatever was there before."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
