"""dlib's network as ONNX, against dlib itself (dlib-bin, which only tests install)."""

from __future__ import annotations

import dlib
import numpy as np
import pytest
from PIL import Image

from countenance.cli.portraits import load_portraits
from countenance.errors import SetupError
from countenance.settings import Settings
from countenance.vision.convert_dlib import _Reader, convert_dlib
from countenance.vision.session import Session
from paths import SHARED


@pytest.fixture(scope="module")
def chips() -> list[np.ndarray]:
    """Real faces, 150 x 150 RGB: portraits, and press photographs where they lie beside the checkout."""
    portraits = load_portraits(Settings.from_env({}).cache_dir)
    paths = [path for photos in portraits.known.values() for path in photos] + [portraits.stranger]
    if SHARED is not None:
        paths += sorted((SHARED / "data/lfw-dev").glob("*/*_0001.jpg"))[::80]
    detector = dlib.get_frontal_face_detector()
    found = []
    for path in paths:
        picture = Image.open(path).convert("RGB")
        picture.thumbnail((640, 640))
        found += [
            np.asarray(picture.resize((150, 150), box=(box.left(), box.top(), box.right(), box.bottom())))
            for box in detector(np.asarray(picture))
            if box.left() >= 0
            and box.top() >= 0
            and box.right() < picture.width
            and box.bottom() < picture.height
        ]
    assert len(found) >= 5
    return found


def test_outputs_equal_dlibs_on_real_faces(chips, open_pack):
    """Cosine >= 0.99999 and the same length: the calibration of dlib's network holds for ours."""
    theirs = dlib.face_recognition_model_v1(str(open_pack.path_of("embedder-dlib")))
    ours = Session(open_pack.path_of("embedder"))
    batch = np.stack(chips).transpose(0, 3, 1, 2).astype(np.float32)
    (embeddings,) = ours.run({"input": batch})
    assert embeddings.shape == (len(chips), 128)
    for chip, embedding in zip(chips, embeddings, strict=True):
        expected = np.array(theirs.compute_face_descriptor(chip))
        cosine = expected @ embedding / (np.linalg.norm(expected) * np.linalg.norm(embedding))
        assert cosine >= 0.99999
        assert np.linalg.norm(embedding) == pytest.approx(np.linalg.norm(expected), rel=1e-4)


@pytest.mark.parametrize("cut_to", [0, 300, 20_000, 22_000_000, -300_000])
def test_a_file_that_ends_too_early_is_refused(open_pack, cut_to):
    """Anywhere: before the first layer, in a tensor, before the last one."""
    content = open_pack.path_of("embedder-dlib").read_bytes()
    with pytest.raises(SetupError, match="dlib"):
        convert_dlib(content[:cut_to])


def test_another_network_of_dlib_is_refused(open_pack):
    """A stride changed in the first convolution would still be a network, and not this one."""
    content = open_pack.path_of("embedder-dlib").read_bytes()
    first = content.index(b"\x01\x05con_4")
    with pytest.raises(SetupError, match="dlib"):
        convert_dlib(content[:first] + content[content.index(b"\x01\x05con_4", first + 1) :])


@pytest.mark.parametrize(
    ("encoded", "value"),
    [(b"\x01\x07", 7), (b"\x81\x11", -17), (b"\x02\x80\x12", 0x1280), (b"\x03\x62\x90\xf5", 0xF59062)],
)
def test_integers_are_little_endian_behind_their_length(encoded, value):
    """dlib's own encoding."""
    assert _Reader(encoded).integer() == value


def test_numbers_are_mantissa_and_exponent():
    """The file's mean of red."""
    assert _Reader(b"\x03\x62\x90\xf5\x81\x11").number() == pytest.approx(122.782, abs=1e-3)


@pytest.mark.parametrize("encoded", [b"", b"\x00", b"\x09", b"\x41\x01", b"\x02\x01"])
def test_what_is_no_integer_is_refused(encoded):
    """A head byte of no length, of too many, with strange bits, or without its bytes."""
    with pytest.raises(SetupError, match="dlib"):
        _Reader(encoded).integer()


def test_a_tensor_of_another_version_is_refused():
    """Its bytes would be read as weights."""
    with pytest.raises(SetupError, match="no dlib tensor"):
        _Reader(b"\x01\x03" + b"\x01\x01" * 4 + bytes(4)).tensor()
