"""`countenance erasures`."""

from __future__ import annotations

import json
import re

import pytest

from countenance.accounts import Accounts
from countenance.cli.installation import open_store
from countenance.gallery import Gallery
from countenance.settings import Settings
from countenance.store import UnitOfWork
from fakes.faces import DIMENSIONS, new_face, unit


@pytest.fixture
def collection_with(cli, account):
    """`collection_with(name, kept=, gone=)`: so many faces in it, so many deleted."""
    settings = Settings.from_env(cli.environment)
    with open_store(settings) as (database, keys):
        gallery = Gallery(database, keys)

        def make(name, *, kept, gone):
            assert Accounts(database, keys).require_account(account)
            with UnitOfWork(database) as uow:
                collection = gallery.create_collection(
                    uow,
                    account_id=account,
                    name=name,
                    region="us-east-1",
                    face_model_version="1",
                    dimensions=DIMENSIONS,
                    tags={},
                )
                uow.commit()
            with UnitOfWork(database) as uow:
                stored = gallery.enrol(uow, collection, [new_face(unit([1])) for _ in range(kept + gone)])
                gallery.delete_faces(uow, collection, [face.face_id for face in stored[:gone]])
                uow.commit()
            return collection

        yield make


def test_what_is_not_final_is_listed_and_made_final(cli, account, collection_with):
    collection_with("staff", kept=2, gone=3)
    collection_with("guests", kept=1, gone=1)
    collection_with("quiet", kept=1, gone=0)
    listed = [each for each in cli.json("erasures", "list") if each["AccountId"] == account]
    assert [(each["CollectionId"], each["PendingFaces"]) for each in listed] == [("staff", 3), ("guests", 1)]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:+]+", each["FinalBy"]) for each in listed)
    done = cli.json("erasures", "finish", "--account", account, "--collection", "staff")
    assert [(each["CollectionId"], each["PendingFaces"], each["FinalBy"]) for each in done] == [
        ("staff", 0, "final now")
    ]
    assert "guests" in cli.says("erasures", "list")
    cli.says("erasures", "finish", "--account", account)
    assert [each for each in cli.json("erasures", "list") if each["AccountId"] == account] == []
    assert cli.json("erasures", "finish") == []


def test_one_that_cannot_be_finished_keeps_no_other_from_its_turn(cli, account, collection_with):
    broken = collection_with("broken", kept=1, gone=1)
    collection_with("whole", kept=1, gone=1)
    (cli.data_dir / "keys" / "collections" / f"{broken.collection_id}.1").unlink()
    done = cli.run("erasures", "finish", "--json")
    assert done.exit_code == 1
    assert "`broken`" in done.stderr
    assert "key of generation 1" in done.stderr
    assert [(each["CollectionId"], each["FinalBy"] == "final now") for each in json.loads(done.stdout)] == [
        ("broken", False),
        ("whole", True),
    ]
    assert [each["CollectionId"] for each in cli.json("erasures", "list")] == ["broken"]


def test_nothing_pending_is_said(cli, account):
    assert cli.json("erasures", "list") == []
    assert "every deletion is final" in cli.says("erasures", "list")
    code, message = cli.fails("erasures", "finish", "--account", account)
    assert (code, "erasures list" in message) == (3, True)
