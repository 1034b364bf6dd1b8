"""The end of what vaults keep: deleted when its time is over, with an entry in the account's log."""

from __future__ import annotations

from collections.abc import Callable

from countenance.audit import AuditLog
from countenance.errors import ResourceNotFoundException
from countenance.gallery.records import Collection
from countenance.gallery.vaults import Vaults
from countenance.store import Database, UnitOfWork


def expire_vaults(
    database: Database,
    vaults: Vaults,
    audit: AuditLog,
    *,
    is_stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Delete every picture that is over its time, or whose vault was closed; how many.

    Ended at any moment it may be called again.

    Raises:
        StoreUnavailable: the database cannot be asked.
    """
    return sum(
        expire_vault(database, vaults, audit, collection)
        for collection in vaults.list_ended()
        if not is_stopping()
    )


def expire_vault(database: Database, vaults: Vaults, audit: AuditLog, collection: Collection) -> int:
    """The same of one collection; nothing of one that was deleted meanwhile."""
    deleted = 0
    while True:
        with UnitOfWork(database) as uow:
            try:
                part = vaults.expire(uow, collection)
            except ResourceNotFoundException:
                return deleted
            if not part:
                return deleted
            audit.record_change(
                uow.connection,
                "ExpireCrops",
                account_id=collection.account_id,
                region=collection.region,
                collection=collection.name,
                # In words: as a count of deleted faces it would be one of faces.
                resource=f"{part} crops are over their time",
            )
            uow.commit()
        deleted += part
