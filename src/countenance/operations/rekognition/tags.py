"""TagResource, UntagResource, ListTagsForResource: of collections, the only resources so far."""

from __future__ import annotations

from countenance.operations.deps import Deps
from countenance.operations.resource_arns import require_collection_of
from countenance.operations.tag_keys import refuse_charter_keys, refuse_reserved_keys
from countenance.wire.shapes import (
    ListTagsForResourceRequest,
    ListTagsForResourceResponse,
    TagResourceRequest,
    TagResourceResponse,
    UntagResourceRequest,
    UntagResourceResponse,
)


def tag_resource(request: TagResourceRequest, deps: Deps) -> TagResourceResponse:
    """Add tags, or replace those of the same key."""
    refuse_reserved_keys(request["Tags"])
    refuse_charter_keys(request["Tags"])
    collection = require_collection_of(request["ResourceArn"], deps)
    deps.gallery.put_tags(deps.uow, collection, request["Tags"])
    return {}


def untag_resource(request: UntagResourceRequest, deps: Deps) -> UntagResourceResponse:
    """Remove tags; those that are not there are no error."""
    collection = require_collection_of(request["ResourceArn"], deps)
    deps.gallery.remove_tags(deps.uow, collection, request["TagKeys"])
    return {}


def list_tags_for_resource(request: ListTagsForResourceRequest, deps: Deps) -> ListTagsForResourceResponse:
    """All tags of a collection; an empty map if it has none."""
    return {"Tags": deps.gallery.tags(require_collection_of(request["ResourceArn"], deps))}
