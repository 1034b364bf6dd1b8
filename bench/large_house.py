"""A large house for `pages`: one account's faces, users and log, cases, and what others ask its officers."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from audit import Touching, fill_pending
from countenance.accounts import Accounts, Actor, Governance
from countenance.audit import AuditLog
from countenance.casework import Casework
from countenance.cli.installation import open_store
from countenance.cli.server_process import RunningServer
from countenance.gallery import Gallery, NewFace
from countenance.gallery.records import Collection
from countenance.rights import Rights
from countenance.settings import Settings
from countenance.store import Database, KeyStore, UnitOfWork
from countenance.terms import load_terms
from countenance.types import AccountId, RatioBox
from serving import COLLECTION
from signed import ask

BATCH = 2_000
FACES_OF_A_USER = 100
USERS = ("ada", "ada-2")
OTHERS = 30
"""Accounts that ask for something, and cases."""
_SETTLED_S = 600.0


@dataclass(frozen=True, slots=True)
class House:
    """What is measured: a server, and the database under it."""

    server: RunningServer
    database: Database
    keys: KeyStore
    account_id: AccountId


@dataclass(frozen=True, slots=True)
class Living:
    """What the pages of one thing are about."""

    face_id: str
    other_account: str
    code: str


@contextmanager
def opened_house(data_dir: Path, server: RunningServer) -> Iterator[House]:
    with open_store(Settings.from_env({}, data_dir=data_dir)) as (database, keys):
        with database.read() as connection:
            row = connection.execute(
                "select account_id from access_key where access_key_id = %s", (server.access_key_id,)
            ).fetchone()
        assert row is not None
        yield House(server, database, keys, AccountId(row[0]))


def furnish(house: House) -> Living:
    """What pages of one thing are about, what officers decide, and cases that are open."""
    gallery = Gallery(house.database, house.keys)
    collection = gallery.require_collection(house.account_id, house.server.region, COLLECTION)
    faces = _faces(np.random.default_rng(2), FACES_OF_A_USER + 1, collection)
    with UnitOfWork(house.database) as uow:
        face_ids = [str(each.face_id) for each in gallery.enrol(uow, collection, faces)]
        uow.commit()
    for user_id, theirs in ((USERS[0], face_ids[1:]), (USERS[1], face_ids[:1])):
        told = {"CollectionId": COLLECTION, "UserId": user_id}
        ask(house.server, "CreateUser", told)
        ask(house.server, "AssociateFaces", {**told, "FaceIds": theirs, "UserMatchThreshold": 0})
    rights, actor = Rights.open(house.database, house.keys, gallery), Actor("bench")
    code = rights.codes.issue(collection, face_ids=[faces[1].face_id], issued_by="bench", actor=actor)
    return Living(face_ids[1], _others(house), code)


def _others(house: House) -> str:
    """Accounts that ask for a purpose each, and cases of the house; the last account's id."""
    accounts, other = Accounts(house.database, house.keys), ""
    governance = Governance.open(house.database, house.keys, load_terms())
    cases = Casework.open(house.database, house.keys, least_view_s=0).cases
    for number in range(OTHERS):
        other = accounts.create_account(f"other {number}").account_id
        governance.grants.request(other, "photo-library", "an album of ours", actor=Actor("bench"))
        with UnitOfWork(house.database) as uow:
            cases.open(
                uow,
                house.account_id,
                name=f"C-{number}",
                purpose="development",
                reason="a bench",
                legal_basis="none",
                lasts=timedelta(days=2),
                opened_by="bench",
                is_urgent=False,
            )
            uow.commit()
    return other


def enrol(house: House, count: int) -> float:
    """Faces that the gallery stores as it stores any; of nobody."""
    gallery = Gallery(house.database, house.keys)
    collection = gallery.require_collection(house.account_id, house.server.region, COLLECTION)
    with house.database.transaction() as connection:  # all in one, which no charter allows: the hardest case
        connection.execute("update charter set face_cap = face_cap + %s", (count,))
    begun, rng = time.perf_counter(), np.random.default_rng(1)
    for start in range(0, count, BATCH):
        if start % 100_000 == 0:
            print(f"  {start:,} of {count:,} faces enrolled", flush=True)
        batch = _faces(rng, min(BATCH, count - start), collection)
        with UnitOfWork(house.database) as uow:
            gallery.enrol(uow, collection, batch)
            uow.commit()
    return time.perf_counter() - begun


def _faces(rng: np.random.Generator, count: int, collection: Collection) -> list[NewFace]:
    drawn = rng.standard_normal((count, collection.dimensions), dtype=np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return [
        NewFace(
            face_id=uuid.uuid4(),
            image_id=uuid.uuid4(),
            external_image_id=None,
            box=RatioBox(0.1, 0.1, 0.2, 0.2),
            confidence=99.0,
            template=template,
        )
        for template in drawn
    ]


def record(house: House, entries: int) -> None:
    """Entries of the account, which the server's own sequencer gives their places."""
    print(f"  {entries:,} entries to be placed in the log", flush=True)
    fill_pending(house.database, Touching(house.keys), entries, accounts=[house.account_id])
    deadline = time.monotonic() + _SETTLED_S
    while time.monotonic() < deadline:
        with house.database.read() as connection:
            row = connection.execute("select exists (select from audit_event)").fetchone()
        if row is not None and not row[0]:
            with house.database.transaction() as connection:  # as PostgreSQL does by itself within a minute
                connection.execute("analyze audit_event, audit_entry")  # not vacuumed: the hardest case
            return
        time.sleep(1.0)
    raise TimeoutError("the server did not place all entries")


def an_entry(house: House) -> str:
    with house.database.read() as connection:
        row = connection.execute(
            "select event_id from (select event_id, account from audit_entry union all"
            " select event_id, account from audit_event) as entries where account = %s limit 1",
            (AuditLog(house.keys).pseudonym(house.account_id),),
        ).fetchone()
    assert row is not None
    return str(row[0])
