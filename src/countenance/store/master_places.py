"""Where a master key is: in a file of its own, or in a key management service and here as that encrypted it.

master.key    32 random bytes                                   after rotations master.<n>.key
master.kms    JSON: the service's key, and the ciphertext       after rotations master.<n>.kms
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from countenance.errors import SetupError
from countenance.store.errors import KeyServiceError
from countenance.store.files import write_private
from countenance.store.key_service import DataKey, KeyService
from countenance.store.master_key import KEY_BYTES, MasterKey

Kind = Literal["file", "kms"]
RESTORE: Final = "restore the keys folder from its backup, or start over with an empty data directory"
NAME: Final = re.compile(r"master(\.[1-9][0-9]{0,8})?\.(key|kms)")
_FORMAT: Final = "countenance-kms-key/v1"


@dataclass(frozen=True, slots=True)
class Place:
    """One master key, as the ring names it.

    Attributes:
        name: of its file.
        since: when it was made, to the second.
    """

    name: str
    fingerprint: bytes
    since: datetime

    @property
    def kind(self) -> Kind:
        return "kms" if self.name.endswith(".kms") else "file"

    @property
    def number(self) -> int:
        """1 for the first, and so on."""
        middle = self.name.split(".")[1:-1]
        return int(middle[0]) if middle else 1


@dataclass(frozen=True, slots=True)
class Places:
    """The folder that master keys are in, and what opens those that are in a service.

    Attributes:
        store: the key store's own id, which a service's ciphertext is bound to.
    """

    directory: Path
    service: KeyService | None
    store: uuid.UUID

    def load(self, place: Place) -> MasterKey:
        """The key at that place.

        Raises:
            KeyServiceError: the service is away, or does not open it.
            SetupError: it is missing, damaged, open to other users, or another than was there.
        """
        path = self.directory / place.name
        content = _read_private(path)
        key = content if place.kind == "file" else self._opened(path, content)
        if len(key) != KEY_BYTES:
            raise SetupError(f"the master key `{path}` is damaged", remedy=RESTORE)
        master = MasterKey(key)
        if master.fingerprint != place.fingerprint:
            raise SetupError(f"the master key `{path}` is not the one in use", remedy=RESTORE)
        return master

    def make(self, kind: Kind, number: int) -> Place:
        """A new master key, on the disk and read back from there: nothing is under it yet.

        A file of that name is replaced: the caller has seen that the ring does not name it.

        Raises:
            KeyServiceError: the service did not make it, or does not open what it made.
            SetupError: there is no service.
        """
        name = "master" + (f".{number}" if number > 1 else "") + (".key" if kind == "file" else ".kms")
        if kind == "file":
            key = secrets.token_bytes(KEY_BYTES)
            content = key
        else:
            made = self.require_service(self.directory / name).make_key(self._context())
            key, content = made.key, _to_file(made)
        write_private(self.directory / name, content, replace=True)
        place = Place(name, MasterKey(key).fingerprint, datetime.now(UTC).replace(microsecond=0))
        self.load(place)
        return place

    def key_id(self, place: Place) -> str | None:
        """The service's key that it is under; None for one in a file.

        Raises:
            SetupError: the file is missing or damaged.
        """
        if place.kind == "file":
            return None
        path = self.directory / place.name
        return _parse_file(path, _read_private(path))[0]

    def refusal(self) -> KeyServiceError | None:
        """Why a master key could not be in the service; None if it could, or there is none."""
        return None if self.service is None else self.service.refusal(self._context())

    def _opened(self, path: Path, content: bytes) -> bytes:
        key_id, ciphertext = _parse_file(path, content)
        service = self.require_service(path, key_id)
        return service.open_key(ciphertext, key_id=key_id, context=self._context())

    def require_service(self, path: Path, key_id: str = "") -> KeyService:
        """The service that the key at that path is in, or is to be. Raises SetupError: there is none."""
        if self.service is None:
            under = f" under `{key_id}`" if key_id else ""
            raise SetupError(
                f"the master key `{path}` is in a key service{under}, and `kms_key_id` is not set",
                remedy="set COUNTENANCE_KMS_KEY_ID (and what else reaches the service) for this command",
            )
        return self.service

    def _context(self) -> dict[str, str]:
        return {"countenance:key-store": str(self.store)}


def _to_file(made: DataKey) -> bytes:
    told = {
        "format": _FORMAT,
        "key_id": made.key_id,
        "ciphertext": base64.b64encode(made.ciphertext).decode(),
    }
    return json.dumps(told, indent=2).encode() + b"\n"


def _parse_file(path: Path, content: bytes) -> tuple[str, bytes]:
    try:
        told = json.loads(content)
        if told["format"] == _FORMAT and isinstance(told["key_id"], str):
            return told["key_id"], base64.b64decode(told["ciphertext"], validate=True)
    except (ValueError, KeyError, TypeError):
        pass
    raise SetupError(f"the master key `{path}` is damaged", remedy=RESTORE)


def _read_private(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise SetupError(f"the master key `{path}` is missing", remedy=RESTORE) from None
    except OSError as error:
        raise SetupError(f"the master key `{path}` cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise SetupError(f"the master key `{path}` is open to other users", remedy=f"chmod 600 {path}")
    return content
