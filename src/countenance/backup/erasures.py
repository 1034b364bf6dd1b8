"""What was erased since a backup, erased again before anybody is served."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Final

from countenance.audit import AuditLog, record_statement
from countenance.backup import taken_back
from countenance.backup.manifest import Manifest
from countenance.errors import SetupError
from countenance.gallery import Collection, Gallery
from countenance.store import Database, KeyStore, UnitOfWork, load_queries
from countenance.store.files import write_private
from countenance.store.tombstone_list import Tombstone, TombstoneList
from countenance.store.tombstones import tombstone_list
from countenance.types import FaceId, UserId

_QUERIES = load_queries("countenance.backup", "queries.sql")
_FACES_AT_ONCE: Final = 1_000
_OPERATION: Final = "ReplayErasures"
_CLOCKS_DIFFER: Final = timedelta(hours=1)
"""At most, of the database's machine and of the one that made the backup."""
_WORDS: Final = "erased after the backup was made"


@dataclass(frozen=True, slots=True)
class ErasedSince:
    """What a list says of the time since a backup.

    Attributes:
        lines: behind the backup's own last one; all of a list that does not have that.
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
    vaults: int = 0
    objections: int = 0
    consents: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """One list that is replayed.

    Attributes:
        after: the line behind which it says what the backup does not know. 0 for the list of another server
            on the same database: the backup names no line of it, and all of it is replayed.
    """

    tombstones: TombstoneList
    after: int
    length: int

    @property
    def path(self) -> Path:
        return self.tombstones.path

    def since(self) -> Iterator[Tombstone]:
        """What was erased since, and maybe before."""
        return (each for each in self.tombstones.read() if each.number > self.after)


def require_lists(keys: KeyStore, paths: Sequence[Path], manifest: Manifest) -> list[Listed]:
    """The lists, each verified to its end: those that the backup names a line of first, longer ones before.

    Raises:
        SetupError: one is another installation's, was changed or cannot be read; none of them goes on from
            where the list was when the backup was made, so that lines are missing.
    """
    anchored: list[Listed] = []
    others: list[Listed] = []
    number, code = manifest.tombstones
    for path in paths:
        listed = tombstone_list(keys, path)
        length, is_anchored = 0, (number, code) == (0, listed.first_code)
        for tombstone in listed.read():
            length += 1
            is_anchored = is_anchored or (tombstone.number, tombstone.code) == (number, code)
        found = Listed(listed, number if is_anchored else 0, length)
        (anchored if is_anchored else others).append(found)
    if paths and not anchored:
        given = ", ".join(f"`{path}`" for path in paths)
        raise SetupError(
            (f"the tombstone list {given} does not reach" if len(paths) == 1 else f"none of {given} reaches")
            + f" line {number}, which the list of the server that made the backup had then: it is an older"
            " copy, was cut short, or is another server's",
            remedy="give the newest list that there is of the server whose --data-dir was backed up, beside"
            " those of others",
        )
    return [each for some in (anchored, others) for each in sorted(some, key=lambda each: -each.length)]


def erased_since(lists: Sequence[Listed]) -> ErasedSince:
    """How much there is to erase again, and how far the lists reach."""
    lines, until = 0, ""
    for listed in lists:
        for tombstone in listed.tombstones.read():
            until = max(until, tombstone.at.isoformat(timespec="seconds"))
            lines += tombstone.number > listed.after and tombstone.kind != "alive"
    return ErasedSince(lines, until)


def replay(
    database: Database,
    keys: KeyStore,
    lists: Sequence[Listed],
    manifest: Manifest,
    *,
    tell: Callable[[int], None] = lambda _lines: None,
) -> Replayed:
    """Erase what the lists name behind the backup's last line, as it was erased then; each with an entry.

    What the backup does not hold is passed over: it was enrolled after it, or deleted before. Of what may
    come again under its name (users, vaults, keys of accounts) the time says whether it is what was erased.
    """
    work = _Replay(database, keys, made_at=datetime.fromisoformat(manifest.made_at))
    for listed in lists:
        for kind, tombstones in groupby(
            listed.since(), key=lambda each: (each.kind, each.words[0] if each.words else "")
        ):
            work.erase(kind[0], kind[1], tombstones, listed, tell)
    return work.done


def join_lists(keys: KeyStore, lists: Sequence[Listed], path: Path) -> None:
    """Write the list that the restored installation goes on with: the first, and what others have beside it.

    So that it alone says all that any of them said.
    """
    whole = lists[0].path.read_bytes()
    write_private(path, whole, replace=True)
    with tombstone_list(keys, path).held() as joined:
        for other in lists[1:]:
            content = other.path.read_bytes()
            if not whole.startswith(content[: content.rfind(b"\n") + 1]):  # else a copy of the first
                told = (each for each in other.tombstones.read() if each.kind != "alive")
                joined.append((each.at, " ".join((each.kind, *each.words))) for each in told)


class _Replay:
    def __init__(self, database: Database, keys: KeyStore, *, made_at: datetime) -> None:
        self._database = database
        self._made_at = made_at
        self._gallery = Gallery(database, keys)
        self._audit = AuditLog(keys)
        self._taken_back = taken_back.TakenBack(database, keys, self._audit)
        self.done = Replayed()

    def erase(
        self,
        kind: str,
        whose: str,
        tombstones: Iterator[Tombstone],
        listed: Listed,
        tell: Callable[[int], None],
    ) -> None:
        """Erase what lines of one kind, about one collection or account, name."""
        if kind == "account":
            for tombstone in tombstones:
                self._forget_account(whose, tombstone, listed)
            return
        if kind in taken_back.KINDS:
            for tombstone in tombstones:
                found = self._taken_back.again(tombstone, operation=_OPERATION, told=_WORDS)
                self.done.objections += found and kind == "objection"
                self.done.consents += found and kind == "consent"
            return
        collection = None if kind == "alive" else self._find(whose)
        if collection is None:
            return
        if kind == "collection":
            self._delete_collection(collection)
        elif kind == "face":
            self._erase_listed(collection, tombstones, tell)
        else:
            erase = self._delete_user if kind == "user" else self._close_vault
            for tombstone in tombstones:
                erase(collection, tombstone, listed)

    def _find(self, collection_id: str) -> Collection | None:
        with self._database.read() as connection:
            row = connection.execute(
                _QUERIES["find_collection"], {"collection_id": uuid.UUID(collection_id)}
            ).fetchone()
        return None if row is None else Collection(*row)

    def _erase_listed(
        self, collection: Collection, tombstones: Iterator[Tombstone], tell: Callable[[int], None]
    ) -> None:
        batch: list[FaceId] = []
        for tombstone in tombstones:
            batch += [FaceId(uuid.UUID(each)) for each in tombstone.words[1].split(",")]
            if len(batch) >= _FACES_AT_ONCE:
                self._erase_faces(collection, batch)
                batch = []
            tell(1)
        self._erase_faces(collection, batch)

    def _erase_faces(self, collection: Collection, face_ids: Sequence[FaceId]) -> None:
        if not face_ids:
            return
        with UnitOfWork(self._database) as uow:
            self._release(uow, collection, face_ids)
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

    def _release(self, uow: UnitOfWork, collection: Collection, face_ids: Sequence[FaceId] | None) -> None:
        values = {
            "collection_id": collection.collection_id,
            "face_ids": None if face_ids is None else list(face_ids),
        }
        uow.connection.execute(_QUERIES["release_erased"], values)

    def _delete_collection(self, collection: Collection) -> None:
        with UnitOfWork(self._database) as uow:
            self._release(uow, collection, None)
            self._gallery.delete_collection(uow, collection)
            self._record(uow, collection)
            uow.commit()
        self.done.collections += 1

    def _delete_user(self, collection: Collection, tombstone: Tombstone, listed: Listed) -> None:
        """By its digest; one of the same id that was made later is another user."""
        collection_id, digest = str(collection.collection_id), tombstone.words[1]
        digest_of = listed.tombstones.user_digest
        with self._database.read() as connection:
            users = connection.execute(
                _QUERIES["list_users"], {"collection_id": collection.collection_id}
            ).fetchall()
        for user_id, created_at in users:
            if created_at <= tombstone.at and digest_of(collection_id, user_id) == digest:
                with UnitOfWork(self._database) as uow:
                    self._gallery.delete_user(uow, collection, UserId(user_id))
                    self._record(uow, collection)
                    uow.commit()
                self.done.users += 1

    def _close_vault(self, collection: Collection, tombstone: Tombstone, _: Listed) -> None:
        with UnitOfWork(self._database) as uow:
            if self._gallery.vaults.close_again(uow, collection, at=tombstone.at):
                self._record(uow, collection)
                uow.commit()
                self.done.vaults += 1

    def _forget_account(self, account_id: str, tombstone: Tombstone, listed: Listed) -> None:
        """Not one that got another key after it was forgotten, before the backup."""
        is_older = not listed.after and tombstone.at < self._made_at - _CLOCKS_DIFFER
        if is_older or not self._audit.keys.has_account(account_id):
            return
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
