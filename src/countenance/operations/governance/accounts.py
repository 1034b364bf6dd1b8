"""GetCallerIdentity, DescribeAccount, access keys, GetSessionToken, GetHealth."""

from __future__ import annotations

import countenance
from countenance.accounts import AccessKey
from countenance.errors import AccessDeniedException
from countenance.operations.deps import Deps
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
    RevokeAccessKeyRequest,
    RevokeAccessKeyResponse,
)


def get_caller_identity(_: GetCallerIdentityRequest, deps: Deps) -> GetCallerIdentityResponse:
    """Who the signature says is calling."""
    caller = deps.caller
    return {
        "AccountId": caller.account_id,
        "AccessKeyId": caller.access_key_id,
        "Operator": caller.operator,
    }


def describe_account(_: DescribeAccountRequest, deps: Deps) -> DescribeAccountResponse:
    """The caller's account and its standing."""
    account = deps.accounts.require_account(deps.caller.account_id)
    return {
        "AccountId": account.account_id,
        "Name": account.name,
        "Standing": account.standing,
        "CreatedAt": account.created_at,
    }


def create_access_key(request: CreateAccessKeyRequest, deps: Deps) -> CreateAccessKeyResponse:
    """A lasting key of the caller's account; its secret is told in this answer and never again."""
    if deps.caller.access_key_id.startswith("ASIA"):
        # INVARIANT: what is temporary makes nothing that outlives it.
        raise AccessDeniedException("Cannot call CreateAccessKey with session credentials")
    made = deps.accounts.create_access_key(
        deps.caller.account_id,
        operator=request.get("Operator", deps.caller.operator),
        connection=deps.uow.connection,
    )
    return {
        "AccessKeyId": made.access_key_id,
        "SecretAccessKey": made.secret,
        "Operator": made.operator,
        "CreatedAt": made.created_at,
    }


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
        deps.caller.account_id, request["AccessKeyId"], connection=deps.uow.connection
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
    return {
        "AccessKeyId": key.access_key_id,
        "Operator": key.operator,
        "Status": "REVOKED" if key.is_revoked else "ACTIVE",
        "CreatedAt": key.created_at,
    }
