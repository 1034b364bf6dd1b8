"""Accounts, their access keys, and the temporary credentials that come from them."""

from countenance.accounts.identifiers import session_token_digest
from countenance.accounts.records import (
    AccessKey,
    Account,
    Credential,
    NewAccessKey,
    SessionCredentials,
    Standing,
)
from countenance.accounts.register import Accounts

__all__ = [
    "AccessKey",
    "Account",
    "Accounts",
    "Credential",
    "NewAccessKey",
    "SessionCredentials",
    "Standing",
    "session_token_digest",
]
