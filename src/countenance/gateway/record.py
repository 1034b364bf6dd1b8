"""The call's event: committed together with its change, before its answer."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any, Literal

from countenance.audit import NO_POLICY_DIGEST, Draft, Event
from countenance.errors import AccessDeniedException, InternalServerError, ServiceError
from countenance.facts import Charter, Claims
from countenance.gateway.call import (
    Admitted,
    Authenticated,
    Authorized,
    Identified,
    Performed,
    Recorded,
    Validated,
    advance,
)
from countenance.gateway.facts import Facts, facts_of
from countenance.gateway.log import Fault
from countenance.gateway.obligations import undischarged
from countenance.gateway.observation import observation_of
from countenance.gateway.respond import Refusal
from countenance.gateway.services import GatewayServices
from countenance.operations.call_report import Report
from countenance.policy import AccessRequest, Verdict, load_purposes
from countenance.store import Connection, UnitOfWork


def record(call: Performed, work: UnitOfWork, services: GatewayServices) -> Recorded:
    """Commit the call's changes and its event in one transaction, then sign the receipt.

    Raises:
        AccessDeniedException: the key was revoked, the account's standing or the model changed, or an
            evaluation was ended, while the call ran; nothing is committed.
        LogBehind: the log does not keep up; nothing is committed.
        Exception: the event could not be written, and nothing is committed; or its receipt could not be
            noted, and the caller gets none for what was.
    """
    unmet = undischarged(call.verdict.obligations, call.report, ran_search=call.report.threshold is not None)
    if unmet and not call.is_replay:
        raise AccessDeniedException(f"the call owes {', '.join(unmet)}, and it was not met")
    _require_model_judged(call)
    event = _event_of(
        call,
        outcome="answered" if call.withheld is None else "withheld",
        error_code=None if call.withheld is None else call.withheld.code,
        verdict=call.verdict,
        services=services,
    )
    if work.is_open:
        draft = _record_in_force(call, event, work.connection, services)
    else:  # nothing was changed: the one statement is its own transaction
        with services.database.read() as connection:
            draft = _record_in_force(call, event, connection, services)
    work.commit()
    # INVARIANT: only what is committed is promised, so that a promise without its entry is a broken one.
    receipt = services.promises.receipt(draft, services.clock())
    return advance(call, Recorded, event=event, receipt=receipt)


def _require_model_judged(call: Performed) -> None:
    """What an evaluation allowed was done with the model that it is of: a collection may get another one."""
    judged, used = call.asked.model, call.report.model_version
    if not call.asked.rests_on or judged is None or call.is_replay:
        return
    if used is not None and used != judged.version:
        raise AccessDeniedException(
            "the model was replaced while the call ran, and the evaluation is not of the new one"
        )


def record_refusal(refusal: Refusal, services: GatewayServices) -> Refusal:
    """Commit an event of the refusal; one that cannot be recorded is a failure of ours.

    Strangers, whose calls nobody's key signed, are recorded one by one up to a rate, and beyond it counted;
    so is what a limit refuses of an account.
    """
    call = refusal.call
    if not isinstance(call, Identified) or not _has_entry(call, refusal.error, services):
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
            asked=refusal.asked,
        )
        with services.database.read() as connection:
            services.promises.require_current(connection)
            draft = services.audit.record(connection, event)
            _record_uncounted(connection, services)
        receipt = services.promises.receipt(draft, services.clock())
    except BaseException as error:  # noqa: BLE001  # whatever it was: without a record there is no such answer
        return replace(refusal, error=InternalServerError(), fault=refusal.fault or Fault.of(error))
    return replace(refusal, receipt=receipt)


def record_uncounted(services: GatewayServices) -> None:
    """Record how many refusals had no entry of their own since the last time; for now and then, and the end.

    Raises:
        StoreUnavailable: the database cannot be reached; nothing is forgotten.
    """
    with services.database.read() as connection:
        _record_uncounted(connection, services)


def _record_uncounted(connection: Connection, services: GatewayServices) -> None:
    services.strangers.record_uncounted(connection)
    services.throttled.record_uncounted(
        connection, lambda account_id: services.audit.pseudonym(account_id).hex()
    )


def _has_entry(call: Identified, error: ServiceError, services: GatewayServices) -> bool:
    """Whether the refusal is one of those that are recorded by themselves."""
    if not isinstance(call, Authenticated):
        return services.strangers.admit()
    return not error.limit or services.throttled.admit(call.caller.account_id)


def _record_in_force(
    call: Performed, event: Event, connection: Connection, services: GatewayServices
) -> Draft:
    """What is to be promised once it is committed; while the log does not keep up, nothing is."""
    services.promises.require_current(connection)
    draft = services.audit.record_in_force(
        connection,
        event,
        standing=call.asked.account.standing,
        effective_standing=call.asked.account.effective_standing,
        # What is open while one of them is barred (the terms, due process) does not end with their standing.
        beneficiaries=() if call.asked.account.beneficiary_barred else call.asked.account.beneficiaries,
        evaluations=call.asked.rests_on,
        observation=observation_of(call, facts_of(call.request, call.response), services),
    )
    if draft is None:
        raise AccessDeniedException(
            "the access key, the account's standing or the model's evaluation ended while the call ran"
        )
    return draft


def _event_of(
    call: Identified,
    *,
    outcome: Literal["answered", "withheld", "refused", "failed"],
    verdict: Verdict | None,
    error_code: str | None,
    services: GatewayServices,
    previous: uuid.UUID | None = None,
    asked: AccessRequest | None = None,
) -> Event:
    caller = call.caller if isinstance(call, Authenticated) else None
    performed = call if isinstance(call, Performed) and outcome in {"answered", "withheld"} else None
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
        resource=report.resource or facts.resource,
        inputs=tuple(report.inputs),
        marker=report.marker,
        decision=verdict.decision.value if verdict else "none",
        rule_ids=verdict.rule_ids if verdict else (),
        policy_digest=verdict.policy_digest if verdict else NO_POLICY_DIGEST,
        obligations=verdict.obligations if verdict else (),
        shadow=verdict.shadow if verdict else (),
        **_governed(call, call.asked if isinstance(call, Authorized) else asked),
        outcome=outcome,
        error_code=error_code,
        model_version=report.model_version,
        model_digest=report.model_digest,
        calibration=report.calibration,
        threshold_asked=facts.threshold_asked,
        threshold=report.threshold,
        threshold_match=facts.threshold_match,
        decided=facts.decided,
        candidates=facts.candidates,
        rejected=report.rejected or None,
        enrolled=facts.enrolled,
        deleted=facts.deleted,
        touched=facts.touched,
        review=report.review,
        word=report.word,
        reviewers=report.reviewers,
        idempotent_replay=performed is not None and performed.is_replay,
        previous=performed.previous if performed else previous,
    )


def _governed(call: Identified, asked: AccessRequest | None) -> dict[str, Any]:
    """Under what terms the call was made: of a refused one as far as its key says."""
    if not isinstance(call, Authenticated):
        return {}
    claims = call.caller.claims
    told: dict[str, Any] = {
        "purpose": call.caller.purpose,
        "case": claims.case,
        "claims": _in_clear(claims),
        "attested": _references(claims),
    }
    if asked is None:
        return told
    charter = asked.charter or asked.resource.charter
    read = asked.model.evaluated.decides if asked.model else None
    purpose = load_purposes().get(asked.purpose or "")
    return told | {
        "purpose": None if asked.purpose is None else _of_catalogue(asked.purpose),
        "profile": asked.account.profile,
        "records": tuple(asked.account.records),
        "candidates_asked": asked.candidates,
        "attributes_asked": tuple(sorted(asked.attributes)),
        "trained": asked.account.operator_trained,
        "roles": tuple(sorted(asked.roles or ())),
        "evaluation": read.digest if read else None,
        "charter": {}
        if charter is None or (purpose is not None and charter == purpose.charter())
        else _charter_told(charter, asked.resource.face_count),
    }


def _of_catalogue(name: str) -> str:
    """A purpose's name: what somebody asks for that is in no catalogue may be a person's."""
    return name if name in load_purposes() else "unknown"


def _in_clear(claims: Claims) -> dict[str, Any]:
    """What may stand in the log for good: words of closed lists, and whether there is a reference."""
    words = {
        "source": claims.source if claims.source != "undeclared" else None,
        "age": claims.age if claims.age != "unknown" else None,
        "consent": claims.consent is not None or None,
        "authorized": claims.authorization is not None or None,
        "live": claims.live or None,
        "exigent": claims.exigent or None,
        "offence_facts": claims.offence_facts or None,
        "probable_cause": claims.probable_cause or None,
    }
    return {name: value for name, value in words.items() if value is not None}


def _references(claims: Claims) -> dict[str, Any]:
    told = {
        "consent": claims.consent,
        "authorization": claims.authorization,
        "beneficiary": claims.beneficiary,
    }
    return {name: value for name, value in told.items() if value is not None}


def _charter_told(charter: Charter, face_count: int) -> dict[str, Any]:
    told = {
        "purposes": sorted({_of_catalogue(name) for name in charter.purposes}),
        "kind": charter.kind,
        "face_cap": charter.face_cap,
        "face_count": face_count,
        "minors_allowed": charter.minors_allowed,
        "legal_basis": bool(charter.legal_basis),
    }
    return told if charter.retention_days is None else told | {"retention_days": charter.retention_days}
