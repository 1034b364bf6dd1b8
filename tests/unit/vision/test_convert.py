"""The converters that manifests may name."""

from __future__ import annotations

from typing import get_args

import pytest

from countenance.errors import SetupError
from countenance.vision.convert import CONVERTER_REVISIONS, convert
from countenance.vision.manifest import Converter


def test_every_converter_has_a_revision():
    """Without one, a changed converter would leave old files in use."""
    assert set(CONVERTER_REVISIONS) == set(get_args(Converter))


@pytest.mark.parametrize("converter", get_args(Converter))
def test_another_number_of_files_is_refused(converter):
    """The manifest's mistake, before any file is read as what it is not."""
    with pytest.raises(SetupError, match=f"`{converter}` reads"):
        convert(converter, [b""] * 3)


@pytest.mark.parametrize(
    ("converter", "count"), [("openvino-ir", 2), ("dlib-resnet", 1), ("free-input-size", 1)]
)
def test_each_name_reaches_its_converter(converter, count):
    """Noise is refused by the converter itself."""
    with pytest.raises(SetupError, match=r"IR|dlib|ONNX"):
        convert(converter, [b"\x01noise"] * count)
