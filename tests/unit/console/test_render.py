"""Words of rules on pages: what a call fills in is told from what the rule says."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from countenance.console.render import page, to_parts


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ("", [("", False)]),
        ("the call names no photo", [("the call names no photo", False)]),
        (
            "{operation} needs `{threshold_member}` >= 90",
            [
                ("", False),
                ("operation", True),
                (" needs `", False),
                ("threshold member", True),
                ("` >= 90", False),
            ],
        ),
        ("{7*7} {{x}} {Not}", [("{7*7} {", False), ("x", True), ("} {Not}", False)]),
    ],
)
def test_what_a_call_fills_in_is_named(message, parts):
    assert to_parts(message) == parts


def test_a_rules_words_are_escaped_whatever_is_in_them():
    rule = {"RuleId": "X-001", "Pack": "x", "Message": "<b>{purpose}</b>", "Remedy": "send {minimum} <i>"}
    session = SimpleNamespace(operator="Ada", roles=("auditor",), account_name="Acme", account_id="1")
    empty = dict.fromkeys(("told", "wrong", "taken", "form_token", "digest"), "")
    shown = page("policy.html", session=session, menu=(), packs=(), rules=[rule], **empty).body.decode()
    assert "&lt;b&gt;<var>purpose</var>&lt;/b&gt;" in shown
    assert "send <var>minimum</var> &lt;i&gt;" in shown
