"""Packs of a few bytes, for tests about getting and keeping files rather than about faces."""

from __future__ import annotations

import hashlib
from pathlib import Path

DETECTOR = b"the detector's weights" * 400
EMBEDDER = b"the embedder's weights" * 300
_POINTS = "[[40.0, 59.0], [87.0, 59.0], [64.0, 82.0], [45.0, 105.0], [84.0, 105.0]]"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def artifact_toml(name: str, file: str, content: bytes, sources: str = "") -> str:
    """An [[artifacts]] table; `sources` is the TOML of its [[artifacts.sources]]."""
    return f"""
[[artifacts]]
name = "{name}"
file = "{file}"
sha256 = "{sha256(content)}"
size_bytes = {len(content)}
licence = "MIT"
training_data = "unknown"
training_data_note = "nobody says"
{sources}
"""


def url_source(url: str) -> str:
    return f'[[artifacts.sources]]\nurl = "{url}"\n'


def manifest_toml(
    name: str = "tiny", version: str = "9.1", *, detector_sources: str = "", embedder_sources: str = ""
) -> str:
    """A whole pack.toml of two artifacts: DETECTOR in detector.onnx, EMBEDDER in embedder.onnx."""
    return f"""
format = 1
name = "{name}"
face_model_version = "{version}"
description = "a pack for tests"
licence = "MIT"
{artifact_toml("detector", "detector.onnx", DETECTOR, detector_sources)}
{artifact_toml("embedder", "embedder.onnx", EMBEDDER, embedder_sources)}
[detector]
kind = "yunet"
artifact = "detector"
colour_order = "BGR"
mean = [0, 0, 0]
scale = [1, 1, 1]
confidence_floor = 60
smallest_face_px = 18
largest_face_px = 640

[embedder]
artifact = "embedder"
input_width_px = 128
input_height_px = 128
colour_order = "BGR"
layout = "NCHW"
mean = [0, 0, 0]
scale = [1, 1, 1]
reference_points = {_POINTS}
mirror_average = false
dimensions = 256

[calibration]
measured_on = "nothing"
cosine = [0.0, 0.5]
neg_log10_fmr = [0.3, 6.0]
trials = 1000
extrapolated_from = 0.4
"""


def write_pack(folder: Path, text: str) -> Path:
    """Put a pack.toml into a folder of its own and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pack.toml").write_text(text, encoding="utf-8")
    return folder
