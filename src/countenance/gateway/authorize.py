"""Whether policy allows the call: default deny, and nothing of another account exists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from countenance.errors import AccessDeniedException, ResourceNotFoundException, ServiceError
from countenance.gateway.call import Authorized, Validated, advance
from countenance.gateway.services import GatewayServices
from countenance.policy import AccessRequest, Decision, Resource, Verdict
from countenance.types import AccountId

_ARN = re.compile(r"(?:arn:)?aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:([0-9]{12}):(.+)", re.DOTALL)
_COLLECTION = "collection/"


class Denied(Exception):
    """Policy does not allow the call. `answer` is what the caller is told, the verdict is for the event."""

    def __init__(self, verdict: Verdict, answer: ServiceError) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict
        self.answer = answer


@dataclass(frozen=True, slots=True)
class NamedResource:
    """What an ARN names: a collection, or anything else of an account (`name` is None)."""

    owner: AccountId
    name: str | None


def authorize(call: Validated, services: GatewayServices) -> Authorized:
    """Ask the policy.

    Raises:
        Denied: it says anything but allow.
    """
    resource = resource_of(call.request, call.caller.account_id)
    verdict = services.policy.decide(
        AccessRequest(
            account_id=call.caller.account_id,
            standing=call.credential.standing,
            access_key_id=call.caller.access_key_id,
            operator=call.caller.operator,
            service=call.service.name,
            operation=call.operation.name,
            resource=resource,
        )
    )
    if verdict.decision is not Decision.ALLOW:
        raise Denied(verdict, _told(call, resource, verdict))
    return advance(call, Authorized, verdict=verdict)


def resource_of(request: Mapping[str, Any], account_id: AccountId) -> Resource:
    """What the request acts on. Collections are named within the caller's account, ARNs name theirs."""
    named = parse_arn(request.get("ResourceArn", ""))
    if named is not None:
        if named.name is None:
            return Resource("Account", named.owner, named.owner)
        return Resource("Collection", named.name, named.owner)
    if "CollectionId" in request:
        return Resource("Collection", request["CollectionId"], account_id)
    return Resource("Account", account_id, account_id)


def parse_arn(arn: str) -> NamedResource | None:
    """Owner and collection of an ARN, with or without its prefix `arn:`; None for what is no ARN."""
    parts = _ARN.fullmatch(arn)
    if parts is None:
        return None
    owner, path = AccountId(parts[1]), parts[2]
    return NamedResource(owner, path.removeprefix(_COLLECTION) if path.startswith(_COLLECTION) else None)


def _told(call: Validated, resource: Resource, verdict: Verdict) -> ServiceError:
    # INVARIANT: what belongs to another account is answered as what does not exist.
    if resource.owner != call.caller.account_id:
        return ResourceNotFoundException(f"The resource `{call.request['ResourceArn']}` does not exist")
    return AccessDeniedException(verdict.message)
