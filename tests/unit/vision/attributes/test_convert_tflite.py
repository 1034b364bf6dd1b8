"""The networks of MediaPipe's bundle, read without TensorFlow."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from countenance.errors import SetupError
from countenance.vision.attributes.convert_tflite import convert_tflite
from countenance.vision.session import Session
from paths import SHARED

MESH, MUSCLES = "face_landmarks_detector.tflite", "face_blendshapes.tflite"


@pytest.fixture(scope="module")
def bundle(attribute_pack):
    """The publisher's own file."""
    path = attribute_pack.files["mesh"].path.with_name("face_landmarker.task")
    if not path.is_file():
        pytest.skip("the mesh was not made from its bundle here")
    return path.read_bytes()


def answers(model, inputs):
    session = Session(model)
    return session.run({session.input_names[0]: inputs})


def test_the_same_bundle_gives_the_same_bytes(bundle):
    """What is installed is pinned by the digest of what was made."""
    assert convert_tflite(bundle, MUSCLES) == convert_tflite(bundle, MUSCLES)


@pytest.mark.parametrize(
    ("member", "other", "shape", "scale", "within"),
    [
        (MESH, "mp_face_landmarks_detector.onnx", (1, 256, 256, 3), 1, 1e-3),
        (MUSCLES, "mp_face_blendshapes.onnx", (1, 146, 2), 200, 1e-6),
    ],
)
def test_it_answers_what_another_conversion_of_the_same_weights_answers(
    bundle, member, other, shape, scale, within
):
    """Made by somebody else with another program: px of 256, and shares."""
    if SHARED is None:
        pytest.skip("no other conversion here")
    theirs = SHARED / "models" / "attributes" / other
    for seed in range(3):
        picture = np.random.default_rng(seed).random(shape, np.float32) * scale
        ours = answers(convert_tflite(bundle, member), picture)
        for one, two in zip(ours, answers(theirs, picture), strict=True):
            assert one.reshape(-1) == pytest.approx(two.reshape(-1), abs=within)


def test_the_mesh_takes_any_number_of_faces(bundle):
    pictures = np.random.default_rng(1).random((3, 256, 256, 3), np.float32)
    together = answers(convert_tflite(bundle, MESH), pictures)
    assert [output.shape[0] for output in together] == [3, 3, 3]
    alone = answers(convert_tflite(bundle, MESH), pictures[2:])
    assert together[0][2].reshape(-1) == pytest.approx(alone[0].reshape(-1), abs=1e-3)


def packed(**members):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return archive.getvalue()


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK" * 50])
def test_what_is_no_bundle_is_an_error_and_no_traceback(content):
    with pytest.raises(SetupError, match="the bundle has no `x`"):
        convert_tflite(content, "x")


def test_a_member_that_is_not_there_is_named():
    with pytest.raises(SetupError, match=r"no `face\.tflite`"):
        convert_tflite(packed(other=b"x"), "face.tflite")


@pytest.mark.parametrize("content", [b"", b"short", b"\0\0\0\0TFL3", b"\xff" * 8 + b"TFL3" + b"\xff" * 64])
def test_a_member_that_is_no_network_is_an_error_and_no_traceback(content):
    with pytest.raises(SetupError, match="`x` is no network that is understood"):
        convert_tflite(packed(x=content), "x")


def test_bytes_that_were_damaged_never_end_in_a_traceback(bundle):
    """Whatever a file holds that passed for a bundle."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        content = archive.read(MUSCLES)
    chance = np.random.default_rng(2)
    for _ in range(40):
        broken = bytearray(content)
        for place in chance.integers(0, 4096, 8):
            broken[int(place)] = int(chance.integers(256))
        try:
            convert_tflite(packed(x=bytes(broken)), "x")
        except SetupError:
            continue
