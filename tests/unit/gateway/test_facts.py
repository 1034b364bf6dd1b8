from __future__ import annotations

import pytest

from countenance.audit import Touch
from countenance.gateway.facts import Facts, facts_of

FACE, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
ARN = "arn:aws:rekognition:r:111111111111:collection/c"


@pytest.mark.parametrize(
    ("request_", "response", "facts"),
    [
        ({}, {}, Facts()),
        ({"CollectionId": "c"}, {"FaceModelVersion": "2.0"}, Facts(collection="c")),
        ({"SimilarityThreshold": 0.0}, {"FaceMatches": []}, Facts(threshold_asked=0.0, candidates=0)),
        ({}, {"AccessKeyId": "AKIA"}, Facts(resource="AKIA")),
        ({}, {"Credentials": {"AccessKeyId": "ASIA"}}, Facts(resource="ASIA")),
        ({"ResourceArn": ARN}, {"Tags": {}}, Facts(collection="c", resource=ARN)),
        ({"Image": {"Bytes": b"photo"}, "ExternalImageId": "ada"}, {"FaceRecords": []}, Facts(enrolled=0)),
    ],
)
def test_an_event_keeps_names_and_figures_and_nothing_of_a_face(request_, response, facts):
    assert facts_of(request_, response) == facts


def test_candidates_are_kept_with_their_rank_and_similarity():
    """A person can later be told which searches touched them, and how."""
    matches = [
        {"Similarity": 99.5, "Face": {"FaceId": FACE}},
        {"Similarity": 90.0, "Face": {"FaceId": OTHER}},
    ]
    assert facts_of({"FaceMatchThreshold": 90.0}, {"FaceMatches": matches}) == Facts(
        threshold_asked=90.0,
        candidates=2,
        touched=(
            Touch(role="candidate", kind="face", id=FACE, rank=1, similarity=99.5),
            Touch(role="candidate", kind="face", id=OTHER, rank=2, similarity=90.0),
        ),
    )
    found = facts_of({"UserId": "ada"}, {"UserMatches": [{"Similarity": 81.0, "User": {"UserId": "eva"}}]})
    assert found.touched == (
        Touch(role="named", kind="user", id="ada"),
        Touch(role="candidate", kind="user", id="eva", rank=1, similarity=81.0),
    )


def test_compared_faces_are_counted_and_are_of_nobodys_gallery():
    """CompareFaces matches have no FaceId."""
    assert facts_of({}, {"FaceMatches": [{"Similarity": 99.0, "Face": {}}]}) == Facts(candidates=1)


@pytest.mark.parametrize(
    ("request_", "response", "touch"),
    [
        ({"FaceId": FACE}, {}, Touch(role="probe", kind="face", id=FACE)),
        ({}, {"FaceRecords": [{"Face": {"FaceId": FACE}}]}, Touch(role="enrolled", kind="face", id=FACE)),
        ({}, {"DeletedFaces": [FACE]}, Touch(role="deleted", kind="face", id=FACE)),
        ({}, {"AssociatedFaces": [{"FaceId": FACE}]}, Touch(role="associated", kind="face", id=FACE)),
        ({}, {"DisassociatedFaces": [{"FaceId": FACE}]}, Touch(role="named", kind="face", id=FACE)),
    ],
)
def test_whom_a_call_is_about_is_kept(request_, response, touch):
    assert facts_of(request_, response).touched == (touch,)


@pytest.mark.parametrize(
    ("request_", "response", "touched"),
    [
        (
            {"FaceId": FACE, "UserId": "ada"},
            {"Rejection": {}},
            (Touch(role="named", kind="face", id=FACE), Touch(role="named", kind="user", id="ada")),
        ),
        (
            {"FaceId": FACE, "RejectedFaceId": OTHER},
            {},
            (Touch(role="named", kind="face", id=FACE), Touch(role="named", kind="face", id=OTHER)),
        ),
        (
            {"SourceUserId": "ada-2", "TargetUserId": "ada"},
            {"AssociatedFaces": [{"FaceId": FACE}]},
            (
                Touch(role="named", kind="user", id="ada-2"),
                Touch(role="named", kind="user", id="ada"),
                Touch(role="associated", kind="face", id=FACE),
            ),
        ),
        (
            {"MergeId": OTHER},
            {"SourceUserId": "ada-2", "TargetUserId": "ada", "AssociatedFaces": []},
            (Touch(role="named", kind="user", id="ada-2"), Touch(role="named", kind="user", id="ada")),
        ),
        ({"FaceId": FACE}, {"Picture": b""}, (Touch(role="named", kind="face", id=FACE),)),
        ({"FaceId": FACE}, {"Rejections": []}, (Touch(role="named", kind="face", id=FACE),)),
        ({"FaceId": FACE}, {"FaceMatches": []}, (Touch(role="probe", kind="face", id=FACE),)),
    ],
)
def test_who_is_rejected_is_named_and_was_no_probe(request_, response, touched):
    """A person who asks which searches were made with their face is not told of corrections as such."""
    assert facts_of(request_, response).touched == touched
