"""`countenance accounts keys`."""

from __future__ import annotations

import pytest

from countenance.store import Database


def test_a_key_is_made_for_a_purpose_listed_and_revoked(cli, house):
    """Its secret is shown once."""
    made = cli.json("accounts", "keys", "create", house, "--operator", "album", "--purpose", "development")
    assert made | {"AccessKeyId": "", "SecretAccessKey": ""} == {
        "AccessKeyId": "",
        "SecretAccessKey": "",
        "AccountId": house,
        "Operator": "album",
        "Purpose": "development",
    }
    [listed] = cli.json("accounts", "keys", "list", house)
    assert listed | {"CreatedAt": ""} == {
        "AccessKeyId": made["AccessKeyId"],
        "Operator": "album",
        "Status": "ACTIVE",
        "CreatedAt": "",
        "Purpose": "development",
        "Officer": None,
    }
    shown = cli.says("accounts", "keys", "list", house)
    assert made["AccessKeyId"] in shown
    assert made["SecretAccessKey"] not in shown
    assert cli.json("accounts", "keys", "revoke", made["AccessKeyId"])["Status"] == "REVOKED"
    assert cli.json("accounts", "keys", "list", house)[0]["Status"] == "REVOKED"


@pytest.mark.parametrize(
    ("purpose", "said"),
    [
        ([], "the key has no purpose: it moves no face"),
        (["--purpose", "access-control"], "is not approved for this account, and calls are refused"),
        (["--purpose", "access-control"], "countenance purposes request"),
        (["--purpose", "disaster-victims"], "is not for accounts of the profile business"),
    ],
)
def test_what_keeps_a_key_from_moving_a_face_is_said_when_it_is_made(cli, account, purpose, said):
    """On standard error: the JSON stays one document."""
    assert said in cli.says("accounts", "keys", "create", account, *purpose)
    assert cli.json("accounts", "keys", "create", account, *purpose)["AccountId"] == account


def test_an_approval_that_has_ended_is_none(cli, account, empty_database_url):
    create = ("accounts", "keys", "create", account, "--purpose", "access-control")
    request = cli.json("purposes", "request", account, "access-control", "--because", "x")["RequestId"]
    cli.json("purposes", "approve", request)
    assert "note" not in cli.says(*create)
    with Database(empty_database_url) as database, database.transaction() as connection:
        connection.execute("update purpose_request set expires_at = clock_timestamp()")
    assert "is not approved for this account, and calls are refused" in cli.says(*create)
    assert cli.json("accounts", "show", account)["Purposes"] == []


def test_on_the_machine_any_key_is_revoked(cli, house):
    """Also an officer's, which over the network only that officer ends: it may be lost, or they."""
    key = cli.json("officers", "keys", "create", "Olga Officer")["AccessKeyId"]
    assert cli.json("accounts", "keys", "revoke", key) == {"AccessKeyId": key, "Status": "REVOKED"}
    [listed] = cli.json("accounts", "keys", "list", house)
    assert (listed["Officer"], listed["Status"]) == ("Olga Officer", "REVOKED")
    assert [each["Name"] for each in cli.json("officers", "list")] == ["Olga Officer"]


def test_a_key_that_can_work_has_no_note(cli, house):
    assert "note" not in cli.says("accounts", "keys", "create", house, "--purpose", "development")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["create", "HOUSE", "--purpose", "surveillance"], 2, "`surveillance` is no purpose"),
        (["create", "HOUSE", "--purpose", "surveillance"], 2, "immigration enforcement"),
        (["create", "HOUSE", "--operator", " "], 2, "1 to 128"),
        (["create", "000000000000"], 1, "there is no account `000000000000`"),
        (["list", "000000000000"], 1, "there is no account `000000000000`"),
        (["revoke", "AKIANOBODY"], 2, "there is no access key `AKIANOBODY`"),
    ],
)
def test_what_cannot_be_done_is_said(still, words, code, said):
    found, message = still.fails("accounts", "keys", *words)
    assert (found, said in message) == (code, True), message
    assert still.json("accounts", "keys", "list", "HOUSE") == []
