"""The call's event: committed together with its change, before its answer."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Literal

from countenance.audit import NO_POLICY_DIGEST, Draft, Event
from countenance.errors import AccessDeniedException, InternalServerError
from countenance.gateway.call import (
    Admitted,
    Authenticated,
    Identified,
    Performed,
    Recorded,
    Validated,
    advance,
)
from countenance.gateway.facts import Facts, facts_of
from countenance.gateway.log import Fault
from countenance.gateway.respond import Refusal
from countenance.gateway.services import GatewayServices
from countenance.operations.deps import Report
from countenance.policy import Verdict
from countenance.store import Connection, UnitOfWork


def record(call: Performed, work: UnitOfWork, services: GatewayServices) -> Recorded:
    """Commit the call's changes and its event in one transaction, then sign the receipt.

    Raises:
        AccessDeniedException: the key was revoked, or the account's standing changed, while the call
            ran; nothing is committed.
        LogBehind: the log does not keep up; nothing is committed.
        Exception: the event could not be written, and nothing is committed; or its receipt could not be
            noted, and the caller gets none for what was.
    """
    event = _event_of(call, outcome="answered", error_code=None, verdict=call.verdict, services=services)
    if work.is_open:
        draft = _record_in_force(call, event, work.connection, services)
    else:  # nothing was changed: the one statement is its own transaction
        with services.database.read() as connection:
            draft = _record_in_force(call, event, connection, services)
    work.commit()
    # INVARIANT: only what is committed is promised, so that a promise without its entry is a broken one.
    receipt = services.promises.receipt(draft, services.clock())
    return advance(call, Recorded, event=event, receipt=receipt)


def record_refusal(refusal: Refusal, services: GatewayServices) -> Refusal:
    """Commit an event of the refusal; one that cannot be recorded is a failure of ours.

    Strangers, whose calls nobody's key signed, are recorded one by one up to a rate, and beyond it counted.
    """
    call = refusal.call
    if not isinstance(call, Identified):
        return refusal
    if not isinstance(call, Authenticated) and not services.strangers.admit():
        return refusal
    previous = None
    if isinstance(call, Performed):
        # INVARIANT: no id is recorded twice. The commit of the answer may have come through, and only its
        # confirmation have been lost: then the log has an answer that nobody got, and this beside it.
        previous = call.head.event_id
        call = replace(call, head=replace(call.head, event_id=uuid.uuid4()))
        refusal = replace(refusal, call=call)
    outcome: Literal["refused", "failed"] = "failed" if refusal.error.status >= 500 else "refused"
    try:
        event = _event_of(
            call,
            outcome=outcome,
            error_code=refusal.error.code,
            verdict=refusal.verdict,
            services=services,
            previous=previous,
        )
        with services.database.read() as connection:
            services.promises.require_current(connection)
            draft = services.audit.record(connection, event)
            services.strangers.record_uncounted(connection)
        receipt = services.promises.receipt(draft, services.clock())
    except BaseException as error:  # noqa: BLE001  # whatever it was: without a record there is no such answer
        return replace(refusal, error=InternalServerError(), fault=refusal.fault or Fault.of(error))
    return replace(refusal, receipt=receipt)


def _record_in_force(
    call: Performed, event: Event, connection: Connection, services: GatewayServices
) -> Draft:
    """What is to be promised once it is committed; while the log does not keep up, nothing is."""
    services.promises.require_current(connection)
    draft = services.audit.record_in_force(connection, event, standing=call.credential.standing)
    if draft is None:
        raise AccessDeniedException("the access key or the account's standing ended while the call ran")
    return draft


def _event_of(
    call: Identified,
    *,
    outcome: Literal["answered", "refused", "failed"],
    verdict: Verdict | None,
    error_code: str | None,
    services: GatewayServices,
    previous: uuid.UUID | None = None,
) -> Event:
    caller = call.caller if isinstance(call, Authenticated) else None
    performed = call if isinstance(call, Performed) and outcome == "answered" else None
    facts = (
        facts_of(call.request, performed.response if performed else {})
        if isinstance(call, Validated)
        else Facts()
    )
    report = performed.report if performed else Report()
    return Event(
        event_id=call.head.event_id,
        at=call.head.received_at,
        ended_at=services.clock(),
        service=call.service.name,
        operation=call.operation.name,
        # INVARIANT: an account stands in an event only if its key signed the call.
        account_id=caller.account_id if caller else None,
        access_key_id=call.credential.access_key_id if isinstance(call, Admitted) else None,
        operator=caller.operator if caller else None,
        region=caller.region if caller else None,
        collection=facts.collection,
        resource=facts.resource,
        inputs=tuple(report.inputs),
        marker=report.marker,
        decision=verdict.decision.value if verdict else "none",
        rule_ids=verdict.rule_ids if verdict else (),
        policy_digest=services.policy.digest if verdict else NO_POLICY_DIGEST,
        outcome=outcome,
        error_code=error_code,
        model_version=report.model_version,
        model_digest=report.model_digest,
        threshold_asked=facts.threshold_asked,
        threshold=report.threshold,
        candidates=facts.candidates,
        enrolled=facts.enrolled,
        deleted=facts.deleted,
        touched=facts.touched,
        idempotent_replay=performed is not None and performed.is_replay,
        previous=performed.previous if performed else previous,
    )
