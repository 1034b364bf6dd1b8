"""The evaluation of a pack, put together."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from countenance.errors import SetupError
from countenance.evaluation.protocol import Protocol
from countenance.measuring.data_sets import DataSet, Photo
from countenance.measuring.embedding import FaceChoice, embed_data_set
from countenance.measuring.evaluating import Material, evaluation_of
from countenance.measuring.evaluation_file import check_evaluation
from countenance.measuring.label_errors import LabelErrors
from countenance.measuring.photos import hash_photos
from countenance.measuring.template_cache import TemplateCache
from countenance.vision.parse_manifest import parse_manifest
from countenance.vision.pipeline_digest import pipeline_digest
from fakes.vision import FakeVision, person, picture
from tiny_packs import manifest_toml

MADE_AT = datetime(2026, 11, 27, 3, 4, 5, tzinfo=UTC)
MANIFEST = parse_manifest(manifest_toml(), file="pack.toml", directory=None)
PROTOCOL = Protocol(replicates=200, draws=2, galleries=(10,))


@pytest.fixture
def evaluated(tmp_path):
    """Thirty people with two photos and one without a face, in two cohorts, with an attack."""
    photos = []
    for who in range(30):
        for number in range(3):
            path = f"{who:02d}-{number}.jpg"
            faces = [person(f"p{who}", likeness=0.95 - 0.1 * number)] if number < 2 else []
            (tmp_path / path).write_bytes(picture(*faces, note=path))
            photos.append(Photo(path, f"p{who:02d}", session=f"day {number}", labels=("ab"[who % 2],)))
    (tmp_path / "copy.jpg").write_bytes((tmp_path / "00-0.jpg").read_bytes())
    photos.append(Photo("copy.jpg", "p01", session="day 0", labels=("b",)))
    (tmp_path / "mask.jpg").write_bytes(b"")
    data = DataSet(
        "set",
        "table",
        tmp_path,
        tuple(sorted(photos, key=lambda photo: photo.path)),
        attacks=(Photo("mask.jpg", "p00", species="mask"),),
        cohort_columns=("half",),
        labels_by="this test",
    )
    digests = hash_photos(data.root, (*data.photos, *data.attacks), threads=1)
    errors = LabelErrors(
        doubles=(("p02", "p04"),), wrong=("x.jpg",), reasons=((2, "one person"), (1, "another"))
    )
    material = Material(data, tuple(digests), errors)
    with TemplateCache(None, dimensions=64) as cache:
        embedded = embed_data_set(
            FakeVision("1.0", 64), data, digests, choices=[FaceChoice.LARGEST], cache=cache, threads=1
        )
    return evaluation_of(MANIFEST, material, embedded, protocol=PROTOCOL, made_at=MADE_AT)


def test_it_is_an_evaluation_as_the_format_has_it(evaluated):
    """What is signed and read by policy is read strictly: no member too many, none of a wrong kind."""
    check_evaluation(evaluated)
    assert json.loads(json.dumps(evaluated, allow_nan=False)) == evaluated


def test_it_binds_to_pack_calibration_pipeline_and_data(evaluated):
    assert evaluated["made_at"] == "2026-11-27T03:04:05Z"
    assert evaluated["pack"]["digest"] == MANIFEST.digest
    assert evaluated["calibration"]["digest"] == MANIFEST.calibration.digest
    assert evaluated["program"]["pipeline_digest"] == pipeline_digest()
    assert len(evaluated["data"]["digest"]) == 64


def test_the_data_set_is_told_in_numbers_alone(evaluated):
    data = evaluated["data"]
    assert (data["samples"], data["subjects"], data["subjects_with_two"], data["sessions"]) == (91, 30, 30, 3)
    assert data["duplicates"] == {"within_subjects": 0, "across_subjects": 1}
    assert data["label_errors"] == [
        {"samples_or_subjects": 2, "reason": "one person"},
        {"samples_or_subjects": 1, "reason": "another"},
    ]
    assert data["attacks"] == [{"species": "mask", "samples": 1}]
    assert (data["cohort_columns"], data["labels_by"]) == (["half"], "this test")
    text = json.dumps(evaluated)
    assert not any(name in text for name in ("p01", "copy.jpg", "00-0", ".jpg"))


def test_failures_have_reasons_and_notes_say_what_was_left_out(evaluated):
    assert evaluated["failure_to_enrol"]["by_reason"] == [{"reason": "no face found", "samples": 30}]
    notes = " | ".join(evaluated["notes"])
    for words in (
        "labelled as two subjects",
        "1 pair of subjects listed as one person",
        "1 photo listed as wrongly labelled",
        "1 presentation attack",
    ):
        assert words in notes


def test_groups_and_searches_are_those_of_the_protocol(evaluated):
    assert [found["gallery"] for found in evaluated["identification"]] == [10, 29]
    assert [group["subjects"] for group in evaluated["cohorts"][0]["rates"]] == [14, 15]


def test_without_a_single_template_there_is_nothing_to_evaluate(tmp_path):
    (tmp_path / "1.jpg").write_bytes(b"no picture")
    data = DataSet("set", "folder", tmp_path, (Photo("1.jpg", "a"),))
    digests = tuple(hash_photos(tmp_path, data.photos, threads=1))
    with TemplateCache(None, dimensions=64) as cache:
        embedded = embed_data_set(
            FakeVision("1.0", 64), data, digests, choices=[FaceChoice.LARGEST], cache=cache, threads=1
        )
    with pytest.raises(SetupError, match=r"none of 1 photos has a template \(1 no picture"):
        evaluation_of(
            MANIFEST, Material(data, digests, LabelErrors()), embedded, protocol=PROTOCOL, made_at=MADE_AT
        )
