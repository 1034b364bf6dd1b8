"""Every operation that is offered: service name → operation name → function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from countenance.operations.deps import Deps
from countenance.operations.governance import accounts, audit
from countenance.operations.rekognition import collections, compare, detect, faces, search, tags, users

Operation = Callable[[Any, Deps], Mapping[str, Any]]
"""`def name(request: NameRequest, deps: Deps) -> NameResponse`."""

OPERATIONS: Final[Mapping[str, Mapping[str, Operation]]] = {
    "rekognition": {
        "AssociateFaces": users.associate_faces,
        "CompareFaces": compare.compare_faces,
        "CreateCollection": collections.create_collection,
        "CreateUser": users.create_user,
        "DeleteCollection": collections.delete_collection,
        "DeleteFaces": faces.delete_faces,
        "DeleteUser": users.delete_user,
        "DescribeCollection": collections.describe_collection,
        "DetectFaces": detect.detect_faces,
        "DisassociateFaces": users.disassociate_faces,
        "IndexFaces": faces.index_faces,
        "ListCollections": collections.list_collections,
        "ListFaces": faces.list_faces,
        "ListTagsForResource": tags.list_tags_for_resource,
        "ListUsers": users.list_users,
        "SearchFaces": search.search_faces,
        "SearchFacesByImage": search.search_faces_by_image,
        "SearchUsers": search.search_users,
        "SearchUsersByImage": search.search_users_by_image,
        "TagResource": tags.tag_resource,
        "UntagResource": tags.untag_resource,
    },
    "countenance": {
        "CreateAccessKey": accounts.create_access_key,
        "DescribeAccount": accounts.describe_account,
        "GetCallerIdentity": accounts.get_caller_identity,
        "GetCheckpoint": audit.get_checkpoint,
        "GetConsistencyProof": audit.get_consistency_proof,
        "GetHealth": accounts.get_health,
        "GetInclusionProof": audit.get_inclusion_proof,
        "GetReceiptStatus": audit.get_receipt_status,
        "GetSessionToken": accounts.get_session_token,
        "LeaveCanary": audit.leave_canary,
        "ListAccessKeys": accounts.list_access_keys,
        "ListAuditEntries": audit.list_audit_entries,
        "RevokeAccessKey": accounts.revoke_access_key,
    },
}
