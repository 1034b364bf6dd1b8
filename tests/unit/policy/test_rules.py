from __future__ import annotations

from datetime import date

import cedarpy
import pytest

from countenance.errors import SetupError
from countenance.policy.engine import schema_for
from countenance.policy.rules import read_rules, require_unique, require_valid

RULE = """
@id("%s") @message("m") @remedy("r") @cite("c") %s
forbid (principal in Pack::"x", action, resource) when { context.live };
"""
BARE = 'forbid (principal in Pack::"x", action, resource);'


def test_a_rule_is_read_with_all_it_says_of_itself():
    """The log has the id, the caller the message, remedy and citation."""
    (rule,) = read_rules(RULE % ("X-1", '@from("2026-01-02") @until("2026-03-04")'), pack="x")
    assert (rule.rule_id, rule.pack, rule.is_forbid) == ("X-1", "x", True)
    assert (rule.message, rule.remedy, rule.cite, rule.obligation) == ("m", "r", "c", "")
    assert (rule.since, rule.until) == (date(2026, 1, 2), date(2026, 3, 4))
    assert "context.live" in rule.text or 'context["live"]' in rule.text


def test_rules_stand_in_the_order_of_their_file():
    """More than ten: cedarpy numbers them, and ten must not come before two."""
    names = [f"X-{number}" for number in range(12)]
    text = "".join(RULE % (name, "") for name in names)
    assert [rule.rule_id for rule in read_rules(text, pack="x")] == names


@pytest.mark.parametrize(
    ("day", "state"),
    [
        ("2026-01-01", "shadow"),
        ("2026-01-02", "enforce"),
        ("2026-03-04", "enforce"),
        ("2026-03-05", "ended"),
    ],
)
def test_a_rule_is_in_force_from_its_first_day_to_its_last(day, state):
    """Both days belong to it, as laws count."""
    (rule,) = read_rules(RULE % ("X-1", '@from("2026-01-02") @until("2026-03-04")'), pack="x")
    assert rule.state(date.fromisoformat(day)) == state


def test_the_days_of_the_pack_hold_where_a_rule_says_none():
    """A rule of its own day keeps that one."""
    days = {"since": date(2020, 1, 1), "until": date(2030, 1, 1)}
    text = RULE % ("X-1", "") + RULE % ("X-2", '@from("2026-01-02")')
    plain, own = read_rules(text, pack="x", **days)
    assert (plain.since, plain.until) == (days["since"], days["until"])
    assert (own.since, own.until) == (date(2026, 1, 2), days["until"])
    (unbound,) = read_rules(RULE % ("X-1", ""), pack="x")
    assert unbound.state(date.min) == unbound.state(date.max) == "enforce"


@pytest.mark.parametrize(
    "scope",
    [
        "principal",
        'principal in Pack::"y"',
        'principal == Caller::"x"',
        'principal in Account::"x"',
        'principal is Caller in Pack::"x"',
        "principal is Caller",
    ],
)
def test_a_packs_rule_is_bound_to_its_pack_in_the_scope(scope):
    """Whom a pack binds is decided outside of it: a rule without that scope would bind everybody."""
    text = (RULE % ("X-1", "")).replace('principal in Pack::"x"', scope)
    with pytest.raises(SetupError, match="does not begin with"):
        read_rules(text, pack="x")


def test_a_bound_in_a_condition_is_none():
    """It could be one of several alternatives."""
    text = '@id("X-1") @message("m") @remedy("r") forbid (principal, action, resource)'
    with pytest.raises(SetupError, match="does not begin with"):
        read_rules(text + ' when { principal in Pack::"x" };', pack="x")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("forbid (principal", "cannot be read"),
        (BARE, "lacks its id"),
        ('@id("") @message("m") @remedy("r")' + BARE, "lacks its id"),
        ('@id("x 1") @message("m") @remedy("r")' + BARE, "lacks its id"),
        ('@id("X-1") @remedy("r")' + BARE, "lacks its id"),
        ('@id("X-1") @message("m")' + BARE, "lacks its id"),
        (RULE % ("X-1", '@from("soon")'), "is not a day"),
        (RULE % ("X-1", '@until("2026-02-30")'), "is not a day"),
        (
            '@id("X-1") @message("m") @remedy("r") forbid (principal in ?principal, action, resource);',
            "templ",
        ),
        ('@id("X-1") @message("m") @remedy("r") forbid (principal, action, resource == ?resource);', "templ"),
    ],
    ids=[
        *("syntax", "no id", "empty id", "id with a space", "no message", "no remedy"),
        *("no day", "no such day", "template of the principal", "template of the resource"),
    ],
)
def test_a_damaged_rule_is_refused(text, problem):
    """A template that nobody links forbids nothing; a date that cannot be read would be none."""
    with pytest.raises(SetupError, match=problem):
        read_rules(text, pack="x")


def test_no_two_rules_have_one_id():
    """The log names rules by it."""
    (rule,) = read_rules(RULE % ("X-1", ""), pack="x")
    (other,) = read_rules(RULE % ("X-2", ""), pack="x")
    assert list(require_unique([rule, other])) == ["X-1", "X-2"]
    with pytest.raises(SetupError, match="two policies have the id `X-1`"):
        require_unique([rule, other, rule])


@pytest.mark.parametrize(
    "condition",
    ["context.thresholdBp < 1", "context.lives", "!(context has thresholdBp) || context.thresholdBp < 1"],
    ids=["not guarded", "misspelt", "a guard that the validator does not know"],
)
def test_a_rule_that_could_fail_in_evaluation_is_refused(operations, condition):
    """Cedar skips a forbid that fails, and the call would pass."""
    schema = cedarpy.Schema.from_str(schema_for(operations))
    text = (RULE % ("X-1", "")).replace("context.live", condition)
    with pytest.raises(SetupError, match="policies of `x` do not fit the schema"):
        require_valid(text, schema, whose="x", remedy="")
    require_valid(RULE % ("X-1", ""), schema, whose="x", remedy="")
