"""docs/models/writing-a-pack.md states every key of a manifest, and its examples are manifests."""

from __future__ import annotations

import re

import pytest

from countenance.vision.manifest_table import ManifestTable
from countenance.vision.parse_manifest import parse_manifest
from paths import REPOSITORY
from tiny_packs import manifest_toml, url_source

PAGE = (REPOSITORY / "docs/models/writing-a-pack.md").read_text(encoding="utf-8")
SOURCES = """
[[artifacts.sources]]
pypi = "w"
version = "1"
distribution = "wheel"
sha256 = "{0}"
member = "m"
platform = "any"
[[artifacts.sources]]
npm = "w"
version = "1"
sha256 = "{0}"
member = "m"
""".replace("{0}", "0" * 64)
CONVERSION = """
[[conversions]]
artifact = "made"
file = "made.onnx"
converter = "dlib-resnet"
made_from = ["embedder"]

[detector]"""

SECOND = """
[[fused_with]]
artifact = "embedder"
input_width_px = 112
input_height_px = 112
colour_order = "RGB"
layout = "NCHW"
mean = [0, 0, 0]
scale = [1, 1, 1]
reference_points = {0}
mirror_average = false
dimensions = 128
typical_length = 10

[landmarker]
artifact = "embedder"
input_px = 48
colour_order = "RGB"
mean = [0, 0, 0]
scale = [1, 1, 1]
reference_points = {0}

[calibration]""".replace("{0}", "[[1, 1], [9, 1], [5, 5], [2, 9], [8, 9]]")

BAND = "trials = 1000\nneg_log10_fmr_low = [0.2, 5.0]\nneg_log10_fmr_high = [0.4, 9.0]"


@pytest.fixture
def keys(monkeypatch) -> set[str]:
    """Every key that reading a manifest with one of everything asks for."""
    asked = set()
    require = ManifestTable._require_any

    def recording(self, key):
        asked.add(re.sub(r"\[\d+\]", "", self._path) + key)
        return require(self, key)

    monkeypatch.setattr(ManifestTable, "_require_any", recording)
    text = manifest_toml(detector_sources=url_source("https://example.org/w") + SOURCES)
    text = text.replace("\n[detector]", CONVERSION).replace("trials = 1000", BAND)
    text = text.replace("\n[calibration]", SECOND).replace(
        "dimensions = 256", "dimensions = 256\ntypical_length = 9"
    )
    text = text.replace("\nlicence", '\nuse = "any"\nfolder = "mine"\nlicence', 1)
    parse_manifest(text, file="pack.toml", directory=None)
    return asked


def test_every_key_has_one_row_and_no_row_is_of_no_key(keys):
    """Whoever writes a pack has this page and the error messages."""
    rows = re.findall(r"^\| `([a-z0-9_.]+)` \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(keys)


def test_the_example_is_a_manifest():
    """It is what people copy."""
    examples = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert [parse_manifest(text, file="page", directory=None).name for text in examples] == ["sface"]
