"""Amazon Resource Names of collections, in the two spellings that AWS itself gives out."""

from __future__ import annotations

import re
from typing import Final

from countenance.errors import InvalidParameterException, ResourceNotFoundException
from countenance.gallery import Collection
from countenance.operations.deps import Deps

_ARN: Final = re.compile(r"(?:arn:)?(aws[a-z-]*):rekognition:([a-z0-9-]+):([0-9]{12}):(.+)", re.DOTALL)
_COLLECTION: Final = "collection/"


def collection_arn(collection: Collection) -> str:
    """The full name, as DescribeCollection answers it."""
    return f"arn:{bare_collection_arn(collection)}"


def bare_collection_arn(collection: Collection) -> str:
    """The name without `arn:`, as CreateCollection answers it on AWS."""
    return f"aws:rekognition:{collection.region}:{collection.account_id}:{_COLLECTION}{collection.name}"


def require_collection_of(arn: str, deps: Deps) -> Collection:
    """The caller's collection that `arn` names, with or without `arn:`.

    Raises:
        InvalidParameterException: not a resource name of this service.
        ResourceNotFoundException: no collection of the caller's account and region; whether it is
            somebody else's is not told.
    """
    named = _ARN.fullmatch(arn)
    if named is None:
        raise InvalidParameterException
    partition, region, account_id, resource = named.groups()
    caller = deps.caller
    if (partition, region, account_id) != ("aws", caller.region, caller.account_id):
        raise ResourceNotFoundException(f"The resource: {arn} does not exist")
    if not resource.startswith(_COLLECTION):
        raise ResourceNotFoundException(f"The resource: {arn} does not exist")
    return deps.gallery.require_collection(
        caller.account_id, caller.region, resource.removeprefix(_COLLECTION)
    )
