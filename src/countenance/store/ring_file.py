"""The file `keys/ring`: which master keys there are."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from countenance.store.master_places import NAME, Place

_FORMAT: Final = "countenance-key-ring/v1"


@dataclass(frozen=True, slots=True)
class Ring:
    """What the file says: the key store's own id, and its master keys, of which the first one seals."""

    store: uuid.UUID
    places: tuple[Place, ...]

    def to_bytes(self) -> bytes:
        told = {
            "format": _FORMAT,
            "store": str(self.store),
            "masters": [
                {"file": each.name, "fingerprint": each.fingerprint.hex(), "since": each.since.isoformat()}
                for each in self.places
            ],
        }
        return json.dumps(told, indent=2).encode() + b"\n"

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Raises ValueError: it is no ring."""
        try:
            told = json.loads(content)
            places = tuple(
                Place(
                    str(each["file"]),
                    bytes.fromhex(each["fingerprint"]),
                    datetime.fromisoformat(each["since"]),
                )
                for each in told["masters"]
            )
            ring = cls(uuid.UUID(told["store"]), places)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(str(error)) from error
        named = [each.name for each in places]
        if told["format"] != _FORMAT or not 1 <= len(named) <= 2 or len(set(named)) < len(named):
            raise ValueError("not a ring")
        if not all(NAME.fullmatch(name) for name in named):
            raise ValueError("not the name of a master key")
        return ring
