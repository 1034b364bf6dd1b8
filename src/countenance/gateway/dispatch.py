"""The operation itself, and the answers kept under a client's token."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from countenance.errors import IdempotentParameterMismatchException
from countenance.gateway.call import Authorized, Performed, advance
from countenance.gateway.obligations import REVIEWED_BY_PEOPLE
from countenance.gateway.review import under_review
from countenance.gateway.services import GatewayServices
from countenance.operations.call_report import Report, Shown
from countenance.policy.groups import kinds_of
from countenance.store import UnitOfWork, idempotency
from countenance.wire.codec import to_body

_TOKEN = "ClientRequestToken"  # noqa: S105  # a member's name; only some operations mark theirs in the model


def dispatch(call: Authorized, work: UnitOfWork, services: GatewayServices) -> Performed:
    """Run the operation, or give the answer that its token has got before.

    What the operation changed, and the answer kept under the token, are in `work`, uncommitted.

    Raises:
        IdempotentParameterMismatchException: the token came before, with another request.
        ServiceError: the operation's own; the caller rolls `work` back.
    """
    if REVIEWED_BY_PEOPLE & set(call.verdict.obligations):
        return under_review(call, work, services, digest=digest_of, perform=_perform)
    token = call.request.get(_TOKEN)
    if token is None:
        return _perform(call, work, services)
    digest = digest_of(call.request)
    # An answer is kept for the purpose and the collection that it was given for.
    judged = call.asked.resource.collection_id
    place = f"{call.qualified_name} {call.caller.purpose or '-'} {judged or '-'}"
    scope = (work.connection, call.caller.account_id, place, token)
    # Of two calls with one token, the second waits here until the first is committed or rolled back.
    kept = idempotency.find(*scope)
    if kept is not None:
        if kept.input_digest != digest:
            raise IdempotentParameterMismatchException(
                f"The ClientRequestToken: {token} you have supplied is already in use"
            )
        payload = orjson.dumps(kept.response)
        return advance(
            call,
            Performed,
            response={},
            payload=payload,
            report=Report(),
            is_replay=True,
            previous=services.audit.unseal_event(call.caller.account_id, kept.sealed_event),
        )
    performed = _perform(call, work, services)
    idempotency.save(
        *scope,
        input_digest=digest,
        response=orjson.loads(performed.payload),
        sealed_event=services.audit.seal_event(call.caller.account_id, call.head.event_id),
    )
    return performed


def digest_of(request: Mapping[str, Any]) -> bytes:
    """SHA-256 of a validated request without its token, whatever the order of its members."""
    members = {name: value for name, value in request.items() if name != _TOKEN}
    return hashlib.sha256(orjson.dumps(members, default=_plain, option=orjson.OPT_SORT_KEYS)).digest()


def _plain(value: Any) -> str:
    assert isinstance(value, bytes), "a request holds JSON values, times and blobs"
    return hashlib.sha256(value).hexdigest()


def _perform(
    call: Authorized,
    work: UnitOfWork,
    services: GatewayServices,
    *,
    shown: list[list[Shown]] | None = None,
    least: float | None = None,
) -> Performed:
    """Args:
    shown: where pictures of what is compared are kept for people to look at.
    least: of such a call, the similarity that it looks from.
    """
    operation = services.operations[call.service.name][call.operation.name]
    deps = replace(services.make_deps(call.caller, work), shown=shown, least=least)
    if kinds_of(call.operation.name) & {"face", "correct"}:
        model = call.asked.model
        deps = replace(
            deps,
            judged=frozenset({call.asked.resource.collection_id}),
            judged_model=None if model is None else model.digests,
        )
    response = operation(call.request, deps)
    # Written out now: a response that cannot be must fail before anything is committed.
    payload = to_body(response, call.operation)
    return advance(call, Performed, response=response, payload=payload, report=deps.report)
