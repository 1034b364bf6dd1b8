from __future__ import annotations

import dataclasses

import pytest

from countenance.policy import Decision, Resource, Verdict


def test_there_is_no_third_decision():
    """Whoever compares with ALLOW is right, and so is whoever compares with DENY."""
    assert {decision.value for decision in Decision} == {"allow", "deny"}


def test_a_verdict_cannot_be_turned_into_another():
    """It goes into the event as it was given."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Verdict(Decision.DENY, (), (), "").decision = Decision.ALLOW


def test_an_account_is_owned_by_itself():
    """Another owner would make one account's standing decide over another's."""
    with pytest.raises(ValueError, match="owned by itself"):
        Resource("Account", "1" * 12, "2" * 12)
