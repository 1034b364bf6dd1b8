"""CompareFaces."""

from __future__ import annotations

from countenance.errors import InvalidParameterException
from countenance.operations.defaults import COMPARE_THRESHOLD
from countenance.operations.deps import Deps
from countenance.operations.face_shapes import ratio_box, to_bounding_box, to_compared_face
from countenance.operations.images import load_photo
from countenance.similarity import meets
from countenance.types import Template
from countenance.vision.pipeline import Vision
from countenance.vision.quality_filter import Level
from countenance.wire.shapes import (
    ComparedSourceImageFace,
    CompareFacesRequest,
    CompareFacesResponse,
    Image,
)


def compare_faces(request: CompareFacesRequest, deps: Deps) -> CompareFacesResponse:
    """Compare the source's largest face with the (up to 100) largest faces of the target.

    Every target face that the quality filter lets pass is in exactly one of the two lists. A picture without
    a face is an error, in AWS's general words: those of the searches are not said here.
    """
    vision = deps.default_vision()
    level = request.get("QualityFilter", "NONE")
    source_face, reference = _read_source(request["SourceImage"], vision, level, deps)
    target = load_photo(request["TargetImage"], vision, deps)
    if not target.detection.faces:
        raise InvalidParameterException

    compared = [face for face in target.detection.faces if not target.reasons_against(face, level)]
    deps.require_candidates(len(compared))
    similarities = deps.calibration_of(vision).to_similarity(target.embed(*compared) @ reference)
    is_match = meets(
        similarities, deps.threshold(request.get("SimilarityThreshold"), default=COMPARE_THRESHOLD)
    )
    described = [to_compared_face(face, target.detection) for face in compared]
    best_first = sorted(range(len(compared)), key=lambda index: -similarities[index])
    return {
        "SourceImageFace": source_face,
        "FaceMatches": [
            {"Similarity": float(similarities[index]), "Face": described[index]}
            for index in best_first
            if is_match[index]
        ],
        "UnmatchedFaces": [face for face, matched in zip(described, is_match, strict=True) if not matched],
    }


def _read_source(
    image: Image, vision: Vision, level: Level, deps: Deps
) -> tuple[ComparedSourceImageFace, Template]:
    """The source's largest face. Its pixels are let go before the target is decoded: each may have 300 MB."""
    source = load_photo(image, vision, deps)
    probe = source.find_probe(level)
    if probe is None:
        raise InvalidParameterException
    face: ComparedSourceImageFace = {
        "BoundingBox": to_bounding_box(ratio_box(probe, source.detection)),
        "Confidence": probe.confidence,
    }
    return face, source.embed(probe)[0]
