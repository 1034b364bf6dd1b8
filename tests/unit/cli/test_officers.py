"""`countenance officers`, on a database of the test's own."""

from __future__ import annotations

import pytest

from countenance.accounts import Accounts
from countenance.store import Database, KeyStore


def test_who_accepts_for_the_house_is_its_first_officer_and_others_are_added(cli, house):
    """Somebody has to be able to decide from the start."""
    [first] = cli.json("officers", "list")
    assert (first["Name"], first["Role"]) == ("Olga Officer", "director")
    assert cli.json("officers", "add", "Otto Officer", "--role", "appeals") == {
        "Name": "Otto Officer",
        "Role": "appeals",
        "Status": "ACTIVE",
    }
    cli.json("officers", "add", "Otto Officer", "--role", "data protection")
    assert [(each["Name"], each["Role"]) for each in cli.json("officers", "list")] == [
        ("Olga Officer", "director"),
        ("Otto Officer", "data protection"),
    ]
    assert "data protection" in cli.says("officers", "list")


def test_an_officers_key_is_of_the_house_and_ends_with_the_office(cli, house, empty_database_url):
    """Its secret is told once; it moves no face."""
    made = cli.json("officers", "keys", "create", "Olga Officer")
    assert made["AccountId"] == house
    assert made["Officer"] == "Olga Officer"
    assert len(made["SecretAccessKey"]) == 40
    with Database(empty_database_url) as database:
        accounts = Accounts(database, KeyStore.open(cli.data_dir / "keys"))
        found = accounts.find_credential(made["AccessKeyId"])
        assert (found.officer, found.operator, found.purpose) == ("Olga Officer", "Olga Officer", None)
        removed = cli.says("officers", "remove", "Olga Officer")
        assert "REMOVED" in removed
        assert "nobody is left who can decide" in removed
        found = accounts.find_credential(made["AccessKeyId"])
        assert (found.officer, found.revoked) == (None, True)
    assert made["SecretAccessKey"] not in cli.says("accounts", "keys", "list", house)
    assert "nobody yet" in cli.says("officers", "list")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["officers", "add", "Nadia"], 2, "--role"),
        (["officers", "add", " ", "--role", "x"], 1, "a name and a role"),
        (["officers", "add", "Nadia", "--role", "r" * 129], 1, "a name and a role"),
        (["officers", "remove", "Nadia"], 1, "there is no officer `Nadia`"),
        (["officers", "keys", "create", "Nadia"], 1, "officers: `Olga Officer`"),
        (["officers", "keys", "create", "Nadia"], 1, 'countenance officers add "Nadia" --role'),
    ],
)
def test_what_cannot_be_done_is_said_with_the_remedy(still, words, code, said):
    found, message = still.fails(*words)
    assert (found, said in message) == (code, True), message


def test_without_an_account_there_is_no_house_to_be_an_officer_of(cli):
    code, message = cli.fails("officers", "add", "Nadia", "--role", "x")
    assert (code, "countenance accounts create" in message) == (3, True)


def test_without_an_officer_nobody_decides(cli):
    """The message names both ways to get one."""
    house = cli.json("accounts", "create", "House")["AccountId"]
    other = cli.json("accounts", "create", "Other")["AccountId"]
    code, message = cli.fails("accounts", "suspend", other, "--reason", "x")
    assert (code, "countenance officers add" in message) == (3, True)
    assert cli.json("accounts", "show", house)["IsHouse"] is True


def test_of_several_officers_one_is_named(cli, officers, account):
    """An only one may be left out: it can be nobody else."""
    code, message = cli.fails("accounts", "suspend", account, "--reason", "x")
    assert (code, "'Olga Officer', 'Otto Officer'" in message) == (2, True)
    cli.json("officers", "remove", "Otto Officer")
    assert cli.json("accounts", "suspend", account, "--reason", "x")["By"] == "Olga Officer"
