"""What a manifest's values say about one another."""

from __future__ import annotations

import pytest

from countenance.vision.parse_manifest import parse_manifest
from tiny_packs import manifest_toml


def digest(text: str) -> str:
    return parse_manifest(text, file="pack.toml", directory=None).digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("dimensions = 256", "dimensions = 128"),
        ("confidence_floor = 60", "confidence_floor = 61"),
        ("mirror_average = false", "mirror_average = true"),
        ('sha256 = "', 'sha256 = "0'),
    ],
)
def test_the_digest_changes_with_what_templates_depend_on(old, new):
    """Cached embeddings are keyed by it: equal digests must mean equal templates."""
    text = manifest_toml()
    changed = text.replace(old, new, 1)
    if old.startswith("sha256"):  # keep it 64 digits long
        line = next(line for line in changed.splitlines() if line.startswith('sha256 = "0'))
        changed = changed.replace(line, line[:-2] + '"', 1)
    assert digest(changed) != digest(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("trials = 1000", "trials = 2000"),
        ('description = "a pack', 'description = "the pack'),
        ("9.1", "9.2"),
    ],
)
def test_the_digest_stays_with_what_they_do_not_depend_on(old, new):
    """A new calibration is no reason to embed everything again."""
    assert digest(manifest_toml().replace(old, new)) == digest(manifest_toml())
