"""`countenance operators`, on a database of the test's own."""

from __future__ import annotations

import uuid

import pytest

from countenance.accounts import Accounts, Actor
from countenance.accounts.sign_in import Identity
from countenance.store import Database, KeyStore
from governed import open_governance


def test_the_first_administrator_is_added_and_invited_on_the_machine(cli, house):
    """Somebody has to be the first, and no call over the network can make them."""
    made = cli.json("operators", "put", "Maria Lind", "--role", "officer", "--role", "administrator")
    assert made == {"AccountId": house, "OperatorName": "Maria Lind", "Roles": "administrator, officer"}
    told = cli.says("operators", "put", "Maria Lind", "--role", "auditor")
    assert "countenance operators invite 'Maria Lind'" in told
    invited = cli.json("operators", "invite", "Maria Lind")
    assert len(invited["InvitationCode"]) > 20
    [listed] = cli.json("operators", "list")
    assert (listed["OperatorName"], listed["Roles"], listed["CanSignIn"]) == ("Maria Lind", "auditor", False)
    assert "REMOVED" in cli.says("operators", "remove", "Maria Lind")
    assert "nobody yet" in cli.says("operators", "list")


def test_a_personal_key_is_told_once(cli, house, empty_database_url):
    cli.json("operators", "put", "Maria Lind", "--role", "developer")
    made = cli.json("operators", "keys", "create", "Maria Lind")
    with Database(empty_database_url) as database:
        found = Accounts(database, KeyStore.open(cli.data_dir / "keys")).find_credential(made["AccessKeyId"])
    assert (found.operator, found.roles) == ("Maria Lind", {"developer"})


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["operators", "put", "Nadia"], 2, "--role"),
        (["operators", "put", "Nadia", "--role", "emperor"], 2, "emperor"),
        (["operators", "put", " ", "--role", "auditor"], 1, "a name"),
        (["operators", "invite", "Nadia"], 1, "no operator `Nadia`"),
        (["operators", "keys", "create", "Nadia"], 1, "no operator `Nadia`"),
        (["operators", "list", "--account", "999999999999"], 1, "999999999999"),
    ],
)
def test_what_cannot_be_done_is_said(still, words, code, said):
    found, message = still.fails(*words)
    assert (found, said in message) == (code, True), message


def test_who_was_brought_in_by_a_call_is_confirmed_on_the_machine(cli, house, empty_database_url):
    """The way of houses with one administrator."""
    cli.json("operators", "put", "Anna", "--role", "administrator")
    with Database(empty_database_url) as database:
        keys = KeyStore.open(cli.data_dir / "keys")
        governance = open_governance(database, keys)
        anna = governance.operators.require(house, "Anna").operator_id
        with database.transaction() as connection:
            actor = Actor("Anna", connection, uuid.uuid4(), house, operator_id=anna)
            governance.operators.put(house, "Erin", ["examiner"], actor=actor)
            code = governance.operators.invite(house, "Erin", actor=actor).code
        governance.sign_ins.take_up_by_identity(code, Identity("https://id.example", "erin"))
    told = {each["OperatorName"]: each for each in cli.json("operators", "list")}
    assert (told["Erin"]["ConfirmedBy"], told["Erin"]["BroughtInBy"]) == ("", "Anna")
    assert told["Anna"]["ConfirmedBy"] == "machine"
    assert "CONFIRMED" in cli.says("operators", "confirm", "Erin")
    assert "confirmed already" in cli.fails("operators", "confirm", "Erin")[1]
    assert "no operator" in cli.fails("operators", "confirm", "Nadia")[1]
