"""What a server tidies up by itself, as tasks of the job queue: nothing that an answer depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from countenance.accounts.changing import Changing
from countenance.assurance.drift import forget_counts, watch_drift
from countenance.audit import AuditLog
from countenance.audit.reconcile import AlreadyReconciling, last_reconciled, reconcile
from countenance.cli.finishing import finish
from countenance.cli.rotating import finish_rotation
from countenance.errors import ResourceNotFoundException
from countenance.gallery import Collection, Gallery
from countenance.gallery.activity import searches_ran
from countenance.gallery.compaction import forget_changes, sparse_tables, vacuum
from countenance.gallery.finality import Finality, due
from countenance.gallery.merges import Merges
from countenance.gallery.vault_expiry import expire_vaults
from countenance.gallery.vaults import Vaults
from countenance.rights import EnrolmentCodes
from countenance.store import Database, KeyStore, StoreUnavailable, Tombstones, UnitOfWork, idempotency
from countenance.store.jobs import JobContext, Task

_HOUR_S = 3600.0
_DAY_S = 86_400.0
_SETTLED_S = 3600.0
TOKENS_KEPT = timedelta(days=7)
"""As long as AWS keeps the tokens of its video jobs; of these operations it says nothing."""
JOBS_KEPT = timedelta(days=14)
RECONCILE_AFTER = timedelta(hours=22)
"""Looked at hourly, so daily, and before the changes of galleries that are compared are forgotten."""
_COLLECTION = "collection_id"


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """The tasks of one installation.

    Attributes:
        data_dir: whose servers are reconciled with the log.
        tell: told in a line what an operator must know though nothing failed.
        tombstones: where what is erased is written down; None for nowhere.
    """

    keys: KeyStore
    data_dir: Path
    tell: Callable[[str], None]
    tombstones: Callable[[Database], Tombstones] | None = None

    def tasks(self) -> list[Task]:
        """All of them: those that are made by themselves, and those that these make for each collection."""
        return [
            Task(
                "forget-tokens",
                self._forget_tokens,
                every_s=_HOUR_S,
                meaning="forget answers that were kept under clients' tokens for a week, wrong codes, merges",
            ),
            Task(
                "destroy-abandoned-keys",
                self._destroy_abandoned_keys,
                every_s=_HOUR_S,
                is_local=True,
                meaning="destroy keys of collections that are gone, where a crash left them",
            ),
            Task(
                "expire-faces",
                self._expire_faces,
                every_s=_HOUR_S,
                meaning="look for faces that are older than their collection's charter allows",
            ),
            self._expiry,
            Task(
                "expire-vaults",
                self._expire_vaults,
                every_s=_HOUR_S,
                meaning="delete pictures of enrolled faces that were kept for as long as was said",
            ),
            Task(
                "finish-erasures",
                self._finish_erasures,
                every_s=_HOUR_S,
                meaning="look for deletions that are due to be final, and for renewals that were interrupted",
            ),
            self._finishing,
            Task(
                "finish-rotation",
                self._finish_rotation,
                every_s=_HOUR_S,
                is_local=True,
                meaning="go on with a replacement of the master key that was interrupted",
            ),
            Task(
                "say-alive",
                self._say_alive,
                every_s=_HOUR_S,
                is_local=True,
                meaning="write into the list of what was erased that nothing more was until now",
            ),
            Task(
                "reconcile",
                self._reconcile,
                every_s=_HOUR_S,
                is_local=True,
                meaning="once a day, compare what was done with what the log says",
            ),
            Task(
                "watch-drift",
                self._watch_drift,
                every_s=_HOUR_S,
                meaning="compare how rarely searches match by chance with what the calibration states",
            ),
            Task(
                "compact",
                self._compact,
                every_s=_HOUR_S,
                meaning="forget old changes and ended jobs, give the room of deleted rows back",
            ),
        ]

    @property
    def _expiry(self) -> Task:
        return Task(
            "expire-faces-of-collection",
            self._expire_faces_of,
            meaning="delete one collection's faces that are older than its charter allows",
        )

    @property
    def _finishing(self) -> Task:
        return Task(
            "finish-erasures-of-collection",
            self._finish_erasures_of,
            meaning="make one collection's deletions final: replace its key, seal anew, destroy the old keys",
        )

    def _forget_tokens(self, context: JobContext) -> None:
        with context.database.transaction() as connection:
            done = idempotency.forget_older_than(connection, TOKENS_KEPT)
        done += EnrolmentCodes(Changing(context.database, self.keys), self.keys).forget_attempts()
        done += Merges(context.database, self.keys).forget()
        context.report(done, note="tokens")

    def _destroy_abandoned_keys(self, context: JobContext) -> None:
        """A crash after DeleteCollection's commit must not leave its sealed rows with a key."""
        with context.database.read() as connection:
            known = {row[0] for row in connection.execute("select collection_id from collection").fetchall()}
        abandoned = self.keys.abandoned(known, older_than_s=_SETTLED_S)
        for collection in abandoned:
            self.keys.destroy_collection_key(collection)
        context.report(len(abandoned), note="keys")

    def _expire_faces(self, context: JobContext) -> None:
        expiring = self._gallery(context).list_expiring()
        _defer_for_each(context, self._expiry, expiring)

    def _expire_faces_of(self, context: JobContext) -> None:
        """Whatever the account's standing."""
        gallery, audit = self._gallery(context), AuditLog(self.keys)
        collection = _find(context, gallery.list_expiring())
        done = context.done
        while collection is not None:
            context.stop_if_asked()
            with UnitOfWork(context.database) as work:
                try:
                    expired = gallery.expire_faces(work, collection)
                except ResourceNotFoundException:  # deleted since
                    return
                if not expired:
                    return
                audit.record_erasure(
                    work.connection,
                    "ExpireFaces",
                    account_id=collection.account_id,
                    region=collection.region,
                    collection=collection.name,
                    face_ids=[str(face_id) for face_id in expired],
                    resource="older than the charter allows",
                )
                work.commit()
            done += len(expired)
            context.report(done, note="faces deleted")

    def _expire_vaults(self, context: JobContext) -> None:
        expire_vaults(context.database, Vaults(context.database, self.keys), AuditLog(self.keys))

    def _finish_erasures(self, context: JobContext) -> None:
        finality = Finality(context.database, self.keys)
        pending = [each.collection for each in due(finality.pending(), datetime.now(UTC))]
        renewing = [each.collection for each in finality.bases() if each.is_renewing]
        _defer_for_each(context, self._finishing, dict.fromkeys([*pending, *renewing]))

    def _finish_erasures_of(self, context: JobContext) -> None:
        """Replace the keys of a collection whose deletions are due to be final, or whose basis is renewed."""
        finality, sealed = Finality(context.database, self.keys), 0
        renewing = [each.collection for each in finality.bases() if each.is_renewing]
        collection = _find(context, [*(each.collection for each in finality.pending()), *renewing])

        def progress(faces: int) -> None:
            nonlocal sealed
            sealed += faces
            context.report(sealed, note="faces sealed anew")
            context.stop_if_asked()

        if collection is not None:
            finish(finality, AuditLog(self.keys), collection, progress=progress)

    def _finish_rotation(self, context: JobContext) -> None:
        if told := finish_rotation(context.database, self.keys):
            self.tell(told)

    def _say_alive(self, context: JobContext) -> None:
        if self.tombstones is not None:
            self.tombstones(context.database).say_alive()

    def _gallery(self, context: JobContext) -> Gallery:
        database = context.database
        return Gallery(
            database, self.keys, tombstones=None if self.tombstones is None else self.tombstones(database)
        )

    def _reconcile(self, context: JobContext) -> None:
        last = last_reconciled(self.data_dir)
        if last is not None and datetime.now(UTC) - last < RECONCILE_AFTER:
            return
        try:
            found = reconcile(context.database, self.data_dir, lambda: searches_ran(self.data_dir))
        except AlreadyReconciling:
            return
        if found.mismatches:
            names = ", ".join(found.mismatches)
            context.report(len(found.mismatches), note=f"mismatches: {names}")
            self.tell(f"the log does not agree with what was done ({names}): see `audit reconcile`")

    def _watch_drift(self, context: JobContext) -> None:
        with context.database.transaction() as connection:
            alarms = watch_drift(connection)
            forget_counts(connection)
        context.report(alarms, note="alarms")
        if alarms:
            self.tell(f"{alarms} stated false match rates do not hold: see `countenance drift`")

    def _compact(self, context: JobContext) -> None:
        done = 0
        while count := forget_changes(context.database) + context.jobs.forget_ended(JOBS_KEPT):
            done += count
            context.report(done, note="old changes and ended jobs")
            context.stop_if_asked()
        for table in sparse_tables(context.database):
            try:
                vacuum(context.database, table, is_stopping=context.is_stopping)
            except StoreUnavailable:
                context.stop_if_asked()
                raise


def _defer_for_each(context: JobContext, task: Task, collections: Iterable[Collection]) -> None:
    """A job for each, so that none keeps another from its turn; two of one collection never run at once."""
    count = 0
    for collection in collections:
        key = f"{task.name}/{collection.collection_id}"
        context.jobs.defer(task, {_COLLECTION: str(collection.collection_id)}, lock=key, queueing_lock=key)
        count += 1
    context.report(count, note="collections")


def _find(context: JobContext, collections: Iterable[Collection]) -> Collection | None:
    """The job's; None where there is nothing left to do for it, or it was deleted."""
    wanted = context.arguments[_COLLECTION]
    return next((each for each in collections if str(each.collection_id) == wanted), None)
