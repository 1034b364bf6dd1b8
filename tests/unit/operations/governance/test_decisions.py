"""VerifyFaces and IdentifyFace: decisions, the rates they state, and what they keep to themselves."""

from __future__ import annotations

import dataclasses
import math
import uuid

import pytest

from countenance.errors import (
    InternalServerError,
    InvalidParameterException,
    InvalidS3ObjectException,
    ResourceNotFoundException,
)
from countenance.evaluation.deciding import fpir_at
from countenance.operations.governance import decisions
from countenance.similarity import Calibration, fmr_at_similarity, similarity_at_fmr
from fakes.calibrations import put_in_force
from fakes.vision import FAKE_CALIBRATION, person, picture

ADA = picture(person("ada"))
EVE = picture(person("eve"))
DAMAGE = (
    "update face set sealed_template ="
    " set_byte(sealed_template, 30, 255 - get_byte(sealed_template, 30)) where face_id = %s"
)
BAND = {
    "neg_log10_fmr_low": tuple(each - 0.3 for each in FAKE_CALIBRATION.neg_log10_fmr),
    "neg_log10_fmr_high": tuple(each + 0.3 for each in FAKE_CALIBRATION.neg_log10_fmr),
}


def cosine_at(similarity):
    """A likeness that is answered so: the fake's exponent is 1 + 6 cosine."""
    logit = math.log(similarity / (100 - similarity))
    return ((logit - 1.386) / 1.604 + 4 - 1) / 6


def like_ada(similarity, **looks):
    return picture(person("ada", likeness=cosine_at(similarity), **looks))


def banded(models):
    """A pack that states how sure its rates are, counted to cosine 0.6."""
    for version in ("1.0", "2.0"):
        vision = models.vision(version)
        vision.calibration = dataclasses.replace(vision.calibration, extrapolated_from=0.6, **BAND)


@pytest.fixture
def verify(call):
    def verify(image, reference=ADA, **options):
        given = {} if reference is None else {"ReferenceImage": {"Bytes": reference}}
        return call("VerifyFaces", Image={"Bytes": image}, **given, **options)

    return verify


@pytest.fixture
def identify(call, collection):
    def identify(image, **options):
        return call("IdentifyFace", CollectionId=collection, Image={"Bytes": image}, **options)

    return identify


@pytest.fixture
def enrol(call, collection, index):
    """Index a picture's face, of a user if one is named."""

    def enrol(data, user=None):
        [face_id] = index(data)
        if user is not None:
            if user not in {each["UserId"] for each in call("ListUsers", CollectionId=collection)["Users"]}:
                call("CreateUser", CollectionId=collection, UserId=user)
            done = call(
                "AssociateFaces",
                CollectionId=collection,
                UserId=user,
                FaceIds=[face_id],
                UserMatchThreshold=0.0,
            )
            assert done["AssociatedFaces"]
        return face_id

    return enrol


# ---- VerifyFaces


def test_two_photos_of_one_person_match(verify):
    told = verify(ADA)
    assert (told["Decision"], told["ReviewReasons"]) == ("MATCH", [])
    assert told["Similarity"] == 99.8
    assert told["EstimatedFalseMatchRate"] == {
        "Rate": fmr_at_similarity(99.8), "Extrapolated": False
    }  # fmt: skip
    assert told["ThresholdInForce"] == {
        "Similarity": 80.0,
        "ReviewSimilarity": 80.0,
        "Reason": "DEFAULT",
        "FalseMatchRate": fmr_at_similarity(80.0),
    }
    assert told["Calibration"] == {"Origin": "PACK", "Digest": FAKE_CALIBRATION.digest, "Trials": 1}
    assert told["FaceModelVersion"] == "1.0"


def test_of_what_does_not_match_nothing_is_told_of_how_alike_it_is(verify):
    """Scores below a threshold are what a template is rebuilt from."""
    told = verify(EVE)
    assert told["Decision"] == "NO_MATCH"
    assert not told.keys() & {"Similarity", "EstimatedFalseMatchRate"}
    assert told["ReviewReasons"] == []


@pytest.mark.parametrize(
    ("similarity", "decision"),
    [(89.99, "REVIEW"), (90.0, "MATCH"), (85.0, "REVIEW"), (84.99, "NO_MATCH"), (99.0, "MATCH")],
)
def test_the_thresholds_are_minima_at_the_precision_that_is_answered(verify, similarity, decision):
    told = verify(like_ada(similarity), MatchThreshold=90.0, ReviewThreshold=85.0)
    assert told["Decision"] == decision
    assert told.get("Similarity", similarity) == similarity
    assert told["ReviewReasons"] == (["BELOW_MATCH_THRESHOLD"] if decision == "REVIEW" else [])
    assert told["ThresholdInForce"]["Reason"] == "ASKED"
    assert told["ThresholdInForce"]["ReviewSimilarity"] == 85.0


def test_the_estimated_rate_and_its_interval_are_those_of_a_hand_calculation(verify, models):
    """At Similarity 90: the exponent by the definition, half a step below; the band of 0.3 around it."""
    banded(models)
    told = verify(like_ada(90.0))["EstimatedFalseMatchRate"]
    exponent = (math.log(0.89995 / 0.10005) - 1.386) / 1.604 + 4
    assert told["Rate"] == pytest.approx(10**-exponent, rel=1e-9)
    assert told["Low"] == pytest.approx(10 ** -(exponent + 0.3), rel=1e-9)
    assert told["High"] == pytest.approx(10 ** -(exponent - 0.3), rel=1e-9)
    assert told["Extrapolated"] is False
    assert verify(like_ada(97.0))["EstimatedFalseMatchRate"]["Extrapolated"] is True


def test_a_rate_is_a_threshold_and_a_claim_that_the_interval_must_keep(verify, models):
    """A rate of 1e-4 is met from 80.01 on, and is shown from where the whole interval is below it."""
    banded(models)
    met = similarity_at_fmr(1e-4)
    told = verify(like_ada(met), MaxFalseMatchRate=1e-4)
    assert (told["Decision"], told["ReviewReasons"]) == ("REVIEW", ["RATE_UNCERTAIN"])
    assert told["ThresholdInForce"]["Similarity"] == met
    assert told["ThresholdInForce"]["Reason"] == "MAX_FALSE_MATCH_RATE"
    shown = similarity_at_fmr(1e-4 * 10**-0.3)
    assert verify(like_ada(shown), MaxFalseMatchRate=1e-4)["Decision"] == "MATCH"
    assert verify(like_ada(met - 0.02), MaxFalseMatchRate=1e-4)["Decision"] == "NO_MATCH"


def test_a_rate_is_not_claimed_where_nobody_knows_how_sure_it_is(verify):
    assert verify(ADA, MaxFalseMatchRate=1e-4)["ReviewReasons"] == ["RATE_UNCERTAIN"]


def test_a_model_beyond_the_trials_decides_unless_a_count_is_wanted(verify, models):
    banded(models)
    assert verify(ADA)["Decision"] == "MATCH"
    told = verify(ADA, RateEvidence="COUNTED")
    assert (told["Decision"], told["ReviewReasons"]) == ("REVIEW", ["RATE_EXTRAPOLATED"])
    assert verify(like_ada(85.0), RateEvidence="COUNTED")["Decision"] == "MATCH"


@pytest.mark.parametrize("poor", ["image", "reference"])
def test_a_poor_picture_of_either_is_for_people_to_look_at(verify, poor):
    """Under the bar MEDIUM; what is under it is told, as is what is not."""
    blurred = picture(person("ada", sharpness=20.0))
    pair = (blurred, ADA) if poor == "image" else (ADA, blurred)
    told = verify(*pair)
    assert (told["Decision"], told["ReviewReasons"]) == ("REVIEW", ["LOW_QUALITY"])
    below = {name: told[name]["BelowMedium"] for name in ("Face", "ReferenceFace")}
    assert below[{"image": "Face", "reference": "ReferenceFace"}[poor]] == [
        "LOW_SHARPNESS",
        "LOW_FACE_QUALITY",
    ]
    assert sorted(below.values()) == [[], ["LOW_SHARPNESS", "LOW_FACE_QUALITY"]]


def test_a_poor_picture_makes_nobody_a_candidate_who_is_none(verify):
    assert verify(picture(person("eve", sharpness=20.0)))["Decision"] == "NO_MATCH"


def test_the_face_is_described_as_it_was_compared(verify):
    face = verify(picture(person("eve", size=100), person("ada", left=400, yaw=10.0)))["Face"]
    assert face["BoundingBox"]["Left"] == pytest.approx(0.4)
    assert face["Pose"] == {"Roll": 1.0, "Yaw": 10.0, "Pitch": -2.0}
    assert face["Quality"] == {"Brightness": 80.0, "Sharpness": 90.0}
    assert face["Confidence"] == pytest.approx(99.9)


def test_an_enrolled_face_is_a_reference(call, collection, verify, enrol):
    """As similar as a search finds it: one number, however it is asked for."""
    face_id = enrol(ADA)
    told = verify(like_ada(91.0), None, CollectionId=collection, FaceId=face_id)
    assert (told["Decision"], told["Similarity"]) == ("MATCH", 91.0)
    assert "ReferenceFace" not in told
    found = call("SearchFacesByImage", CollectionId=collection, Image={"Bytes": like_ada(91.0)})
    assert [match["Similarity"] for match in found["FaceMatches"]] == [told["Similarity"]]
    other = verify(EVE, None, CollectionId=collection, FaceId=face_id)
    assert other["Decision"] == "NO_MATCH"


def test_a_user_is_a_reference_the_mean_of_its_faces(call, collection, verify, enrol):
    enrol(ADA, "ada")
    enrol(picture(person("ada", likeness=0.8), note="another"), "ada")
    told = verify(ADA, None, CollectionId=collection, UserId="ada")
    found = call("SearchUsersByImage", CollectionId=collection, Image={"Bytes": ADA})
    assert told["Similarity"] == round(found["UserMatches"][0]["Similarity"], 2) < 99.8


@pytest.mark.parametrize(
    ("given", "error", "why"),
    [
        ({}, InvalidParameterException, "exactly one"),
        ({"FaceId": str(uuid.uuid4())}, InvalidParameterException, "goes with"),
        (
            {"ReferenceImage": {"Bytes": ADA}, "CollectionId": "friends"},
            InvalidParameterException,
            "goes with",
        ),
        (
            {"ReferenceImage": {"Bytes": ADA}, "CollectionId": "friends", "UserId": "ada"},
            InvalidParameterException,
            "exactly one",
        ),
        (
            {"CollectionId": "friends", "FaceId": str(uuid.uuid4())},
            InvalidParameterException,
            "faceId was not",
        ),
        ({"CollectionId": "friends", "UserId": "nobody"}, ResourceNotFoundException, "nobody"),
        ({"CollectionId": "nowhere", "UserId": "nobody"}, ResourceNotFoundException, "nowhere"),
        ({"ReferenceImage": {}}, InvalidParameterException, "invalid parameters"),
        (
            {"ReferenceImage": {"S3Object": {"Bucket": "photos", "Name": "none.jpg"}}},
            InvalidS3ObjectException,
            "S3",
        ),
        ({"ReferenceImage": {"Bytes": picture()}}, InvalidParameterException, "no faces"),
        (
            {"ReferenceImage": {"Bytes": ADA}, "MatchThreshold": 90.0, "MaxFalseMatchRate": 1e-4},
            InvalidParameterException,
            "one of",
        ),
        (
            {"ReferenceImage": {"Bytes": ADA}, "MatchThreshold": 90.0, "ReviewThreshold": 90.01},
            InvalidParameterException,
            "lies below",
        ),
    ],
)
def test_what_cannot_be_compared_is_an_error_that_says_why(verify, call, collection, given, error, why):
    with pytest.raises(error, match=why):
        verify(ADA, None, **given)


def test_a_user_without_faces_is_nobody_to_compare_with(call, collection, verify):
    call("CreateUser", CollectionId=collection, UserId="ada")
    with pytest.raises(InvalidParameterException, match="has no faces"):
        verify(ADA, None, CollectionId=collection, UserId="ada")


def test_the_quality_filter_makes_a_rejected_face_no_face(verify):
    with pytest.raises(InvalidParameterException, match="no faces"):
        verify(picture(person("ada", sharpness=20.0)), QualityFilter="MEDIUM")


def test_a_damaged_reference_decides_nothing(database, collection, verify, enrol):
    face_id = enrol(ADA)
    with database.transaction() as connection:
        connection.execute(DAMAGE, (face_id,))
    with pytest.raises(InternalServerError, match="damaged"):
        verify(ADA, None, CollectionId=collection, FaceId=face_id)


# ---- IdentifyFace


def test_who_it_is_among_those_enrolled(identify, enrol):
    face_id = enrol(ADA, "ada")
    enrol(EVE, "eve")
    told = identify(like_ada(95.0))
    assert told["Decision"] == "MATCH"
    [candidate] = told["Candidates"]
    assert (candidate["Decision"], candidate["ReviewReasons"]) == ("MATCH", [])
    assert candidate["Similarity"] == 95.0
    assert candidate["EstimatedFalseMatchRate"]["Rate"] == fmr_at_similarity(95.0)
    assert (candidate["Face"]["FaceId"], candidate["Face"]["UserId"]) == (face_id, "ada")
    assert told["EstimatedFalsePositiveIdentificationRate"]["GallerySize"] == 2
    assert told["FacesLeftOut"] == 0


def test_a_stranger_is_nobody_and_of_nobody_anything_is_told(identify, enrol):
    enrol(ADA, "ada")
    told = identify(EVE)
    assert (told["Decision"], told["Candidates"]) == ("NO_MATCH", [])


def test_in_an_empty_collection_nobody_is_found_by_mistake(identify):
    told = identify(ADA)
    assert told["Decision"] == "NO_MATCH"
    rate = told["EstimatedFalsePositiveIdentificationRate"]
    assert (rate["Rate"], rate["GallerySize"]) == (0.0, 0)


def test_the_rate_of_the_search_is_that_of_a_hand_calculation(identify, enrol, models):
    """1 - (1 - FMR)^N at the threshold in force, and the same of both ends of its interval."""
    banded(models)
    for name in ("ada", "eve", "bob"):
        enrol(picture(person(name)), name)
    rate = identify(ADA, MatchThreshold=85.0)["EstimatedFalsePositiveIdentificationRate"]
    exponent = (math.log(0.84995 / 0.15005) - 1.386) / 1.604 + 4
    for name, shift in (("Rate", 0.0), ("Low", 0.3), ("High", -0.3)):
        assert rate[name] == pytest.approx(1 - (1 - 10 ** -(exponent + shift)) ** 3, rel=1e-7), name
    assert (rate["GallerySize"], rate["Model"], rate["Extrapolated"]) == (3, "INDEPENDENT_COMPARISONS", False)


def test_between_the_thresholds_candidates_are_for_people_to_look_at(identify, enrol):
    enrol(ADA, "ada")
    told = identify(like_ada(85.0), MatchThreshold=90.0, ReviewThreshold=80.0)
    assert told["Decision"] == "REVIEW"
    assert [each["ReviewReasons"] for each in told["Candidates"]] == [["BELOW_MATCH_THRESHOLD"]]
    assert identify(like_ada(85.0), MatchThreshold=90.0)["Candidates"] == []
    assert identify(like_ada(79.99), MatchThreshold=90.0, ReviewThreshold=80.0)["Decision"] == "NO_MATCH"


def test_two_users_who_both_match_are_for_people_to_tell_apart(identify, enrol):
    """One of the two is a false match for certain: twins, or one person enrolled twice."""
    enrol(ADA, "ada")
    enrol(picture(person("ada", likeness=0.9), note="a twin"), "bea")
    told = identify(ADA)
    assert told["Decision"] == "REVIEW"
    assert [each["ReviewReasons"] for each in told["Candidates"]] == [["SEVERAL_USERS_MATCH"]] * 2
    assert [each["Face"]["UserId"] for each in told["Candidates"]] == ["ada", "bea"]
    alone = identify(ADA, MatchThreshold=99.7)
    assert (alone["Decision"], len(alone["Candidates"])) == ("MATCH", 1)


def test_a_rival_counts_who_is_not_told(identify, enrol):
    """However few candidates a caller wants."""
    enrol(ADA, "ada")
    enrol(picture(person("ada", likeness=0.9), note="a twin"), "bea")
    told = identify(ADA, MaxFaces=1)
    assert [each["ReviewReasons"] for each in told["Candidates"]] == [["SEVERAL_USERS_MATCH"]]


def test_several_faces_of_one_user_or_of_nobody_are_no_rivals(identify, enrol):
    enrol(ADA, "ada")
    enrol(picture(person("ada", likeness=0.95), note="again"), "ada")
    enrol(picture(person("ada", likeness=0.9), note="of nobody"))
    told = identify(ADA)
    assert told["Decision"] == "MATCH"
    assert len(told["Candidates"]) == 3


def test_no_more_candidates_are_told_than_were_wanted(identify, enrol):
    for number in range(5):
        enrol(picture(person("ada", likeness=0.99 - number / 100), note=str(number)))
    assert [len(identify(ADA, **given)["Candidates"]) for given in ({}, {"MaxFaces": 4})] == [3, 4]


def test_the_rate_that_is_wanted_of_a_search_raises_its_threshold(identify, enrol):
    """1e-3 over three faces is 3.3e-4 a comparison: more than the default asks. 1e-5 is not."""
    for name in ("ada", "eve", "bob"):
        enrol(picture(person(name)), name)
    loose = identify(ADA, MaxFalsePositiveIdentificationRate=1e-2)["ThresholdInForce"]
    assert (loose["Similarity"], loose["Reason"], "RaisedFrom" in loose) == (80.0, "DEFAULT", False)
    told = identify(ADA, MaxFalsePositiveIdentificationRate=1e-5)
    strict = told["ThresholdInForce"]
    assert (strict["Reason"], strict["RaisedFrom"]) == ("MAX_FALSE_POSITIVE_IDENTIFICATION_RATE", 80.0)
    assert strict["Similarity"] == similarity_at_fmr(1 - (1 - 1e-5) ** (1 / 3))
    assert told["EstimatedFalsePositiveIdentificationRate"]["Rate"] <= 1e-5
    assert fpir_at(fmr_at_similarity(strict["Similarity"] - 0.011), 3) > 1e-5


def test_the_rate_that_is_wanted_of_a_search_needs_an_interval_that_keeps_below_it(identify, enrol, models):
    banded(models)
    enrol(ADA, "ada")
    most = {"MaxFalsePositiveIdentificationRate": 1e-5}
    met = identify(ADA, **most)["ThresholdInForce"]["Similarity"]
    told = identify(like_ada(met), **most)
    assert [each["ReviewReasons"] for each in told["Candidates"]] == [["RATE_UNCERTAIN"]]
    shown = similarity_at_fmr(1e-5 * 10**-0.3)
    assert identify(like_ada(shown), **most)["Decision"] == "MATCH"


@pytest.fixture
def budgeted(call, monkeypatch):
    """The call's purpose allows a thousandth of a false candidate a search."""
    deps = type(call).deps
    monkeypatch.setattr(
        type(call), "deps", lambda self, uow: dataclasses.replace(deps(self, uow), fpir_budget=1e-4)
    )


def test_the_budget_of_the_purpose_raises_what_is_told_as_well(budgeted, identify, enrol):
    """A candidate for review is a candidate: the budget is of all that a caller sees."""
    for name in ("ada", "eve"):
        enrol(picture(person(name)), name)
    needed = similarity_at_fmr(1e-4 / 2)
    told = identify(like_ada(90.0), ReviewThreshold=60.0)["ThresholdInForce"]
    assert told == {
        "Similarity": needed,
        "ReviewSimilarity": needed,
        "RaisedFrom": 80.0,
        "Reason": "FPIR_BUDGET",
        "FalseMatchRate": fmr_at_similarity(needed),
    }
    below = identify(like_ada(round(needed - 0.01, 2)), ReviewThreshold=60.0)
    assert (below["Decision"], below["Candidates"]) == ("NO_MATCH", [])
    assert identify(like_ada(needed))["Decision"] == "MATCH"
    higher = identify(ADA, MatchThreshold=99.0, ReviewThreshold=60.0)["ThresholdInForce"]
    assert (higher["Similarity"], higher["ReviewSimilarity"], higher["Reason"]) == (99.0, needed, "ASKED")


def test_a_poor_picture_is_for_people_to_look_at(identify, enrol):
    enrol(ADA, "ada")
    told = identify(picture(person("ada", sharpness=20.0)))
    assert (told["Decision"], told["Face"]["BelowMedium"]) == (
        "REVIEW",
        ["LOW_SHARPNESS", "LOW_FACE_QUALITY"],
    )
    assert [each["ReviewReasons"] for each in told["Candidates"]] == [["LOW_QUALITY"]]


def test_a_picture_without_a_face_finds_nobody(identify):
    with pytest.raises(InvalidParameterException, match="no faces"):
        identify(picture())


def test_faces_that_could_not_be_compared_are_counted(database, call, identify, enrol):
    enrol(ADA, "ada")
    gone = enrol(EVE)
    with database.transaction() as connection:
        connection.execute(DAMAGE, (gone,))
    assert identify(ADA)["FacesLeftOut"] == 1


def test_more_are_looked_at_than_a_user_may_have_faces():
    from countenance.gallery import subjects

    assert decisions._LOOKED_AT == subjects.FACES_PER_USER + 1


# ---- the calibration in force


STRICTER = Calibration(
    cosine=(0.0, 0.5, 1.0), neg_log10_fmr=(0.5, 3.5, 6.5), trials=999, extrapolated_from=1.0
)


@pytest.fixture
def in_force(call, models):
    """An operator's calibration of the default pack, under which everything is less similar."""
    with put_in_force(call.database, models.default, STRICTER, pipeline_digest=call.pipeline):
        yield STRICTER


def test_what_is_in_force_is_what_every_operation_uses(call, collection, verify, identify, enrol, models):
    """With the next call, and the same for all of them."""
    face_id = enrol(ADA, "ada")
    probe = like_ada(90.0)

    def similarities():
        image, where = {"Bytes": probe}, {"CollectionId": collection}
        least = {"FaceMatchThreshold": 10.0}
        compared = call(
            "CompareFaces", SourceImage={"Bytes": ADA}, TargetImage=image, SimilarityThreshold=10.0
        )
        faces = call("SearchFacesByImage", Image=image, **where, **least)
        users = call("SearchUsersByImage", Image=image, **where, UserMatchThreshold=10.0)
        verified = verify(probe, None, **where, FaceId=face_id, MatchThreshold=10.0)
        identified = identify(probe, MatchThreshold=10.0)
        return {
            round(compared["FaceMatches"][0]["Similarity"], 2),
            round(faces["FaceMatches"][0]["Similarity"], 2),
            round(users["UserMatches"][0]["Similarity"], 2),
            verified["Similarity"],
            identified["Candidates"][0]["Similarity"],
        }

    assert similarities() == {90.0}
    with put_in_force(call.database, models.default, STRICTER, pipeline_digest=call.pipeline):
        expected = float(STRICTER.similarity_of(cosine_at(90.0)))
        assert expected == pytest.approx(80.14, abs=0.02)
        # A stored template has half precision: it may come to the other side of a hundredth.
        assert all(each == pytest.approx(expected, abs=0.011) for each in similarities())
    assert similarities() == {90.0}


def test_whose_calibration_it_is_is_told(verify, in_force):
    assert verify(ADA, MatchThreshold=10.0)["Calibration"] == {
        "Origin": "OPERATOR", "Digest": in_force.digest, "Trials": 999
    }  # fmt: skip


def test_a_record_that_cannot_be_read_fails_the_call(call, verify, in_force, database):
    with database.transaction() as connection:
        connection.execute("alter table calibration disable trigger user")
        connection.execute("update calibration set document = ''")
    with pytest.raises(InternalServerError):
        verify(ADA)
