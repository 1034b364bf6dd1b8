"""Encryption of a backup: age (age-encryption.org/v1), streamed, to one or several recipients.

What is on the disk is never readable without an identity, and the server has none: it cannot open what it
made. Every 64 KiB are authenticated, and so is the end: a file that was cut short does not end well.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import pyrage

from countenance.errors import SetupError
from countenance.store.files import write_private

_MAGIC = b"age-encryption.org/v1"
_MAX_IDENTITY_BYTES = 65_536
_IDENTITY = "AGE-SECRET-KEY-"

Identity: TypeAlias = Any
"""What opens backups: pyrage has no types of its own to say so with."""
Recipient: TypeAlias = Any
"""Whom a backup is encrypted to."""


class EnvelopeDamaged(SetupError):
    """An encrypted file that does not open to its end."""


def parse_recipient(text: str) -> Recipient:
    """`age1…`; SetupError for anything else."""
    try:
        return pyrage.x25519.Recipient.from_str(text.strip())
    except pyrage.RecipientError:
        raise SetupError(
            f"`{text}` is no recipient", remedy="give what `countenance backup keygen` printed: age1…"
        ) from None


def make_identity(path: Path, *, passphrase: str = "") -> str:
    """Write a new identity into a file of its own, mode 600; its recipient, `age1…`.

    Args:
        passphrase: that the file is encrypted with; empty for none.

    Raises:
        SetupError: there is a file of that name, or it cannot be written.
    """
    identity = pyrage.x25519.Identity.generate()
    recipient = str(identity.to_public())
    content = f"# recipient: {recipient}\n{identity}\n".encode()
    if passphrase:
        content = pyrage.passphrase.encrypt(content, passphrase)
    try:
        write_private(path, content, replace=False)
    except FileExistsError:
        raise SetupError(
            f"`{path}` is there already", remedy="give another name: an identity that is lost opens nothing"
        ) from None
    except OSError as error:
        raise SetupError(f"`{path}` cannot be written: {error.strerror}") from error
    return recipient


def load_identities(path: Path, *, passphrase: str = "") -> list[Identity]:
    """The identities in a file, as `make_identity` or age-keygen write it.

    Raises:
        SetupError: it cannot be read, has none, or the passphrase is missing or wrong.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_IDENTITY_BYTES)
    except OSError as error:
        raise SetupError(f"the identity `{path}` cannot be read: {error.strerror}") from error
    if content.startswith(_MAGIC):
        if not passphrase:
            raise SetupError(f"the identity `{path}` has a passphrase", remedy="give --passphrase-file")
        try:
            content = pyrage.passphrase.decrypt(content, passphrase)
        except pyrage.DecryptError:
            raise SetupError(
                f"the identity `{path}` does not open with this passphrase",
                remedy="give the one that it was made with",
            ) from None
    lines = content.decode("utf-8", "replace").splitlines()
    try:
        found = [
            pyrage.x25519.Identity.from_str(line.strip())
            for line in lines
            if line.strip().startswith(_IDENTITY)
        ]
    except pyrage.IdentityError:
        found = []
    if not found:
        raise SetupError(
            f"`{path}` holds no identity", remedy="give the file that `countenance backup keygen` wrote"
        )
    return found


@contextmanager
def encrypted(target: BinaryIO, recipients: Sequence[Recipient]) -> Iterator[BinaryIO]:
    """A file to write to; what is written comes encrypted to `target`, complete when the context ends.

    Raises:
        OSError: `target` does not take it.
    """
    taking, giving = os.pipe()
    told = _Telling(target)
    encrypting = _Pump(lambda: _encrypt(taking, told, recipients))
    try:
        with suppress(BrokenPipeError), os.fdopen(giving, "wb") as sink:
            yield sink
    finally:
        encrypting.join()
        if told.error is not None:
            raise told.error
    if encrypting.error is not None:
        raise encrypting.error


@contextmanager
def decrypted(source: BinaryIO, identities: Sequence[Identity], *, name: str) -> Iterator[BinaryIO]:
    """A file to read from, in clear. Only what was read to its end was all there is.

    Raises:
        EnvelopeDamaged: `source` is cut short, was changed, or is not encrypted by age.
        SetupError: it is encrypted to somebody else.
    """
    taking, giving = os.pipe()
    decrypting = _Pump(lambda: _decrypt(source, giving, identities))
    try:
        with os.fdopen(taking, "rb") as plain:
            yield plain
    finally:
        decrypting.join()
        if decrypting.error is not None and not isinstance(decrypting.error, BrokenPipeError):
            raise _explain(decrypting.error, name)


def _encrypt(taking: int, target: _Telling, recipients: Sequence[Recipient]) -> None:
    with os.fdopen(taking, "rb") as plain:
        pyrage.encrypt_io(plain, target, list(recipients))


def _decrypt(source: BinaryIO, giving: int, identities: Sequence[Identity]) -> None:
    with os.fdopen(giving, "wb") as plain:
        told = _Telling(plain)
        try:
            pyrage.decrypt_io(source, told, list(identities))
        except Exception:
            if told.error is not None:
                raise told.error from None
            raise


def _explain(error: Exception, name: str) -> SetupError:
    if isinstance(error, pyrage.DecryptError) and "No matching keys" in str(error):
        return SetupError(
            f"`{name}` is not encrypted to this identity",
            remedy="give the identity whose recipient the backup was made for",
        )
    return EnvelopeDamaged(
        f"`{name}` is cut short, was changed, or is no backup ({error})",
        remedy="take another copy of it; nothing of this one was used",
    )


class _Telling:
    """A file that remembers why it could not be written: pyrage tells only that it could not."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self._target.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        """What is written is flushed by who opened it."""


class _Pump:
    """Work in a thread of its own, with the error that ended it."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="envelope", daemon=True)
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001  # raised where the work is waited for
            self.error = error
