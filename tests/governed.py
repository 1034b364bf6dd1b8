"""Accounts that may call: terms accepted, a purpose approved, a key for it, as an officer would see to it."""

from __future__ import annotations

from typing import Any

from countenance.accounts import Account, Accounts, Actor, Governance, NewAccessKey
from countenance.conduct import Conduct
from countenance.facts import Charter
from countenance.policy import load_purposes
from countenance.store import Database, KeyStore
from countenance.terms import load_terms

OFFICERS = ("Olga Officer", "Otto Officer")
CHARTER = load_purposes()["development"].charter()


def open_governance(database: Database, keys: KeyStore) -> Governance:
    """With the terms that come with the program."""
    return Governance.open(database, keys, load_terms())


def open_conduct(database: Database, keys: KeyStore, governance: Governance) -> Conduct:
    """Findings and appeals over it."""
    return Conduct.open(database, keys, governance)


def accept_all(governance: Governance, account_id: str) -> None:
    """Every document, by a named officer of the account."""
    for document in governance.terms.documents:
        governance.acceptances.accept(
            account_id, document, officer="Ada Accepting", role="owner", actor=Actor("test")
        )


def grant(governance: Governance, account_id: str, purpose: str) -> None:
    """Ask for a purpose and approve it, by as many officers as it takes."""
    for name in OFFICERS:
        governance.officers.add(account_id, name, "officer", actor=Actor("test"))
    wanted = load_purposes()[purpose]
    request_id = governance.grants.request(account_id, purpose, "a test", actor=Actor("test"))
    for name in OFFICERS[: wanted.approvals]:
        governance.grants.decide(
            request_id,
            "approve",
            officer=name,
            reason="a test",
            approvals=wanted.approvals,
            risk=wanted.risk,
            actor=Actor(name),
        )


def ready_account(
    accounts: Accounts, governance: Governance, name: str, *purposes: str, **given: Any
) -> Account:
    """An account that accepted everything and has these purposes (`development` if none is named)."""
    account = accounts.create_account(name, **given)
    accept_all(governance, account.account_id)
    for purpose in purposes or ("development",):
        grant(governance, account.account_id, purpose)
    return account


def ready_key(accounts: Accounts, account: Account, purpose: str = "development") -> NewAccessKey:
    """A lasting key for one purpose."""
    return accounts.create_access_key(account.account_id, operator="tester", purpose=purpose)


def charter_of(purpose: str) -> Charter:
    """What a collection gets that is made under it."""
    return load_purposes()[purpose].charter()
