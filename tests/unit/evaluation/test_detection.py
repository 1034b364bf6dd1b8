"""Detection: matching by hand, curves against scikit-learn and a plain reading, coverage by simulation."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from countenance.evaluation.detection import LabelledImage, detection_of, match_boxes, overlaps


def box(left, top, size=10.0):
    return [left, top, left + size, top + size]


def image(faces=(), found=(), confidence=(), ignored=None):
    faces, found = (np.array(boxes, float).reshape(-1, 4) for boxes in (faces, found))
    ignored = np.zeros(len(faces), bool) if ignored is None else np.array(ignored)
    return LabelledImage(faces, ignored, found, np.array(confidence, float))


def test_overlap_by_hand():
    """Half of each of two equal boxes shared: a third of the union."""
    got = overlaps(np.array([box(0, 0)]), np.array([box(0, 0), box(5, 0), box(10, 0), box(2, 2, 0.0)]))
    assert got[0].tolist() == pytest.approx([1.0, 1 / 3, 0.0, 0.0])


def test_the_most_confident_detection_takes_the_face_and_the_second_is_a_mistake():
    outcome, found_by = match_boxes(image([box(0, 0)], [box(1, 0), box(0, 0)], [0.6, 0.9]), iou=0.5)
    assert outcome.tolist() == [0, 1]
    assert found_by.tolist() == [1]


def test_a_detection_takes_the_free_face_that_it_overlaps_most():
    """Two faces side by side; the second detection overlaps the taken one more, and gets the other."""
    faces, found = [box(0, 0), box(4, 0)], [box(0, 0), box(1.5, 0)]
    outcome, found_by = match_boxes(image(faces, found, [0.9, 0.8]), iou=0.5)
    assert outcome.tolist() == [1, 1]
    assert found_by.tolist() == [0, 1]


def test_an_overlap_at_the_threshold_counts():
    outcome, _ = match_boxes(image([box(0, 0)], [box(5, 0)], [1.0]), iou=1 / 3)
    assert outcome.tolist() == [1]


def test_an_ignored_face_is_neither_found_nor_a_mistake():
    """And as many detections as there may be on it."""
    picture = image(
        [box(0, 0), box(50, 0)], [box(0, 0), box(1, 0), box(80, 0)], [0.9, 0.8, 0.7], ignored=[True, False]
    )
    outcome, found_by = match_boxes(picture, iou=0.5)
    assert outcome.tolist() == [-1, -1, 0]
    assert found_by.tolist() == [-1, -1]


PICTURES = [
    image([box(0, 0), box(100, 0, 40)], [box(0, 0), box(100, 0, 40), box(200, 0)], [0.9, 0.6, 0.8]),
    image([box(0, 0)], [box(0, 0), box(50, 50)], [0.7, 0.3]),
    image([box(0, 0, 40)], [], []),
    image([box(0, 0)], [box(0, 0)], [0.5], ignored=[True]),
]


def test_rates_by_hand():
    """4 faces to be found. In order of confidence: right, wrong, right, right, wrong."""
    found = detection_of(PICTURES, least_confidence=0.65, size_edges=(0, 20, 60, 100))
    assert (found.images, found.faces) == (4, 4)
    assert (found.recall.rate, found.recall.trials) == (0.5, 4)
    assert (found.precision.rate, found.precision.trials) == (pytest.approx(2 / 3), 3)
    # precision 1, 2/3, 3/4 at recall 1/4, 2/4, 3/4; interpolated 1, 3/4, 3/4
    assert found.average_precision == pytest.approx((1 + 3 / 4 + 3 / 4) / 4)
    assert [band.recall and (band.recall.rate, band.recall.trials) for band in found.by_size] == [
        (1.0, 2),
        (0.0, 2),
        None,
    ]
    assert found.recall.interval.low < 0.5 < found.recall.interval.high


def test_equal_confidence_is_at_the_operating_point():
    found = detection_of(PICTURES, least_confidence=0.6)
    assert found.recall.rate == 0.75


def random_images(random, count, *, hit=0.7):
    """Faces found with a chance of `hit`, where confidence falls as detections go wrong more often."""
    pictures = []
    for _ in range(count):
        faces = [box(100 * k, 0) for k in range(random.integers(1, 4))]
        found = [face for face in faces if random.random() < hit]
        wrong = [box(100 * k, 500) for k in range(random.integers(0, 3))]
        confidence = np.r_[random.normal(1, 1, len(found)), random.normal(0, 1, len(wrong))]
        pictures.append(image(faces, found + wrong, confidence))
    return pictures


def test_average_precision_agrees_with_scikit_learn_where_the_definitions_do():
    """scikit-learn does not interpolate: where precision falls from one right detection to the next there
    is nothing to interpolate. It knows no missed faces: they scale it by the share that was found."""
    right = [1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0]
    scores = np.linspace(1.0, 0.1, len(right))
    pictures = [
        image([box(0, 0)] if hit else [], [box(0, 0)], [score])
        for hit, score in zip(right, scores, strict=True)
    ]
    theirs = average_precision_score(right, scores)
    assert detection_of(pictures, least_confidence=0.0).average_precision == pytest.approx(theirs)
    missed = [*pictures, image([box(0, 0), box(50, 0), box(90, 0)])]
    assert detection_of(missed, least_confidence=0.0).average_precision == pytest.approx(theirs * 5 / 8)


def test_equal_confidences_are_one_point_of_the_curve():
    """Whichever of them a sort happens to put first; scikit-learn does the same."""
    right, scores = [1, 0, 1, 0, 0], [0.9, 0.5, 0.5, 0.5, 0.1]
    for order in ([0, 1, 2, 3, 4], [3, 2, 1, 0, 4]):
        pictures = [image([box(0, 0)] if right[k] else [], [box(0, 0)], [scores[k]]) for k in order]
        found = detection_of(pictures, least_confidence=0.0)
        assert found.average_precision == pytest.approx(average_precision_score(right, scores))


def test_average_precision_is_the_area_under_the_interpolated_curve():
    """A plain reading of PASCAL VOC 2010: at each recall the highest precision at that recall or more."""
    pictures = random_images(np.random.default_rng(1), 60)
    hits, scores = [], []
    for picture in pictures:
        hits += [top < 500 for top in picture.found[:, 1]]
        scores += picture.confidence.tolist()
    faces = sum(len(picture.faces) for picture in pictures)
    ranked = np.array(hits)[np.argsort(-np.array(scores))]
    points = [(ranked[:k].sum() / faces, ranked[:k].sum() / k) for k in range(1, len(ranked) + 1)]
    area, before = 0.0, 0.0
    for recall in sorted({recall for recall, _ in points}):
        area += (recall - before) * max(p for r, p in points if r >= recall)
        before = recall
    assert detection_of(pictures, least_confidence=0.0).average_precision == pytest.approx(area)


def test_intervals_cover_recall_and_precision():
    """200 data sets of 40 images: 93 to 97 %, within what 200 can tell.

    Mistakes are spread more evenly over these images than chance would, and no interval is narrower
    than that of independent detections: precision is covered more often.
    """
    random = np.random.default_rng(2)
    recall = precision = 0
    for seed in range(200):
        found = detection_of(
            random_images(random, 40), least_confidence=-9.0, replicates=60, seed=seed, size_edges=(0, 99)
        )
        recall += found.recall.interval.low <= 0.7 <= found.recall.interval.high
        truth = 1.4 / 2.4  # 0.7 of 2 faces right, 1 wrong, an image
        precision += found.precision.interval.low <= truth <= found.precision.interval.high
    assert 0.92 <= recall / 200 <= 0.98
    assert precision / 200 >= 0.92


def test_all_found_is_as_sure_as_there_are_images():
    """No replicate varies where every face is found; the interval must not be a point."""
    pictures = [image([box(0, 0)], [box(0, 0)], [1.0])] * 30
    found = detection_of(pictures, least_confidence=0.5)
    assert found.average_precision == 1.0
    assert found.recall.interval.low == pytest.approx(0.8865, abs=1e-3)  # Wilson, 30 of 30
    assert found.average_precision_interval.low == pytest.approx(0.8865, abs=1e-3)


def test_a_detector_that_finds_nothing_has_a_recall_of_zero_and_no_precision():
    found = detection_of([image([box(0, 0)]), image([box(0, 0)])], least_confidence=0.5)
    assert (found.recall.rate, found.average_precision, found.precision) == (0.0, 0.0, None)


def test_no_face_to_be_found_is_an_error():
    with pytest.raises(ValueError, match="no face is labelled"):
        detection_of([image(), image()], least_confidence=0.5)
    with pytest.raises(ValueError, match="one a detection"):
        image([], [box(0, 0)], [])
