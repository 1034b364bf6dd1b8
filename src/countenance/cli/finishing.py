"""Making a collection's deletions final, as the server and the command do it: with an entry in the log."""

from __future__ import annotations

from collections.abc import Callable

from countenance.audit import AuditLog
from countenance.errors import ResourceNotFoundException
from countenance.gallery import Collection
from countenance.gallery.finality import Finality
from countenance.store import Connection


def make_final(
    finality: Finality,
    audit: AuditLog,
    collection: Collection,
    *,
    progress: Callable[[int], None] = lambda _faces: None,
) -> str:
    """Why it could not be done, in words that name the collection; empty when it is done.

    A collection that was deleted meanwhile has taken its keys with it: that is done as well.
    """
    return _done(
        finality.make_final,
        collection,
        record=_recording(audit, collection, "FinishErasures"),
        progress=progress,
        failed="deletions of {} could not be made final",
    )


def seal_anew(
    finality: Finality,
    audit: AuditLog,
    collection: Collection,
    *,
    progress: Callable[[int], None] = lambda _faces: None,
) -> str:
    """The same though nothing was deleted: everything under a new key, and those before destroyed."""
    return _done(
        finality.seal_anew,
        collection,
        record=_recording(audit, collection, "ResealCollection"),
        progress=progress,
        failed="{} could not be sealed anew",
    )


def _recording(
    audit: AuditLog, collection: Collection, operation: str
) -> Callable[[Connection, int, int], None]:
    def record(connection: Connection, faces: int, generation: int) -> None:
        audit.record_change(
            connection,
            operation,
            account_id=collection.account_id,
            region=collection.region,
            collection=collection.name,
            # In words: as a count of deleted faces it would be one that the log has already.
            resource=f"{faces} deletions are final: keys before generation {generation} are destroyed",
        )

    return record


def _done(
    work: Callable[..., int],
    collection: Collection,
    *,
    record: Callable[[Connection, int, int], None],
    progress: Callable[[int], None],
    failed: str,
) -> str:
    try:
        work(collection, record=record, progress=progress)
    except ResourceNotFoundException:
        return ""
    except Exception as error:  # noqa: BLE001  # one collection's reason keeps no other from its turn
        named = failed.format(f"collection `{collection.name}` of account {collection.account_id}")
        return f"{named}: {error.__cause__ or error}"
    return ""
