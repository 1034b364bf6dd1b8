"""Making a collection's deletions final, as the server and the command do it: with an entry in the log."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from countenance.audit import AuditLog
from countenance.errors import ResourceNotFoundException
from countenance.gallery import Collection
from countenance.gallery.finality import Finality
from countenance.store import Connection


def finish(
    finality: Finality, audit: AuditLog, collection: Collection, *, progress: Callable[[int], None]
) -> None:
    """Make them final, and say so in the log.

    A collection that was deleted meanwhile has taken its keys with it: that is done as well.

    Raises:
        InternalServerError, ThrottlingException: as `Finality.make_final`; and what `progress` raises.
    """
    with suppress(ResourceNotFoundException):
        finality.make_final(
            collection,
            record=_recording(audit, collection, "FinishErasures"),
            renewed=_recording_renewed(audit, collection),
            progress=progress,
        )


def make_final(
    finality: Finality, audit: AuditLog, collection: Collection, *, progress: Callable[[int], None]
) -> str:
    """Why it could not be done, in words that name the collection; empty when it is done."""
    try:
        finish(finality, audit, collection, progress=progress)
    except Exception as error:  # noqa: BLE001  # one collection's reason keeps no other from its turn
        return f"deletions of {_named(collection)} could not be made final: {error.__cause__ or error}"
    return ""


def seal_anew(
    finality: Finality, audit: AuditLog, collection: Collection, *, progress: Callable[[int], None]
) -> str:
    """As `make_final` though nothing was deleted: everything under a new key, and those before destroyed."""
    try:
        with suppress(ResourceNotFoundException):
            finality.seal_anew(
                collection,
                record=_recording(audit, collection, "ResealCollection"),
                renewed=_recording_renewed(audit, collection),
                progress=progress,
            )
    except Exception as error:  # noqa: BLE001  # as above
        return f"{_named(collection)} could not be sealed anew: {error.__cause__ or error}"
    return ""


def renew_basis(
    finality: Finality,
    audit: AuditLog,
    collection: Collection,
    *,
    is_own: bool,
    progress: Callable[[int], None],
) -> str:
    """As `seal_anew`, and all templates in another basis: a new one of its own, or the model's."""
    kind = "a new one of the collection's own" if is_own else "the model's"
    try:
        with suppress(ResourceNotFoundException):
            finality.renew_basis(
                collection,
                is_own=is_own,
                began=_telling(audit, collection, "RenewBasis", f"templates are brought into {kind}"),
                record=_recording(audit, collection, "ResealCollection"),
                renewed=_recording_renewed(audit, collection),
                progress=progress,
            )
    except Exception as error:  # noqa: BLE001  # as above
        return f"{_named(collection)} could not be brought into another basis: {error.__cause__ or error}"
    return ""


def _named(collection: Collection) -> str:
    return f"collection `{collection.name}` of account {collection.account_id}"


def _recording(
    audit: AuditLog, collection: Collection, operation: str
) -> Callable[[Connection, int, int], None]:
    def record(connection: Connection, faces: int, generation: int) -> None:
        # In words: as a count of deleted faces it would be one that the log has already.
        words = f"{faces} deletions are final: keys before generation {generation} are destroyed"
        _telling(audit, collection, operation, words)(connection)

    return record


def _recording_renewed(audit: AuditLog, collection: Collection) -> Callable[[Connection], None]:
    words = "all templates are in the basis in use: the seed of the one before is destroyed"
    return _telling(audit, collection, "FinishBasis", words)


def _telling(
    audit: AuditLog, collection: Collection, operation: str, resource: str
) -> Callable[[Connection], None]:
    def record(connection: Connection) -> None:
        audit.record_change(
            connection,
            operation,
            account_id=collection.account_id,
            region=collection.region,
            collection=collection.name,
            resource=resource,
        )

    return record
