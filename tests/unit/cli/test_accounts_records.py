"""`countenance accounts records` and `train`."""

from __future__ import annotations

import hashlib

import pytest

from countenance.facts import RECORD_KINDS


def test_a_record_is_put_on_file_listed_and_withdrawn(cli, account, tmp_path):
    """Of the document only its digest is kept."""
    notice = tmp_path / "notice.txt"
    notice.write_bytes(b"We look at faces.")
    put = cli.json(
        *("accounts", "records", "put", account, "notice", "https://museum.example/faces"),
        *("--file", notice, "--until", "2099-12-31", "--by", "Guy"),
    )
    assert put | {"RecordId": ""} == {
        "RecordId": "",
        "AccountId": account,
        "Kind": "notice",
        "Reference": "https://museum.example/faces",
        "Digest": hashlib.sha256(b"We look at faces.").hexdigest(),
        "ValidUntil": "2099-12-31T00:00:00+00:00",
    }
    [listed] = cli.json("accounts", "records", "list", account)
    assert (listed["RecordId"], listed["Kind"], listed["RecordedBy"]) == (put["RecordId"], "notice", "Guy")
    shown = cli.json("accounts", "show", account)
    assert shown["Records"] == ["notice"]
    assert shown["OnFile"][0]["InDate"] is True
    assert "museum.example" in cli.says("accounts", "records", "list", account)
    assert "WITHDRAWN" in cli.says("accounts", "records", "withdraw", account, put["RecordId"])
    assert cli.json("accounts", "records", "list", account) == []


def test_training_is_recorded_for_an_operator_by_an_officer(cli, account):
    """The name has to be one that keys have: whoever misspells it is told."""
    cli.json("accounts", "keys", "create", account, "--operator", "Guy")
    said = cli.run("accounts", "train", account, "Guy", "--until", "2099-01-01", "--json")
    assert "note" not in said.output
    assert cli.json("accounts", "train", account, "Guy", "--until", "2099-01-01") == {
        "AccountId": account,
        "Operator": "Guy",
        "ValidUntil": "2099-01-01T00:00:00+00:00",
        "By": "Olga Officer",
    }
    said = cli.says("accounts", "train", account, "Gay", "--until", "2099-01-01")
    assert "no access key of this account is for `Gay`" in said


ID = "cc5a3315-c2c0-494c-bc0a-f82211d9ac08"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["records", "put", "ACCOUNT", "diary", "x"], 2, "there are accountability_report"),
        (["records", "put", "ACCOUNT", "notice", " "], 2, "not blank"),
        (["records", "put", "ACCOUNT", "notice", "x" * 1025], 2, "1024"),
        (["records", "put", "ACCOUNT", "notice", "x", "--until", "2001-01-01"], 2, "no day to come"),
        (["records", "put", "ACCOUNT", "notice", "x", "--until", "soon"], 2, "2027-11-26"),
        (["records", "put", "ACCOUNT", "notice", "x", "--file", "/nowhere"], 2, "/nowhere"),
        (["records", "put", "000000000000", "notice", "x"], 1, "there is no account"),
        (["records", "list", "000000000000"], 1, "there is no account"),
        (["records", "withdraw", "ACCOUNT", "notice"], 2, "`notice` is no id of a record"),
        (["records", "withdraw", "ACCOUNT", ID], 1, f"there is no record `{ID}`"),
        (["train", "ACCOUNT", "Guy"], 2, "--until"),
        (["train", "ACCOUNT", " ", "--until", "2099-01-01"], 2, "1 to 128"),
        (["train", "ACCOUNT", "Guy", "--until", "2001-01-01"], 2, "no day to come"),
        (["train", "000000000000", "Guy", "--until", "2099-01-01"], 1, "there is no account"),
        (["train", "ACCOUNT", "Guy", "--until", "2099-01-01", "--officer", "N"], 1, "no officer `N`"),
    ],
)
def test_what_cannot_be_done_is_said(still, words, code, said):
    found, message = still.fails("accounts", *words)
    assert (found, said in message) == (code, True), message


def test_the_help_has_every_kind_of_record_and_what_it_is(still):
    """A closed list is of use to whoever can read it."""
    said = still.says("accounts", "records", "put", "--help")
    assert all(kind in said and words in said for kind, words in RECORD_KINDS.items())
