"""Two operators' names do not look alike by what nobody sees: who did what is read by name."""

from __future__ import annotations

import pytest

from account_server import CLI
from countenance.accounts.operator_names import MOST_CHARACTERS, to_operator_name
from countenance.errors import InvalidParameterException


@pytest.mark.parametrize(
    "text",
    [
        "Ada Lovelace",
        "  Ada   Lovelace ",
        "Ada\u00a0Lovelace",
        "Ada\u2003\u3000Lovelace",
        "Ada\tLovelace\n",
    ],
)
def test_blanks_are_one_blank(text):
    assert to_operator_name(text) == "Ada Lovelace"


def test_one_letter_has_one_form():
    assert to_operator_name("Rene\u0301") == to_operator_name("Ren\u00e9") == "Ren\u00e9"


@pytest.mark.parametrize("name", ["Þóra Ægisdóttir", "李小龍", "नरेन्द्र", "O'Brien-Łoś", "عمر", "Jr. (HR) №2"])
def test_people_are_called_what_they_are_called(name):
    assert to_operator_name(name) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \u00a0",
        "x" * (MOST_CHARACTERS + 1),
        "Ada\0Lovelace",
        "Ada\x07",
        "Ada\u200bLovelace",
        "\u202eecalevoL adA",
        "Ada\u2066x\u2069",
        "Ada\u200e",
        "Ada\u00ad",
        "Ada\ufeff",
        "Ada\u3164",
        "Ada\ufe0f",
        "Ada\u2800",
        "Ada\U000e0100",
        "Ada\ud800",
    ],
)
def test_what_cannot_be_seen_is_in_no_name(text):
    with pytest.raises(InvalidParameterException):
        to_operator_name(text)


def test_a_name_with_more_blanks_is_the_same_operator(server):
    """Else an administrator adds a second Ada Lovelace beside the first, and no page tells them apart."""
    account, operators = server.account(), server.governance.operators
    operators.put(account, "Ada Lovelace", ["auditor"], actor=CLI)
    operators.put(account, "Ada   Lovelace", ["examiner"], actor=CLI)
    assert [(each.name, each.roles) for each in operators.list(account)] == [
        ("Ada Lovelace", operators.require(account, "Ada Lovelace").roles)
    ]
