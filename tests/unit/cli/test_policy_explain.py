"""`countenance policy explain`."""

from __future__ import annotations

import json

import pytest

from rule_packs import VKEY, write_pack

CALL = {
    "operation": "SearchFacesByImage",
    "purpose": "development",
    "threshold": 80,
    "collection": {"id": "staff", "purposes": ["development"]},
}


def explained(cli, call, *words):
    return cli.json("policy", "explain", "-", *words, input=json.dumps(call))


@pytest.fixture(scope="module")
def still(still):
    """With a pack of its own, not in use."""
    still.json("policy", "trust", VKEY)
    write_pack(still.data_dir / "packs", "own")
    return still


def test_a_call_is_allowed_or_told_every_rule_that_it_breaks(still):
    allowed = explained(still, CALL)
    assert allowed | {"PolicyDigest": ""} == {
        "Decision": "allow",
        "BrokenRules": [],
        "Obligations": [],
        "Shadow": [],
        "Packs": [],
        "Errors": [],
        "PolicyDigest": "",
    }
    denied = explained(still, CALL | {"purpose": "access-control", "claims": {"source": "scraped"}})
    assert denied["Decision"] == "deny"
    rules = {each["RuleId"]: each for each in denied["BrokenRules"]}
    assert {"PUR-002", "PUR-005", "SRC-001"} <= rules.keys()
    assert "FaceMatchThreshold >= 99" in rules["PUR-005"]["Remedy"]
    said = still.says("policy", "explain", "-", input=json.dumps(CALL | {"claims": {"source": "scraped"}}))
    assert "deny rekognition:SearchFacesByImage" in said
    assert "SRC-001: faces scraped" in said
    assert "Regulation (EU) 2024/1689" in said


def test_a_pack_that_is_named_is_judged_by_as_if_in_force(still):
    """With its name, and that no lawyer has reviewed it."""
    denied = explained(still, CALL, "--pack", "own")
    [told] = denied["BrokenRules"]
    assert (told["RuleId"], told["Pack"], told["LegalReview"]) == ("OWN-1", "own", "none")
    assert denied["Packs"] == ["own"]
    said = still.says("policy", "explain", "-", "--pack", "own", input=json.dumps(CALL))
    assert "OWN-1 [own, legal review: none]: the threshold is 80; raise it" in said
    assert "the packs that bind it: own (legal review: none)" in said


def test_packs_in_use_and_watched_count_here(cli, house):
    cli.json("policy", "trust", VKEY)
    write_pack(cli.data_dir / "packs", "own")
    cli.json("policy", "activate", "own", "--shadow")
    watched = explained(cli, CALL)
    assert (watched["Decision"], watched["Shadow"]) == ("allow", ["OWN-1"])
    said = cli.says("policy", "explain", "-", input=json.dumps(CALL))
    assert "would break, once in force: OWN-1" in said
    cli.json("policy", "activate", "own")
    assert explained(cli, CALL)["Decision"] == "deny"


def test_duties_are_told(still):
    call = CALL | {"purpose": "accessibility", "threshold": 95, "candidates": 5, "claims": {"consent": "F-1"}}
    call["collection"] = {"id": "friends", "purposes": ["accessibility"], "retention_days": 30}
    assert explained(still, call)["Obligations"] == ["fpir_budget", "record_attestations"]
    assert "owes fpir_budget" in still.says("policy", "explain", "-", input=json.dumps(call))


def test_the_example_is_a_call_that_can_be_explained(still, tmp_path):
    """And says of itself what to change."""
    example = tmp_path / "call.json"
    example.write_text(still.says("policy", "explain", "--example"))
    told = still.json("policy", "explain", example)
    assert [each["RuleId"] for each in told["BrokenRules"]] == ["PUR-005"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("{", "Expecting property name"),
        ("[" * 100_000, "recursion"),
        ("[]", "is not an object"),
        ("{}", "`operation` is missing"),
        ('{"operation": "SearchFaces", "mood": 1}', "no member `mood`"),
        ('{"operation": "SearchFaces", "threshold": 101}', "0 to 100"),
        (b"\xff", "utf-8"),
        (" " * (1 << 21), "longer than"),
    ],
)
def test_a_call_that_cannot_be_read_is_told_why_and_where_an_example_is(still, call, said):
    code, message = still.fails("policy", "explain", "-", input=call)
    assert (code, said in message) == (2, True), message


def test_bad_words_are_told(still):
    assert still.fails("policy", "explain")[0] == 2
    assert "--example" in still.fails("policy", "explain")[1]
    assert "/nowhere" in still.fails("policy", "explain", "/nowhere")[1]
    code, message = still.fails("policy", "explain", "-", "--pack", "us-moon", input=json.dumps(CALL))
    assert (code, "there is no pack `us-moon`" in message) == (2, True)


def test_an_operation_that_nobody_knows_is_denied(still):
    """It cannot even be asked about: default deny."""
    told = explained(still, {"operation": "StealFaces"})
    assert told["Decision"] == "deny"
    assert told["Errors"]
    assert "could not be evaluated" in still.says(
        "policy", "explain", "-", input='{"operation": "StealFaces"}'
    )
