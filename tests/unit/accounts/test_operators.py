"""Operators: people, their roles, and personal keys that end with either."""

from __future__ import annotations

import pytest

from account_server import CLI
from countenance.errors import InvalidParameterException, ResourceNotFoundException


def find(server, key):
    return server.accounts.find_credential(key.access_key_id)


def test_a_personal_key_has_the_roles_of_its_holder_and_no_other_key_has_any(server):
    """A name that a key was made for is nobody's word: whoever makes keys writes it."""
    account, operators = server.account(), server.governance.operators
    operators.put(account, "Ada", ["examiner", "developer"], actor=CLI)
    key = operators.create_key(account, "Ada", actor=CLI)
    found = find(server, key)
    assert (found.operator, found.roles, found.officer) == ("Ada", {"examiner", "developer"}, None)
    other = server.accounts.create_access_key(account, operator="Ada", purpose="development")
    assert (find(server, other).operator_id, find(server, other).roles) == (None, None)


def test_a_session_of_a_personal_key_is_as_personal(server):
    """Else AssumePurpose would be the way out of one's roles."""
    account, operators = server.account(), server.governance.operators
    operators.put(account, "Ada", ["developer"], actor=CLI)
    key = operators.create_key(account, "Ada", actor=CLI)
    with server.database.transaction() as connection:
        session = server.accounts.create_session(connection, key.access_key_id, 900, purpose="development")
    assert find(server, session).roles == {"developer"}
    operators.remove(account, "Ada", actor=CLI)
    assert find(server, session).revoked
    assert find(server, key).revoked


def test_other_roles_end_the_keys_and_the_same_roles_do_not(server):
    """What somebody may do is never a matter of how old their key is."""
    account, operators = server.account(), server.governance.operators
    operators.put(account, "Ada", ["developer"], actor=CLI)
    key = operators.create_key(account, "Ada", actor=CLI)
    operators.put(account, "Ada", ["developer", "developer"], actor=CLI)
    assert not find(server, key).revoked
    operators.put(account, "Ada", ["auditor"], actor=CLI)
    assert find(server, key).revoked
    [ada] = operators.list(account)
    assert (ada.roles, ada.can_sign_in) == (("auditor",), False)
    assert server.operations(account).count("PutOperator") == 3


def test_the_office_is_of_those_who_are_officers_of_the_house(server):
    """A role is given by an account's administrator; an office is not."""
    house, other = server.governance.officers.house(), server.account()
    operators = server.governance.operators
    server.governance.officers.add(house, "Olga", "director", actor=CLI)
    for account in (house, other):
        for name in ("Olga", "Nadia"):
            operators.put(account, name, ["officer"], actor=CLI)
    held = {
        (account, name): find(server, operators.create_key(account, name, actor=CLI)).officer
        for account in (house, other)
        for name in ("Olga", "Nadia")
    }
    assert held == {
        (house, "Olga"): "Olga", (house, "Nadia"): None, (other, "Olga"): None, (other, "Nadia"): None
    }  # fmt: skip


def test_who_was_removed_comes_back_as_somebody_new(server):
    """With no key and no password of before."""
    account, operators = server.account(), server.governance.operators
    operators.put(account, "Ada", ["auditor"], actor=CLI)
    before = operators.require(account, "Ada")
    operators.remove(account, "Ada", actor=CLI)
    assert operators.list(account) == []
    operators.put(account, "Ada", ["auditor"], actor=CLI)
    assert operators.require(account, "Ada").operator_id != before.operator_id


@pytest.mark.parametrize(
    ("name", "roles"), [(" ", ["auditor"]), ("x" * 129, ["auditor"]), ("Ada", []), ("Ada", ["emperor"])]
)
def test_nobody_is_nobody(server, name, roles):
    with pytest.raises(InvalidParameterException):
        server.governance.operators.put(server.account(), name, roles, actor=CLI)


def test_of_another_account_there_is_nobody(server):
    one, other = server.account(), server.account()
    operators = server.governance.operators
    operators.put(one, "Ada", ["auditor"], actor=CLI)
    for attempt in (operators.remove, operators.invite, operators.create_key):
        with pytest.raises(ResourceNotFoundException, match="no operator `Ada`"):
            attempt(other, "Ada", actor=CLI)
    with pytest.raises(ResourceNotFoundException, match="no account"):
        operators.put("999999999999", "Ada", ["auditor"], actor=CLI)
