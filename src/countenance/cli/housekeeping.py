"""What a server tidies up by itself, hourly: nothing that an answer depends on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from countenance.audit import AuditLog
from countenance.audit.reconcile import AlreadyReconciling, last_reconciled, reconcile
from countenance.cli.finishing import make_final
from countenance.errors import ResourceNotFoundException
from countenance.gallery import Gallery
from countenance.gallery.activity import searches_ran
from countenance.gallery.finality import Finality, due
from countenance.gallery.vault_expiry import expire_vaults
from countenance.gallery.vaults import Vaults
from countenance.store import Database, KeyStore, StoreUnavailable, UnitOfWork, idempotency

_EVERY_S = 3600.0
_SETTLED_S = 3600.0
TOKENS_KEPT = timedelta(days=7)
"""As long as AWS keeps the tokens of its video jobs; of these operations it says nothing."""
RECONCILE_AFTER = timedelta(hours=22)
"""Looked at hourly, so daily, and before the changes of galleries that are compared are forgotten."""


class Housekeeping:
    """Called often, works once an hour. A database that does not answer is tried an hour later."""

    def __init__(
        self,
        database: Database,
        keys: KeyStore,
        *,
        data_dir: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`data_dir`: whose servers are reconciled with the log; None for nobody's."""
        self._database = database
        self._keys = keys
        self._data_dir = data_dir
        self._reconciling: threading.Thread | None = None
        self._finishing: threading.Thread | None = None
        self._clock = clock
        self._next_s = clock()

    def __call__(self) -> None:
        if self._clock() < self._next_s:
            return
        self._next_s = self._clock() + _EVERY_S
        try:
            self._forget_tokens()
            self._destroy_abandoned_keys()
            self._expire_faces()
            expire_vaults(self._database, Vaults(self._database, self._keys), AuditLog(self._keys))
        except StoreUnavailable as error:
            click.echo(f"housekeeping put off: {error}", err=True)
        self._begin_finishing()
        self._begin_reconciling()

    def _forget_tokens(self) -> None:
        with self._database.transaction() as connection:
            idempotency.forget_older_than(connection, TOKENS_KEPT)

    def _destroy_abandoned_keys(self) -> None:
        """A crash after DeleteCollection's commit must not leave its sealed rows with a key."""
        with self._database.read() as connection:
            known = {row[0] for row in connection.execute("select collection_id from collection").fetchall()}
        for collection in self._keys.abandoned(known, older_than_s=_SETTLED_S):
            self._keys.destroy_collection_key(collection)

    def _expire_faces(self) -> None:
        """Faces that are older than their collection's charter allows, whatever the account's standing."""
        gallery, audit = Gallery(self._database, self._keys), AuditLog(self._keys)
        for collection in gallery.list_expiring():
            while True:
                with UnitOfWork(self._database) as work:
                    try:
                        expired = gallery.expire_faces(work, collection)
                    except ResourceNotFoundException:  # deleted since
                        break
                    if not expired:
                        break
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

    def _begin_finishing(self) -> None:
        """Beside us, as reconciling: millions of faces take a while to be sealed anew."""
        if self._finishing is not None and self._finishing.is_alive():
            return
        self._finishing = threading.Thread(target=self._finish_erasures, name="erasures", daemon=True)
        self._finishing.start()

    def _finish_erasures(self) -> None:
        """Replace the keys of collections whose deletions are due to be final."""
        finality = Finality(self._database, self._keys)
        try:
            pending = due(finality.pending(), datetime.now(UTC))
        except StoreUnavailable as error:
            click.echo(f"deletions could not be made final: {error}; tried again in an hour", err=True)
            return
        for each in pending:
            reason = make_final(finality, AuditLog(self._keys), each.collection)
            if reason:
                click.echo(f"{reason}; tried again in an hour", err=True)

    def _begin_reconciling(self) -> None:
        """Beside us: it may take a minute, and processes that die meanwhile are to be replaced."""
        if self._data_dir is None or (self._reconciling is not None and self._reconciling.is_alive()):
            return
        last = last_reconciled(self._data_dir)
        if last is not None and datetime.now(UTC) - last < RECONCILE_AFTER:
            return
        data_dir = self._data_dir
        self._reconciling = threading.Thread(
            target=self._reconcile, args=(data_dir,), name="reconcile", daemon=True
        )
        self._reconciling.start()

    def _reconcile(self, data_dir: Path) -> None:
        try:
            found = reconcile(self._database, data_dir, lambda: searches_ran(data_dir))
        except AlreadyReconciling:
            return
        except Exception as error:  # noqa: BLE001  # nothing that it may meet is a reason to stop serving
            click.echo(f"the log could not be reconciled: {error}", err=True)
            return
        if found.mismatches:
            names = ", ".join(found.mismatches)
            click.echo(
                f"the log does not agree with what was done ({names}): see `audit reconcile`", err=True
            )
