"""The end of what vaults keep, and its entry in the account's log."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from countenance.accounts import Accounts
from countenance.audit import AuditLog
from countenance.gallery import Gallery
from countenance.gallery.vault_expiry import expire_vaults
from countenance.store import UnitOfWork
from fakes.faces import DIMENSIONS, new_face, unit


@pytest.fixture
def kept(database, log_keys):
    """A collection with three crops in its vault."""
    gallery = Gallery(database, log_keys)
    account_id = Accounts(database, log_keys).create_account("Vault").account_id
    with UnitOfWork(database) as uow:
        collection = gallery.create_collection(
            uow,
            account_id=account_id,
            name="kept",
            region="us-east-1",
            face_model_version="1",
            dimensions=DIMENSIONS,
            tags={},
        )
        uow.commit()
    with UnitOfWork(database) as uow:
        gallery.vaults.open(uow, collection, kept_days=1)
        gallery.enrol(uow, collection, [replace(new_face(unit([1])), crop=b"crop") for _ in range(3)])
        uow.commit()
    return gallery, collection


def test_what_is_over_its_time_is_deleted_and_the_log_says_how_much(kept, database, log_keys):
    gallery, collection = kept
    audit = AuditLog(log_keys)
    expire_vaults(database, gallery.vaults, audit)  # of other tests
    assert gallery.vaults.find(collection).crops == 3
    with database.transaction() as connection:
        connection.execute(
            "update vault_crop set kept_until = now() where collection_id = %s", (collection.collection_id,)
        )
    assert expire_vaults(database, gallery.vaults, audit, is_stopping=lambda: True) == 0
    assert expire_vaults(database, gallery.vaults, audit) == 3
    assert gallery.vaults.find(collection).crops == 0
    with database.read() as connection:
        entries = audit.list_latest(connection, collection.account_id)
    assert [orjson.loads(each.entry)["operation"] for each in entries][:1] == ["ExpireCrops"]
    assert entries[0].opened("resource") == "3 crops are over their time"


def test_a_collection_that_is_deleted_meanwhile_stops_nothing(kept, database, log_keys, monkeypatch):
    gallery, collection = kept
    with UnitOfWork(database) as uow:
        gallery.delete_collection(uow, collection)
        uow.commit()
    monkeypatch.setattr(gallery.vaults, "list_ended", lambda: [collection])
    assert expire_vaults(database, gallery.vaults, AuditLog(log_keys)) == 0
