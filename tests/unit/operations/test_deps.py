from __future__ import annotations

import pytest

from countenance.errors import ResourceNotFoundException
from countenance.store import UnitOfWork


@pytest.fixture
def uow(database):
    with UnitOfWork(database) as uow:
        yield uow


def test_no_vision_inside_a_transaction(call, uow):
    """A slow picture must not hold locks that other calls wait for."""
    deps = call.deps(uow)
    assert deps.default_vision() is deps.vision("1.0")
    assert uow.connection is not None
    with pytest.raises(AssertionError):
        deps.default_vision()
    with pytest.raises(AssertionError):
        deps.vision("1.0")


def test_a_calibration_needs_no_net_and_may_be_asked_for_inside_one(call, uow):
    """AssociateFaces runs inside the transaction that holds its ClientRequestToken."""
    assert uow.connection is not None
    assert call.deps(uow).calibration("2.0") == call.models.vision("2.0").calibration


def test_a_collection_is_of_the_callers_account_and_region(call, collection, client_of, account, uow):
    assert call.deps(uow).collection(collection).name == collection
    with pytest.raises(ResourceNotFoundException):
        client_of(account, region="eu-west-1").deps(uow).collection(collection)
