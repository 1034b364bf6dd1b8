"""Accounts: their keys and sessions, what they accepted, may do and have on file, and how they stand."""

from countenance.accounts.changing import Actor
from countenance.accounts.facts import Read
from countenance.accounts.governance import FIRST_PURPOSE, Governance
from countenance.accounts.identifiers import session_token_digest
from countenance.accounts.records import (
    AccessKey,
    Account,
    Credential,
    NewAccessKey,
    SessionCredentials,
)
from countenance.accounts.register import Accounts
from countenance.accounts.sealed import SEALED

__all__ = [
    "FIRST_PURPOSE",
    "SEALED",
    "AccessKey",
    "Account",
    "Accounts",
    "Actor",
    "Credential",
    "Governance",
    "NewAccessKey",
    "Read",
    "SessionCredentials",
    "session_token_digest",
]
