from __future__ import annotations

import importlib.util
import sys
import typing
from pathlib import Path

import pytest

from countenance.wire import shapes
from countenance.wire.model import BlobShape, IntegerShape, StructureShape, load_models

SCRIPT = Path(__file__).parents[3] / "tools" / "generate_shapes.py"


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("generate_shapes", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["generate_shapes"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["generate_shapes"]


def test_the_file_is_what_the_generator_makes_of_the_models(generator):
    """Operations are typed by these: a stale file would check them against another API."""
    assert generator.TARGET.read_text(encoding="utf-8") == generator.generate(load_models())


def test_each_offered_operation_has_its_types(generator):
    """What the registry offers is what was generated, no more, no less."""
    from countenance.operations.registry import OPERATIONS  # brings in the nets' runtime: only where needed

    models = load_models()
    assert set(generator.REKOGNITION) == set(OPERATIONS["rekognition"])
    for service, operations in OPERATIONS.items():
        for name in operations:
            operation = models.services[service].operations[name]
            assert hasattr(shapes, operation.input_shape.name)
            assert hasattr(shapes, operation.output_shape.name)


def test_types_say_what_is_required():
    """So that mypy lets an operation subscript only what validation guarantees."""
    hints = typing.get_type_hints(shapes.SearchFacesByImageRequest, include_extras=True)
    required = {name for name, hint in hints.items() if typing.get_origin(hint) is not typing.NotRequired}
    assert required == {"CollectionId", "Image"}
    assert hints["MaxFaces"] == typing.NotRequired[int]
    assert (
        hints["QualityFilter"] == typing.NotRequired[typing.Literal["NONE", "AUTO", "LOW", "MEDIUM", "HIGH"]]
    )


def test_two_shapes_of_one_name_are_refused(generator):
    """Silently, the second would have taken the first one's place."""
    collector = generator.Collector()
    collector.add_structure(StructureShape("Image", {"Bytes": BlobShape("B", None, None)}, (), union=False))
    with pytest.raises(generator.NameClash):
        collector.add_structure(
            StructureShape("Image", {"N": IntegerShape("N", 32, None, None)}, (), union=False)
        )
