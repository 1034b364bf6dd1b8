"""DetectFaces."""

from __future__ import annotations

from countenance.operations.deps import Deps
from countenance.operations.face_shapes import to_face_detail
from countenance.operations.images import load_photo
from countenance.wire.shapes import DetectFacesRequest, DetectFacesResponse


def detect_faces(request: DetectFacesRequest, deps: Deps) -> DetectFacesResponse:
    """The (up to 100) largest faces of a picture, largest first; none is an empty list, no error.

    Attributes asks for more than the default ones; no model supports any yet, so whatever it holds
    the answer has the default ones: an attribute without a model is absent, never invented.
    """
    photo = load_photo(request["Image"], deps.default_vision(), deps)
    return {"FaceDetails": [to_face_detail(face, photo.detection) for face in photo.detection.faces]}
