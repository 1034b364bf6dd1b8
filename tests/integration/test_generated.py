"""Requests generated from the models' shapes, through a real client: never a 5xx, never a traceback."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countenance.operations.registry import OPERATIONS
from countenance.wire.model import load_models
from strategies import requests_for

pytestmark = pytest.mark.xdist_group("server")

CASES = [(service, name) for service, operations in OPERATIONS.items() for name in operations]


def _python_name(client, operation):
    return next(method for method, name in client.meta.method_to_api_mapping.items() if name == operation)


@pytest.fixture(scope="module")
def clients(service):
    return {name: service.client(name) for name in OPERATIONS}


@pytest.mark.parametrize(("service_name", "operation"), CASES, ids=[name for _, name in CASES])
def test_no_generated_request_gives_a_5xx(clients, service_name, operation):
    """Valid and invalid requests alike are answered or refused with a declared code."""
    client = clients[service_name]
    call = getattr(client, _python_name(client, operation))
    shape = load_models().services[service_name].operations[operation]

    @settings(
        max_examples=25,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(st.data())
    def probe(data):
        request = data.draw(requests_for(shape, valid=data.draw(st.booleans())))
        try:
            call(**request)
        except ClientError as error:
            answer = error.response
            assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400, answer["Error"]
            assert answer["Error"]["Code"] not in {"InternalServerError", "400", "Unknown"}, answer["Error"]

    probe()


@pytest.mark.parametrize(
    "operation",
    sorted(set(load_models().services["rekognition"].operations) - set(OPERATIONS["rekognition"])),
)
def test_every_operation_that_is_not_offered_says_so(clients, operation):
    """54 operations, each a 400 with the same code."""
    client = clients["rekognition"]
    with pytest.raises(ClientError) as caught:
        getattr(client, _python_name(client, operation))()
    assert caught.value.response["Error"]["Code"] == "UnsupportedOperationException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
