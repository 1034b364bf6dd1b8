"""ListAccounts, CreateAccount, ChangeStanding: what officers of the house do about accounts."""

from __future__ import annotations

from countenance.errors import InvalidParameterException
from countenance.operations.deps import Deps
from countenance.operations.whose import require_officer
from countenance.wire.shapes import (
    ChangeStandingRequest,
    ChangeStandingResponse,
    CreateAccountRequest,
    CreateAccountResponse,
    ListAccountsRequest,
    ListAccountsResponse,
)


def list_accounts(_: ListAccountsRequest, deps: Deps) -> ListAccountsResponse:
    """Every account of this server."""
    require_officer(deps)
    return {
        "Accounts": [
            {
                "AccountId": account.account_id,
                "Name": account.name,
                "Standing": account.standing,
                "EffectiveStanding": account.effective_standing,
                "Profile": account.profile,
                "IsHouse": account.is_house,
                "CreatedAt": account.created_at,
            }
            for account in deps.accounts.list_accounts()
        ]
    }


def create_account(request: CreateAccountRequest, deps: Deps) -> CreateAccountResponse:
    """An account and its first key, which has no purpose yet."""
    require_officer(deps)
    connection = deps.uow.connection
    account = deps.accounts.create_account(
        request["Name"], profile=request.get("Profile", "general"), connection=connection
    )
    key = deps.accounts.create_access_key(
        account.account_id, operator=request.get("Operator", "first"), connection=connection
    )
    actor = deps.actor()
    deps.audit.record_change(
        connection,
        "CreateAccount",
        account_id=account.account_id,
        operator=actor.name,
        previous=actor.event_id,
    )
    return {
        "AccountId": account.account_id,
        "AccessKeyId": key.access_key_id,
        "SecretAccessKey": key.secret,
    }


def change_standing(request: ChangeStandingRequest, deps: Deps) -> ChangeStandingResponse:
    """Set an account's standing, at once; a termination takes two officers."""
    officer, account_id, wanted = require_officer(deps), request["AccountId"], request["Standing"]
    account = deps.accounts.require_account(account_id)
    if account.is_house:
        raise InvalidParameterException("the house's own account is not changed by its own officers' calls")
    if wanted == "pending":
        raise InvalidParameterException("no account becomes pending again")
    standings, actor, first = deps.governance.standings, deps.actor(), None
    if wanted == "terminated":
        first = standings.propose_termination(
            account_id, officer=officer, reason=request["Reason"], actor=actor
        )
        if first is None:
            return {"AccountId": account_id, "Standing": account.standing, "Proposed": True}
    standings.change(
        account_id,
        wanted,
        reason=request["Reason"],
        decided_by=first or officer,
        second_officer=officer if first else None,
        actor=actor,
    )
    return {"AccountId": account_id, "Standing": wanted, "Proposed": False}
