"""Countenance as a library."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import countenance
from countenance import library
from countenance.errors import InvalidImageFormatException, InvalidParameterException
from countenance.vision.pipeline import Vision


@pytest.fixture(autouse=True)
def _default_vision(vision: Vision, monkeypatch):
    """The pack that this machine has, whatever the environment of the tests says."""
    monkeypatch.setattr(library, "vision", lambda: vision)


def test_importing_the_package_loads_no_network():
    """`import countenance` is what a command line does before it prints its help."""
    heavy = ("onnxruntime", "cv2", "numpy")
    script = f"import sys, countenance; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_two_photos_of_one_person_are_similar_and_of_two_people_are_not(portraits):
    """Three lines, as the documentation shows them."""
    first, second, _ = portraits.known["obama"]
    assert countenance.compare(first, second) > 90
    assert countenance.compare(first, portraits.stranger) < 50


def test_a_photograph_is_a_path_bytes_or_pixels(portraits):
    """All three give the same answer."""
    path = portraits.known["biden"][0]
    pixels = countenance.load_image(path)
    assert pixels.ndim == 3
    answers = [countenance.detect(photograph) for photograph in (path, str(path), path.read_bytes(), pixels)]
    assert {len(faces) for faces in answers} == {1}
    assert len({faces[0].box for faces in answers}) == 1


def test_templates_are_unit_rows_in_the_order_of_the_faces(portraits):
    """So that a dot product is a cosine."""
    image = countenance.load_image(portraits.known["obama"][0])
    templates = countenance.embed(image)
    assert templates.shape == (len(countenance.detect(image)), library.vision().dimensions)
    assert np.linalg.norm(templates, axis=1) == pytest.approx(1, abs=1e-5)
    assert countenance.embed(image, []).shape == (0, library.vision().dimensions)


def test_no_face_and_no_photograph_are_errors_that_say_so():
    """Nothing is answered about a photograph without a face."""
    blank = np.full((120, 120, 3), 127, np.uint8)
    assert countenance.detect(blank) == ()
    with pytest.raises(InvalidParameterException, match="no faces"):
        countenance.compare(blank, blank)
    with pytest.raises(InvalidImageFormatException, match="uint8"):
        countenance.detect(blank.astype(np.float32))
    with pytest.raises(InvalidImageFormatException):
        countenance.load_image(b"not a photograph")


def test_an_unknown_name_is_an_attribute_error():
    """A misspelt function must not be silent."""
    with pytest.raises(AttributeError, match="detct"):
        countenance.detct  # noqa: B018 - reading it is the test


def test_faces_are_described_by_what_is_asked_for(portraits, analyst, monkeypatch):
    """Three lines, as the documentation shows them."""
    monkeypatch.setattr(library, "analyst", lambda: analyst)
    (said,) = countenance.describe(portraits.known["obama"][0], attributes=["SMILE"])
    assert set(said.judgements) == {"SMILE"}
    assert said.judgements["SMILE"].value
    assert said.gender is None
    assert said.landmarks is None
    (everything,) = countenance.describe(portraits.known["obama"][0])
    assert everything.landmarks.shape == (30, 2)
    assert len(everything.judgements) == 8


def test_a_misspelt_attribute_is_an_error_that_names_those_that_there_are(portraits):
    """A name that nobody knows would else be a member that is never there."""
    with pytest.raises(InvalidParameterException, match="no attribute `SMILES`; there are AGE_RANGE, ALL"):
        countenance.describe(portraits.stranger, attributes=["SMILES"])
