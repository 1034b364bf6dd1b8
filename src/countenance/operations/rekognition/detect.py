"""DetectFaces."""

from __future__ import annotations

from countenance.operations.deps import Deps
from countenance.operations.face_attributes import add_description, describe, read_asked
from countenance.operations.face_shapes import to_face_detail
from countenance.operations.images import load_photo
from countenance.wire.shapes import DetectFacesRequest, DetectFacesResponse


def detect_faces(request: DetectFacesRequest, deps: Deps) -> DetectFacesResponse:
    """The (up to 100) largest faces of a picture, largest first; none is an empty list, no error.

    Attributes asks for more than the default ones. One whose weights are not installed here is absent,
    never invented.
    """
    photo = load_photo(request["Image"], deps.default_vision(), deps)
    faces = photo.detection.faces
    descriptions = describe(photo, faces, read_asked(request.get("Attributes")), deps)
    return {
        "FaceDetails": [
            add_description(to_face_detail(face, photo.detection), description, photo)
            for face, description in zip(faces, descriptions, strict=True)
        ]
    }
