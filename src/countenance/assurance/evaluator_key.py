"""Keys that sign evaluations: files of mode 600, made when first used. The operator's has its own place."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

from countenance.errors import SetupError
from countenance.store.files import write_private
from countenance.transparency.note import NoteInvalid, Signer

OWN_KEY: Final = "evaluations.key"
"""In the data directory."""
_LARGEST: Final = 4096


def open_key(path: Path, *, name: str) -> Signer:
    """The key of a file; where there is none yet, a new one under `name`.

    Raises:
        SetupError: it cannot be read or written, others can read it, it is no key, or `name` is no key's.
    """
    if not path.exists():
        try:
            written = _written(Signer.generate(name))
            with contextlib.suppress(FileExistsError):  # somebody else's was first: that one is read
                write_private(path, written.encode(), replace=False)
        except NoteInvalid as error:
            raise SetupError(
                f"`{name}` cannot be a key's name: {error}", remedy="give another --name"
            ) from None
        except OSError as error:
            raise SetupError(f"the key `{path}` cannot be written: {error.strerror}") from error
    return read_key(path)


def read_key(path: Path) -> Signer:
    """The key of a file: its name in the first line, its seed in 64 hexadecimal digits in the second.

    Raises:
        SetupError: as `open_key`.
    """
    try:
        with path.open("rb") as file:
            mode, data = os.fstat(file.fileno()).st_mode, file.read(_LARGEST)
        name, _, seed = data.decode().rstrip("\n").partition("\n")
        signer = Signer.from_seed(name, bytes.fromhex(seed))
    except OSError as error:
        raise SetupError(f"the key `{path}` cannot be read: {error.strerror}") from error
    except ValueError:  # a NoteInvalid is one
        raise SetupError(
            f"`{path}` is no key for evaluations",
            remedy="restore it; or move it away, sign with a new one, and have that trusted",
        ) from None
    if stat.S_IMODE(mode) & 0o077:
        raise SetupError(f"the key `{path}` can be read by others", remedy=f"chmod 600 {path}")
    return signer


def _written(signer: Signer) -> str:
    return f"{signer.verifier.name}\n{signer.seed.hex()}\n"
