"""What was erased since a backup, erased again before anybody is served."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from countenance.audit import AuditLog, record_statement
from countenance.backup.manifest import Manifest
from countenance.errors import SetupError
from countenance.gallery import Collection, Gallery
from countenance.store import Database, KeyStore, UnitOfWork, load_queries
from countenance.store.tombstone_list import Tombstone, TombstoneList
from countenance.store.tombstones import tombstone_list
from countenance.types import FaceId, UserId

_QUERIES = load_queries("countenance.backup", "queries.sql")
_FACES_AT_ONCE: Final = 1_000
_OPERATION: Final = "ReplayErasures"
_WORDS: Final = "erased after the backup was made"


@dataclass(frozen=True, slots=True)
class ErasedSince:
    """What a list says of the time since a backup.

    Attributes:
        lines: behind the backup's own last one.
        until: when the last line was written, ISO; empty where there is none.
    """

    lines: int
    until: str


@dataclass(slots=True)
class Replayed:
    """What was there and is erased again."""

    faces: int = 0
    users: int = 0
    collections: int = 0
    accounts: int = 0


def require_lists(keys: KeyStore, paths: Sequence[Path], manifest: Manifest) -> list[TombstoneList]:
    """The lists, the longest first, each verified to its end.

    Raises:
        SetupError: one is another installation's, was changed or cannot be read; none of them goes on from
            where the list was when the backup was made, so that lines are missing.
    """
    lengths: list[tuple[int, TombstoneList]] = []
    for path in paths:
        listed = tombstone_list(keys, path)
        number, code = manifest.tombstones
        length, is_anchored = 0, (number, code) == (0, listed.first_code)
        for tombstone in listed.read():
            length += 1
            is_anchored = is_anchored or (tombstone.number, tombstone.code) == (number, code)
        if not is_anchored:
            raise SetupError(
                f"the tombstone list `{path}` does not reach line {number}, which it had when the backup was"
                " made: it is an older copy, or was cut short",
                remedy="give the newest list that there is",
            )
        lengths.append((length, listed))
    return [listed for _, listed in sorted(lengths, key=lambda each: -each[0])]


def erased_since(lists: Sequence[TombstoneList], manifest: Manifest) -> ErasedSince:
    """How much there is to erase again, and how far the lists reach."""
    lines, until = 0, ""
    for listed in lists:
        for tombstone in listed.read():
            until = max(until, tombstone.at.isoformat(timespec="seconds"))
            lines += tombstone.number > manifest.tombstones[0] and tombstone.kind != "alive"
    return ErasedSince(lines, until)


def replay(
    database: Database,
    keys: KeyStore,
    lists: Sequence[TombstoneList],
    manifest: Manifest,
    *,
    tell: Callable[[int], None] = lambda _lines: None,
) -> Replayed:
    """Erase what the lists name behind the backup's last line, as it was erased then; each with an entry.

    What the backup does not hold is passed over: it was enrolled after it, or deleted before.
    """
    work = _Replay(database, keys)
    for listed in lists:
        since = (each for each in listed.read() if each.number > manifest.tombstones[0])
        for kind, tombstones in groupby(
            since, key=lambda each: (each.kind, each.words[0] if each.words else "")
        ):
            work.erase(kind[0], kind[1], tombstones, listed, tell)
    return work.done


class _Replay:
    def __init__(self, database: Database, keys: KeyStore) -> None:
        self._database = database
        self._gallery = Gallery(database, keys)
        self._audit = AuditLog(keys)
        self.done = Replayed()

    def erase(
        self,
        kind: str,
        whose: str,
        tombstones: Iterator[Tombstone],
        listed: TombstoneList,
        tell: Callable[[int], None],
    ) -> None:
        """Erase what lines of one kind, about one collection or account, name."""
        if kind == "account":
            self._forget_account(whose)
            return
        collection = None if kind == "alive" else self._find(whose)
        if collection is None:
            return
        if kind == "collection":
            self._delete_collection(collection)
        elif kind == "user":
            for tombstone in tombstones:
                self._delete_user(collection, tombstone, listed)
        else:
            batch: list[FaceId] = []
            for tombstone in tombstones:
                batch += [FaceId(uuid.UUID(each)) for each in tombstone.words[1].split(",")]
                if len(batch) >= _FACES_AT_ONCE:
                    self._erase_faces(collection, batch)
                    batch = []
                tell(1)
            self._erase_faces(collection, batch)

    def _find(self, collection_id: str) -> Collection | None:
        with self._database.read() as connection:
            row = connection.execute(
                _QUERIES["find_collection"], {"collection_id": uuid.UUID(collection_id)}
            ).fetchone()
        return None if row is None else Collection(*row)

    def _erase_faces(self, collection: Collection, face_ids: Sequence[FaceId]) -> None:
        if not face_ids:
            return
        with UnitOfWork(self._database) as uow:
            erased = self._gallery.erase_faces(uow, collection, face_ids)
            if erased:
                self._audit.record_erasure(
                    uow.connection,
                    _OPERATION,
                    account_id=collection.account_id,
                    region=collection.region,
                    collection=collection.name,
                    face_ids=[str(face_id) for face_id in erased],
                    resource=_WORDS,
                )
            uow.commit()
        self.done.faces += len(erased)

    def _delete_collection(self, collection: Collection) -> None:
        with UnitOfWork(self._database) as uow:
            self._gallery.delete_collection(uow, collection)
            self._record(uow, collection)
            uow.commit()
        self.done.collections += 1

    def _delete_user(self, collection: Collection, tombstone: Tombstone, listed: TombstoneList) -> None:
        """By its digest; one of the same id that was made later is another user."""
        collection_id, digest = str(collection.collection_id), tombstone.words[1]
        with self._database.read() as connection:
            users = connection.execute(
                _QUERIES["list_users"], {"collection_id": collection.collection_id}
            ).fetchall()
        for user_id, created_at in users:
            if created_at <= tombstone.at and listed.user_digest(collection_id, user_id) == digest:
                with UnitOfWork(self._database) as uow:
                    self._gallery.delete_user(uow, collection, UserId(user_id))
                    self._record(uow, collection)
                    uow.commit()
                self.done.users += 1

    def _forget_account(self, account_id: str) -> None:
        with self._database.transaction() as connection:
            pseudonym = self._audit.keys.account(account_id).pseudonym("account", account_id)
            record_statement(connection, "key.shredded", {"account": pseudonym.hex()})
        self._audit.keys.forget_account(account_id)
        self.done.accounts += 1

    def _record(self, uow: UnitOfWork, collection: Collection) -> None:
        self._audit.record_change(
            uow.connection,
            _OPERATION,
            account_id=collection.account_id,
            region=collection.region,
            collection=collection.name,
            resource=_WORDS,
        )
