from __future__ import annotations

import inspect
import re

import pytest

from countenance.operations.registry import OPERATIONS
from countenance.wire.model import load_models

OFFERED = [(service, name) for service, operations in OPERATIONS.items() for name in operations]


@pytest.mark.parametrize(("service", "name"), OFFERED)
def test_an_operation_is_one_of_its_model_and_is_named_like_it(service, name):
    assert name in load_models().services[service].operations
    function = OPERATIONS[service][name]
    assert function.__name__ == re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


@pytest.mark.parametrize(("service", "name"), OFFERED)
def test_an_operation_takes_its_own_request_and_answers_its_own_response(service, name):
    """The annotations are what mypy checks the body against: a wrong pair would check nothing."""
    signature = inspect.signature(OPERATIONS[service][name])
    request, deps = (parameter.annotation for parameter in signature.parameters.values())
    assert (request, deps, signature.return_annotation) == (f"{name}Request", "Deps", f"{name}Response")


def test_every_operation_of_our_own_model_is_offered():
    assert set(OPERATIONS["countenance"]) == set(load_models().services["countenance"].operations)


def test_the_21_operations_on_faces_collections_users_and_tags_are_offered():
    assert len(OPERATIONS["rekognition"]) == 21
