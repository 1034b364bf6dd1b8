"""Attributes of faces, as boto3 asks for them."""

from __future__ import annotations

import itertools
from concurrent import futures
from typing import Any

import pytest

from attribute_members import DEFAULT, MEMBERS
from countenance.policy import PolicyEngine
from countenance.vision.attributes.description import ATTRIBUTES
from countenance.vision.attributes.mesh_points import LANDMARKS
from countenance.wire.model import load_models
from fakes.vision import AS_JPEG, person, picture
from fixtures_server import supported_attributes
from gateway_server import Server
from small_server import small_server

SHARED_SERVER = pytest.mark.xdist_group("server")


@pytest.fixture(scope="module")
def known(portraits: Any) -> list[bytes]:
    """Photos of one man; in the first he smiles."""
    return [photo.read_bytes() for photo in portraits.known["obama"]]


def combinations() -> list[tuple[str, ...]]:
    """Every subset of the twelve, and each of these with DEFAULT or ALL where it has one member or none."""
    names = sorted(MEMBERS)
    subsets = [each for size in range(13) for each in itertools.combinations(names, size)]
    few = [each for each in subsets if len(each) < 2]
    return subsets + [(*each, word) for each in few for word in ("DEFAULT", "ALL")] + [("ALL", "DEFAULT")]


@pytest.mark.slow
def test_every_combination_has_exactly_its_members(empty_database_url: str, tmp_path: Any) -> None:
    """Over a real socket; the networks are stood in for, what is asked and answered is not."""
    models = load_models()
    operations = {name: service.operations for name, service in models.services.items()}
    engine = PolicyEngine.load(operations)
    photo = {"Bytes": AS_JPEG + picture(person("ada"))}
    with (
        small_server(empty_database_url, tmp_path / "data", models=models, policy=engine) as small,
        Server(small.bench) as server,
        futures.ThreadPoolExecutor(4) as pool,
    ):
        client = server.client()

        def members(asked: tuple[str, ...]) -> tuple[tuple[str, ...], set[str], int]:
            (face,) = client.detect_faces(Image=photo, Attributes=list(asked))["FaceDetails"]
            return asked, set(face), len(face["Landmarks"])

        for asked, found, landmarks in pool.map(members, combinations()):
            wanted = set(MEMBERS) if "ALL" in asked else set(asked) - {"DEFAULT"}
            assert found == DEFAULT | {MEMBERS[name] for name in wanted}, asked
            assert landmarks == (30 if "ALL" in asked else 5), asked


@SHARED_SERVER
@pytest.mark.parametrize("attributes", [None, [], ["DEFAULT"], ["ALL"], ["ALL", "DEFAULT"], ["AGE_RANGE"]])
def test_detect_faces_invents_nothing(rekognition: Any, known: list[bytes], attributes: Any) -> None:
    """A member that nothing installed here can read is absent, whatever is asked for."""
    asked = {} if attributes is None else {"Attributes": attributes}
    detail = rekognition.detect_faces(Image={"Bytes": known[0]}, **asked)["FaceDetails"][0]
    wanted = set(MEMBERS) if "ALL" in (attributes or ()) else set(attributes or ()) - {"DEFAULT"}
    assert set(detail) == DEFAULT | {MEMBERS[name] for name in wanted & supported_attributes()}
    assert detail["Confidence"] > 50
    assert all(-180 <= angle <= 180 for angle in detail["Pose"].values())
    assert all(0 <= value <= 100 for value in detail["Quality"].values())


@SHARED_SERVER
def test_all_is_everything_within_its_ranges(rekognition: Any, known: list[bytes]) -> None:
    if supported_attributes() != ATTRIBUTES:
        pytest.skip("the attribute pack is not whole here")
    detail = rekognition.detect_faces(Image={"Bytes": known[0]}, Attributes=["ALL"])["FaceDetails"][0]
    assert [point["Type"] for point in detail["Landmarks"]] == list(LANDMARKS)
    points = {point["Type"]: (point["X"], point["Y"]) for point in detail["Landmarks"]}
    assert points["eyeLeft"][0] < points["nose"][0] < points["eyeRight"][0]
    assert points["nose"][1] < points["mouthUp"][1] < points["mouthDown"][1] < points["chinBottom"][1]
    assert points["leftPupil"] == points["eyeLeft"]
    for name in set(MEMBERS.values()) - {"AgeRange", "Emotions", "EyeDirection", "Gender"}:
        assert isinstance(detail[name]["Value"], bool)
        assert 50 <= detail[name]["Confidence"] <= 100
    assert 0 <= detail["AgeRange"]["Low"] < detail["AgeRange"]["High"]
    assert detail["Gender"]["Value"] == "Male"
    assert detail["Smile"]["Value"]
    assert len(detail["Emotions"]) == 8
    assert detail["EyesOpen"]["Value"]


@SHARED_SERVER
def test_index_faces_describes_whom_it_enrols_and_whom_it_does_not(
    rekognition: Any, collection: str, known: list[bytes]
) -> None:
    if "SMILE" not in supported_attributes():
        pytest.skip("no weights for it here")
    enrolled = rekognition.index_faces(
        CollectionId=collection, Image={"Bytes": known[0]}, DetectionAttributes=["SMILE"]
    )
    assert set(enrolled["FaceRecords"][0]["FaceDetail"]) == DEFAULT | {"Smile"}
    plain = rekognition.index_faces(CollectionId=collection, Image={"Bytes": known[0]})
    assert set(plain["FaceRecords"][0]["FaceDetail"]) == DEFAULT
