from __future__ import annotations

import pytest

from account_server import CLI, Server
from countenance.errors import InvalidParameterException, ResourceNotFoundException


@pytest.fixture
def house(empty_server: Server) -> str:
    return empty_server.account("the house")


def test_the_house_is_the_first_account_and_before_it_there_is_none(empty_server: Server):
    """An account of before this version, or of a migration, is the oldest one."""
    officers = empty_server.governance.officers
    assert officers.house() is None
    first = empty_server.account()
    empty_server.account()
    assert officers.house() == first


def test_officers_are_listed_by_name_with_their_roles(empty_server: Server, house: str):
    officers = empty_server.governance.officers
    officers.add(house, " Otto ", " owner ", actor=CLI)
    officers.add(house, "Olga", "data protection", actor=CLI)
    assert [(each.name, each.role, each.removed_at) for each in officers.list()] == [
        ("Olga", "data protection", None),
        ("Otto", "owner", None),
    ]
    assert officers.require("Otto").role == "owner"


def test_who_decides_and_from_when_is_in_the_houses_log(empty_server: Server, house: str):
    """Accounts must be able to be told who may decide about them."""
    officers = empty_server.governance.officers
    officers.add(house, "Olga", "owner", actor=CLI)
    officers.remove(house, "Olga", actor=CLI)
    assert [(entry.members["operation"], entry.opened("resource")) for entry in empty_server.told(house)] == [
        ("CreateAccount", None),
        ("AddOfficer", "Olga, owner"),
        ("RemoveOfficer", "Olga"),
    ]


def test_to_add_an_officer_again_changes_the_role_and_is_no_error(empty_server: Server, house: str):
    officers = empty_server.governance.officers
    officers.add(house, "Olga", "clerk", actor=CLI)
    officers.add(house, "Olga", "owner", actor=CLI)
    assert [(each.name, each.role) for each in officers.list()] == [("Olga", "owner")]


@pytest.mark.parametrize(
    ("name", "role"), [("", "r"), ("n", " "), ("n" * 129, "r"), ("n", "r" * 129)], ids=lambda t: t[:3]
)
def test_an_officer_has_a_name_and_a_role(empty_server: Server, house: str, name: str, role: str):
    officers = empty_server.governance.officers
    with pytest.raises(InvalidParameterException, match="name and a role"):
        officers.add(house, name, role, actor=CLI)
    assert officers.list() == []


def test_an_officer_who_is_removed_decides_nothing_more(empty_server: Server, house: str):
    """Their keys end with it, and do not come back with them."""
    server, officers = empty_server, empty_server.governance.officers
    officers.add(house, "Olga", "owner", actor=CLI)
    key = server.accounts.create_access_key(house, operator="olga", officer="Olga")
    assert server.accounts.find_credential(key.access_key_id).officer == "Olga"
    officers.remove(house, "Olga", actor=CLI)
    assert officers.list() == []
    with pytest.raises(ResourceNotFoundException, match="`Olga`"):
        officers.require("Olga")
    found = server.accounts.find_credential(key.access_key_id)
    assert (found.officer, found.revoked) == (None, True)
    officers.add(house, "Olga", "owner", actor=CLI)
    assert server.accounts.find_credential(key.access_key_id).revoked


def test_only_an_officer_can_be_removed_and_once(empty_server: Server, house: str):
    officers = empty_server.governance.officers
    officers.add(house, "Olga", "owner", actor=CLI)
    officers.remove(house, "Olga", actor=CLI)
    for name in ("Olga", "Nobody"):
        with pytest.raises(ResourceNotFoundException, match=f"`{name}`"):
            officers.remove(house, name, actor=CLI)
    assert empty_server.operations(house).count("RemoveOfficer") == 1


def test_an_officers_key_is_ended_by_that_officer_or_on_the_machine(empty_server: Server, house: str):
    """A program's key of the house could otherwise end every officer's, and leave nobody who decides."""
    accounts, officers = empty_server.accounts, empty_server.governance.officers
    for name in ("Olga", "Otto"):
        officers.add(house, name, "owner", actor=CLI)
    keys = [accounts.create_access_key(house, operator="olga", officer="Olga") for _ in range(2)]
    for whose in ("", "Otto"):
        with pytest.raises(ResourceNotFoundException, match=keys[0].access_key_id):
            accounts.revoke_access_key(house, keys[0].access_key_id, by_officer=whose)
    accounts.revoke_access_key(house, keys[0].access_key_id, by_officer="Olga")
    accounts.revoke_access_key(house, keys[1].access_key_id)
    assert all(accounts.find_credential(key.access_key_id).revoked for key in keys)
    plain = accounts.create_access_key(house, operator="guy")
    accounts.revoke_access_key(house, plain.access_key_id, by_officer="")
    assert accounts.find_credential(plain.access_key_id).revoked


def test_an_officers_key_of_another_account_than_the_house_is_nobodys_office(
    empty_server: Server, house: str
):
    """A key made by mistake, or by whoever can write to the database, decides nothing."""
    server = empty_server
    server.governance.officers.add(house, "Olga", "owner", actor=CLI)
    other = server.account()
    key = server.accounts.create_access_key(other, operator="olga", officer="Olga")
    assert server.accounts.find_credential(key.access_key_id).officer is None


def test_a_session_is_an_office_only_if_it_goes_on_as_its_key_is(empty_server: Server, house: str):
    """Temporary credentials for a purpose are for photos, not for deciding."""
    server = empty_server
    server.governance.officers.add(house, "Olga", "owner", actor=CLI)
    key = server.accounts.create_access_key(house, operator="olga", officer="Olga").access_key_id
    with server.database.transaction() as connection:
        plain = server.accounts.create_session(connection, key, 900)
        purposed = server.accounts.create_session(connection, key, 900, purpose="development")
    assert server.accounts.find_credential(plain.access_key_id).officer == "Olga"
    assert server.accounts.find_credential(purposed.access_key_id).officer is None
    server.governance.officers.remove(house, "Olga", actor=CLI)
    found = server.accounts.find_credential(plain.access_key_id)
    assert (found.officer, found.revoked) == (None, True)


def test_who_is_looked_for_in_vain_is_told_who_there_is_and_what_to_do(empty_server: Server, house: str):
    officers = empty_server.governance.officers
    with pytest.raises(ResourceNotFoundException, match=r"nobody yet.*countenance officers add"):
        officers.require("Olga")
    officers.add(house, "Otto", "owner", actor=CLI)
    with pytest.raises(ResourceNotFoundException, match="`Otto`"):
        officers.require("olga")
