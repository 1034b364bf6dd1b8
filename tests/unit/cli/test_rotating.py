"""A server that goes on with a rotation that was killed."""

from __future__ import annotations

import pytest

from countenance.cli.installation import open_store
from countenance.cli.rotating import finish_rotation, misplaced, recording, rotation_of
from countenance.settings import Settings
from countenance.store import KeyServiceError, KeyStore


@pytest.fixture
def store(cli):
    with open_store(Settings.from_env(cli.environment)) as opened:
        yield opened


def begin(database, keys):
    rotation_of(database, keys)._begin(keys.ring.read(), "file")


def test_nothing_is_said_where_nothing_was_begun(store):
    assert finish_rotation(*store) == ""
    assert [place.name for place in store[1].ring.read().places] == ["master.key"]


def test_one_that_was_killed_is_finished_and_that_is_said(store):
    begin(*store)
    assert "interrupted is finished: master.2.key" in finish_rotation(*store)
    assert finish_rotation(*store) == ""


def test_one_that_goes_on_elsewhere_is_left_to_whoever_does_it(store):
    begin(*store)
    with store[1].ring.rotating():
        assert finish_rotation(*store) == ""
    assert rotation_of(*store).is_begun()


def test_one_that_cannot_be_finished_keeps_nobody_from_serving(store, monkeypatch):
    begin(*store)

    def refuse():
        raise KeyServiceError("away")

    monkeypatch.setattr(type(store[1].ring.masters()), "require_all", lambda _: refuse())
    assert "could not be finished: away" in finish_rotation(*store)


def test_a_master_key_that_is_not_where_the_settings_would_have_it_is_told(store, kms):
    """Else an operator would believe that the disk is worth nothing without the service."""
    _, keys = store
    assert misplaced(Settings(), keys) == ""
    assert "keys move --to kms" in misplaced(kms.settings(), keys)
    refused = KeyStore.open(keys.directory, kms.service("alias/nobody"))
    assert "could not be moved: the key service did not" in misplaced(kms.settings(), refused)


def test_without_a_house_there_is_nobodys_log_to_write_to(store):
    database, keys = store
    assert rotation_of(database, keys).rotate(None, record=recording(keys)).new.name == "master.2.key"
