"""Keys in files, each wrapped by a master key and bound to what it is for.

keys/collections/<uuid>       one collection's key
keys/collections/<uuid>.<n>   its n-th key for templates
keys/collections/<uuid>.basis-<n>   the seed of a basis that its templates are kept in
keys/secrets/<name>           what else must be forgettable
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final
from uuid import UUID

from countenance.errors import SetupError
from countenance.store.files import sync_directory, write_private
from countenance.store.key_ring import KeyRing
from countenance.store.master_key import MasterKey
from countenance.store.master_places import RESTORE

BASIS: Final = "basis-"


class WrappedFiles:
    """Thread-safe; several processes may share one folder, and a rotation may run beside them."""

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring
        self.collections = ring.directory / "collections"
        self.secrets = ring.directory / "secrets"

    def create(self, path: Path, key: bytes) -> None:
        """A new file; the key in it is durable when this returns.

        Raises:
            FileExistsError: there is one of that name.
        """
        with self.ring.exclusively():
            wrapped = self.ring.masters().sealing.wrap(key, _require_context(path))
            write_private(path, wrapped, replace=False)

    def read(self, path: Path) -> bytes:
        """The key in it.

        Raises:
            FileNotFoundError: there is none.
            KeyServiceError: it is under a master key that the key service does not open.
            SetupError: the file is damaged or belongs elsewhere.
        """
        seen = None
        while True:
            masters, wrapped = self.ring.masters(), path.read_bytes()
            key = masters.unwrap(wrapped, _require_context(path))
            if key is not None:
                return key
            masters.require_all()
            # A rotation may have come between the ring and the file: neither changes twice for nothing.
            if seen == (masters.version, wrapped):
                raise SetupError(f"the key file `{path}` is damaged", remedy=RESTORE)
            seen = masters.version, wrapped

    def destroy(self, find: Callable[[], Iterable[Path]]) -> None:
        """Remove for good what `find` finds; no error when it is gone already."""
        # INVARIANT: while nobody wraps anew: a file that is replaced after it was removed would be back.
        with self.ring.exclusively():
            for path in find():
                path.unlink(missing_ok=True)
            # Also where another process took the names out: it may have been killed before this.
            for folder in (self.collections, self.secrets):
                sync_directory(folder)

    def list(self) -> Iterator[Path]:
        """All of them, in no order."""
        for folder in (self.collections, self.secrets):
            yield from (path for path in folder.iterdir() if not path.name.startswith("."))

    def remove_leftovers(self) -> None:
        """Second names of keys, left by processes that were killed as they wrote them."""
        self.destroy(lambda: (*self.collections.glob(".*"), *self.secrets.glob(".*")))

    def rewrap(self, path: Path, *, newest: MasterKey, older: MasterKey) -> bool | None:
        """Put the file under the newest master key if it is under an older one: whether it was.

        None for one that opens with neither. No error for one that is gone.
        """
        with self.ring.exclusively():
            try:
                wrapped = path.read_bytes()
            except FileNotFoundError:
                return False
            context = context_of(path)
            if context is None:
                return None
            if newest.unwrap(wrapped, context) is not None:
                return False
            key = older.unwrap(wrapped, context)
            if key is None:
                return None
            write_private(path, newest.wrap(key, context), replace=True)
            return True


def context_of(path: Path) -> bytes | None:
    """What a wrapped key is bound to: what its file's name says that it is for; None for a name of no key."""
    if path.parent.name == "secrets":
        return b"secret/" + path.name.encode()
    collection, dot, which = path.name.partition(".")
    kind, numbered = (b"basis/", which[len(BASIS) :]) if which.startswith(BASIS) else (b"templates/", which)
    try:
        owner = UUID(collection).bytes
        return kind + owner + int(numbered).to_bytes(4, "big") if dot else b"collection/" + owner
    except (ValueError, OverflowError):
        return None


def _require_context(path: Path) -> bytes:
    context = context_of(path)
    assert context is not None, "the names are ours"
    return context
