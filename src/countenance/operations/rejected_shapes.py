"""Rejections as the service model spells them."""

from __future__ import annotations

from countenance.gallery import Rejection
from countenance.wire.shapes import RejectedMatch


def to_rejected(rejection: Rejection) -> RejectedMatch:
    """Who is not whom, who said so and why."""
    told: RejectedMatch = {
        "FaceId": str(rejection.face_id),
        "RejectedBy": rejection.rejected_by,
        "RejectedAt": rejection.rejected_at,
    }
    if rejection.user_id is not None:
        told["UserId"] = rejection.user_id
    if rejection.rejected_face_id is not None:
        told["RejectedFaceId"] = str(rejection.rejected_face_id)
    if rejection.reason is not None:
        told["Reason"] = rejection.reason
    return told
