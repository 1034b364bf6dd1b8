from __future__ import annotations

import pytest

from countenance.errors import InvalidParameterException
from fakes.vision import person, picture

NO_FACE = r"^Request has invalid parameters$"
TARGET = picture(
    person("eve", left=0, size=300),
    person("ada", left=350, size=100, likeness=0.9),
    person("ada", left=600, size=200),
)


def compare(call, source, target, **options):
    return call("CompareFaces", SourceImage={"Bytes": source}, TargetImage={"Bytes": target}, **options)


def test_the_sources_largest_face_is_compared_with_every_face_of_the_target(call):
    source = picture(person("eve", left=500, size=90), person("ada", size=250))
    answer = compare(call, source, TARGET)
    assert [match["Face"]["BoundingBox"]["Left"] for match in answer["FaceMatches"]] == pytest.approx(
        [0.6, 0.35]
    )
    similarities = [match["Similarity"] for match in answer["FaceMatches"]]
    assert similarities == sorted(similarities, reverse=True)
    assert [face["BoundingBox"]["Left"] for face in answer["UnmatchedFaces"]] == [0.0]
    assert answer["SourceImageFace"]["BoundingBox"]["Width"] == 0.25
    assert set(answer["SourceImageFace"]) == {"BoundingBox", "Confidence"}
    assert set(answer) == {"SourceImageFace", "FaceMatches", "UnmatchedFaces"}


@pytest.mark.parametrize(("threshold", "matched"), [(0.0, 3), (80.0, 2), (100.0, 0)])
def test_every_target_face_is_in_exactly_one_list(call, threshold, matched):
    """Threshold 0 puts all of them among the matches."""
    answer = compare(call, picture(person("ada")), TARGET, SimilarityThreshold=threshold)
    assert (len(answer["FaceMatches"]), len(answer["UnmatchedFaces"])) == (matched, 3 - matched)


def test_a_face_exactly_at_the_threshold_matches(call):
    source, target = picture(person("ada")), picture(person("ada", likeness=0.9))
    seen = compare(call, source, target)["FaceMatches"][0]["Similarity"]
    assert compare(call, source, target, SimilarityThreshold=seen)["FaceMatches"]
    assert compare(call, source, target, SimilarityThreshold=seen + 0.005)["UnmatchedFaces"]


def test_a_compared_face_has_five_landmarks_pose_and_quality(call):
    [match] = compare(call, picture(person("ada")), picture(person("ada")))["FaceMatches"]
    assert set(match["Face"]) == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
    assert len(match["Face"]["Landmarks"]) == 5


@pytest.mark.parametrize(
    ("source", "target"), [(picture(), TARGET), (TARGET, picture()), (picture(), picture())]
)
def test_a_picture_without_a_face_is_an_error(call, source, target):
    """Callers of CompareFaces have seen these words and no others; the searches have their own."""
    with pytest.raises(InvalidParameterException, match=NO_FACE):
        compare(call, source, target)


def test_the_filter_is_off_by_default(call):
    dark = picture(person("ada", brightness=1.0))
    assert compare(call, dark, dark)["FaceMatches"]


def test_a_rejected_source_face_is_no_face(call):
    dark = picture(person("ada", size=300, brightness=1.0), person("ada", left=500))
    with pytest.raises(InvalidParameterException, match=NO_FACE):
        compare(call, dark, TARGET, QualityFilter="AUTO")


def test_rejected_target_faces_are_not_compared(call):
    """So they are in neither list, even when nobody is left."""
    good, dark = person("ada"), person("eve", left=500, brightness=1.0)
    answer = compare(call, picture(good), picture(good, dark), QualityFilter="AUTO")
    assert (len(answer["FaceMatches"]), answer["UnmatchedFaces"]) == (1, [])
    nobody = compare(call, picture(good), picture(dark), QualityFilter="AUTO")
    assert (nobody["FaceMatches"], nobody["UnmatchedFaces"]) == ([], [])
