"""JSON bodies to Python values and back, as the operation's shapes say.

Requests: null is absence at every depth, members the model does not have are ignored, the wrong JSON type
is a SerializationException. Responses: a member the model does not have, or a value of another type, is
our own bug and raises ValueError, which the gateway answers as InternalServerError.

| shape     | in Python                                                        |
|-----------|------------------------------------------------------------------|
| blob      | bytes (base64 on the wire)                                       |
| timestamp | aware datetime (seconds since the epoch, milliseconds as fraction) |
| float     | float that is exactly a float32, in both directions              |
| jsonvalue | the document itself (a JSON string on the wire)                  |
"""

from __future__ import annotations

import base64
import binascii
import itertools
import math
import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from countenance.errors import SerializationException
from countenance.wire.model import (
    BlobShape,
    BooleanShape,
    FloatShape,
    IntegerShape,
    ListShape,
    MapShape,
    OperationModel,
    Shape,
    StringShape,
    StructureShape,
    TimestampShape,
)
from countenance.wire.path import join

_FLOAT32 = struct.Struct("<f")


def parse_request(body: bytes | bytearray | memoryview, operation: OperationModel) -> dict[str, Any]:
    """The request that a body holds; an empty body is `{}`.

    Raises:
        SerializationException: not UTF-8 JSON, nested over 1,024 deep, not an object, or a member of
            the wrong JSON type.
    """
    try:
        document = orjson.loads(body) if len(body) else {}
    except orjson.JSONDecodeError:
        # The parser's own message may quote the body, and a body holds a photograph.
        raise SerializationException("the body is not JSON in UTF-8") from None
    if not isinstance(document, dict):
        raise SerializationException(f"the body must be a JSON object, not {_json_type(document)}")
    return _parse_structure(document, operation.input_shape, "")


def to_body(response: Mapping[str, Any], operation: OperationModel) -> bytes:
    """Compact JSON of a response: members that are None left out, empty lists kept.

    Raises:
        ValueError: a member that the output shape does not have, or a value that is not of its type.
    """
    return orjson.dumps(_write_structure(response, operation.output_shape, operation.name))


def _parse(value: Any, shape: Shape, path: str) -> Any:
    return _PARSERS[type(shape)](value, shape, path)


def _parse_structure(value: Any, shape: StructureShape, path: str) -> dict[str, Any]:
    if type(value) is not dict:
        raise _wrong_type(path, "an object", value)
    members = shape.members
    return {
        name: _parse(member, members[name], join(path, name))
        for name, member in value.items()
        if member is not None and name in members
    }


def _parse_list(value: Any, shape: ListShape, path: str) -> list[Any]:
    if type(value) is not list:
        raise _wrong_type(path, "an array", value)
    elements = [element for element in value if element is not None]
    # Past the maximum `validate` refuses the whole list: the tail counts, and is not worth parsing.
    parsed = [
        _parse(element, shape.member, f"{path}.{number}.member")
        for number, element in enumerate(elements[: shape.max], start=1)
    ]
    return parsed + elements[shape.max :]


def _parse_map(value: Any, shape: MapShape, path: str) -> dict[str, Any]:
    if type(value) is not dict:
        raise _wrong_type(path, "an object", value)
    entries = {key: element for key, element in value.items() if element is not None}
    for number, (key, element) in enumerate(itertools.islice(entries.items(), shape.max), start=1):
        entries[key] = _parse(element, shape.value, f"{path}.{number}.value")
    return entries


def _parse_string(value: Any, shape: StringShape, path: str) -> Any:
    if type(value) is not str:
        raise _wrong_type(path, "a string", value)
    if not shape.json_value:
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        raise SerializationException(f"`{path}` must be a string that holds JSON") from None


def _parse_integer(value: Any, shape: IntegerShape, path: str) -> int:
    if type(value) is float and value.is_integer():
        value = int(value)  # 5.0 and 1e3 are the same JSON numbers as 5 and 1000
    if type(value) is not int:
        raise _wrong_type(path, "a whole number", value)
    if not -(1 << (shape.bits - 1)) <= value < 1 << (shape.bits - 1):
        raise SerializationException(f"`{path}` does not fit in {shape.bits} bits")
    return value


def _parse_float(value: Any, shape: FloatShape, path: str) -> float:
    if type(value) is not float and type(value) is not int:
        raise _wrong_type(path, "a number", value)
    try:
        return _to_float32(value) if shape.single else float(value)
    except OverflowError:
        raise SerializationException(f"`{path}` is beyond the range of its type") from None


def _parse_boolean(value: Any, shape: BooleanShape, path: str) -> bool:  # noqa: ARG001  # parsers are called alike
    if type(value) is not bool:
        raise _wrong_type(path, "true or false", value)
    return value


def _parse_blob(value: Any, shape: BlobShape, path: str) -> bytes:  # noqa: ARG001  # as above
    if type(value) is not str:
        raise _wrong_type(path, "a base64 string", value)
    try:
        return binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        raise SerializationException(f"`{path}` is not base64 with padding") from None


def _parse_timestamp(value: Any, shape: TimestampShape, path: str) -> datetime:  # noqa: ARG001  # as above
    try:
        if type(value) is str:
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if type(value) is int or type(value) is float:
            return datetime.fromtimestamp(value, tz=UTC)
    except (ValueError, OverflowError, OSError):
        raise SerializationException(f"`{path}` is not a time") from None
    raise _wrong_type(path, "a number of seconds since 1970", value)


def _write(value: Any, shape: Shape, path: str) -> Any:
    return _WRITERS[type(shape)](value, shape, path)


def _write_structure(value: Any, shape: StructureShape, path: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _bug(path, "a mapping", value)
    written = {}
    for name, member in value.items():
        if name not in shape.members:
            raise ValueError(f"{path}: `{shape.name}` has no member `{name}`")
        if member is not None:
            written[name] = _write(member, shape.members[name], f"{path}.{name}")
    return written


def _write_list(value: Any, shape: ListShape, path: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise _bug(path, "a list", value)
    return [_write(element, shape.member, path) for element in value]


def _write_map(value: Any, shape: MapShape, path: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _bug(path, "a mapping", value)
    return {
        _write(key, shape.key, path): _write(element, shape.value, path) for key, element in value.items()
    }


def _write_string(value: Any, shape: StringShape, path: str) -> str:
    if shape.json_value:
        return orjson.dumps(value).decode()
    if not isinstance(value, str):
        raise _bug(path, "a string", value)
    if shape.enum and value not in shape.enum:
        raise ValueError(f"{path}: `{shape.name}` has no value `{value}`")
    return value


def _write_integer(value: Any, shape: IntegerShape, path: str) -> int:  # noqa: ARG001  # writers are called alike
    if not isinstance(value, int) or isinstance(value, bool):
        raise _bug(path, "an int", value)
    return value


def _write_float(value: Any, shape: FloatShape, path: str) -> float:
    if isinstance(value, bool | str) or not hasattr(value, "__float__"):
        raise _bug(path, "a number", value)
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{path}: {number} is not a JSON number")
    return _to_float32(number) if shape.single else number


def _write_boolean(value: Any, shape: BooleanShape, path: str) -> bool:  # noqa: ARG001  # as above
    if not isinstance(value, bool):
        raise _bug(path, "a bool", value)
    return value


def _write_blob(value: Any, shape: BlobShape, path: str) -> str:  # noqa: ARG001  # as above
    if not isinstance(value, bytes | bytearray | memoryview):
        raise _bug(path, "bytes", value)
    return base64.b64encode(value).decode("ascii")


def _write_timestamp(value: Any, shape: TimestampShape, path: str) -> float:  # noqa: ARG001  # as above
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise _bug(path, "an aware datetime", value)
    return round(value.timestamp(), 3)


def _to_float32(value: float) -> float:
    """The nearest float32, widened. OverflowError beyond its range."""
    rounded: float = _FLOAT32.unpack(_FLOAT32.pack(value))[0]
    return rounded


def _wrong_type(path: str, wanted: str, value: Any) -> SerializationException:
    return SerializationException(f"`{path}` must be {wanted}, not {_json_type(value)}")


def _bug(path: str, wanted: str, value: Any) -> ValueError:
    return ValueError(f"{path}: must be {wanted}, not {type(value).__name__}")


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    names = {dict: "an object", list: "an array", str: "a string", int: "a number", float: "a number"}
    return names.get(type(value), "null")


_PARSERS: dict[type, Callable[[Any, Any, str], Any]] = {
    StructureShape: _parse_structure,
    ListShape: _parse_list,
    MapShape: _parse_map,
    StringShape: _parse_string,
    IntegerShape: _parse_integer,
    FloatShape: _parse_float,
    BooleanShape: _parse_boolean,
    BlobShape: _parse_blob,
    TimestampShape: _parse_timestamp,
}
_WRITERS: dict[type, Callable[[Any, Any, str], Any]] = {
    StructureShape: _write_structure,
    ListShape: _write_list,
    MapShape: _write_map,
    StringShape: _write_string,
    IntegerShape: _write_integer,
    FloatShape: _write_float,
    BooleanShape: _write_boolean,
    BlobShape: _write_blob,
    TimestampShape: _write_timestamp,
}
