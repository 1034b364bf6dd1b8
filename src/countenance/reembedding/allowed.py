"""Whether a collection may have another model: policy is asked, for each thing that its charter is for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from countenance.accounts import Governance
from countenance.assurance.evaluations import Evaluations
from countenance.errors import AccessDeniedException
from countenance.facts import Charter, Claims, ModelFacts
from countenance.gallery import Collection, Gallery
from countenance.operations.defaults import SEARCH_THRESHOLD
from countenance.operations.deps import CalibrationsInForce
from countenance.operations.evaluated_model import evaluated_model
from countenance.policy import AccessRequest, Decision, PolicyEngine, Purpose, Resource, load_purposes
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
    calibrations: CalibrationsInForce | None = None,
) -> None:
    """See that no rule forbids with the new model what it does not forbid with the old one.

    Args:
        before: the model in use; None where it is not installed here any more.
        after: the model that is to be in use.
        calibrations: what an operator put in the place of the packs' own; None: nothing.

    Raises:
        AccessDeniedException: names the rule, the purpose and the operation.
    """
    charter = gallery.charter(collection)
    if charter is None:
        raise AccessDeniedException(f"the collection `{collection.name}` has no charter: it is for nothing")
    now = datetime.now(UTC)
    with database.read() as connection:
        read = governance.facts.read(
            connection, collection.account_id, operator="", beneficiary=None, now=now
        )
        faces = gallery.count_faces(connection, collection.collection_id, up_to=charter.face_cap + 1)

        def evaluated(purpose: Purpose, model: ModelFacts | None) -> ModelFacts | None:
            return model and evaluated_model(
                model,
                connection,
                evaluations=Evaluations(),
                calibrations=calibrations,
                threshold=_threshold(purpose),
                purpose=purpose,
                gallery=faces,
                now=now,
            )

        looked = {
            name: [evaluated(load_purposes()[name], model) for model in (before, after)]
            for name in charter.purposes
        }
    assert read is not None, "a collection has an account"
    for purpose_name, (old, new) in looked.items():
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
                threshold=_threshold(load_purposes()[purpose_name]),
                candidates=1,
                model=new,
                gallery=faces,
                now_s=int(now.timestamp()),
            )
            _require(engine, asked, before=old)


def _threshold(purpose: Purpose) -> float:
    return max(SEARCH_THRESHOLD, purpose.minimum_threshold)


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
