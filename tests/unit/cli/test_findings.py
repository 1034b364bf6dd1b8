"""`countenance findings`."""

from __future__ import annotations

import pytest

EVENT = "cc5a3315-c2c0-494c-bc0a-f82211d9ac08"


def opened(cli, account, severity="restrict", *words):
    told = ("--severity", severity, "--summary", "a split list", "--event", EVENT)
    return cli.json("findings", "open", account, *told, *words)


def test_a_finding_acts_at_once_and_is_lifted(cli, account):
    """What it took is given back."""
    found = opened(cli, account)
    assert found | {"FindingId": "", "FoundAt": "", "DecideBy": ""} == {
        "FindingId": "",
        "AccountId": account,
        "Severity": "restrict",
        "Detector": "officer:Olga Officer",
        "Summary": "a split list",
        "FoundAt": "",
        "Status": "open",
        "DecideBy": "",
        "DecidedBy": None,
        "DecidedAt": None,
        "Reason": None,
        "Evidence": {"events": [EVENT]},
        "Standing": "restricted",
    }
    assert [each["FindingId"] for each in cli.json("findings", "list", "--status", "open")] == [
        found["FindingId"]
    ]
    shown = cli.says("findings", "show", found["FindingId"])
    assert EVENT in shown
    assert "a split list" in shown
    lifted = cli.json("findings", "lift", found["FindingId"], "--reason", "it was a test")
    assert (lifted["Status"], lifted["DecidedBy"], lifted["Reason"], lifted["Standing"]) == (
        "lifted",
        "Olga Officer",
        "it was a test",
        "good",
    )
    assert cli.json("findings", "list", "--account", account, "--status", "open") == []
    assert "a split list" in cli.says("findings", "list")


def test_a_finding_that_somebody_else_confirms_keeps_the_standing(cli, officers, account):
    olga, otto = officers
    found = opened(cli, account, "suspend", "--officer", olga)
    words = ("findings", "confirm", found["FindingId"], "--reason", "I read the entries", "--officer")
    code, message = cli.fails(*words, olga)
    assert (code, "another officer" in message) == (1, True)
    confirmed = cli.json(*words, otto)
    assert (confirmed["Status"], confirmed["Standing"]) == ("confirmed", "suspended")
    code, message = cli.fails("findings", "lift", found["FindingId"], "--reason", "x", "--officer", olga)
    assert (code, "changed by appeal" in message) == (1, True)


def test_a_finding_against_the_house_is_kept_and_changes_nothing(cli, officers, house):
    """Nobody could lift its suspension."""
    found = opened(cli, house, "suspend", "--officer", officers[0])
    assert (found["Severity"], found["Status"], found["Standing"]) == ("suspend", "open", "good")
    confirmed = cli.json(
        "findings", "confirm", found["FindingId"], "--reason", "so it is", "--officer", officers[1]
    )
    assert (confirmed["Status"], confirmed["Standing"]) == ("confirmed", "good")
    assert cli.json("accounts", "show", house)["Changes"] == []


def test_a_scan_of_an_account_that_did_nothing_finds_nothing(cli, account):
    assert "nothing new was found" in cli.says("findings", "scan")
    assert cli.json("findings", "scan", "--account", account) == []
    assert "nothing was found" in cli.says("findings", "list")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["list", "--account", "000000000000"], 1, "there is no account"),
        (["list", "--status", "lost"], 2, "lost"),
        (["show", "x"], 2, "`x` is no id of a finding"),
        (["show", EVENT], 1, f"there is no finding `{EVENT}`"),
        (["scan", "--account", "000000000000"], 1, "there is no account"),
        (["open", "ACCOUNT", "--summary", "x"], 2, "--severity"),
        (["open", "ACCOUNT", "--severity", "harsh", "--summary", "x"], 2, "harsh"),
        (["open", "ACCOUNT", "--severity", "notice", "--summary", " "], 2, "not blank"),
        (["open", "ACCOUNT", "--severity", "notice", "--summary", "x", "--event", "y"], 2, "`y` is no id"),
        (["open", "000000000000", "--severity", "notice", "--summary", "x"], 1, "there is no account"),
        (
            ["open", "ACCOUNT", "--severity", "notice", "--summary", "x", "--officer", "N"],
            1,
            "no officer `N`",
        ),
        (["confirm", EVENT], 2, "--reason"),
        (["confirm", EVENT, "--reason", "x"], 1, f"there is no finding `{EVENT}`"),
        (["lift", "x", "--reason", "x"], 2, "`x` is no id of a finding"),
    ],
)
def test_what_cannot_be_done_is_said(still, words, code, said):
    found, message = still.fails("findings", *words)
    assert (found, said in message) == (code, True), message
    assert still.json("findings", "list") == []
