"""The model's constraints, all of them: botocore's own validator checks presence, types and minima only.

Takes a request as `codec.parse_request` returns it (types already right) and reports every violation in
the words AWS uses. A value is shown as a short prefix; a blob only as its length.
"""

from __future__ import annotations

import itertools
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
    """Check every constraint of the operation's input shape.

    Raises:
        ValidationException: counts all violations and names the first 20.
    """
    violations = _Violations()
    _check(request, operation.input_shape, "", violations)
    if violations.count:
        raise ValidationException(violations.message())


class _Violations:
    """Counts all, keeps the words of the first few: a large body must not make a larger message."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[str] = []

    def add(self, path: str, shown: str, constraint: str) -> None:
        self.count += 1
        if len(self._first) < _SHOWN_VIOLATIONS:
            self._first.append(f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}")

    def message(self) -> str:
        errors = "error" if self.count == 1 else "errors"
        return f"{self.count} validation {errors} detected: {'; '.join(self._first)}"


def _check(value: Any, shape: Shape, path: str, violations: _Violations) -> None:
    _CHECKS[type(shape)](value, shape, path, violations)


def _check_structure(
    value: Mapping[str, Any], shape: StructureShape, path: str, violations: _Violations
) -> None:
    for name in shape.required:
        if value.get(name) is None:
            violations.add(join(path, name), "null", "Member must not be null")
    given = {name: member for name, member in value.items() if member is not None and name in shape.members}
    if shape.union and len(given) != 1:
        shown = f"'{', '.join(sorted(given))}'"
        violations.add(path, shown, "Member must have exactly one of its members set")
    for name, member in given.items():
        _check(member, shape.members[name], join(path, name), violations)


def _check_list(value: list[Any], shape: ListShape, path: str, violations: _Violations) -> None:
    _check_length(len(value), shape, f"'[{len(value)} members]'", path, violations)
    # Elements beyond the maximum are refused already: a list's cost stays bounded by its model.
    for number, element in enumerate(value[: shape.max], start=1):
        _check(element, shape.member, f"{path}.{number}.member", violations)


def _check_map(value: Mapping[str, Any], shape: MapShape, path: str, violations: _Violations) -> None:
    _check_length(len(value), shape, f"'[{len(value)} entries]'", path, violations)
    for number, (key, element) in enumerate(itertools.islice(value.items(), shape.max), start=1):
        _check(key, shape.key, f"{path}.{number}.key", violations)
        _check(element, shape.value, f"{path}.{number}.value", violations)


def _check_string(value: Any, shape: StringShape, path: str, violations: _Violations) -> None:
    if shape.json_value:
        return
    shown = "'***'" if shape.sensitive else f"'{_prefix(value)}'"
    _check_length(len(value), shape, shown, path, violations)
    if "\0" in value:  # no name has it, and no database keeps it
        violations.add(path, "'***'", "Member must not have the character U+0000")
    if shape.enum and value not in shape.enum:
        allowed = ", ".join(shape.enum)
        violations.add(path, shown, f"Member must satisfy enum value set: [{allowed}]")
    too_long = shape.max is not None and len(value) > shape.max
    if shape.pattern is not None and not too_long and not _matches(shape.pattern, value):
        violations.add(path, shown, f"Member must satisfy regular expression pattern: {shape.pattern_text}")


def _check_number(value: float, shape: IntegerShape | FloatShape, path: str, violations: _Violations) -> None:
    if not math.isfinite(value):
        violations.add(path, f"'{value}'", "Member must be a finite number")
        return
    if shape.max is not None and value > shape.max:
        violations.add(path, f"'{value}'", f"Member must have value less than or equal to {shape.max}")
    if shape.min is not None and value < shape.min:
        violations.add(path, f"'{value}'", f"Member must have value greater than or equal to {shape.min}")


def _check_blob(value: bytes, shape: BlobShape, path: str, violations: _Violations) -> None:
    _check_length(len(value), shape, f"'[{len(value)} bytes]'", path, violations)


def _check_nothing(value: Any, shape: Shape, path: str, violations: _Violations) -> None:
    """Booleans and times carry no constraints in this model language."""


def _check_length(
    length: int,
    shape: StringShape | BlobShape | ListShape | MapShape,
    shown: str,
    path: str,
    violations: _Violations,
) -> None:
    if shape.max is not None and length > shape.max:
        violations.add(path, shown, f"Member must have length less than or equal to {shape.max}")
    if shape.min is not None and length < shape.min:
        violations.add(path, shown, f"Member must have length greater than or equal to {shape.min}")


def _matches(pattern: regex.Pattern[str], value: str) -> bool:
    try:
        return pattern.fullmatch(value, timeout=_PATTERN_TIMEOUT_S) is not None
    except TimeoutError:
        return False


def _prefix(value: str) -> str:
    return value if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]}..."


_CHECKS: dict[type, Callable[[Any, Any, str, _Violations], None]] = {
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
