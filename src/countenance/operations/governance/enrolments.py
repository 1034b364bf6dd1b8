"""DescribeFaces: when faces were enrolled, which AWS does not tell."""

from __future__ import annotations

import uuid

from countenance.gallery.growth import Enrolment, enrolments_of
from countenance.operations.deps import Deps
from countenance.types import FaceId
from countenance.wire.shapes import DescribeFacesRequest, DescribeFacesResponse, EnrolledFace


def describe_faces(request: DescribeFacesRequest, deps: Deps) -> DescribeFacesResponse:
    """Of those of the faces that are in the collection."""
    collection = deps.collection(request["CollectionId"])
    face_ids = [FaceId(uuid.UUID(text)) for text in request["FaceIds"]]
    found = enrolments_of(deps.uow.connection, collection, face_ids)
    return {"Faces": [_to_face(each) for each in found]}


def _to_face(enrolment: Enrolment) -> EnrolledFace:
    told: EnrolledFace = {"FaceId": str(enrolment.face_id), "EnrolledAt": enrolment.at}
    if enrolment.import_id is not None:
        told["ImportId"] = str(enrolment.import_id)
    return told
