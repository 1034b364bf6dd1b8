"""Amazon Resource Names of collections, in the two spellings that AWS itself gives out."""

from __future__ import annotations

import re
from typing import Final

from countenance.errors import InvalidParameterException, ResourceNotFoundException
from countenance.gallery import Collection
from countenance.operations.deps import Deps

_ARN: Final = re.compile(r"(?:arn:)?(aws[a-z-]*):rekognition:([a-z0-9-]+):([0-9]{12}):(.+)", re.DOTALL)
_COLLECTION: Final = "collection/"
_COLLECTION_ID: Final = re.compile(r"[a-zA-Z0-9_.\-]{1,255}")
"""The model checks a CollectionId, but not the one inside an ARN."""


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
    is_local = (partition, region, account_id) == ("aws", deps.caller.region, deps.caller.account_id)
    name = resource.removeprefix(_COLLECTION)
    if not is_local or name == resource or not _COLLECTION_ID.fullmatch(name):
        raise ResourceNotFoundException(f"The resource: {arn} does not exist")
    return deps.collection(name)
