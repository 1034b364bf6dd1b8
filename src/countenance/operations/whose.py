"""Of whom an operation tells: of the caller's own account, or to officers of another."""

from __future__ import annotations

from typing import Final

from countenance.errors import AccessDeniedException
from countenance.operations.deps import Deps

ALL: Final = "000000000000"
"""Stands for every account; no account has this id, as none begins with zero."""


def account_asked(asked: str | None, deps: Deps) -> str:
    """The account that is asked about: another one only by an officer.

    Raises:
        AccessDeniedException: another account, and the key is no officer's.
    """
    own = deps.caller.account_id
    if asked is None or asked == own:
        return own
    require_officer(deps)
    return asked


def accounts_asked(asked: str | None, deps: Deps) -> str | None:
    """As `account_asked`; None for all accounts."""
    found = account_asked(asked, deps)
    return None if found == ALL else found


def require_officer(deps: Deps) -> str:
    """The officer whose key it is: policy has asked already, and what decides asks again.

    Raises:
        AccessDeniedException: the key is no officer's.
    """
    if deps.caller.officer is None:
        raise AccessDeniedException("CORE-004: only officers of the house may ask about other accounts")
    return deps.caller.officer


def refuse_session(deps: Deps, operation: str) -> None:
    """What is temporary makes nothing that outlives it.

    Raises:
        AccessDeniedException: the credentials are temporary.
    """
    if deps.caller.access_key_id.startswith("ASIA"):
        raise AccessDeniedException(f"Cannot call {operation} with session credentials")
