"""ListTerms, GetTerms, AcceptTerms."""

from __future__ import annotations

from datetime import UTC, datetime

from countenance.errors import ConflictException, ResourceNotFoundException
from countenance.operations.deps import Deps
from countenance.operations.whose import refuse_session
from countenance.terms import Document
from countenance.wire.shapes import (
    AcceptTermsRequest,
    AcceptTermsResponse,
    GetTermsRequest,
    GetTermsResponse,
    ListTermsRequest,
    ListTermsResponse,
    TermsSummary,
)

_DEFAULT = "acceptable-use"


def list_terms(_: ListTermsRequest, deps: Deps) -> ListTermsResponse:
    """Every version here, the caller's acceptances, and whether the account meets what is in force."""
    governance, now = deps.governance, datetime.now(UTC)
    accepted = governance.acceptances.list(deps.caller.account_id)
    in_force = set(map(str, governance.terms.in_force(now)))
    standard = governance.terms.judge(
        (each.plain() for each in accepted), now=now, first_seen=governance.facts.first_seen
    )
    listed: list[TermsSummary] = []
    for document in governance.terms.documents:
        summary: TermsSummary = {
            "Name": document.name,
            "Version": document.version_text,
            "Title": document.title,
            "Digest": document.digest,
            "PublishedOn": document.published.isoformat(),
            "InForce": str(document) in in_force,
            "GraceDays": document.grace.days,
            "Changes": document.changes,
            "Accepted": False,
        }
        for each in accepted:
            if (each.document, each.version) == (document.name, document.version_text):
                summary |= {
                    "Accepted": each.digest == document.digest,
                    "AcceptedAt": each.accepted_at,
                    "AcceptedBy": f"{each.officer}, {each.role}",
                }
                break
        listed.append(summary)
    response: ListTermsResponse = {"Terms": listed, "Accepted": standard.accepted}
    if standard.wanted:
        response["Wanted"] = [str(standard)]
    return response


def get_terms(request: GetTermsRequest, deps: Deps) -> GetTermsResponse:
    """The text of a document: of the version in force unless another is asked for."""
    document = _require(deps, request.get("Name", _DEFAULT), request.get("Version"))
    return {
        "Name": document.name,
        "Version": document.version_text,
        "Title": document.title,
        "Digest": document.digest,
        "Text": document.text,
        "PublishedOn": document.published.isoformat(),
    }


def accept_terms(request: AcceptTermsRequest, deps: Deps) -> AcceptTermsResponse:
    """Record a responsible officer's acceptance of exactly the text whose digest is given."""
    refuse_session(deps, "AcceptTerms")
    document = _require(deps, request.get("Name", _DEFAULT), request["Version"])
    if document.digest != request["Digest"]:
        raise ConflictException(
            f"the digest of `{document}` is {document.digest}: read it anew (GetTerms) before accepting it"
        )
    account_id, actor, governance = deps.caller.account_id, deps.actor(), deps.governance
    officer, role = request["OfficerName"], request["OfficerRole"]
    accepted_at = governance.acceptances.accept(account_id, document, officer=officer, role=role, actor=actor)
    governance.begin(account_id, officer=officer, role=role, actor=actor)
    held = [each.plain() for each in governance.acceptances.list(account_id, connection=actor.connection)]
    standard = governance.terms.judge(held, now=datetime.now(UTC), first_seen=governance.facts.first_seen)
    return {"AcceptedAt": accepted_at, "Accepted": standard.accepted}


def _require(deps: Deps, name: str, version: str | None) -> Document:
    document = deps.governance.terms.find(name, version)
    if document is None:
        raise ResourceNotFoundException(f"there are no terms `{name}`" + (f" {version}" if version else ""))
    return document
