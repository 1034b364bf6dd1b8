from __future__ import annotations

from types import SimpleNamespace

import pytest

from countenance.accounts.identifiers import new_account_id
from countenance.errors import AccessDeniedException
from countenance.operations.caller import Caller
from countenance.operations.whose import (
    ALL,
    account_asked,
    accounts_asked,
    refuse_session,
    require_officer,
)

OWN, OTHER = "111111111111", "222222222222"


def deps(*, officer: str | None = None, key: str = "AKIA" + "A" * 16) -> SimpleNamespace:
    """As much of an operation's dependencies as says who calls."""
    return SimpleNamespace(caller=Caller(OWN, key, "guy", "us-east-1", officer=officer))


@pytest.mark.parametrize("officer", [None, "Olga"])
@pytest.mark.parametrize("asked", [None, OWN])
def test_anybody_asks_about_their_own_account(officer, asked):
    """Named or not: an officer who names none asks about the house."""
    assert account_asked(asked, deps(officer=officer)) == OWN
    assert accounts_asked(asked, deps(officer=officer)) == OWN


@pytest.mark.parametrize("asked", [OTHER, ALL, "", "nonsense"])
def test_another_account_or_all_of_them_is_for_officers(asked):
    """Also one that is not there: its absence is told to nobody else."""
    for ask in (account_asked, accounts_asked):
        with pytest.raises(AccessDeniedException, match="CORE-004"):
            ask(asked, deps())


def test_an_officer_asks_about_one_or_about_all():
    assert account_asked(OTHER, deps(officer="Olga")) == accounts_asked(OTHER, deps(officer="Olga")) == OTHER
    assert accounts_asked(ALL, deps(officer="Olga")) is None


def test_no_account_has_the_id_that_stands_for_all():
    """Or nobody could ask about that one alone."""
    assert not any(new_account_id().startswith("0") for _ in range(1000))
    assert ALL.startswith("0")


def test_who_decides_is_named_by_their_key():
    """And by nothing in the request: what is recorded as an officer's word is one's."""
    assert require_officer(deps(officer="Olga")) == "Olga"
    with pytest.raises(AccessDeniedException, match="officers of the house"):
        require_officer(deps())


def test_temporary_credentials_make_nothing_that_outlives_them():
    """A stolen session would otherwise be a key for good."""
    refuse_session(deps(), "CreateAccessKey")
    with pytest.raises(AccessDeniedException, match="Cannot call CreateAccessKey with session credentials"):
        refuse_session(deps(key="ASIA" + "A" * 16), "CreateAccessKey")
