"""Whether an installed pack is whole: every file against the digest that pins it.

A converted file is pinned by the record that the conversion left beside it, which also says what it
was made from: a pack whose sources or converter changed has to be converted again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from countenance.vision.convert import CONVERTER_REVISIONS
from countenance.vision.fetch import digest_of
from countenance.vision.manifest import Conversion, PackManifest
from countenance.vision.pinned_files import find_problem

RECORD_NAME = "converted.json"


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with one file of a pack: `missing`, or what it is instead of what it should be."""

    file: str
    problem: str


def find_flaws(manifest: PackManifest, directory: Path) -> Iterator[Flaw]:
    """What keeps the files in `directory` from being the pack, in the order of the manifest."""
    for artifact in manifest.artifacts:
        if (problem := find_problem(directory / artifact.file, artifact)) is not None:
            yield Flaw(artifact.file, problem)
    record = load_record(directory)
    for conversion in manifest.conversions:
        path, entry = directory / conversion.file, record.get(conversion.file, {})
        if not path.is_file():
            yield Flaw(conversion.file, "missing")
        elif entry.get("recipe") != recipe_of(manifest, conversion):
            yield Flaw(conversion.file, "converted from other files or by another version of Countenance")
        elif (found := digest_of(path)) != entry.get("sha256"):
            yield Flaw(conversion.file, f"changed since it was converted (SHA-256 {found})")


def recipe_of(manifest: PackManifest, conversion: Conversion) -> str:
    """What a conversion's file depends on: the converter, its revision, and the digests it reads."""
    digests = {artifact.name: artifact.sha256 for artifact in manifest.artifacts}
    read = " ".join(digests[name] for name in conversion.made_from)
    return f"{conversion.converter} {CONVERTER_REVISIONS[conversion.converter]} {read}"


def load_record(directory: Path) -> dict[str, dict[str, str]]:
    """Converted file → its digest and recipe; empty where nothing was recorded."""
    try:
        record = json.loads((directory / RECORD_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # whatever it vouched for is converted again
    return record if isinstance(record, dict) else {}
