"""The converters that attributes.toml names."""

from __future__ import annotations

from collections.abc import Sequence

from countenance.errors import SetupError
from countenance.vision.attributes.attribute_pack import Converter
from countenance.vision.attributes.convert_face_api import convert_age_gender, convert_expression
from countenance.vision.attributes.convert_tflite import convert_tflite


def convert_network(converter: Converter, contents: Sequence[bytes], member: str) -> bytes:
    """The ONNX file that `converter` makes from files' contents, in the order of the manifest's `made_from`.

    Raises:
        SetupError: another number of files than the converter reads; as the converter.
    """
    wanted = 1 if converter == "tflite" else 2
    if len(contents) != wanted:
        raise SetupError(f"`{converter}` reads {wanted} files, the manifest gives {len(contents)}")
    if converter == "tflite":
        return convert_tflite(contents[0], member)
    convert = convert_age_gender if converter == "face-api-age-gender" else convert_expression
    return convert(contents[0], contents[1])
