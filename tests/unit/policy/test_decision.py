from __future__ import annotations

import dataclasses

import pytest

from countenance.policy import BrokenRule, Decision, Resource, Verdict
from countenance.types import AccountId


def test_there_is_no_third_decision():
    """Whoever compares with ALLOW is right, and so is whoever compares with DENY."""
    assert {decision.value for decision in Decision} == {"allow", "deny"}


def test_a_verdict_cannot_be_turned_into_another():
    """It goes into the event as it was given."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Verdict(Decision.DENY, (), (), "").decision = Decision.ALLOW


def test_a_call_cannot_be_changed_between_the_decision_and_the_event(lawful):
    """What was decided about and what is recorded are one value."""
    call = lawful("SearchFaces")
    for part, member in ((call, "threshold"), (call.account, "standing"), (call.claims, "source")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(part, member, None)


def test_an_account_is_owned_by_itself():
    """Another owner would make one account's standing decide over another's."""
    with pytest.raises(ValueError, match="owned by itself"):
        Resource("Account", "1" * 12, AccountId("2" * 12))


def test_a_call_is_named_by_service_and_operation(lawful):
    """Two services may name an operation alike: the policy knows them apart by this."""
    assert lawful("SearchFaces").action == "rekognition:SearchFaces"
    assert lawful("SubmitAppeal").action == "countenance:SubmitAppeal"


def test_whose_call_it_is_stands_in_the_account(lawful):
    """One truth: an id beside the account could be another one's."""
    call = lawful("SearchFaces", account__account_id=AccountId("7" * 12))
    assert call.account_id == "7" * 12


def test_a_broken_rule_of_the_core_is_a_sentence_with_its_remedy():
    """What the caller reads."""
    told = BrokenRule("PUR-005", "core", "the threshold is 80", "send 99", "")
    assert str(told) == "PUR-005: the threshold is 80; send 99"


def test_a_broken_rule_of_a_pack_says_that_no_lawyer_has_read_it():
    """Nobody may take a pack for legal advice; the citation is what they can check."""
    told = BrokenRule("EU-026", "eu-ai-act", "no authorisation", "get one", "Article 26(10)")
    assert str(told) == ("EU-026 [eu-ai-act, legal review: none]: no authorisation; get one (Article 26(10))")


def test_a_rule_without_a_remedy_leaves_no_gap():
    """A duty has none of its own."""
    assert str(BrokenRule("OBL-REVIEW", "core", "people review", "", "")) == "OBL-REVIEW: people review"
