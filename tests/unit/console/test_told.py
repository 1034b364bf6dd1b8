"""What was done is said in our own words, in the session that it was done in."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from countenance.console.told import read_told, with_told

NUMBER, TEXT = "a" * 43, "It is done & paid: 100 % + more"


def asked(where: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(urlsplit(where).query).items()}


@pytest.mark.parametrize("where", ["/console/people", "/console/people?after=x%26y"])
def test_what_was_told_is_read_in_the_same_session(where):
    found = asked(with_told(where, TEXT, number=NUMBER))
    assert read_told(found, number=NUMBER) == TEXT
    assert read_told(found, number="b" * 43) == ""
    assert found.get("after") == ("x&y" if "?" in where else None)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"told": TEXT},
        {"told": TEXT, "mark": ""},
        {"told": TEXT, "mark": "\u00e9" * 32},
        {"mark": "0" * 32},
    ],
)
def test_what_nobody_signed_is_not_said(given):
    assert read_told(given, number=NUMBER) == ""
    mark = asked(with_told("/console", TEXT, number=NUMBER))["mark"]
    assert read_told({"told": TEXT + ".", "mark": mark}, number=NUMBER) == ""
