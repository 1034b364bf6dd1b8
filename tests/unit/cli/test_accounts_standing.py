"""`countenance accounts restrict`, `suspend`, `reinstate` and `terminate`."""

from __future__ import annotations

import pytest


def standing(cli, account):
    shown = cli.json("accounts", "show", account)
    return shown["Standing"], shown["EffectiveStanding"]


def test_an_officer_changes_a_standing_with_a_reason_that_the_account_can_read(cli, officers, account):
    """Each step stays, with who took it and why."""
    olga, otto = officers
    said = cli.json("accounts", "restrict", account, "--officer", olga, "--reason", "low thresholds")
    assert said == {
        "AccountId": account,
        "Standing": "restricted",
        "EffectiveStanding": "restricted",
        "By": olga,
    }
    cli.json("accounts", "suspend", account, "--officer", otto, "--reason", "again")
    cli.json("accounts", "reinstate", account, "--officer", otto, "--reason", "it was a test")
    changes = cli.json("accounts", "show", account)["Changes"]
    assert [(each["From"], each["To"], each["Reason"], each["By"]) for each in changes] == [
        ("suspended", "good", "it was a test", [otto]),
        ("restricted", "suspended", "again", [otto]),
        ("good", "restricted", "low thresholds", [olga]),
    ]
    assert "it was a test" in cli.says("accounts", "show", account)


def test_a_termination_takes_two_officers(cli, officers, account):
    """The first run proposes, another officer's run carries it out."""
    olga, otto = officers
    words = ("accounts", "terminate", account, "--reason", "mass search")
    first = cli.run(*words, "--officer", olga)
    assert first.exit_code == 0
    assert f"a second officer's run of this command ({otto})" in first.output
    assert standing(cli, account) == ("good", "good")
    code, message = cli.fails(*words, "--officer", olga)
    assert (code, "has proposed it already" in message) == (1, True)
    assert cli.json(*words, "--officer", otto) == {
        "AccountId": account,
        "Standing": "terminated",
        "Proposed": False,
        "By": olga,
        "SecondOfficer": otto,
    }
    assert standing(cli, account) == ("terminated", "terminated")
    [change] = cli.json("accounts", "show", account)["Changes"]
    assert change["By"] == [olga, otto]
    code, message = cli.fails(*words, "--officer", otto)
    assert (code, "terminated already" in message) == (1, True)


def test_a_proposal_by_the_only_officer_says_that_there_is_no_second(cli, account):
    said = cli.says("accounts", "terminate", account, "--reason", "mass search")
    assert "countenance officers add" in said
    assert standing(cli, account) == ("good", "good")


def test_a_standing_that_comes_down_from_above_is_not_given_back_here(cli, officers, account):
    """The own standing is good again, and what is in effect is told apart from it."""
    olga, _ = officers
    above = cli.json("accounts", "create", "Supplier")["AccountId"]
    relation = cli.json("accounts", "relations", "declare", account, "supplied_by", above)["RelationId"]
    cli.json("accounts", "relations", "confirm", relation, "--officer", olga)
    cli.json("accounts", "suspend", account, "--officer", olga, "--reason", "own")
    cli.json("accounts", "suspend", above, "--officer", olga, "--reason", "above")
    said = cli.says("accounts", "reinstate", account, "--officer", olga, "--reason", "own is over")
    assert "it stays suspended in effect" in said
    shown = cli.json("accounts", "show", account)
    assert (shown["Standing"], shown["EffectiveStanding"]) == ("good", "suspended")
    assert shown["CarriedFrom"] == [above]


@pytest.mark.parametrize("command", ["restrict", "suspend", "reinstate", "terminate"])
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["000000000000", "--reason", "x"], 1, "there is no account"),
        (["ACCOUNT"], 2, "--reason"),
        (["ACCOUNT", "--reason", " "], 2, "not blank"),
        (["ACCOUNT", "--reason", "x" * 2049], 2, "2048"),
        (["ACCOUNT", "--reason", "x", "--officer", "Nadia"], 1, "there is no officer `Nadia`"),
        (["HOUSE", "--reason", "x"], 1, "the house's own"),
    ],
)
def test_what_cannot_be_done_is_said(still, command, words, code, said):
    """And nothing is done."""
    found, message = still.fails("accounts", command, *words)
    assert (found, said in message) == (code, True), message
    assert still.json("accounts", "show", "ACCOUNT")["Changes"] == []


def test_a_termination_is_left_by_appeal_alone(cli, officers, account):
    """What takes two is not undone by one, nor by another standing."""
    olga, otto = officers
    cli.json("officers", "add", "Nadia Newcomer", "--role", "appeals")
    for officer in (olga, otto):
        cli.json("accounts", "terminate", account, "--reason", "x", "--officer", officer)
    for command in ("reinstate", "suspend", "restrict"):
        code, message = cli.fails("accounts", command, account, "--reason", "x", "--officer", olga)
        assert (code, "by appeal only" in message) == (1, True)
    words = ("appeals", "submit", account, "--by", "Guy", "--statement", "it was another")
    appeal = cli.json(*words)["AppealId"]
    granted = cli.json("appeals", "grant", appeal, "--reason", "x", "--officer", "Nadia Newcomer")
    assert granted["Standing"] == "good"


def test_the_same_standing_again_is_said(cli, account):
    code, message = cli.fails("accounts", "reinstate", account, "--reason", "x")
    assert (code, "is good already" in message) == (1, True)
