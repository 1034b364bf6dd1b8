"""A collection gets no model that policy forbids for what it is for."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from countenance.accounts import Accounts
from countenance.errors import AccessDeniedException
from countenance.facts import ModelDigests, ModelFacts
from countenance.gallery import Gallery
from countenance.gateway.obligations import DISCHARGES
from countenance.policy import PolicyEngine
from countenance.reembedding.allowed import require_allowed
from countenance.store import UnitOfWork
from countenance.wire.model import load_models
from governed import charter_of, open_governance, ready_account
from signed_evaluations import put_on_record

OPERATIONS = {name: tuple(model.operations) for name, model in load_models().services.items()}
ANY, RESEARCH = ModelFacts("1.0", "any"), ModelFacts("2.0", "research")


@pytest.fixture(scope="module")
def engine():
    return PolicyEngine.load(OPERATIONS, discharges=DISCHARGES)


@pytest.fixture
def ask(database, log_keys, engine):
    """`ask(*purposes, before=, after=)` of a new collection for them."""
    governance, accounts, gallery = (
        open_governance(database, log_keys),
        Accounts(database, log_keys),
        Gallery(database, log_keys),
    )

    def run(*purposes, before=ANY, after=ANY, approved=True):
        account = ready_account(accounts, governance, "Models", *(purposes if approved else ("development",)))
        with UnitOfWork(database) as uow:
            collection = gallery.create_collection(
                uow,
                account_id=account.account_id,
                name="c",
                region="us-east-1",
                face_model_version="1.0",
                dimensions=4,
                tags={},
                charter=replace(charter_of(purposes[0]), purposes=purposes) if purposes else None,
            )
            uow.commit()
        require_allowed(database, governance, gallery, engine, collection, before=before, after=after)

    return run


def test_a_pack_that_was_not_evaluated_is_refused_where_the_one_in_use_was(ask, database):
    """The collection's purpose would end with the switch; an evaluation of the new one comes first."""
    old, new = (
        ModelFacts(version, "any", ModelDigests(*(uuid.uuid4().hex * 2 for _ in range(3))))
        for version in ("1.0", "2.0")
    )
    put_on_record(database, old.digests)
    with pytest.raises(AccessDeniedException, match=r"GATE-001.*fraud-prevention"):
        ask("fraud-prevention", before=old, after=new)
    put_on_record(database, new.digests, version="2.0")
    ask("fraud-prevention", before=old, after=new)
    ask("fraud-prevention", before=new, after=new)


def test_a_pack_for_research_is_refused_where_the_collection_is_for_more(ask):
    with pytest.raises(AccessDeniedException, match=r"GATE-002.*photo-library"):
        ask("photo-library", after=RESEARCH)
    with pytest.raises(AccessDeniedException, match="GATE-002"):
        ask("development", "photo-library", after=RESEARCH)
    with pytest.raises(AccessDeniedException, match="GATE-002"):
        ask("photo-library", after=ModelFacts("2.0"))


def test_and_allowed_where_it_is_for_nothing_else(ask):
    ask("development", after=RESEARCH)
    ask("photo-library", after=ANY)


def test_what_is_forbidden_with_either_model_is_no_matter_of_the_model(ask):
    """An account whose purpose was withdrawn, or a claim that the machine does not make."""
    ask("photo-library", approved=False)
    ask("photo-library", before=RESEARCH, after=RESEARCH)


def test_a_collection_without_a_charter_gets_none(ask):
    with pytest.raises(AccessDeniedException, match="no charter"):
        ask()
