"""What a server does of human review by itself: purges what is over, destroys keys that a crash left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from countenance.audit import AuditLog
from countenance.casework.expiry import ReviewExpiry
from countenance.casework.record import record_purged
from countenance.casework.reviews import Reviews
from countenance.store import Database, KeyStore, UnitOfWork
from countenance.store.jobs import JobContext, Task

_OFTEN_S: Final = 600.0
_HOUR_S: Final = 3600.0
_SETTLED_S: Final = 3600.0


def casework_tasks(keys: KeyStore) -> list[Task]:
    """All of them; nothing is opened or started."""
    jobs = _Jobs(keys)
    return [
        Task(
            "purge-reviews",
            jobs.purge,
            every_s=_OFTEN_S,
            meaning=(
                "purge held searches whose time, case or pictures are over, "
                "or whose authorisation did not come"
            ),
        ),
        Task(
            "destroy-abandoned-review-keys",
            jobs.destroy_abandoned_keys,
            every_s=_HOUR_S,
            is_local=True,
            meaning="destroy keys of held searches that are gone",
        ),
    ]


def purge_due(database: Database, keys: KeyStore, *, stop_if_asked: Callable[[], None] = lambda: None) -> int:
    """Purge every review that is due, each with an entry of its account; how many."""
    expiry, reviews, audit = ReviewExpiry(database, keys), Reviews(database, keys), AuditLog(keys)
    done = 0
    for review_id, account_id in expiry.due():
        stop_if_asked()
        with UnitOfWork(database) as work:
            if reviews.purge(work, review_id):
                record_purged(
                    audit,
                    work.connection,
                    account_id,
                    review_id,
                    why="its time, case or pictures are over, or its authorisation did not come in time",
                )
                done += 1
            work.commit()
    return done


@dataclass(frozen=True, slots=True)
class _Jobs:
    keys: KeyStore

    def purge(self, context: JobContext) -> None:
        done = purge_due(context.database, self.keys, stop_if_asked=context.stop_if_asked)
        context.report(done, note="reviews purged")

    def destroy_abandoned_keys(self, context: JobContext) -> None:
        swept = ReviewExpiry(context.database, self.keys).sweep(older_than_s=_SETTLED_S)
        context.report(swept, note="keys")
