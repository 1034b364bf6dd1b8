"""DeclareRelation, ConfirmRelation, EndRelation, ListRelations, DecideRelation."""

from __future__ import annotations

import uuid

from countenance.operations.deps import Deps
from countenance.operations.whose import accounts_asked, require_officer
from countenance.wire.shapes import (
    ConfirmRelationRequest,
    ConfirmRelationResponse,
    DecideRelationRequest,
    DecideRelationResponse,
    DeclareRelationRequest,
    DeclareRelationResponse,
    EndRelationRequest,
    EndRelationResponse,
    ListRelationsRequest,
    ListRelationsResponse,
)


def declare_relation(request: DeclareRelationRequest, deps: Deps) -> DeclareRelationResponse:
    """Say who supplies the caller's account, or for whom it acts."""
    relation_id = deps.governance.relations.declare(
        deps.caller.account_id, request["Kind"], request["AccountId"], actor=deps.actor()
    )
    return {"RelationId": str(relation_id)}


def confirm_relation(request: ConfirmRelationRequest, deps: Deps) -> ConfirmRelationResponse:
    """The caller's side of a relation that somebody declared to it."""
    in_force = deps.governance.relations.confirm(
        uuid.UUID(request["RelationId"]), account_id=deps.caller.account_id, actor=deps.actor()
    )
    return {"InForce": in_force}


def end_relation(request: EndRelationRequest, deps: Deps) -> EndRelationResponse:
    """End a relation of the caller's account."""
    deps.governance.relations.end(
        uuid.UUID(request["RelationId"]), account_id=deps.caller.account_id, actor=deps.actor()
    )
    return {}


def list_relations(request: ListRelationsRequest, deps: Deps) -> ListRelationsResponse:
    """Those that have not ended, declared or in force."""
    found = deps.governance.relations.list(accounts_asked(request.get("AccountId"), deps))
    return {
        "Relations": [
            {
                "RelationId": str(relation.relation_id),
                "Kind": relation.kind,
                "Upstream": relation.upstream,
                "Downstream": relation.downstream,
                "DeclaredBy": relation.declared_by,
                "DeclaredAt": relation.declared_at,
                "InForce": relation.in_force,
            }
            for relation in found
        ]
    }


def decide_relation(request: DecideRelationRequest, deps: Deps) -> DecideRelationResponse:
    """An officer's word in place of the other side's."""
    require_officer(deps)
    relations, relation_id = deps.governance.relations, uuid.UUID(request["RelationId"])
    if request["Decision"] == "end":
        relations.end(relation_id, account_id=None, actor=deps.actor())
        return {"InForce": False}
    return {"InForce": relations.confirm(relation_id, account_id=None, actor=deps.actor())}
