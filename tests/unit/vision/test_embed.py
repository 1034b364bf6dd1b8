"""From aligned faces to templates."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from countenance.vision.embed import Embedder, EmbedderPart
from countenance.vision.manifest import EmbedderSpec
from countenance.vision.pipeline import Vision
from tiny_networks import colour_network


@pytest.fixture(scope="module")
def photo(vision: Vision, portraits):
    return vision.decode(portraits.known["biden"][0].read_bytes())


def test_the_crop_has_the_points_where_the_manifest_says(vision: Vision, photo):
    """What the network sees: eyes level, face in the middle, the size that it takes."""
    spec = vision._pack.manifest.embedder
    embedder = vision._require_embedder()._parts[0]
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


POINTS = ((40.0, 59.0), (87.0, 59.0), (64.0, 82.0), (45.0, 105.0), (84.0, 105.0))
FACE = np.array(POINTS, np.float32)


def a_part(matrix, *, typical_length=None, mirror_average=False):
    """An embedder that answers the crop's mean colour (red, green, blue) times a matrix."""
    spec = EmbedderSpec(
        artifact="embedder",
        input_width_px=128,
        input_height_px=128,
        colour_order="RGB",
        layout="NCHW",
        mean=(0.0, 0.0, 0.0),
        scale=(1.0, 1.0, 1.0),
        reference_points=POINTS,
        mirror_average=mirror_average,
        dimensions=len(matrix[0]),
        typical_length=typical_length,
    )
    return EmbedderPart(colour_network(matrix, np.zeros(len(matrix[0]))), spec)


def a_picture(*colour):
    return np.full((128, 128, 3), colour, np.uint8)


def test_of_two_networks_a_cosine_is_the_mean_of_theirs():
    """Each part has the same say, whatever the length that its network answers with."""
    parts = [a_part(np.eye(3)), a_part(100 * np.array([[1, 0], [0, 1], [0, 0]]))]
    both, (one, other) = Embedder(parts), [Embedder([part]) for part in parts]
    assert both.dimensions == 5
    pictures = [a_picture(200, 10, 90), a_picture(30, 120, 60)]

    def cosine(embedder):
        first, second = (embedder.embed(picture, [FACE])[0] for picture in pictures)
        assert np.linalg.norm(first) == pytest.approx(1.0)
        return float(first @ second)

    assert cosine(both) == pytest.approx((cosine(one) + cosine(other)) / 2, abs=1e-6)


@pytest.mark.parametrize(
    ("typical_length", "weight"), [(None, 1.0), (100.0, 1.0), (200.0, 0.25), (80.0, 1.5625), (10.0, 4.0)]
)
def test_a_face_weighs_as_much_as_the_square_of_its_length(typical_length, weight):
    """The picture answers with a length of 100; where nothing is stated, all count the same."""
    embedder = Embedder([a_part(np.eye(3), typical_length=typical_length)])
    templates, weights = embedder.embed_weighed(a_picture(100, 0, 0), [FACE])
    assert weights == pytest.approx([weight])
    assert np.linalg.norm(templates[0]) == pytest.approx(1.0)


def test_a_weight_of_two_networks_is_the_mean_of_theirs():
    embedder = Embedder([a_part(np.eye(3), typical_length=50.0), a_part(np.eye(3))])
    assert embedder.embed_weighed(a_picture(100, 0, 0), [FACE])[1] == pytest.approx([2.5])


def test_points_are_improved_before_a_face_is_aligned():
    """What the second network says is what the crop is cut by."""

    class Elsewhere:
        def improved(self, pixels, landmarks):
            return landmarks + np.float32(128)

    picture = np.concatenate([np.zeros((256, 128, 3)), np.full((256, 128, 3), 90)], axis=1).astype(np.uint8)
    picture[:128, 128:] = (0, 90, 0)
    picture[128:, 128:] = (0, 0, 90)
    plain, moved = (Embedder([a_part(np.eye(3))], each) for each in (None, Elsewhere()))
    assert not plain.embed(picture, [FACE]).any()
    assert moved.embed(picture, [FACE])[0] == pytest.approx([0, 0, 1], abs=1e-3)
