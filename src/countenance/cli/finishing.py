"""Making a collection's deletions final, as the server and the command do it: with an entry in the log."""

from __future__ import annotations

from collections.abc import Callable

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

    def record(connection: Connection, faces: int, generation: int) -> None:
        audit.record_change(
            connection,
            "FinishErasures",
            account_id=collection.account_id,
            region=collection.region,
            collection=collection.name,
            # In words: as a count of deleted faces it would be one that the log has already.
            resource=f"{faces} deletions are final: keys before generation {generation} are destroyed",
        )

    try:
        finality.make_final(collection, record=record, progress=progress)
    except ResourceNotFoundException:
        return


def make_final(
    finality: Finality, audit: AuditLog, collection: Collection, *, progress: Callable[[int], None]
) -> str:
    """Why it could not be done, in words that name the collection; empty when it is done."""
    try:
        finish(finality, audit, collection, progress=progress)
    except Exception as error:  # noqa: BLE001  # one collection's reason keeps no other from its turn
        return (
            f"deletions of collection `{collection.name}` of account {collection.account_id} "
            f"could not be made final: {error.__cause__ or error}"
        )
    return ""
