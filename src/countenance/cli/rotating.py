"""Replacing the master key, as the server and the command do it: with an entry in the house's log."""

from __future__ import annotations

from collections.abc import Callable

from countenance.accounts import SEALED
from countenance.accounts.officers import find_house
from countenance.audit import AuditLog
from countenance.casework.cases import SEALED as SEALED_CASES
from countenance.errors import CountenanceError
from countenance.settings import Settings
from countenance.store import Connection, Database, KeyRotation, KeyStore, Rotated, RotationRuns
from countenance.store.master_places import Place


def rotation_of(database: Database, keys: KeyStore) -> KeyRotation:
    """Of all that is under the master key of this installation."""
    return KeyRotation(database, keys, (*SEALED, *SEALED_CASES))


def recording(keys: KeyStore) -> Callable[[Connection, Rotated], None]:
    """Writes of a rotation into the log of the house, whose key it is; of none before there is one."""
    audit = AuditLog(keys)

    def record(connection: Connection, rotated: Rotated) -> None:
        house = find_house(connection)
        if house is not None:
            old, new = rotated.old, rotated.new
            audit.record_change(
                connection,
                "RotateMasterKey",
                account_id=house,
                resource=f"{_named(new)} in the place of {_named(old)}",
            )

    return record


def misplaced(settings: Settings, keys: KeyStore) -> str:
    """What a server says where the master key is not where its settings would have it; empty where it is."""
    if not settings.kms_key_id or keys.ring.read().places[0].kind == "kms":
        return ""
    still = "the master key is still in a file although kms_key_id is set"
    if keys.ring.refusal is not None:
        return f"{still}, and it could not be moved: {keys.ring.refusal}"
    return f"{still}: move it with `countenance keys move --to kms`"


def _named(place: Place) -> str:
    return f"{place.fingerprint.hex()} ({place.kind})"


def finish_rotation(database: Database, keys: KeyStore) -> str:
    """Go on with a rotation that was killed; what a server says of that, empty when there is none.

    One that could not be finished keeps nobody from being served: both master keys open.
    """
    try:
        rotated = rotation_of(database, keys).finish(record=recording(keys))
    except RotationRuns:
        return ""
    except CountenanceError as error:
        return f"a rotation of the master key could not be finished: {error}; both keys are in use"
    if rotated is None:
        return ""
    return f"a rotation of the master key that was interrupted is finished: {rotated.new.name} is in use"
