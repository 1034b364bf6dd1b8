"""`countenance appeals`."""

from __future__ import annotations

import pytest

ID = "cc5a3315-c2c0-494c-bc0a-f82211d9ac08"


@pytest.fixture
def appeal(cli, officers, account):
    """Against a suspension by Olga."""
    cli.json("accounts", "suspend", account, "--officer", "Olga Officer", "--reason", "a split list")
    words = ("appeals", "submit", account, "--by", "Guy", "--statement", "the key was stolen")
    return cli.json(*words)


def test_an_appeal_is_granted_by_somebody_else_than_who_decided(cli, account, appeal):
    """Nobody is judge of their own decision."""
    assert appeal | {"AppealId": "", "SubmittedAt": ""} == {
        "AppealId": "",
        "AccountId": account,
        "Status": "open",
        "Statement": "the key was stolen",
        "SubmittedBy": "Guy",
        "SubmittedAt": "",
        "DecidedBy": None,
        "DecidedAt": None,
        "Reason": None,
    }
    words = ("appeals", "grant", appeal["AppealId"], "--reason", "the key is revoked", "--officer")
    code, message = cli.fails(*words, "Olga Officer")
    assert (code, "another officer" in message) == (1, True)
    granted = cli.json(*words, "Otto Officer")
    assert (granted["Status"], granted["DecidedBy"], granted["Standing"]) == (
        "granted",
        "Otto Officer",
        "good",
    )
    code, message = cli.fails(*words, "Otto Officer")
    assert (code, "was granted" in message) == (1, True)


def test_an_appeal_is_shown_with_what_it_is_against_and_dismissed(cli, account, appeal):
    shown = cli.json("appeals", "show", appeal["AppealId"])
    assert (shown["From"], shown["To"], shown["Why"], shown["ChangedBy"]) == (
        "good",
        "suspended",
        "a split list",
        ["Olga Officer"],
    )
    assert "the key was stolen" in cli.says("appeals", "show", appeal["AppealId"])
    assert [each["AppealId"] for each in cli.json("appeals", "list", "--status", "open")] == [
        appeal["AppealId"]
    ]
    dismissed = cli.json(
        "appeals",
        "dismiss",
        appeal["AppealId"],
        "--officer",
        "Otto Officer",
        "--reason",
        "the entries show it",
    )
    assert (dismissed["Status"], dismissed["Standing"]) == ("dismissed", "suspended")
    assert cli.json("appeals", "list", "--account", account, "--status", "open") == []
    assert "dismissed" in cli.says("appeals", "list")


def test_a_statement_may_stand_in_a_file(cli, account, tmp_path):
    cli.json("accounts", "restrict", account, "--reason", "x")
    text = tmp_path / "appeal.txt"
    text.write_text("It was\nnot us.\n")
    words = ("appeals", "submit", account, "--by", "Guy", "--statement", f"@{text}")
    assert cli.json(*words)["Statement"] == "It was\nnot us."
    code, message = cli.fails(*words)
    assert (code, "is open already" in message) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["submit", "ACCOUNT", "--by", "Guy"], 2, "--statement"),
        (["submit", "ACCOUNT", "--statement", "x"], 2, "--by"),
        (["submit", "ACCOUNT", "--by", "Guy", "--statement", " "], 2, "not blank"),
        (["submit", "ACCOUNT", "--by", "Guy", "--statement", "x" * 8193], 2, "8192"),
        (["submit", "ACCOUNT", "--by", "Guy", "--statement", "@/nowhere"], 2, "`/nowhere` cannot be read"),
        (["submit", "ACCOUNT", "--by", "Guy", "--statement", "@/bin/true"], 2, "cannot be read as text"),
        (["submit", "ACCOUNT", "--by", "Guy", "--statement", "@/dev/zero"], 2, "8192"),
        (["submit", "ACCOUNT", "--by", " ", "--statement", "x"], 2, "1 to 128"),
        (["submit", "000000000000", "--by", "Guy", "--statement", "x"], 1, "there is no account"),
        (["submit", "ACCOUNT", "--by", "Guy", "--statement", "x"], 1, "nothing to appeal against"),
        (["list", "--account", "000000000000"], 1, "there is no account"),
        (["show", "x"], 2, "`x` is no id of an appeal"),
        (["show", ID], 1, f"there is no appeal `{ID}`"),
        (["grant", ID], 2, "--reason"),
        (["grant", ID, "--reason", "x"], 1, f"there is no appeal `{ID}`"),
        (["dismiss", ID, "--reason", "x", "--officer", "N"], 1, f"there is no appeal `{ID}`"),
    ],
)
def test_what_cannot_be_done_is_said(still, words, code, said):
    found, message = still.fails("appeals", *words)
    assert (found, said in message) == (code, True), message
    assert still.json("appeals", "list") == []
