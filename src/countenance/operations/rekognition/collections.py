"""CreateCollection, DescribeCollection, ListCollections, DeleteCollection."""

from __future__ import annotations

from operator import attrgetter

from countenance.gallery import Collection
from countenance.operations.charter_tags import charter_from, has_own_basis, split_tags, vault_days_from
from countenance.operations.deps import Deps
from countenance.operations.resource_arns import bare_collection_arn, collection_arn
from countenance.operations.tag_keys import refuse_reserved_keys
from countenance.wire.shapes import (
    CreateCollectionRequest,
    CreateCollectionResponse,
    DeleteCollectionRequest,
    DeleteCollectionResponse,
    DescribeCollectionRequest,
    DescribeCollectionResponse,
    ListCollectionsRequest,
    ListCollectionsResponse,
)

OK = 200
"""StatusCode is a number inside the body, on AWS too."""


def create_collection(request: CreateCollectionRequest, deps: Deps) -> CreateCollectionResponse:
    """A new collection, bound for good to the model pack that new collections have today.

    Its charter is that of the key's purpose, or what tags that begin with `countenance:` ask for.
    """
    asked = request.get("Tags", {})
    refuse_reserved_keys(asked)
    _, tags = split_tags(asked)
    vault_days = vault_days_from(asked)
    in_own_basis = has_own_basis(asked)
    vision = deps.default_vision()
    collection = deps.gallery.create_collection(
        deps.uow,
        account_id=deps.caller.account_id,
        name=request["CollectionId"],
        region=deps.caller.region,
        face_model_version=vision.face_model_version,
        dimensions=vision.dimensions,
        tags=tags,
        charter=charter_from(asked, deps.purpose().charter()),
        has_own_basis=in_own_basis,
    )
    if in_own_basis:
        _record(collection, deps, "RenewBasis", "templates are in a basis of the collection's own")
    if vault_days is not None:
        _open_vault(collection, vault_days, deps)
    return {
        "StatusCode": OK,
        "CollectionArn": bare_collection_arn(collection),
        "FaceModelVersion": collection.face_model_version,
    }


def _open_vault(collection: Collection, days: int, deps: Deps) -> None:
    """Keep pictures of faces, with an entry of its own in the log: it is more than a charter allows."""
    deps.gallery.vaults.open(deps.uow, collection, kept_days=days)
    _record(collection, deps, "OpenVault", f"crops of enrolled faces are kept for {days} days")


def _record(collection: Collection, deps: Deps, operation: str, resource: str) -> None:
    deps.audit.record_change(
        deps.uow.connection,
        operation,
        account_id=collection.account_id,
        region=collection.region,
        collection=collection.name,
        operator=deps.caller.operator,
        resource=resource,
    )


def describe_collection(request: DescribeCollectionRequest, deps: Deps) -> DescribeCollectionResponse:
    """What a collection holds; here its ARN has the `arn:` that CreateCollection leaves out."""
    collection = deps.collection(request["CollectionId"])
    holds = deps.gallery.describe(collection)
    return {
        "FaceCount": holds.face_count,
        "FaceModelVersion": collection.face_model_version,
        "CollectionARN": collection_arn(collection),
        "CreationTimestamp": collection.created_at,
        "UserCount": holds.user_count,
    }


def list_collections(request: ListCollectionsRequest, deps: Deps) -> ListCollectionsResponse:
    """The account's collections in this region by name; two parallel lists, as AWS has it."""
    caller = deps.caller
    page = deps.page_tokens.page(
        request.get("NextToken"),
        scope=("ListCollections", caller.account_id, caller.region),
        size=request.get("MaxResults", 0) or 1000,
        fetch=lambda after, limit: deps.gallery.list_collections(
            caller.account_id, caller.region, limit=limit, after=after
        ),
        position_of=attrgetter("name"),
    )
    response: ListCollectionsResponse = {
        "CollectionIds": [collection.name for collection in page.items],
        "FaceModelVersions": [collection.face_model_version for collection in page.items],
    }
    if page.next_token is not None:
        response["NextToken"] = page.next_token
    return response


def delete_collection(request: DeleteCollectionRequest, deps: Deps) -> DeleteCollectionResponse:
    """Delete a collection with its faces and users; deleting it again is not found."""
    deps.gallery.delete_collection(deps.uow, deps.collection(request["CollectionId"]))
    return {"StatusCode": OK}
