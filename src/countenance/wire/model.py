"""The two service models: Amazon's Rekognition, from botocore, and our own, beside this module.

A boto3 client for our own service needs this package's data folder on its data path:
`AWS_DATA_PATH=$(python -c "import countenance.wire.model as m; print(m.data_path())")`, then
`boto3.client("countenance", endpoint_url=...)`.

The only importer of botocore. Its shapes are turned, once, into the small frozen types below, so that
parsing, serialising and checking read plain attributes and compiled patterns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.model
import regex
from botocore.loaders import Loader

from countenance.wire.pattern import compile_pattern

MAX_MEMBERS = 10_000
"""Most members of a list or map for which a model has no maximum: a body of megabytes holds millions, and
one request must not cost seconds."""

_SERVICES = ("rekognition", "countenance")


@dataclass(frozen=True, slots=True, eq=False)
class StructureShape:
    """A JSON object with named members. In a union exactly one member is set."""

    name: str
    members: Mapping[str, Shape]
    required: tuple[str, ...]
    union: bool


@dataclass(frozen=True, slots=True, eq=False)
class ListShape:
    """A JSON array. `max` is the model's or, where it has none, `MAX_MEMBERS`."""

    name: str
    member: Shape
    min: int | None
    max: int


@dataclass(frozen=True, slots=True, eq=False)
class MapShape:
    """A JSON object with keys of the caller's. `max` as for lists."""

    name: str
    key: StringShape
    value: Shape
    min: int | None
    max: int


@dataclass(frozen=True, slots=True, eq=False)
class StringShape:
    """A string; `pattern` is matched in full. With `json_value` the string holds a JSON document.

    Attributes:
        min: least length in code points.
        max: greatest length in code points.
        pattern_text: the pattern as the model spells it, which is how messages show it.
    """

    name: str
    min: int | None
    max: int | None
    pattern_text: str | None
    pattern: regex.Pattern[str] | None
    enum: tuple[str, ...]
    sensitive: bool
    json_value: bool


@dataclass(frozen=True, slots=True, eq=False)
class IntegerShape:
    name: str
    bits: int
    min: int | None
    max: int | None


@dataclass(frozen=True, slots=True, eq=False)
class FloatShape:
    """A number; `single` is IEEE-754 binary32, which is what AWS calls Float."""

    name: str
    single: bool
    min: float | None
    max: float | None


@dataclass(frozen=True, slots=True, eq=False)
class BooleanShape:
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class BlobShape:
    """Bytes; `min` and `max` count the decoded bytes."""

    name: str
    min: int | None
    max: int | None


@dataclass(frozen=True, slots=True, eq=False)
class TimestampShape:
    name: str


Shape = (
    StructureShape
    | ListShape
    | MapShape
    | StringShape
    | IntegerShape
    | FloatShape
    | BooleanShape
    | BlobShape
    | TimestampShape
)


@dataclass(frozen=True, slots=True, eq=False)
class OperationModel:
    """One operation as its service model declares it.

    Attributes:
        error_codes: codes that the model declares for it, as they stand in `__type`.
        idempotency_token: the input member that makes a repeated call the same call, or None.
    """

    name: str
    input_shape: StructureShape
    output_shape: StructureShape
    error_codes: frozenset[str]
    idempotency_token: str | None


@dataclass(frozen=True, slots=True, eq=False)
class ServiceModel:
    """One service: how its requests are addressed and signed, and its operations by name."""

    name: str
    target_prefix: str
    signing_name: str
    json_version: str
    operations: Mapping[str, OperationModel]


@dataclass(frozen=True, slots=True, eq=False)
class Models:
    """Every service that one endpoint answers for, by name."""

    services: Mapping[str, ServiceModel]

    def by_target(self, target: str) -> tuple[ServiceModel, OperationModel] | None:
        """The operation that X-Amz-Target names, case-sensitively, or None."""
        prefix, _, name = target.partition(".")
        for service in self.services.values():
            if service.target_prefix == prefix and name in service.operations:
                return service, service.operations[name]
        return None


def data_path() -> Path:
    """The folder that AWS_DATA_PATH must hold for boto3 and the AWS CLI to know our own service."""
    return Path(__file__).parent / "data"


def load_models() -> Models:
    """Both service models, read from disk (about 0.1 s); immutable and safe to share between threads."""
    loader = Loader(extra_search_paths=[str(data_path())])
    services = (_load_service(loader, name) for name in _SERVICES)
    return Models({service.name: service for service in services})


def _load_service(loader: Loader, name: str) -> ServiceModel:
    model = botocore.model.ServiceModel(loader.load_service_model(name, "service-2"), name)
    return to_service_model(model)


def to_service_model(model: botocore.model.ServiceModel) -> ServiceModel:
    """Our frozen copy of a botocore service model."""
    known: dict[str, StructureShape] = {}
    return ServiceModel(
        name=model.service_name,
        target_prefix=model.metadata["targetPrefix"],
        signing_name=model.signing_name,
        json_version=model.metadata["jsonVersion"],
        operations={
            name: _to_operation(model.operation_model(name), known) for name in model.operation_names
        },
    )


def _to_operation(
    operation: botocore.model.OperationModel, known: dict[str, StructureShape]
) -> OperationModel:
    tokens = operation.idempotent_members
    return OperationModel(
        name=operation.name,
        input_shape=_to_structure(operation.input_shape, known),
        output_shape=_to_structure(operation.output_shape, known),
        error_codes=frozenset(_error_code(shape) for shape in operation.error_shapes),
        idempotency_token=tokens[0] if tokens else None,
    )


def _error_code(shape: Any) -> str:
    return str(shape.error_code or shape.name)


def _to_structure(shape: Any, known: dict[str, StructureShape]) -> StructureShape:
    """`known` holds structures by name, filled before their members are read: shapes may recur."""
    if shape is None:
        return StructureShape("Unit", {}, (), union=False)
    if shape.name in known:
        return known[shape.name]
    members: dict[str, Shape] = {}
    known[shape.name] = StructureShape(
        shape.name, members, tuple(shape.required_members), union=bool(shape.is_tagged_union)
    )
    members.update({name: _to_shape(member, known) for name, member in shape.members.items()})
    return known[shape.name]


def _to_shape(shape: Any, known: dict[str, StructureShape]) -> Shape:  # noqa: PLR0911 - one for each type
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    match shape.type_name:
        case "structure":
            return _to_structure(shape, known)
        case "list":
            return ListShape(
                shape.name, _to_shape(shape.member, known), low, MAX_MEMBERS if high is None else high
            )
        case "map":
            return MapShape(
                shape.name,
                _to_string(shape.key),
                _to_shape(shape.value, known),
                low,
                MAX_MEMBERS if high is None else high,
            )
        case "string":
            return _to_string(shape)
        case "integer" | "long":
            return IntegerShape(shape.name, 32 if shape.type_name == "integer" else 64, low, high)
        case "float" | "double":
            return FloatShape(shape.name, shape.type_name == "float", low, high)
        case "boolean":
            return BooleanShape(shape.name)
        case "blob":
            return BlobShape(shape.name, low, high)
        case "timestamp":
            return TimestampShape(shape.name)
        case other:
            raise NotImplementedError(
                f"shape `{shape.name}` is of a type this wire does not speak: `{other}`"
            )


def _to_string(shape: Any) -> StringShape:
    traits = shape.metadata
    text = traits.get("pattern")
    return StringShape(
        name=shape.name,
        min=traits.get("min"),
        max=traits.get("max"),
        pattern_text=text,
        pattern=None if text is None else compile_pattern(text),
        enum=tuple(traits.get("enum", ())),
        sensitive=bool(traits.get("sensitive")),
        json_value=bool(shape.serialization.get("jsonvalue")),
    )
