"""What a request acts on, by its members' names alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from countenance.policy import Resource
from countenance.types import AccountId

_ARN = re.compile(r"(?:arn:)?aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:([0-9]{12}):(.+)", re.DOTALL)
_COLLECTION = "collection/"


@dataclass(frozen=True, slots=True)
class NamedResource:
    """What an ARN names: a collection, or anything else of an account (`name` is None)."""

    owner: AccountId
    name: str | None


def resource_of(request: Mapping[str, Any], account_id: AccountId, *, of_account: bool = False) -> Resource:
    """What the request acts on. Collections are named within the caller's account, ARNs name theirs.

    Args:
        of_account: the operation acts on the caller's account though it names a collection, maybe another
            account's: whether it may is a rule about the operation.
    """
    named = parse_arn(request.get("ResourceArn", ""))
    if named is not None:
        if named.name is None:
            return Resource("Account", named.owner, named.owner)
        return Resource("Collection", named.name, named.owner)
    if "CollectionId" in request and not of_account:
        return Resource("Collection", request["CollectionId"], account_id)
    return Resource("Account", account_id, account_id)


def parse_arn(arn: str) -> NamedResource | None:
    """Owner and collection of an ARN, with or without its prefix `arn:`; None for what is no ARN."""
    parts = _ARN.fullmatch(arn)
    if parts is None:
        return None
    owner, path = AccountId(parts[1]), parts[2]
    return NamedResource(owner, path.removeprefix(_COLLECTION) if path.startswith(_COLLECTION) else None)
