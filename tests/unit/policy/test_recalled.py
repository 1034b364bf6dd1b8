"""A call out of its entry: what the entry says, nothing that it does not, and what that is."""

from __future__ import annotations

import json

import pytest

from countenance.policy.call_file import parse_call
from countenance.policy.recalled import recall

ENTRY = {
    "v": 1,
    "kind": "call",
    "event": "0d0d0d0d-0000-4000-8000-000000000000",
    "time": "2026-11-26T12:00:00.000Z",
    "service": "rekognition",
    "operation": "SearchFacesByImage",
    "decision": "deny",
    "outcome": "refused",
    "account": "ab" * 16,
    "operator": "cd" * 16,
    "key": "ce" * 16,
    "purpose": "missing-persons",
    "collection": "ef" * 32,
    "case": "0a" * 32,
    "claims": {"source": "relative", "age": "adult", "consent": True},
    "threshold": {"asked": 70, "in_force": 90},
    "asked": {"candidates": 10},
    "model": {"version": "7.0", "digest": "0" * 64},
    "roles": ["developer"],
    "charter": {
        "purposes": ["missing-persons"],
        "kind": "enrolled",
        "legal_basis": "1a" * 32,
        "face_cap": 10,
        "minors_allowed": False,
    },
}


def test_what_the_entry_says_is_filled_in():
    call = recall(ENTRY).call
    assert call["operation"] == "rekognition:SearchFacesByImage"
    assert (call["purpose"], call["own_purpose"]) == ("missing-persons", "missing-persons")
    assert (call["threshold"], call["candidates"], call["roles"]) == (70, 10, ["developer"])
    assert call["claims"] == {"source": "relative", "age": "adult", "consent": "given", "case": "given"}
    assert call["collection"]["face_cap"] == 10
    asked = parse_call(call)
    assert (asked.claims.case, asked.threshold, asked.resource.charter.kind) == ("given", 70, "enrolled")


def test_no_pseudonym_or_commitment_is_taken_for_a_name():
    """A rule that names an operator would be judged of nobody that there is."""
    told = json.dumps(recall(ENTRY).call)
    assert not [part for part in ("ab", "cd", "ce", "ef", "0a", "1a", "00") if part * 8 in told]


@pytest.mark.parametrize(
    ("without", "unsaid"),
    [
        ("case", "claims.case"),
        ("claims", "claims.consent"),
        ("collection", "collection:"),
        ("charter", "legal_"),
    ],
)
def test_what_it_does_not_say_is_told_and_only_that(without, unsaid):
    """A reader fills in what matters: a list of everything that could be missing is read by nobody."""
    whole = recall(ENTRY)
    assert any(each.startswith(unsaid) for each in whole.unsaid)
    less = recall({name: value for name, value in ENTRY.items() if name != without} | {"purpose": "research"})
    assert not any(each.startswith(unsaid) for each in less.unsaid)
    for name in ("account", "operator", "model", "calls_last_hour", "at"):
        assert name not in whole.call
        assert any(name in each.partition(":")[0] for each in whole.unsaid)


def test_a_collection_of_which_nothing_is_known_breaks_no_rule_of_its_own():
    """Judged with an empty charter it would be refused for what nobody knows."""
    entry = {name: value for name, value in ENTRY.items() if name not in {"charter", "purpose"}}
    recalled = recall(entry)
    assert "collection" not in recalled.call
    assert any(each.startswith("collection: which it was") for each in recalled.unsaid)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (ENTRY | {"kind": "change"}, "no call"),
        ({name: value for name, value in ENTRY.items() if name != "service"}, "service"),
    ],
)
def test_what_is_no_call_is_not_judged(entry, why):
    with pytest.raises(ValueError, match=why):
        recall(entry)
