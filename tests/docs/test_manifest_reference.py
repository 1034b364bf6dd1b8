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
    parse_manifest(text.replace("\n[detector]", CONVERSION), file="pack.toml", directory=None)
    return asked


def test_every_key_has_one_row_and_no_row_is_of_no_key(keys):
    """Whoever writes a pack has this page and the error messages."""
    rows = re.findall(r"^\| `([a-z0-9_.]+)` \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(keys)


def test_the_example_is_a_manifest():
    """It is what people copy."""
    examples = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert [parse_manifest(text, file="page", directory=None).name for text in examples] == ["sface"]
