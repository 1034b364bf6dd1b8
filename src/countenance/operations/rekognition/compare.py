"""CompareFaces."""

from __future__ import annotations

from countenance.errors import InvalidParameterException
from countenance.operations.deps import Deps
from countenance.operations.face_shapes import ratio_box, to_bounding_box, to_compared_face
from countenance.operations.images import NO_FACE, load_photo
from countenance.similarity import meets
from countenance.types import Similarity
from countenance.wire.shapes import CompareFacesRequest, CompareFacesResponse


def compare_faces(request: CompareFacesRequest, deps: Deps) -> CompareFacesResponse:
    """Compare the source's largest face with the (up to 100) largest faces of the target.

    Every target face that the quality filter lets pass is in exactly one of the two lists.
    """
    vision = deps.default_vision()
    level = request.get("QualityFilter", "NONE")
    threshold = Similarity(request.get("SimilarityThreshold", 80.0))
    source = load_photo(request["SourceImage"], vision, deps)
    target = load_photo(request["TargetImage"], vision, deps)
    probe = source.require_probe(level)
    if not target.detection.faces:
        raise InvalidParameterException(NO_FACE)

    compared = [face for face in target.detection.faces if not target.reasons_against(face, level)]
    similarities = vision.calibration.to_similarity(target.embed(*compared) @ source.embed(probe)[0])
    described = [to_compared_face(face, target.detection) for face in compared]
    is_match = meets(similarities, threshold)
    best_first = sorted(range(len(compared)), key=lambda index: -similarities[index])
    return {
        "SourceImageFace": {
            "BoundingBox": to_bounding_box(ratio_box(probe, source.detection)),
            "Confidence": probe.confidence,
        },
        "FaceMatches": [
            {"Similarity": float(similarities[index]), "Face": described[index]}
            for index in best_first
            if is_match[index]
        ],
        "UnmatchedFaces": [face for face, matched in zip(described, is_match, strict=True) if not matched],
    }
