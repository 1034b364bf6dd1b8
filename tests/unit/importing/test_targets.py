"""The collections that an import goes into, on a real server."""

from __future__ import annotations

import pytest

from countenance.errors import SetupError
from countenance.importing.server import Server
from countenance.importing.targets import require_collections


@pytest.fixture
def server(house):
    return Server(house.request())


def test_collections_that_are_not_there_are_made_where_that_is_asked_for(house, server):
    require_collections(server, ["staff", "guests", "guests"], may_create=True, is_dry=False)
    assert set(house.client.list_collections()["CollectionIds"]) == {"staff", "guests"}


def test_none_is_made_otherwise(house, server):
    with pytest.raises(SetupError, match=r"no collection `guests`, `crew`.*--create-collection"):
        require_collections(server, ["staff", "guests", "crew"], may_create=False, is_dry=False)
    assert house.client.list_collections()["CollectionIds"] == ["staff"]


def test_a_dry_run_makes_none_whatever_is_asked_for(house, server):
    for may_create in (False, True):
        require_collections(server, ["staff"], may_create=may_create, is_dry=True)
        with pytest.raises(SetupError, match=r"dry run makes none.*create-collection.*without --dry-run"):
            require_collections(server, ["staff", "guests"], may_create=may_create, is_dry=True)
    assert house.client.list_collections()["CollectionIds"] == ["staff"]


def test_a_name_that_cannot_be_is_told(server):
    with pytest.raises(SetupError, match="the server refuses: "):
        require_collections(server, ["no name"], may_create=True, is_dry=False)
