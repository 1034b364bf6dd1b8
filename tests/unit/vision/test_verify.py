"""Whether an installed pack is whole."""

from __future__ import annotations

import json
import shutil

import pytest

from countenance.vision.install import PackStore
from countenance.vision.verify import RECORD_NAME, Flaw, find_flaws


@pytest.fixture
def copy(open_pack, tmp_path):
    """A copy of a real installed pack that a test may damage."""
    return shutil.copytree(open_pack.directory, tmp_path / "cache/packs/open")


def flaws(open_pack, copy) -> list[Flaw]:
    return list(find_flaws(open_pack.manifest, copy))


def test_a_whole_pack_has_no_flaw(open_pack, copy):
    """Wherever it was copied to."""
    assert flaws(open_pack, copy) == []


def test_missing_and_changed_files_are_named(open_pack, copy):
    """Sources and converted files alike."""
    (copy / "centerface.onnx").unlink()
    converted = copy / "dlib-face-recognition-resnet-v1.onnx"
    converted.write_bytes(converted.read_bytes()[:-1] + b"!")
    (copy / "centerface-free-size.onnx").unlink()
    found = {flaw.file: flaw.problem for flaw in flaws(open_pack, copy)}
    assert found["centerface.onnx"] == found["centerface-free-size.onnx"] == "missing"
    assert found[converted.name].startswith("changed since it was converted")


@pytest.mark.parametrize("record", [None, b"not json", b"[]", b"{}"])
def test_a_converted_file_counts_only_with_its_record(open_pack, copy, record):
    """Nobody's word but the conversion's pins it."""
    if record is None:
        (copy / RECORD_NAME).unlink()
    else:
        (copy / RECORD_NAME).write_bytes(record)
    assert {flaw.file for flaw in flaws(open_pack, copy)} == {
        conversion.file for conversion in open_pack.manifest.conversions
    }


def test_a_file_of_an_older_converter_is_converted_again(open_pack, copy, tmp_path):
    """From the sources that are kept, so without a network."""
    record = json.loads((copy / RECORD_NAME).read_text())
    record["centerface-free-size.onnx"]["recipe"] = "free-input-size 0 of-other-files"
    (copy / RECORD_NAME).write_text(json.dumps(record))
    assert [flaw.file for flaw in flaws(open_pack, copy)] == ["centerface-free-size.onnx"]
    PackStore(tmp_path / "cache").install("open", offline=True)
    assert flaws(open_pack, copy) == []
