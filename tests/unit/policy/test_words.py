from __future__ import annotations

import string
from importlib import resources

import pytest

from countenance.policy import load_purposes
from countenance.policy.rules import read_rules
from countenance.policy.words import words_for

PURPOSES = load_purposes()
FOLDER = resources.files("countenance.policy")
RULES = [
    rule
    for file in ("core.cedar", "obligations.cedar")
    for rule in read_rules(FOLDER.joinpath(file).read_text("utf-8"))
]


def words(request, purpose: str | None = "development") -> dict[str, str]:
    return words_for(request, PURPOSES[purpose] if purpose else None, catalogue=PURPOSES)


def in_braces(rule) -> set[str]:
    texts = (rule.message, rule.remedy)
    return {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.rule_id)
def test_every_word_in_braces_is_one_that_is_filled_in(rule, lawful):
    """A message with a `?` in it tells nobody what to mend."""
    with_purpose, without = words(lawful("CreateCollection")), words(lawful("CreateCollection", None), None)
    known = (
        with_purpose
        if "context has purpose &&" in rule.text or "context has purpose)" in rule.text
        else without
    )
    assert in_braces(rule) <= known.keys()
    assert "?" not in rule.message.format_map(known) + rule.remedy.format_map(known)


def test_every_word_is_used_by_some_rule_or_may_be_by_a_pack(lawful):
    """What no rule of ours shows is kept for packs, and is little."""
    used = set().union(*map(in_braces, RULES))
    assert words(lawful("CreateCollection")).keys() - used <= {"source"}


def test_a_word_that_nobody_filled_in_is_shown_as_missing(lawful):
    """A pack's message must never be a reason to fail."""
    assert "{nothing} of {purpose}".format_map(words(lawful("SearchFaces"))) == "? of `development`"


def test_what_the_caller_wrote_is_not_read_for_braces(lawful):
    """Filled in once: what is filled in is no template."""
    told = words(lawful("SearchFaces", purpose="{account}", own_purpose="{risk}", operator="{terms}"), None)
    assert "{purpose} {own_purpose} {operator}".format_map(told) == "`{account}` `{risk}` {terms}"


@pytest.mark.parametrize(
    ("operation", "threshold", "candidates"),
    [
        ("SearchFaces", "FaceMatchThreshold", "MaxFaces"),
        ("SearchFacesByImage", "FaceMatchThreshold", "MaxFaces"),
        ("SearchUsers", "UserMatchThreshold", "MaxUsers"),
        ("SearchUsersByImage", "UserMatchThreshold", "MaxUsers"),
        ("CompareFaces", "SimilarityThreshold", None),
        ("AssociateFaces", "UserMatchThreshold", None),
    ],
)
def test_a_remedy_names_the_member_that_the_operation_has(operation, threshold, candidates, lawful):
    """Amazon names it otherwise in each: the caller must find it in the documentation."""
    from countenance.wire.model import load_models

    members = load_models().services["rekognition"].operations[operation].input_shape.members
    told = words(lawful(operation))
    assert told["threshold_member"] == threshold
    assert threshold in members
    if candidates:
        assert told["candidates_member"] == candidates
        assert candidates in members


@pytest.mark.parametrize(
    ("threshold", "shown"),
    [
        (None, "not given"),
        (80.0, "80"),
        (98.5, "98.5"),
        (98.9999, "98.9999"),
        (98.99999, "98.99999"),
        (0.0, "0"),
    ],
)
def test_a_threshold_is_shown_as_it_was_asked(threshold, shown, lawful):
    """`the threshold is 99, and at least 99 is needed` would be no help."""
    assert words(lawful("SearchFaces", threshold=threshold))["threshold"] == shown


def test_what_is_not_there_is_said_to_be_missing(lawful):
    """Not shown as None."""
    call = lawful(
        "SearchFaces", None, candidates=None, model=None, resource__charter=None, account__terms_wanted=""
    )
    told = words(call, None)
    assert told["candidates"] == "any number of"
    assert told["purpose"] == told["own_purpose"] == "(none)"
    assert told["model"] == "the model"
    assert told["model_use"] == "unstated"
    assert told["charter_cap"] == "none"
    assert told["terms"] == "none shown"
    assert "None" not in str(told)


def test_figures_are_those_of_the_call_and_of_its_purpose(lawful):
    """What it asked, and what it may ask."""
    call = lawful(
        "IndexFaces",
        "photo-library",
        attributes=frozenset({"SMILE", "EMOTIONS", "GENDER"}),
        calls_last_hour=7,
        resource__face_count=12,
        resource__charter__face_cap=10,
    )
    told = words(call, "photo-library")
    assert told["refused_attributes"] == "`EMOTIONS`, `GENDER`"
    assert told["attributes"].startswith("EYEGLASSES, ")
    assert (told["calls"], told["calls_most"]) == ("7", "360000")
    assert (told["faces"], told["charter_cap"]) == ("12", "10")
    assert (told["minimum"], told["most"], told["retention"]) == ("50", "4096", "any number of")
    assert words(lawful("IndexFaces", "event-photos"), "event-photos")["retention"] == "90"


def test_the_purpose_of_a_key_is_told_beside_the_one_it_asks_for(lawful):
    """Which of the two is which, and why it is refused."""
    told = words(lawful("CreateAccessKey", "research", own_purpose="development"), "research")
    assert (told["own_purpose"], told["purpose"], told["risk"]) == ("`development`", "`research`", "elevated")
    risks = {name: words(lawful("CreateAccessKey", name), name)["risk"] for name in PURPOSES}
    assert risks == {name: purpose.risk for name, purpose in PURPOSES.items()}


def test_the_bounds_of_a_charter_are_the_narrowest_of_its_purposes(lawful):
    """What the remedy says must be what the next call is allowed."""
    told = words(lawful("CreateCollection", charter__purposes=("development", "event-photos")))
    assert (told["charter_faces"], told["charter_days"]) == ("200000", "90")
    told = words(lawful("CreateCollection"))
    assert (told["charter_faces"], told["charter_days"]) == ("250000", "any number of")
    told = words(lawful("CreateCollection", charter__purposes=()))
    assert (told["charter_faces"], told["charter_days"]) == ("0", "any number of")
