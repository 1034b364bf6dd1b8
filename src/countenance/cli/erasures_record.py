"""What the log says when deletions have become final."""

from __future__ import annotations

from collections.abc import Callable

from countenance.audit import AuditLog
from countenance.gallery import Collection
from countenance.store import Connection


def recorder(audit: AuditLog, collection: Collection) -> Callable[[Connection, int, int], None]:
    """As `Finality.make_final` takes it: an entry of the account whose collection it is."""

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

    return record
