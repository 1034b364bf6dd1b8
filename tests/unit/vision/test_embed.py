"""From aligned faces to templates."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from countenance.vision.pipeline import Vision


@pytest.fixture(scope="module")
def photo(vision: Vision, portraits):
    return vision.decode(portraits.known["biden"][0].read_bytes())


def test_the_crop_has_the_points_where_the_manifest_says(vision: Vision, photo):
    """What the network sees: eyes level, face in the middle, the size that it takes."""
    spec = vision._pack.manifest.embedder
    embedder = vision._require_embedder()
    face = vision.detect(photo).faces[0]
    aligned = embedder.aligned(photo, face.landmarks)
    assert aligned.shape == (spec.input_height_px, spec.input_width_px, 3)
    again = vision.detect(np.pad(aligned, ((60, 60), (60, 60), (0, 0)), mode="edge"))
    assert len(again.faces) == 1
    assert again.faces[0].landmarks - 60 == pytest.approx(spec.reference_landmarks, abs=10)


def test_a_template_is_the_same_whatever_the_size_of_the_photograph(vision: Vision, photo):
    """Half the size is still the same person, almost the same template."""
    small = np.asarray(Image.fromarray(photo).resize((photo.shape[1] // 2, photo.shape[0] // 2)))
    templates = [vision.embed(pixels, vision.detect(pixels).faces[:1])[0] for pixels in (photo, small)]
    assert float(np.vdot(*templates)) > 0.9


def test_many_faces_are_rows_in_their_order_and_none_is_no_rows(vision: Vision, photo):
    """As (N, D), also for N = 0."""
    face = vision.detect(photo).faces[0]
    templates = vision.embed(photo, [face, face])
    assert templates.shape == (2, vision.dimensions)
    assert np.array_equal(templates[0], templates[1])
    assert vision.embed(photo, []).shape == (0, vision.dimensions)
    assert templates.dtype == np.float32
