"""The call's event: committed together with its change, before its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from countenance.audit import NO_POLICY_DIGEST, Event, record_in_force
from countenance.audit import record as record_event
from countenance.errors import AccessDeniedException, InternalServerError
from countenance.gateway.authorize import parse_arn
from countenance.gateway.call import (
    Admitted,
    Authenticated,
    Identified,
    Performed,
    Recorded,
    Validated,
    advance,
)
from countenance.gateway.log import Fault
from countenance.gateway.respond import Refusal
from countenance.gateway.services import GatewayServices
from countenance.policy import Verdict
from countenance.store import UnitOfWork

_THRESHOLDS = ("FaceMatchThreshold", "SimilarityThreshold", "UserMatchThreshold")
_CANDIDATES = ("FaceMatches", "UserMatches")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What an event keeps of a request and its response: names, figures, nothing biometric."""

    collection: str | None = None
    resource: str | None = None
    threshold: float | None = None
    candidates: int | None = None
    model_version: str | None = None


def record(call: Performed, work: UnitOfWork, services: GatewayServices) -> Recorded:
    """Commit the call's changes and its event in one transaction.

    Raises:
        AccessDeniedException: the key was revoked, or the account's standing changed, while the call
            ran; nothing is committed.
        Exception: the event could not be written; nothing is committed.
    """
    event = _event_of(call, outcome="answered", error_code=None, verdict=call.verdict, services=services)
    credential = call.credential
    if work.is_open:
        in_force = record_in_force(work.connection, event, standing=credential.standing)
    else:  # nothing was changed: the one statement is its own transaction
        with services.database.read() as connection:
            in_force = record_in_force(connection, event, standing=credential.standing)
    if not in_force:
        raise AccessDeniedException("the access key or the account's standing ended while the call ran")
    work.commit()
    return advance(call, Recorded, event=event)


def record_refusal(refusal: Refusal, services: GatewayServices) -> Refusal:
    """Commit an event of the refusal; one that cannot be recorded is a failure of ours."""
    if not isinstance(refusal.call, Identified):
        return refusal
    outcome: Literal["refused", "failed"] = "failed" if refusal.error.status >= 500 else "refused"
    try:
        event = _event_of(
            refusal.call,
            outcome=outcome,
            error_code=refusal.error.code,
            verdict=refusal.verdict,
            services=services,
        )
        with services.database.read() as connection:
            record_event(connection, event)
    except BaseException as error:  # noqa: BLE001  # whatever it was: without a record there is no such answer
        return replace(refusal, error=InternalServerError(), fault=refusal.fault or Fault.of(error))
    return replace(refusal, has_event=True)


def facts_of(request: Mapping[str, Any], response: Mapping[str, Any]) -> Facts:
    """Derived from the members' names alone, so that a new operation is recorded without a line here."""
    arn = request.get("ResourceArn")
    named = parse_arn(arn) if arn else None
    candidates = next((len(response[name]) for name in _CANDIDATES if name in response), None)
    return Facts(
        collection=request.get("CollectionId") or (named.name if named else None),
        resource=arn or _access_key_id(request) or _access_key_id(response),
        threshold=next((request[name] for name in _THRESHOLDS if name in request), None),
        candidates=candidates,
        model_version=response.get("FaceModelVersion"),
    )


def _access_key_id(members: Mapping[str, Any]) -> str | None:
    found: str | None = members.get("AccessKeyId") or members.get("Credentials", {}).get("AccessKeyId")
    return found


def _event_of(
    call: Identified,
    *,
    outcome: Literal["answered", "refused", "failed"],
    verdict: Verdict | None,
    error_code: str | None,
    services: GatewayServices,
) -> Event:
    caller = call.caller if isinstance(call, Authenticated) else None
    performed = call if isinstance(call, Performed) and outcome == "answered" else None
    facts = (
        facts_of(call.request, performed.response if performed else {})
        if isinstance(call, Validated)
        else Facts()
    )
    return Event(
        event_id=call.head.event_id,
        at=call.head.received_at,
        request_id=str(call.head.request_id),
        service=call.service.name,
        operation=call.operation.name,
        # INVARIANT: an account stands in an event only if its key signed the call.
        account_id=caller.account_id if caller else None,
        access_key_id=call.credential.access_key_id if isinstance(call, Admitted) else None,
        operator=caller.operator if caller else None,
        collection=facts.collection,
        resource=facts.resource,
        decision=verdict.decision.value if verdict else "none",
        rule_ids=verdict.rule_ids if verdict else (),
        policy_digest=services.policy.digest if verdict else NO_POLICY_DIGEST,
        outcome=outcome,
        error_code=error_code,
        model_version=facts.model_version,
        threshold=facts.threshold,
        candidates=facts.candidates,
        idempotent_replay=performed is not None and performed.is_replay,
    )
