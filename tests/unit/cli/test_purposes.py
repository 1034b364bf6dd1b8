"""`countenance purposes`."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from countenance.policy import load_purposes

TWO = next(name for name, each in load_purposes().items() if each.approvals == 2)
RISKY = "access-control"


def asked(cli, account, purpose, *words):
    return cli.json("purposes", "request", account, purpose, "--because", "the staff door", *words)[
        "RequestId"
    ]


def test_the_catalogue_is_listed_and_says_what_it_is_not_for(cli):
    """It needs no installation."""
    rows = cli.json("purposes", "list")
    assert [row["Name"] for row in rows] == list(load_purposes())
    said = cli.says("purposes", "list")
    assert "Countenance is not for immigration enforcement" in said
    assert "no setting, key, pack or officer adds to it" in said
    shown = cli.json("purposes", "show", RISKY)
    assert shown in rows
    assert shown["MinimumThreshold"] == load_purposes()[RISKY].minimum_threshold
    assert "a notice on file" in cli.says("purposes", "show", RISKY)


def test_one_officer_approves_and_another_request_is_refused_with_a_reason(cli, account):
    request = cli.run(
        *("purposes", "request", account, RISKY, "--because", "the door", "--by", "Guy", "--json")
    )
    made = json.loads(request.stdout)
    assert made | {"RequestId": "", "RequestedAt": ""} == {
        "RequestId": "",
        "AccountId": account,
        "Purpose": RISKY,
        "Status": "pending",
        "Justification": "the door",
        "RequestedBy": "Guy",
        "RequestedAt": "",
        "ApprovedBy": [],
        "ApprovalsNeeded": 1,
        "DecidedAt": None,
        "ExpiresAt": None,
    }
    assert f"countenance purposes approve {made['RequestId']}" in request.stderr
    assert "need a notice on file" in request.stderr
    approved = cli.json("purposes", "approve", made["RequestId"])
    assert (approved["Status"], approved["ApprovedBy"]) == ("approved", ["Olga Officer"])
    assert cli.json("accounts", "show", account)["Purposes"] == [RISKY]
    other = asked(cli, account, "development")
    assert cli.json("purposes", "refuse", other, "--reason", "no need")["Status"] == "refused"
    assert [each["Purpose"] for each in cli.json("purposes", "requests", "--status", "refused")] == [
        "development"
    ]
    withdrawn = cli.json("purposes", "withdraw", made["RequestId"], "--reason", "the door is gone")
    assert withdrawn["Status"] == "withdrawn"
    assert cli.json("accounts", "show", account)["Purposes"] == []
    assert "the staff door" in cli.says("purposes", "requests", "--account", account)


def test_a_purpose_that_takes_two_officers_says_who_is_missing(cli, house):
    account = cli.json("accounts", "create", "Police", "--profile", "law_enforcement")["AccountId"]
    request = asked(cli, account, TWO)
    said = cli.says("purposes", "approve", request)
    assert f"1 of the 2 officers that `{TWO}` takes said yes" in said
    assert "countenance officers add" in said
    cli.json("officers", "add", "Otto Officer", "--role", "x")
    code, message = cli.fails("purposes", "approve", request, "--officer", "Olga Officer")
    assert (code, "has said so already" in message) == (1, True)
    approved = cli.json("purposes", "approve", request, "--officer", "Otto Officer", "--reason", "seen")
    assert (approved["Status"], approved["ApprovedBy"]) == ("approved", ["Olga Officer", "Otto Officer"])


def test_an_officer_who_is_missing_is_named(cli, officers):
    account = cli.json("accounts", "create", "Police", "--profile", "law_enforcement")["AccountId"]
    said = cli.says("purposes", "approve", asked(cli, account, TWO), "--officer", "Otto Officer")
    assert "another must run this command (Olga Officer)" in said


def test_the_word_of_an_officer_who_has_gone_does_not_count(cli, officers):
    """Nor is it said to: else two would wait for a third who is not wanted."""
    olga, otto = officers
    account = cli.json("accounts", "create", "Police", "--profile", "law_enforcement")["AccountId"]
    request = asked(cli, account, TWO)
    cli.json("purposes", "approve", request, "--officer", otto)
    cli.json("officers", "remove", otto)
    cli.json("officers", "add", "Nadia Newcomer", "--role", "x")
    said = cli.says("purposes", "approve", request, "--officer", olga)
    assert f"1 of the 2 officers that `{TWO}` takes said yes" in said
    assert "another must run this command (Nadia Newcomer)" in said
    approved = cli.json("purposes", "approve", request, "--officer", "Nadia Newcomer")
    assert approved["Status"] == "approved"


def test_what_the_house_itself_may_do_takes_two_officers(cli, officers, house):
    """But for what is of low risk. Who asks may be one of them, and is not enough."""
    olga, otto = officers
    assert cli.json("accounts", "show", house)["Purposes"] == ["development"]
    request = asked(cli, house, RISKY, "--by", olga)
    said = cli.says("purposes", "approve", request, "--officer", olga)
    assert f"1 of the 2 officers that `{RISKY}` takes said yes" in said
    assert f"another must run this command ({otto})" in said
    assert cli.json("accounts", "show", house)["Purposes"] == ["development"]
    code, message = cli.fails("purposes", "approve", request, "--officer", olga)
    assert (code, "has said so already" in message) == (1, True)
    approved = cli.json("purposes", "approve", request, "--officer", otto)
    assert (approved["Status"], approved["ApprovalsNeeded"]) == ("approved", 2)
    assert approved["ApprovedBy"] == [olga, otto]
    assert cli.json("accounts", "show", house)["Purposes"] == [RISKY, "development"]


def test_an_approval_ends_after_two_years_unless_it_is_of_low_risk(cli, account):
    """When is shown wherever the request is."""
    risky = cli.json("purposes", "approve", asked(cli, account, RISKY))
    mild = cli.json("purposes", "approve", asked(cli, account, "development"))
    lasts = datetime.fromisoformat(risky["ExpiresAt"]) - datetime.fromisoformat(risky["DecidedAt"])
    assert abs(lasts - timedelta(days=730)) < timedelta(minutes=1)
    assert mild["ExpiresAt"] is None
    for shown in (
        cli.json("purposes", "requests", "--account", account),
        cli.json("accounts", "show", account)["Requests"],
    ):
        ends = {each["Purpose"]: each["ExpiresAt"] for each in shown}
        assert ends == {RISKY: risky["ExpiresAt"], "development": None}
    assert risky["ExpiresAt"] in cli.says("purposes", "requests", "--account", account)


ID = "cc5a3315-c2c0-494c-bc0a-f82211d9ac08"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show", "surveillance"], 2, "`surveillance` is no purpose"),
        (["request", "ACCOUNT", "immigration", "--because", "x"], 2, "not for immigration enforcement"),
        (["request", "ACCOUNT", RISKY], 2, "--because"),
        (["request", "ACCOUNT", RISKY, "--because", " "], 2, "not blank"),
        (["request", "000000000000", RISKY, "--because", "x"], 1, "there is no account"),
        (["request", "ACCOUNT", "disaster-victims", "--because", "x"], 1, "not for accounts of the profile"),
        (["requests", "--account", "000000000000"], 1, "there is no account"),
        (["requests", "--status", "lost"], 2, "lost"),
        (["approve", "x"], 2, "`x` is no id of a request"),
        (["approve", ID], 1, f"there is no request `{ID}`"),
        (["approve", ID, "--officer", "Nadia"], 1, f"there is no request `{ID}`"),
        (["refuse", ID], 2, "--reason"),
        (["withdraw", ID, "--reason", " "], 2, "not blank"),
    ],
)
def test_what_cannot_be_done_is_said(still, words, code, said):
    found, message = still.fails("purposes", *words)
    assert (found, said in message) == (code, True), message
    assert still.json("purposes", "requests", "--account", "ACCOUNT") == []


def test_a_purpose_is_asked_for_once(cli, account):
    asked(cli, account, RISKY)
    code, message = cli.fails("purposes", "request", account, RISKY, "--because", "x")
    assert (code, "has asked for" in message) == (1, True)
