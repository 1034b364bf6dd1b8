"""`countenance accounts relations`."""

from __future__ import annotations

import pytest


@pytest.fixture
def supplier(cli, house):
    return cli.json("accounts", "create", "Supplier")["AccountId"]


def test_a_relation_is_in_force_once_the_other_side_confirms_it(cli, account, supplier):
    """What one side says alone must not suspend the other."""
    declared = cli.json("accounts", "relations", "declare", account, "supplied_by", supplier)
    assert declared | {"RelationId": "", "DeclaredAt": ""} == {
        "RelationId": "",
        "Kind": "supplied_by",
        "Upstream": supplier,
        "Downstream": account,
        "DeclaredBy": account,
        "DeclaredAt": "",
        "InForce": False,
    }
    relation = declared["RelationId"]
    confirm = ("accounts", "relations", "confirm", relation)
    assert cli.json(*confirm, "--account", account)["InForce"] is False
    assert cli.json(*confirm, "--account", supplier)["InForce"] is True
    assert [each["InForce"] for each in cli.json("accounts", "relations", "list", account)] == [True]
    assert relation in cli.says("accounts", "relations", "list")


def test_an_officer_confirms_in_place_of_the_other_side(cli, account, supplier):
    declared = cli.json("accounts", "relations", "declare", supplier, "acts_for", account)
    assert (declared["Upstream"], declared["Downstream"]) == (supplier, account)
    confirmed = cli.json("accounts", "relations", "confirm", declared["RelationId"])
    assert confirmed == {"RelationId": declared["RelationId"], "InForce": True}


def test_a_relation_down_which_a_suspension_comes_is_ended_by_an_officer_alone(cli, account, supplier):
    """Else a suspended supplier's customer would slip away with one command."""
    relation = cli.json("accounts", "relations", "declare", account, "supplied_by", supplier)["RelationId"]
    cli.json("accounts", "relations", "confirm", relation)
    cli.json("accounts", "suspend", supplier, "--reason", "x")
    code, message = cli.fails("accounts", "relations", "end", relation, "--account", account)
    assert (code, "an officer of this server must end the relation" in message) == (1, True)
    assert cli.json("accounts", "relations", "end", relation) == {"RelationId": relation, "Status": "ENDED"}
    assert cli.json("accounts", "show", account)["EffectiveStanding"] == "good"
    assert cli.json("accounts", "relations", "list") == []


def test_while_a_finding_against_the_supplier_is_open_only_an_officer_ends_the_relation(
    cli, account, supplier
):
    """Who knows what comes would be gone before it does. Once it is lifted, each side is free again."""
    relation = cli.json("accounts", "relations", "declare", account, "supplied_by", supplier)["RelationId"]
    cli.json("accounts", "relations", "confirm", relation)
    told = ("--severity", "notice", "--summary", "a split list")
    finding = cli.json("findings", "open", supplier, *told)["FindingId"]
    for side in (account, supplier):
        code, message = cli.fails("accounts", "relations", "end", relation, "--account", side)
        assert (code, "something was found against it" in message) == (1, True)
    cli.json("findings", "lift", finding, "--reason", "x")
    assert cli.json("accounts", "relations", "end", relation, "--account", account)["Status"] == "ENDED"


def test_only_an_officer_ends_a_relation_to_one_who_is_acted_for_and_not_in_good_standing(
    cli, account, supplier
):
    """Else who acts for a suspended account would act on, for nobody. A customer's standing holds nobody."""
    relation = cli.json("accounts", "relations", "declare", supplier, "acts_for", account)["RelationId"]
    sold = cli.json("accounts", "relations", "declare", account, "supplied_by", supplier)["RelationId"]
    for each in (relation, sold):
        cli.json("accounts", "relations", "confirm", each)
    cli.json("accounts", "restrict", account, "--reason", "x")
    code, message = cli.fails("accounts", "relations", "end", relation, "--account", supplier)
    assert (code, "an officer of this server must end" in message) == (1, True)
    assert cli.json("accounts", "relations", "end", sold, "--account", supplier)["Status"] == "ENDED"
    assert cli.json("accounts", "relations", "end", relation)["Status"] == "ENDED"


def test_relations_in_force_make_no_circle_and_what_is_only_said_stands_in_nobodys_way(
    cli, account, supplier
):
    """Two who say the opposite of one another may; the second to be confirmed is not."""
    first = cli.json("accounts", "relations", "declare", account, "supplied_by", supplier)["RelationId"]
    second = cli.json("accounts", "relations", "declare", supplier, "supplied_by", account)["RelationId"]
    cli.json("accounts", "relations", "confirm", first)
    code, message = cli.fails("accounts", "relations", "confirm", second)
    assert (code, "a circle of relations" in message) == (1, True)
    code, message = cli.fails("accounts", "relations", "declare", account, "acts_for", supplier)
    assert (code, "make no circle" in message) == (1, True)


ID = "cc5a3315-c2c0-494c-bc0a-f82211d9ac08"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["declare", "ACCOUNT", "befriends", "HOUSE"], 2, "befriends"),
        (["declare", "ACCOUNT", "acts_for", "ACCOUNT"], 1, "no relation to itself"),
        (["declare", "ACCOUNT", "acts_for", "000000000000"], 1, "there is no account `000000000000`"),
        (["declare", "000000000000", "acts_for", "ACCOUNT"], 1, "there is no account `000000000000`"),
        (["confirm", "x"], 2, "`x` is no id of a relation"),
        (["confirm", ID], 1, f"there is no relation `{ID}`"),
        (["confirm", ID, "--account", "ACCOUNT", "--officer", "Olga Officer"], 2, "either --account"),
        (["end", ID, "--account", "000000000000"], 1, "there is no account"),
        (["end", ID], 1, f"there is no relation `{ID}`"),
        (["end", ID, "--officer", "Nadia"], 1, "there is no officer `Nadia`"),
        (["list", "000000000000"], 1, "there is no account"),
    ],
)
def test_what_cannot_be_done_is_said(still, words, code, said):
    found, message = still.fails("accounts", "relations", *words)
    assert (found, said in message) == (code, True), message
