"""GetCallerIdentity, DescribeAccount, access keys, GetSessionToken, GetHealth."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import countenance
from countenance.accounts import AccessKey
from countenance.accounts.standing import StandingChange
from countenance.errors import AccessDeniedException
from countenance.operations.catalogue import require_purpose
from countenance.operations.deps import Deps
from countenance.operations.whose import account_asked, refuse_session
from countenance.wire.shapes import (
    AccessKeySummary,
    CreateAccessKeyRequest,
    CreateAccessKeyResponse,
    DescribeAccountRequest,
    DescribeAccountResponse,
    GetCallerIdentityRequest,
    GetCallerIdentityResponse,
    GetHealthRequest,
    GetHealthResponse,
    GetSessionTokenRequest,
    GetSessionTokenResponse,
    ListAccessKeysRequest,
    ListAccessKeysResponse,
    OperatorRole,
    RevokeAccessKeyRequest,
    RevokeAccessKeyResponse,
    StandingChangeSummary,
)


def get_caller_identity(_: GetCallerIdentityRequest, deps: Deps) -> GetCallerIdentityResponse:
    """Who the signature says is calling."""
    caller = deps.caller
    response: GetCallerIdentityResponse = {
        "AccountId": caller.account_id,
        "AccessKeyId": caller.access_key_id,
        "Operator": caller.operator,
    }
    if caller.purpose is not None:
        response["Purpose"] = caller.purpose
    if caller.officer is not None:
        response["Officer"] = caller.officer
    if caller.roles is not None:
        response["Roles"] = cast("list[OperatorRole]", sorted(caller.roles))
    return response


def describe_account(request: DescribeAccountRequest, deps: Deps) -> DescribeAccountResponse:
    """An account, what it accepted and has, how it stands and why: the caller's, or any to officers."""
    account_id = account_asked(request.get("AccountId"), deps)
    account, facts = deps.accounts.require_account(account_id), deps.governance.facts
    with facts.reading() as connection:
        read = facts.read(
            connection,
            account_id,
            operator=deps.caller.operator,
            beneficiary=None,
            now=datetime.now(UTC),
        )
    assert read is not None, "the account was found"
    return {
        "AccountId": account.account_id,
        "Name": account.name,
        "Standing": account.standing,
        "EffectiveStanding": account.effective_standing,
        "Profile": account.profile,
        "IsHouse": account.is_house,
        "CreatedAt": account.created_at,
        "TermsAccepted": read.account.terms_accepted,
        "TermsWanted": read.account.terms_wanted,
        "Purposes": sorted(read.account.purposes),
        "Records": sorted(read.account.records),
        "Changes": [_to_change(change) for change in deps.governance.standings.history(account_id)],
    }


def create_access_key(request: CreateAccessKeyRequest, deps: Deps) -> CreateAccessKeyResponse:
    """A lasting key of the caller's account; its secret is told in this answer and never again."""
    refuse_session(deps, "CreateAccessKey")
    caller = deps.caller
    if caller.purpose is not None and request.get("Operator", caller.operator) != caller.operator:
        raise AccessDeniedException(
            "a key for a purpose makes no keys for other operators: use a key without a purpose, or have an "
            "officer make it"
        )
    purpose = request.get("Purpose", deps.caller.purpose)
    made = deps.accounts.create_access_key(
        deps.caller.account_id,
        operator=request.get("Operator", deps.caller.operator),
        purpose=None if purpose is None else require_purpose(purpose).name,
        connection=deps.uow.connection,
    )
    response: CreateAccessKeyResponse = {
        "AccessKeyId": made.access_key_id,
        "SecretAccessKey": made.secret,
        "Operator": made.operator,
        "CreatedAt": made.created_at,
    }
    if made.purpose is not None:
        response["Purpose"] = made.purpose
    return response


def list_access_keys(request: ListAccessKeysRequest, deps: Deps) -> ListAccessKeysResponse:
    """The account's lasting keys by id, revoked ones as well, without their secrets."""
    account_id = deps.caller.account_id
    page = deps.page_tokens.page(
        request.get("NextToken"),
        scope=("ListAccessKeys", account_id),
        size=request.get("MaxResults", 100),
        fetch=lambda after, limit: deps.accounts.list_access_keys(account_id, limit=limit, after=after or ""),
        position_of=lambda key: key.access_key_id,
    )
    response: ListAccessKeysResponse = {"AccessKeys": [_to_summary(key) for key in page.items]}
    if page.next_token is not None:
        response["NextToken"] = page.next_token
    return response


def revoke_access_key(request: RevokeAccessKeyRequest, deps: Deps) -> RevokeAccessKeyResponse:
    """End a key of the caller's account, and with it every session that came from it."""
    deps.accounts.revoke_access_key(
        deps.caller.account_id,
        request["AccessKeyId"],
        by_officer=deps.caller.officer or "",
        connection=deps.uow.connection,
    )
    return {}


def get_session_token(request: GetSessionTokenRequest, deps: Deps) -> GetSessionTokenResponse:
    """Temporary credentials for the caller's operator, which end with the caller's own key."""
    made = deps.accounts.create_session(
        deps.uow.connection, deps.caller.access_key_id, request.get("DurationSeconds", 3600)
    )
    return {
        "Credentials": {
            "AccessKeyId": made.access_key_id,
            "SecretAccessKey": made.secret,
            "SessionToken": made.session_token,
            "Expiration": made.expires_at,
        }
    }


def get_health(_: GetHealthRequest, deps: Deps) -> GetHealthResponse:
    """That this server answers, what it runs, and with which model packs."""
    return {
        "Status": "OK",
        "Version": countenance.__version__,
        "DefaultFaceModelVersion": deps.default_vision().face_model_version,
        "Packs": [{"Name": name, "FaceModelVersion": version} for version, name in deps.models.packs.items()],
    }


def _to_summary(key: AccessKey) -> AccessKeySummary:
    summary: AccessKeySummary = {
        "AccessKeyId": key.access_key_id,
        "Operator": key.operator,
        "Status": "REVOKED" if key.is_revoked else "ACTIVE",
        "CreatedAt": key.created_at,
    }
    if key.purpose is not None:
        summary["Purpose"] = key.purpose
    return summary


def _to_change(change: StandingChange) -> StandingChangeSummary:
    summary: StandingChangeSummary = {
        "From": change.from_standing,
        "To": change.to_standing,
        "Reason": change.reason,
        "At": change.at,
        "DecidedBy": change.decided_by,
        "EventId": str(change.event_id),
    }
    if change.second_officer is not None:
        summary["SecondOfficer"] = change.second_officer
    if change.finding_id is not None:
        summary["FindingId"] = str(change.finding_id)
    return summary
