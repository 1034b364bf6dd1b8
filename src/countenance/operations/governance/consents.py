"""PutConsent, ListConsents, WithdrawConsent."""

from __future__ import annotations

import uuid

from countenance.operations.deps import Deps
from countenance.rights.records import Consent
from countenance.wire.shapes import (
    ConsentDetail,
    ListConsentsRequest,
    ListConsentsResponse,
    PutConsentRequest,
    PutConsentResponse,
    WithdrawConsentRequest,
    WithdrawConsentResponse,
)


def put_consent(request: PutConsentRequest, deps: Deps) -> PutConsentResponse:
    """Bind faces that are there to the consent by which they are."""
    consent_id = deps.rights.consents.put(
        deps.collection(request["CollectionId"]),
        request["Reference"],
        [uuid.UUID(each) for each in request["FaceIds"]],
        recorded_by=deps.caller.operator,
        actor=deps.actor(),
    )
    return {"ConsentId": consent_id}


def list_consents(request: ListConsentsRequest, deps: Deps) -> ListConsentsResponse:
    """The account's, by id."""
    page = deps.page_tokens.page(
        request.get("NextToken"),
        scope=("ListConsents", deps.caller.account_id),
        size=request.get("MaxResults", 100),
        fetch=lambda after, limit: deps.rights.consents.list(
            deps.caller.account_id, limit=limit, after=after
        ),
        position_of=lambda each: each.consent_id,
    )
    response: ListConsentsResponse = {"Consents": [_to_detail(each) for each in page.items]}
    if page.next_token is not None:
        response["NextToken"] = page.next_token
    return response


def withdraw_consent(request: WithdrawConsentRequest, deps: Deps) -> WithdrawConsentResponse:
    """For good, with every face that is there by it."""
    erased = deps.rights.consents.withdraw(
        deps.uow,
        deps.caller.account_id,
        request["Reference"],
        withdrawn_by=deps.caller.operator,
        actor=deps.actor(),
    )
    return {"ErasedFaceIds": [str(each) for each in erased]}


def _to_detail(consent: Consent) -> ConsentDetail:
    detail: ConsentDetail = {
        "ConsentId": consent.consent_id,
        "Reference": consent.reference,
        "RecordedBy": consent.recorded_by,
        "RecordedAt": consent.recorded_at,
        "Faces": consent.faces,
    }
    if consent.withdrawn_at is not None:
        detail["WithdrawnAt"] = consent.withdrawn_at
        detail["WithdrawnBy"] = consent.withdrawn_by or ""
    return detail
