from __future__ import annotations

import pytest

from countenance.errors import InvalidParameterException, ResourceNotFoundException
from countenance.operations.resource_arns import (
    bare_collection_arn,
    collection_arn,
    require_collection_of,
)
from countenance.store import UnitOfWork


@pytest.fixture
def deps(call, collection, database):
    with UnitOfWork(database) as uow:
        yield call.deps(uow)


@pytest.mark.parametrize("spell", [collection_arn, bare_collection_arn])
def test_both_spellings_lead_back_to_the_collection(deps, collection, spell):
    there = deps.collection(collection)
    assert require_collection_of(spell(there), deps) == there


def test_the_full_spelling_only_adds_the_prefix(deps, collection):
    there = deps.collection(collection)
    assert collection_arn(there) == "arn:" + bare_collection_arn(there)


def test_a_trailing_newline_is_not_forgiven(deps, collection):
    with pytest.raises(ResourceNotFoundException):
        require_collection_of(collection_arn(deps.collection(collection)) + "\n", deps)


@pytest.mark.parametrize("name", ["", "a\0b", "a b", "collection/friends", "x" * 256, "é"])
def test_what_can_be_no_name_of_a_collection_is_not_found(deps, account, name):
    """And never reaches the database, which has its own opinion of a NUL in a text."""
    with pytest.raises(ResourceNotFoundException):
        require_collection_of(f"arn:aws:rekognition:us-east-1:{account.account_id}:collection/{name}", deps)


def test_digits_of_other_scripts_are_no_account(deps):
    with pytest.raises(InvalidParameterException):
        require_collection_of("arn:aws:rekognition:us-east-1:١١١١٢٢٢٢٣٣٣٣:collection/friends", deps)
