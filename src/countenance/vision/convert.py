"""The converters that a manifest may name, and the revision of what each makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from countenance.errors import SetupError
from countenance.vision.manifest import Converter

CONVERTER_REVISIONS: Mapping[Converter, int] = {"openvino-ir": 1, "dlib-resnet": 1, "free-input-size": 1}
"""Raised when a converter's output changes, so that installed packs are converted again."""

_INPUTS: Mapping[Converter, int] = {"openvino-ir": 2, "dlib-resnet": 1, "free-input-size": 1}


def convert(converter: Converter, contents: Sequence[bytes]) -> bytes:
    """The ONNX file that `converter` makes from files' contents, in the order of the manifest's `made_from`.

    Raises:
        SetupError: another number of files than the converter reads; as the converter.
    """
    if len(contents) != _INPUTS[converter]:
        raise SetupError(
            f"`{converter}` reads {_INPUTS[converter]} files, the manifest gives {len(contents)}"
        )
    # onnx takes a third of a second to import, which only installing has to spend
    if converter == "openvino-ir":
        from countenance.vision.convert_openvino import convert_openvino

        return convert_openvino(*contents)
    if converter == "dlib-resnet":
        from countenance.vision.convert_dlib import convert_dlib

        return convert_dlib(*contents)
    from countenance.vision.convert_input_size import convert_input_size

    return convert_input_size(*contents)
