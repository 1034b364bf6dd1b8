"""Requests made from a service model's shapes: random valid ones, and ones that break one constraint.

`requests_for(operation, valid=True)` draws requests that meet every constraint; `valid=False` draws one
and breaks it in one place. `bounds_of(operation)` lists, without chance, each constraint of the input with
values on both sides of it. Values are Python's, as boto3 takes them: bytes, aware datetimes, floats that
are float32.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

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

ABSENT = object()
"""The value of a required member that is left out."""
EXTRA_MEMBERS = 3
MAX_RANDOM_BREACH_BYTES = 65536
SPELLED_OUT = {r"\p{L}": "a-zA-Zéßж中", r"\p{Z}": " \u00a0", r"\p{N}": "0-9½", r"\p{M}": "\u0301"}
FLOAT32_MAX = 3.4028234663852886e38


@dataclass(frozen=True)
class Bound:
    """One constraint at one place of a request.

    Attributes:
        steps: member names from the top; "[]" is a list's first element, "{key}" and "{value}" a map's.
        name: the same place as messages name it.
        constraint: what a message says of it.
        within: a value that meets it with no room left, or ABSENT where there is none to be had.
        beyond: a value that breaks it, by as little as it can.
    """

    steps: tuple[str, ...]
    name: str
    constraint: str
    within: Any
    beyond: Any

    def __str__(self):
        return f"{self.name or 'request'}: {self.constraint[:60]}"


def requests_for(operation: OperationModel, *, valid: bool = True) -> SearchStrategy[dict[str, Any]]:
    """Requests of an operation: all constraints met, or one of them broken."""
    requests = values_of(operation.input_shape)
    if valid:
        return requests
    bounds = [bound for bound in bounds_of(operation) if _is_small(bound.beyond)]
    if not bounds:
        return st.nothing()
    return st.builds(
        lambda request, bound: planted(request, operation.input_shape, bound.steps, bound.beyond),
        requests,
        st.sampled_from(bounds),
    )


def values_of(shape: Shape) -> SearchStrategy[Any]:
    """Values that meet every constraint of a shape."""
    match shape:
        case StructureShape(union=True):
            return st.one_of(
                [st.fixed_dictionaries({name: values_of(member)}) for name, member in shape.members.items()]
            )
        case StructureShape():
            drawn = {
                name: st.deferred(lambda m=member: values_of(m)) for name, member in shape.members.items()
            }
            required = {name: drawn.pop(name) for name in shape.required}
            return st.fixed_dictionaries(required, optional=drawn)
        case ListShape():
            return st.lists(values_of(shape.member), **_sizes(shape))
        case MapShape():
            return st.dictionaries(values_of(shape.key), values_of(shape.value), **_sizes(shape))
        case StringShape(json_value=True):
            return st.dictionaries(st.text(), st.integers(-1000, 1000) | st.text())
        case StringShape():
            return _strings(shape)
        case IntegerShape():
            limit = 1 << (shape.bits - 1)
            return st.integers(
                -limit if shape.min is None else shape.min, limit - 1 if shape.max is None else shape.max
            )
        case FloatShape():
            low = -FLOAT32_MAX if shape.min is None else shape.min
            return st.floats(
                low, FLOAT32_MAX if shape.max is None else shape.max, width=32 if shape.single else 64
            )
        case BooleanShape():
            return st.booleans()
        case BlobShape():
            return st.binary(min_size=shape.min or 0, max_size=(shape.min or 0) + 64)
        case TimestampShape():
            return st.integers(0, 4_102_444_800_000).map(lambda ms: datetime.fromtimestamp(ms / 1000, tz=UTC))


def bounds_of(operation: OperationModel) -> list[Bound]:
    """Every constraint of an operation's input, in the order of the model."""
    return list(_bounds(operation.input_shape, (), ""))


def smallest(shape: Shape) -> Any:
    """A valid value with nothing optional in it, always the same."""
    match shape:
        case StructureShape(union=True):
            name, member = next(iter(shape.members.items()))
            return {name: smallest(member)}
        case StructureShape():
            return {name: smallest(shape.members[name]) for name in shape.required}
        case ListShape():
            return [smallest(shape.member)] * (shape.min or 0)
        case MapShape():
            return {}
        case StringShape():
            return _example(shape)
        case BlobShape():
            return b"\0" * (shape.min or 0)
        case IntegerShape() | FloatShape():
            return max(0, shape.min or 0)
        case BooleanShape():
            return False
        case TimestampShape():
            return datetime(2026, 11, 1, tzinfo=UTC)


def planted(request: Any, shape: Shape, steps: tuple[str, ...], value: Any) -> Any:
    """`request` with `value` at `steps`, whatever is missing on the way added in its smallest form."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    match shape:
        case StructureShape():
            members = {} if shape.union else dict(smallest(shape) if request is None else request)
            if value is ABSENT and not rest:
                members.pop(step, None)
            else:
                members[step] = planted(members.get(step), shape.members[step], rest, value)
            return members
        case ListShape():
            elements = list(request or [None])
            return [planted(elements[0], shape.member, rest, value), *elements[1:]]
        case MapShape() if step == "{key}":
            return {value: smallest(shape.value)}
        case MapShape():
            return {smallest(shape.key): planted(None, shape.value, rest, value)}
    raise AssertionError(f"no such place: {steps}")


def _bounds(shape: Shape, steps: tuple[str, ...], name: str) -> Iterator[Bound]:
    match shape:
        case StructureShape():
            for member in shape.required:
                place = (*steps, member)
                within = smallest(shape.members[member])
                yield Bound(place, _member_name(name, member), "Member must not be null", within, ABSENT)
            for member, inner in shape.members.items():
                yield from _bounds(inner, (*steps, member), _member_name(name, member))
        case ListShape():
            for low_or_high, within, beyond in _lengths(shape, lambda n: [smallest(shape.member)] * n):
                yield Bound(steps, name, low_or_high, within, beyond)
            yield from _bounds(shape.member, (*steps, "[]"), f"{name}.1.member")
        case MapShape():
            for low_or_high, within, beyond in _lengths(
                shape, lambda n: {f"key{i}": smallest(shape.value) for i in range(n)}
            ):
                yield Bound(steps, name, low_or_high, within, beyond)
            yield from _bounds(shape.key, (*steps, "{key}"), f"{name}.1.key")
            yield from _bounds(shape.value, (*steps, "{value}"), f"{name}.1.value")
        case BlobShape():
            for low_or_high, within, beyond in _lengths(shape, bytes):
                yield Bound(steps, name, low_or_high, within, beyond)
        case StringShape(json_value=False):
            for constraint, within, beyond in _string_bounds(shape):
                yield Bound(steps, name, constraint, within, beyond)
        case IntegerShape() | FloatShape():
            for constraint, within, beyond in _number_bounds(shape):
                yield Bound(steps, name, constraint, within, beyond)


def _lengths(shape, make) -> Iterator[tuple[str, Any, Any]]:
    if shape.min:
        yield (
            f"Member must have length greater than or equal to {shape.min}",
            make(shape.min),
            make(shape.min - 1),
        )
    if shape.max is not None:
        yield (
            f"Member must have length less than or equal to {shape.max}",
            make(shape.max),
            make(shape.max + 1),
        )


def _string_bounds(shape: StringShape) -> Iterator[tuple[str, Any, Any]]:
    def of_length(length):
        return next((text for text in _stretched(shape, length) if _meets(shape, text)), ABSENT)

    for constraint, within, _ in _lengths(shape, of_length):
        beyond = (shape.min - 1) if "greater" in constraint else (shape.max + 1)
        yield constraint, within, next(iter(_stretched(shape, beyond)))
    if shape.enum:
        for value in shape.enum:
            yield "Member must satisfy enum value set", value, f"{value}x"
        yield "Member must satisfy enum value set", shape.enum[0], shape.enum[0].swapcase()
    if shape.pattern is not None:
        good = _example(shape)
        for ending in ("\n", "\u0660", "~\x00"):
            bad = good[: len(good) - len(ending) if _is_full(shape, good) else None] + ending
            if not shape.pattern.fullmatch(bad):
                yield "Member must satisfy regular expression pattern", good, bad


def _number_bounds(shape: IntegerShape | FloatShape) -> Iterator[tuple[str, Any, Any]]:
    step = 1 if isinstance(shape, IntegerShape) else 0.001
    if shape.min is not None:
        constraint = f"Member must have value greater than or equal to {shape.min}"
        yield constraint, shape.min, shape.min - step
    if shape.max is not None:
        constraint = f"Member must have value less than or equal to {shape.max}"
        yield constraint, shape.max, shape.max + step


def _stretched(shape: StringShape, length: int) -> Iterator[str]:
    """Strings of a length, the likeliest to match first: the example cut, or grown at each place."""
    good = _example(shape)
    missing = length - len(good)
    if missing < 0:
        yield good[:length]
        return
    for place in range(len(good), -1, -1):
        for letter in "a0":
            yield good[:place] + letter * missing + good[place:]
    yield "100.100.100"[:length]


def _meets(shape: StringShape, text: str) -> bool:
    return (
        len(text) >= (shape.min or 0)
        and (shape.max is None or len(text) <= shape.max)
        and (shape.pattern is None or shape.pattern.fullmatch(text) is not None)
        and (not shape.enum or text in shape.enum)
    )


def _is_full(shape: StringShape, text: str) -> bool:
    return shape.max is not None and len(text) >= shape.max - 1


@functools.cache
def _example(shape: StringShape) -> str:
    """A short valid string."""
    if shape.enum:
        return shape.enum[0]
    account = "arn:aws:{}:us-east-1:123456789012:{}"
    likely = [
        "a" * (shape.min or 1),
        "0f8fad5b-d9cb-469f-a165-70867728950e",
        "1.0",
        "1.0.0",
        "ab" * 32,
        "{}",
        "AKIAABCDEFGHIJKLMNOP",
        "123456789012",
        "A" * 43 + "=",  # 32 bytes in base64
        "arn:aws:iam::123456789012:role/r",
        *(
            account.format(*parts)
            for parts in (("sns", "t"), ("kinesis", "stream/s"), ("kinesisvideo", "stream/s"))
        ),
        *(
            account.format("rekognition", tail)
            for tail in (
                "project/p/1",
                "project/p/version/v/1",
                "project/p/dataset/train/1",
                "streamprocessor/s",
            )
        ),
    ]
    return next(text for text in likely if _meets(shape, text))


def _strings(shape: StringShape) -> SearchStrategy[str]:
    if shape.enum:
        return st.sampled_from(shape.enum)
    if shape.pattern_text is None:
        alphabet = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
        low = shape.min or 0
        return st.text(
            alphabet, min_size=low, max_size=low + 20 if shape.max is None else min(shape.max, low + 20)
        )
    text = shape.pattern_text
    for classes, letters in SPELLED_OUT.items():
        text = text.replace(classes, letters)
    letters_within = st.characters(codec="utf-8", exclude_characters="\0")  # no text may have it
    drawn = st.from_regex(re.compile(text, re.ASCII), fullmatch=True, alphabet=letters_within).filter(
        lambda found: _meets(shape, found)
    )
    return drawn | st.just(_example(shape))


def _sizes(shape: ListShape | MapShape) -> dict[str, int]:
    low = shape.min or 0
    return {
        "min_size": low,
        "max_size": min(low + EXTRA_MEMBERS, shape.max),
    }


def _is_small(value: Any) -> bool:
    return not isinstance(value, bytes) or len(value) <= MAX_RANDOM_BREACH_BYTES


def _member_name(path: str, member: str) -> str:
    name = member[0].lower() + member[1:]
    return f"{path}.{name}" if path else name
