"""The calibration that an evaluation is of."""

from __future__ import annotations

import dataclasses

import pytest

from countenance.assurance.calibration_document import MOST_BYTES
from countenance.errors import SetupError
from countenance.measuring.calibration_in_use import calibration_of_pack, load_calibration
from countenance.similarity import Calibration
from countenance.vision.parse_manifest import parse_manifest
from fakes.calibrations import document_for
from tiny_packs import manifest_toml

MANIFEST = parse_manifest(manifest_toml(), file="pack.toml", directory=None)
DOCUMENT = document_for(
    MANIFEST,
    Calibration(cosine=(0.0, 0.3, 0.5), neg_log10_fmr=(0.5, 3.0, 6.0), trials=19_900, extrapolated_from=0.3),
)


def test_an_operators_says_whose_it_is_and_what_it_was_measured_on(tmp_path):
    (tmp_path / "calibration.json").write_bytes(DOCUMENT.to_bytes())
    found = load_calibration(tmp_path / "calibration.json", MANIFEST)
    assert (found.origin, found.calibration) == ("operator", DOCUMENT.calibration)
    assert found.measured_on == "staff-photos: 900 photos of 300 people"
    assert calibration_of_pack(MANIFEST).calibration.digest != found.calibration.digest


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"pack_digest": "e" * 64}, "is of the pack eeee"),
        ({"pipeline_digest": "e" * 64}, "another version of the code that makes templates"),
    ],
)
def test_one_of_another_pack_or_pipeline_is_refused(tmp_path, changes, why):
    """What a server would not put in force is not evaluated."""
    (tmp_path / "calibration.json").write_bytes(dataclasses.replace(DOCUMENT, **changes).to_bytes())
    with pytest.raises(SetupError, match=why) as refusal:
        load_calibration(tmp_path / "calibration.json", MANIFEST)
    assert "countenance calibrate" in refusal.value.remedy


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"x" * (MOST_BYTES + 1), DOCUMENT.to_bytes().replace(b"0.3", b"0.2")]
)
def test_what_is_no_calibration_is_refused(tmp_path, content):
    (tmp_path / "calibration.json").write_bytes(content)
    with pytest.raises(SetupError, match="no calibration file"):
        load_calibration(tmp_path / "calibration.json", MANIFEST)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SetupError, match=r"none\.json` cannot be read"):
        load_calibration(tmp_path / "none.json", MANIFEST)
