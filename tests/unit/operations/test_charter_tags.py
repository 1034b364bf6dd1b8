from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.errors import InvalidParameterException
from countenance.facts import CHARTER_KINDS, Charter
from countenance.operations.charter_tags import charter_from, split_tags

DEFAULT = Charter(
    purposes=("event-photos",),
    kind="consented",
    legal_basis="consent",
    face_cap=200_000,
    retention_days=90,
    minors_allowed=False,
)


def test_tags_of_ours_are_told_from_all_others():
    """Ours make the charter, without their prefix; the others are kept as they are."""
    tags = {
        "countenance:kind": "enrolled",
        "team": "x",
        "Countenance:kind": "y",
        "x-countenance:": "z",
        "": "",
    }
    assert split_tags(tags) == (
        {"kind": "enrolled"},
        {"team": "x", "Countenance:kind": "y", "x-countenance:": "z", "": ""},
    )
    assert split_tags({}) == ({}, {})


@pytest.mark.parametrize(
    "key",
    ["countenance:purpose", "countenance:", "countenance:Kind", "countenance: kind", "countenance:face_cap"],
)
def test_a_tag_of_ours_that_means_nothing_is_refused_with_those_that_do(key):
    """A misspelt limit must not quietly be no limit."""
    for read in (split_tags, lambda tags: charter_from(tags, DEFAULT)):
        with pytest.raises(InvalidParameterException, match=f"`{key}` is no part of a charter") as refused:
            read({key: "1"})
        assert "countenance:retention-days" in refused.value.message


def test_what_is_not_said_is_that_of_the_purpose():
    assert charter_from({}, DEFAULT) == DEFAULT
    assert charter_from({"team": "x"}, DEFAULT) == DEFAULT


@pytest.mark.parametrize(
    ("tag", "value", "changes"),
    [
        ("purposes", "event-photos", {"purposes": ("event-photos",)}),
        ("purposes", " b  a\tb ", {"purposes": ("b", "a")}),
        ("legal-basis", " they signed ", {"legal_basis": "they signed"}),
        ("legal-basis", "", {"legal_basis": ""}),
        ("face-cap", "1", {"face_cap": 1}),
        ("face-cap", "007", {"face_cap": 7}),
        ("face-cap", str(2**53 - 1), {"face_cap": 2**53 - 1}),
        ("retention-days", "36500", {"retention_days": 36_500}),
        ("minors", "allowed", {"minors_allowed": True}),
        ("minors", "refused", {"minors_allowed": False}),
        *(("kind", kind, {"kind": kind}) for kind in CHARTER_KINDS),
    ],
)
def test_each_tag_says_one_thing_of_the_charter(tag, value, changes):
    assert charter_from({f"countenance:{tag}": value}, DEFAULT) == replace(DEFAULT, **changes)


def test_all_tags_together_are_a_whole_charter():
    tags = {
        "purposes": "research",
        "kind": "reference",
        "legal-basis": "a statute",
        "face-cap": "5",
        "retention-days": "7",
        "minors": "allowed",
    }
    assert charter_from({f"countenance:{name}": value for name, value in tags.items()}, DEFAULT) == Charter(
        purposes=("research",),
        kind="reference",
        legal_basis="a statute",
        face_cap=5,
        retention_days=7,
        minors_allowed=True,
    )


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("purposes", ""),
        ("purposes", " \t "),
        ("kind", ""),
        ("kind", "Consented"),
        ("kind", "watch list"),
        ("face-cap", ""),
        ("face-cap", "0"),
        ("face-cap", "-1"),
        ("face-cap", "+1"),
        ("face-cap", "1.0"),
        ("face-cap", "1e3"),
        ("face-cap", "1_000"),
        ("face-cap", " 1"),
        ("face-cap", "١٢"),
        ("face-cap", "²"),
        ("face-cap", str(2**53)),
        ("face-cap", "9" * 256),
        ("retention-days", "0"),
        ("retention-days", "36501"),
        ("retention-days", "forever"),
        ("minors", ""),
        ("minors", "yes"),
        ("minors", "Allowed"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_tag(tag, value):
    """And with what may be: numbers with both ends."""
    with pytest.raises(InvalidParameterException, match=f"`countenance:{tag}`"):
        charter_from({f"countenance:{tag}": value}, DEFAULT)


@given(st.dictionaries(st.sampled_from(["face-cap", "retention-days"]), st.text(max_size=8)))
def test_no_text_is_a_number_that_it_does_not_say(values):
    """Whatever is accepted is the whole number that anybody would read there."""
    tags = {f"countenance:{name}": value for name, value in values.items()}
    try:
        charter = charter_from(tags, DEFAULT)
    except InvalidParameterException:
        return
    for name, number in (("face-cap", charter.face_cap), ("retention-days", charter.retention_days)):
        if name in values:
            assert values[name].lstrip("0") == str(number)
