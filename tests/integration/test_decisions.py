"""VerifyFaces and IdentifyFace through boto3, with real photos, and a calibration put in force meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from countenance.assurance.calibrations import Calibrations
from countenance.cli.installation import open_store
from countenance.settings import Settings
from countenance.similarity import Calibration, fmr_at_similarity
from countenance.vision.pipeline_digest import pipeline_digest
from fakes.calibrations import DOCUMENT

pytestmark = pytest.mark.xdist_group("server")


@pytest.fixture
def ours(service):
    return service.client("countenance")


@pytest.fixture
def man(portraits):
    """Three photos of one man."""
    return [path.read_bytes() for path in max(portraits.known.values(), key=len)]


@pytest.fixture
def stranger(portraits):
    return portraits.stranger.read_bytes()


def test_photos_of_one_person_match_and_a_strangers_does_not(ours, rekognition, man, stranger):
    """One number for one comparison, by whatever operation it is asked for."""
    told = ours.verify_faces(Image={"Bytes": man[0]}, ReferenceImage={"Bytes": man[1]})
    assert told["Decision"] == "MATCH"
    [match] = rekognition.compare_faces(
        SourceImage={"Bytes": man[1]}, TargetImage={"Bytes": man[0]}
    )["FaceMatches"]  # fmt: skip
    assert told["Similarity"] == round(match["Similarity"], 2)
    assert told["EstimatedFalseMatchRate"]["Rate"] == fmr_at_similarity(told["Similarity"]) < 1e-4
    assert told["Calibration"]["Origin"] == "PACK"
    other = ours.verify_faces(Image={"Bytes": stranger}, ReferenceImage={"Bytes": man[1]})
    assert other["Decision"] == "NO_MATCH"
    assert "Similarity" not in other


def test_who_is_enrolled_is_identified_and_verified(ours, rekognition, collection, man, stranger):
    [record] = rekognition.index_faces(CollectionId=collection, Image={"Bytes": man[0]})["FaceRecords"]
    face_id = record["Face"]["FaceId"]
    rekognition.create_user(CollectionId=collection, UserId="he")
    rekognition.associate_faces(CollectionId=collection, UserId="he", FaceIds=[face_id])
    told = ours.identify_face(CollectionId=collection, Image={"Bytes": man[1]})
    assert told["Decision"] == "MATCH"
    [candidate] = told["Candidates"]
    assert (candidate["Face"]["FaceId"], candidate["Face"]["UserId"]) == (face_id, "he")
    rate = told["EstimatedFalsePositiveIdentificationRate"]
    assert (rate["GallerySize"], rate["Rate"]) == (1, pytest.approx(fmr_at_similarity(80.0)))
    assert ours.identify_face(CollectionId=collection, Image={"Bytes": stranger})["Candidates"] == []
    for reference in ({"FaceId": face_id}, {"UserId": "he"}):
        verified = ours.verify_faces(CollectionId=collection, Image={"Bytes": man[1]}, **reference)
        assert verified["Decision"] == "MATCH"
        assert verified["Similarity"] == pytest.approx(candidate["Similarity"], abs=0.011)


def test_what_is_asked_beyond_the_model_is_refused_by_it(ours, man, refusal):
    code, message, _ = refusal(ours.verify_faces, Image={"Bytes": man[0]}, MatchThreshold=101.0)
    assert code == "ValidationException"
    assert "less than or equal to 100" in message
    code, _, _ = refusal(ours.identify_face, Image={"Bytes": man[0]})
    assert code == "ValidationException"


def test_a_calibration_is_in_force_with_the_next_call_of_every_worker(
    service, ours, rekognition, man, default_pack
):
    """Nothing is restarted: sixteen calls reach both workers."""
    manifest = default_pack.manifest
    own = manifest.calibration
    stricter = Calibration(
        tuple(each + 0.02 for each in own.cosine), own.neg_log10_fmr, 999, own.extrapolated_from + 0.02
    )
    document = replace(
        DOCUMENT,
        pack_digest=manifest.digest,
        face_model_version=manifest.face_model_version,
        pipeline_digest=pipeline_digest(),
        calibration=stricter,
    )
    pictures = {"SourceImage": {"Bytes": man[0]}, "TargetImage": {"Bytes": man[1]}}

    def similarities():
        return {
            rekognition.compare_faces(**pictures, SimilarityThreshold=0)["FaceMatches"][0]["Similarity"]
            for _ in range(16)
        }

    [before] = similarities()
    where = {"database_url": service.database_options[1]} if service.database_options else {}
    with open_store(Settings.from_env({}, data_dir=service.data_dir, **where)) as (database, _):
        record = Calibrations(database, pipeline_digest=pipeline_digest())
        record.use(
            document,
            own=own,
            pack_digest=manifest.digest,
            by="Olga",
            reason="a test",
            accept_difference=True,
        )
        try:
            [during] = similarities()
            assert during < before
            told = ours.verify_faces(
                Image={"Bytes": man[0]}, ReferenceImage={"Bytes": man[1]}, MatchThreshold=1.0
            )
            assert told["Calibration"] == {"Origin": "OPERATOR", "Digest": stricter.digest, "Trials": 999}
        finally:
            record.revert(manifest.digest, manifest.face_model_version, by="Olga", reason="the test is over")
    assert similarities() == {before}
