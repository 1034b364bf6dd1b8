"""From the text of a pack.toml to a `PackManifest`: strict, so that nothing in a pack is guessed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

from countenance.errors import SetupError
from countenance.similarity import Calibration
from countenance.vision.manifest import (
    Artifact,
    ColourOrder,
    Conversion,
    Converter,
    DetectorKind,
    DetectorSpec,
    EmbedderSpec,
    LandmarkerSpec,
    NpmMember,
    PackManifest,
    PypiMember,
    Source,
    TrainingData,
    UpstreamUrl,
    Use,
)
from countenance.vision.manifest_table import ManifestTable

MANIFEST_FORMAT = 1

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def parse_manifest(text: str, *, file: str, directory: Path | None) -> PackManifest:
    """The pack that a manifest states; `file` is its name in messages.

    Raises:
        SetupError: not TOML; a key that is unknown, missing or of the wrong type or value.
    """
    try:
        table = ManifestTable(tomllib.loads(text), file=file)
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"{file} is not TOML: {error}") from None
    if table.require_whole("format", minimum=1) != MANIFEST_FORMAT:
        raise table.refuse("format", f"must be {MANIFEST_FORMAT}")
    calibration = table.require_table("calibration")
    manifest = PackManifest(
        name=_matching(table, "name", _NAME),
        face_model_version=_matching(table, "face_model_version", _VERSION),
        description=table.require_text("description"),
        licence=table.require_text("licence"),
        artifacts=tuple(to_artifact(row) for row in table.require_tables("artifacts")),
        conversions=tuple(_to_conversion(row) for row in table.require_tables("conversions")),
        detector=_to_detector(table.require_table("detector")),
        embedder=_to_embedder(table.require_table("embedder")),
        measured_on=calibration.require_text("measured_on"),
        calibration=_to_calibration(calibration),
        directory=directory,
        use=table.require_choice("use", get_args(Use)) if table.has("use") else "unstated",
        fused_with=tuple(_to_embedder(row) for row in table.require_tables("fused_with")),
        folder=_matching(table, "folder" if table.has("folder") else "name", _NAME),
        landmarker=_to_landmarker(table.require_table("landmarker")) if table.has("landmarker") else None,
    )
    table.finish()
    _check_references(manifest, table)
    return manifest


def load_manifest(path: Path) -> PackManifest:
    """The user's pack whose pack.toml is at `path`.

    Raises:
        SetupError: it cannot be read, or as `parse_manifest`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path} cannot be read: {error}") from None
    return parse_manifest(text, file=str(path), directory=path.parent)


def _matching(table: ManifestTable, key: str, pattern: re.Pattern[str]) -> str:
    text = table.require_text(key)
    if pattern.fullmatch(text) is None:
        raise table.refuse(key, f"is `{text}`, it must match {pattern.pattern}")
    return text


def to_artifact(table: ManifestTable) -> Artifact:
    """A row of `artifacts`. Raises SetupError as `parse_manifest`."""
    artifact = Artifact(
        name=_matching(table, "name", _NAME),
        file=_matching(table, "file", _FILE_NAME),
        sha256=_matching(table, "sha256", _SHA256),
        size_bytes=table.require_whole("size_bytes", minimum=1),
        licence=table.require_text("licence"),
        training_data=table.require_choice("training_data", get_args(TrainingData)),
        training_data_note=table.require_text("training_data_note"),
        sources=tuple(_to_source(row) for row in table.require_tables("sources")),
    )
    table.finish()
    return artifact


def _to_source(table: ManifestTable) -> Source:
    source: Source
    if table.has("url"):
        url = table.require_text("url")
        if not url.startswith(("https://", "http://")):
            raise table.refuse("url", "must begin with https:// or http://")
        source = UpstreamUrl(url)
    elif table.has("npm"):
        source = NpmMember(
            package=table.require_text("npm"),
            version=table.require_text("version"),
            sha256=_matching(table, "sha256", _SHA256),
            member=table.require_text("member"),
        )
    else:
        source = PypiMember(
            package=table.require_text("pypi"),
            version=table.require_text("version"),
            distribution=table.require_choice("distribution", ("wheel", "sdist")),
            sha256=_matching(table, "sha256", _SHA256),
            member=table.require_text("member"),
            platform=table.require_text("platform") if table.has("platform") else "any",
        )
    table.finish()
    return source


def _to_conversion(table: ManifestTable) -> Conversion:
    conversion = Conversion(
        artifact=_matching(table, "artifact", _NAME),
        file=_matching(table, "file", _FILE_NAME),
        converter=table.require_choice("converter", get_args(Converter)),
        made_from=table.require_texts("made_from"),
    )
    table.finish()
    return conversion


def _to_detector(table: ManifestTable) -> DetectorSpec:
    detector = DetectorSpec(
        kind=table.require_choice("kind", get_args(DetectorKind)),
        artifact=table.require_text("artifact"),
        colour_order=table.require_choice("colour_order", get_args(ColourOrder)),
        mean=_three(table, "mean"),
        scale=_three(table, "scale"),
        confidence_floor=table.require_number("confidence_floor"),
        smallest_face_px=table.require_whole("smallest_face_px", minimum=1),
        largest_face_px=table.require_whole("largest_face_px", minimum=1),
    )
    if not 0 <= detector.confidence_floor <= 100:
        raise table.refuse("confidence_floor", "must be 0 to 100")
    if detector.smallest_face_px >= detector.largest_face_px:
        raise table.refuse("largest_face_px", "must be more than smallest_face_px")
    table.finish()
    return detector


def _to_landmarker(table: ManifestTable) -> LandmarkerSpec:
    landmarker = LandmarkerSpec(
        artifact=table.require_text("artifact"),
        input_px=table.require_whole("input_px", minimum=16),
        colour_order=table.require_choice("colour_order", get_args(ColourOrder)),
        mean=_three(table, "mean"),
        scale=_three(table, "scale"),
        reference_points=table.require_points("reference_points", count=5),
    )
    table.finish()
    return landmarker


def _to_embedder(table: ManifestTable) -> EmbedderSpec:
    embedder = EmbedderSpec(
        artifact=table.require_text("artifact"),
        input_width_px=table.require_whole("input_width_px", minimum=16),
        input_height_px=table.require_whole("input_height_px", minimum=16),
        colour_order=table.require_choice("colour_order", get_args(ColourOrder)),
        layout=table.require_choice("layout", ("NCHW", "NHWC")),
        mean=_three(table, "mean"),
        scale=_three(table, "scale"),
        reference_points=table.require_points("reference_points", count=5),
        mirror_average=table.require_flag("mirror_average"),
        dimensions=table.require_whole("dimensions", minimum=2),
        typical_length=table.require_number("typical_length") if table.has("typical_length") else None,
    )
    if embedder.typical_length is not None and embedder.typical_length <= 0:
        raise table.refuse("typical_length", "must be more than 0")
    table.finish()
    return embedder


def _to_calibration(table: ManifestTable) -> Calibration:
    try:
        calibration = Calibration(
            cosine=table.require_numbers("cosine"),
            neg_log10_fmr=table.require_numbers("neg_log10_fmr"),
            trials=table.require_whole("trials", minimum=1),
            extrapolated_from=table.require_number("extrapolated_from"),
            neg_log10_fmr_low=_numbers_if_stated(table, "neg_log10_fmr_low"),
            neg_log10_fmr_high=_numbers_if_stated(table, "neg_log10_fmr_high"),
        )
    except ValueError as error:
        raise table.refuse("cosine", f"and neg_log10_fmr do not fit: {error}") from None
    table.finish()
    return calibration


def _numbers_if_stated(table: ManifestTable, key: str) -> tuple[float, ...]:
    return table.require_numbers(key) if table.has(key) else ()


def _three(table: ManifestTable, key: str) -> tuple[float, float, float]:
    first, second, third = table.require_numbers(key, count=3)
    return first, second, third


def _check_references(manifest: PackManifest, table: ManifestTable) -> None:
    """Each file and name is used once, and what is named exists."""
    pinned = [artifact.name for artifact in manifest.artifacts]
    converted = [conversion.artifact for conversion in manifest.conversions]
    files = [
        *(artifact.file for artifact in manifest.artifacts),
        *(made.file for made in manifest.conversions),
    ]
    if not pinned:
        raise table.refuse("artifacts", "is missing")
    for listed in (pinned + converted, files):
        repeated = sorted({entry for entry in listed if listed.count(entry) > 1})
        if repeated:
            raise table.refuse("artifacts", f"and conversions name `{repeated[0]}` more than once")
    for conversion in manifest.conversions:
        for name in conversion.made_from:
            if name not in pinned:
                raise table.refuse(
                    "conversions", f"make `{conversion.file}` from `{name}`, which is no artifact"
                )
    run = [("detector", manifest.detector.artifact), ("embedder", manifest.embedder.artifact)]
    run += [(f"fused_with[{index}]", spec.artifact) for index, spec in enumerate(manifest.fused_with)]
    if manifest.landmarker is not None:
        run.append(("landmarker", manifest.landmarker.artifact))
    for key, name in run:
        if name not in pinned + converted:
            raise table.refuse(f"{key}.artifact", f"is `{name}`, which is no artifact or conversion")
