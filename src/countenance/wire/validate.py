"""The model's constraints, all of them: botocore's own validator checks presence, types and minima only.

Takes a request as `codec.parse_request` returns it (types already right) and reports every violation in
the words AWS uses. A value is shown as a short prefix; a blob only as its length.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import regex

from countenance.errors import ValidationException
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

_SHOWN_CHARACTERS = 64
_SHOWN_VIOLATIONS = 20
_PATTERN_TIMEOUT_S = 1.0
"""Some patterns backtrack and have no maximum length; one that takes longer than this does not match."""


def validate(request: Mapping[str, Any], operation: OperationModel) -> None:
    """Every constraint of the operation's input shape.

    Raises:
        ValidationException: names all violations, the first 20 in words.
    """
    findings: list[str] = []
    _check(request, operation.input_shape, "", findings)
    if findings:
        errors = "error" if len(findings) == 1 else "errors"
        shown = "; ".join(findings[:_SHOWN_VIOLATIONS])
        raise ValidationException(f"{len(findings)} validation {errors} detected: {shown}")


def _check(value: Any, shape: Shape, path: str, findings: list[str]) -> None:
    _CHECKS[type(shape)](value, shape, path, findings)


def _check_structure(
    value: Mapping[str, Any], shape: StructureShape, path: str, findings: list[str]
) -> None:
    for name in shape.required:
        if value.get(name) is None:
            findings.append(_finding("null", join(path, name), "Member must not be null"))
    given = {name: member for name, member in value.items() if member is not None and name in shape.members}
    if shape.union and len(given) != 1:
        findings.append(
            _finding(f"'{', '.join(sorted(given))}'", path, "Member must have exactly one of its members set")
        )
    for name, member in given.items():
        _check(member, shape.members[name], join(path, name), findings)


def _check_list(value: list[Any], shape: ListShape, path: str, findings: list[str]) -> None:
    _check_length(len(value), shape, f"'[{len(value)} members]'", path, findings)
    # Elements beyond the maximum are refused already: a list's cost stays bounded by its model.
    for number, element in enumerate(value[: shape.max], start=1):
        _check(element, shape.member, f"{path}.{number}.member", findings)


def _check_map(value: Mapping[str, Any], shape: MapShape, path: str, findings: list[str]) -> None:
    _check_length(len(value), shape, f"'{{{len(value)} entries}}'", path, findings)
    for number, (key, element) in enumerate(list(value.items())[: shape.max], start=1):
        _check(key, shape.key, f"{path}.{number}.key", findings)
        _check(element, shape.value, f"{path}.{number}.value", findings)


def _check_string(value: Any, shape: StringShape, path: str, findings: list[str]) -> None:
    if shape.json_value:
        return
    shown = "'***'" if shape.sensitive else f"'{_prefix(value)}'"
    _check_length(len(value), shape, shown, path, findings)
    if shape.enum and value not in shape.enum:
        allowed = ", ".join(shape.enum)
        findings.append(_finding(shown, path, f"Member must satisfy enum value set: [{allowed}]"))
    too_long = shape.max is not None and len(value) > shape.max
    if shape.pattern is not None and not too_long and not _matches(shape.pattern, value):
        constraint = f"Member must satisfy regular expression pattern: {shape.pattern_text}"
        findings.append(_finding(shown, path, constraint))


def _check_number(value: float, shape: IntegerShape | FloatShape, path: str, findings: list[str]) -> None:
    if not math.isfinite(value):
        findings.append(_finding(f"'{value}'", path, "Member must be a finite number"))
        return
    if shape.min is not None and value < shape.min:
        constraint = f"Member must have value greater than or equal to {shape.min}"
        findings.append(_finding(f"'{value}'", path, constraint))
    if shape.max is not None and value > shape.max:
        constraint = f"Member must have value less than or equal to {shape.max}"
        findings.append(_finding(f"'{value}'", path, constraint))


def _check_blob(value: bytes, shape: BlobShape, path: str, findings: list[str]) -> None:
    _check_length(len(value), shape, f"'[{len(value)} bytes]'", path, findings)


def _check_nothing(value: Any, shape: Shape, path: str, findings: list[str]) -> None:
    """Booleans and times carry no constraints in this model language."""


def _check_length(
    length: int, shape: StringShape | BlobShape | ListShape | MapShape, shown: str, path: str, findings: list[str]
) -> None:
    if shape.max is not None and length > shape.max:
        constraint = f"Member must have length less than or equal to {shape.max}"
        findings.append(_finding(shown, path, constraint))
    if shape.min is not None and length < shape.min:
        constraint = f"Member must have length greater than or equal to {shape.min}"
        findings.append(_finding(shown, path, constraint))


def _matches(pattern: regex.Pattern[str], value: str) -> bool:
    try:
        return pattern.fullmatch(value, timeout=_PATTERN_TIMEOUT_S) is not None
    except TimeoutError:
        return False


def _prefix(value: str) -> str:
    return value if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]}..."


def _finding(shown: str, path: str, constraint: str) -> str:
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


_CHECKS: dict[type, Callable[[Any, Any, str, list[str]], None]] = {
    StructureShape: _check_structure,
    ListShape: _check_list,
    MapShape: _check_map,
    StringShape: _check_string,
    IntegerShape: _check_number,
    FloatShape: _check_number,
    BooleanShape: _check_nothing,
    BlobShape: _check_blob,
    TimestampShape: _check_nothing,
}
