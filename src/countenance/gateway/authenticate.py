"""Who calls: first whether the key exists at all, then whether its holder signed this body."""

from __future__ import annotations

import hmac
import re

from countenance.accounts import Credential, session_token_digest
from countenance.errors import ExpiredTokenException, UnrecognizedClientException
from countenance.gateway.call import Admitted, Authenticated, Identified, advance
from countenance.gateway.services import GatewayServices
from countenance.gateway.sigv4 import check_scope, parse_authorization, verify
from countenance.gateway.throttle import parse_announced_bytes
from countenance.operations.caller import Caller

_ACCESS_KEY_ID = re.compile(r"(AKIA|ASIA)[A-Z2-7]{16}")


def admit_key(call: Identified, services: GatewayServices) -> Admitted:
    """Everything about the signature and the body that the head alone can show to be wrong.

    Raises:
        MissingAuthenticationTokenException, IncompleteSignatureException: not signed, or in part.
        InvalidSignatureException: for another region, service or time.
        UnrecognizedClientException: unknown or revoked key, or not its session token.
        ExpiredTokenException: temporary credentials past their end.
        ValidationException, RequestEntityTooLargeException: no length of a body that may come.
    """
    authorization = parse_authorization(call.head.headers)
    check_scope(
        authorization,
        now=call.head.received_at,
        region=services.region,
        service=call.service.signing_name,
    )
    announced = parse_announced_bytes(call.head.headers)
    credential = _require_credential(authorization.access_key_id, services)
    _check_token(credential, authorization.session_token)
    if credential.expires_at is not None and credential.expires_at <= call.head.received_at:
        raise ExpiredTokenException
    return advance(
        call, Admitted, authorization=authorization, credential=credential, announced_bytes=announced
    )


def authenticate(call: Admitted, body: bytes, services: GatewayServices) -> Authenticated:
    """Verify the signature over head and body.

    Raises:
        InvalidSignatureException: another secret, or another head or body than was signed.
    """
    verify(
        call.authorization,
        body,
        secret=call.credential.secret,
        now=call.head.received_at,
        region=services.region,
        service=call.service.signing_name,
    )
    caller = Caller(
        account_id=call.credential.account_id,
        access_key_id=call.credential.access_key_id,
        operator=call.credential.operator,
        region=services.region,
        purpose=call.credential.purpose,
        officer=call.credential.officer,
        claims=call.credential.claims,
        event_id=call.head.event_id,
        operator_id=call.credential.operator_id,
        roles=call.credential.roles,
    )
    return advance(call, Authenticated, caller=caller, body=body)


def _require_credential(access_key_id: str, services: GatewayServices) -> Credential:
    # What cannot be a key is not looked up: the id is whatever a stranger wrote.
    if not _ACCESS_KEY_ID.fullmatch(access_key_id):
        raise UnrecognizedClientException
    credential = services.accounts.find_credential(access_key_id)
    if credential is None or credential.revoked:
        raise UnrecognizedClientException
    return credential


def _check_token(credential: Credential, token: str | None) -> None:
    """A temporary key comes with its own token, a lasting one with none."""
    kept = credential.session_token_digest
    if kept is None and token is None:
        return
    if kept is None or token is None or not hmac.compare_digest(session_token_digest(token), kept):
        raise UnrecognizedClientException
