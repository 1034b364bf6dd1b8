"""Whether a collection may have another model: policy is asked, for each thing that its charter is for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from countenance.accounts import Governance
from countenance.errors import AccessDeniedException
from countenance.facts import Charter, Claims, ModelFacts
from countenance.gallery import Collection, Gallery
from countenance.operations.defaults import SEARCH_THRESHOLD
from countenance.policy import AccessRequest, Decision, PolicyEngine, Resource, load_purposes
from countenance.policy.groups import kinds_of
from countenance.store import Database

_ASKED_OF = "rekognition"


def require_allowed(
    database: Database,
    governance: Governance,
    gallery: Gallery,
    engine: PolicyEngine,
    collection: Collection,
    *,
    before: ModelFacts | None,
    after: ModelFacts | None,
) -> None:
    """See that no rule forbids with the new model what it does not forbid with the old one.

    Args:
        before: the model in use; None where it is not installed here any more.
        after: the model that is to be in use.

    Raises:
        AccessDeniedException: names the rule, the purpose and the operation.
    """
    charter = gallery.charter(collection)
    if charter is None:
        raise AccessDeniedException(f"the collection `{collection.name}` has no charter: it is for nothing")
    with database.read() as connection:
        read = governance.facts.read(
            connection, collection.account_id, operator="", beneficiary=None, now=datetime.now(UTC)
        )
    assert read is not None, "a collection has an account"
    for purpose_name in charter.purposes:
        for operation in load_purposes()[purpose_name].operations:
            if not kinds_of(operation) & {"face"}:
                continue
            asked = AccessRequest(
                account=read.account,
                access_key_id="none",
                operator="",
                service=_ASKED_OF,
                operation=operation,
                resource=_resource(collection, charter),
                purpose=purpose_name,
                own_purpose=purpose_name,
                claims=Claims(),
                threshold=max(SEARCH_THRESHOLD, load_purposes()[purpose_name].minimum_threshold),
                candidates=1,
                model=after,
                now_s=int(datetime.now(UTC).timestamp()),
            )
            _require(engine, asked, before=before)


def _require(engine: PolicyEngine, asked: AccessRequest, *, before: ModelFacts | None) -> None:
    verdict = engine.decide(asked)
    if verdict.decision is Decision.ALLOW:
        return
    known = set(engine.decide(replace(asked, model=before)).rule_ids)
    new = [rule_id for rule_id in verdict.rule_ids if rule_id not in known]
    if new:
        told = engine.explain(new, asked)[0]
        raise AccessDeniedException(
            f"{told.rule_id}: {told.message} (purpose `{asked.purpose}`, {asked.operation}); {told.remedy}"
        )


def _resource(collection: Collection, charter: Charter) -> Resource:
    return Resource(
        "Collection", collection.name, collection.account_id, charter, 0, collection.collection_id
    )
