from __future__ import annotations

import boto3
import botocore.model
import pytest
from botocore.exceptions import EndpointResolutionError
from botocore.session import Session

import countenance.errors
from countenance.errors import FrameworkError, ServiceError
from countenance.wire.model import (
    IntegerShape,
    StringShape,
    StructureShape,
    data_path,
    load_models,
    to_service_model,
)

MODELS = load_models()
REKOGNITION = MODELS.services["rekognition"]
OURS = MODELS.services["countenance"]


@pytest.fixture
def our_data(monkeypatch):
    monkeypatch.setenv("AWS_DATA_PATH", str(data_path()))
    monkeypatch.delenv("AWS_ENDPOINT_URL_COUNTENANCE", raising=False)
    return boto3.Session(
        aws_access_key_id="AKIAABCDEFGHIJKLMNOP", aws_secret_access_key="x", region_name="us-east-1"
    )


def test_both_services_are_known_with_all_their_operations():
    """75 of Amazon's, whether offered or not, so that an unoffered one can be told from an unknown one."""
    assert len(REKOGNITION.operations) == 75
    assert {"GetCallerIdentity", "GetHealth"} <= set(OURS.operations)
    assert (REKOGNITION.signing_name, OURS.signing_name) == ("rekognition", "countenance")
    assert {service.json_version for service in MODELS.services.values()} == {"1.1"}


@pytest.mark.parametrize("service", MODELS.services.values(), ids=lambda service: service.name)
def test_each_target_finds_its_operation(service):
    """The header that a client sends is prefix, dot, name."""
    for name, operation in service.operations.items():
        assert MODELS.by_target(f"{service.target_prefix}.{name}") == (service, operation)


@pytest.mark.parametrize(
    "target",
    [
        "",
        "RekognitionService",
        "RekognitionService.",
        "RekognitionService.createCollection",
        "rekognitionservice.CreateCollection",
        "CountenanceService.CreateCollection",
        "RekognitionService.CreateCollection.",
        "RekognitionService.CreateCollection,RekognitionService.CreateCollection",
    ],
)
def test_any_other_target_finds_nothing(target):
    """The match is case-sensitive and whole."""
    assert MODELS.by_target(target) is None


def test_an_operation_knows_its_errors_and_its_token():
    """Both come from the model; nothing restates them."""
    create_user = REKOGNITION.operations["CreateUser"]
    assert create_user.idempotency_token == "ClientRequestToken"
    assert "ConflictException" in create_user.error_codes
    assert REKOGNITION.operations["DetectFaces"].idempotency_token is None
    assert "ResourceNotFoundException" not in REKOGNITION.operations["DetectFaces"].error_codes


def test_shapes_are_those_of_the_model():
    """One of each kind, against what botocore itself reads."""
    shape = REKOGNITION.operations["IndexFaces"].input_shape
    assert shape.required == ("CollectionId", "Image")
    collection_id, max_faces = shape.members["CollectionId"], shape.members["MaxFaces"]
    assert isinstance(collection_id, StringShape)
    assert (collection_id.min, collection_id.max) == (1, 255)
    assert isinstance(max_faces, IntegerShape)
    assert (max_faces.min, max_faces.max, max_faces.bits) == (1, None, 32)


def test_a_shape_that_holds_itself_is_read_once():
    """Neither model has one today; a new botocore may bring one at any time."""
    model = {
        "metadata": {"endpointPrefix": "x", "protocol": "json", "jsonVersion": "1.1", "targetPrefix": "X"},
        "operations": {"Op": {"name": "Op", "http": {"method": "POST"}, "input": {"shape": "Tree"}}},
        "shapes": {
            "Tree": {
                "type": "structure",
                "members": {"Left": {"shape": "Tree"}, "Branches": {"shape": "Trees"}},
            },
            "Trees": {"type": "list", "member": {"shape": "Tree"}},
        },
    }
    operation = to_service_model(botocore.model.ServiceModel(model, "x")).operations["Op"]
    assert operation.input_shape.members["Left"] is operation.input_shape
    assert operation.output_shape.members == {}


def test_a_type_that_the_wire_does_not_speak_is_refused_at_start():
    """Rather than at the first request that holds one."""
    model = {
        "metadata": {"endpointPrefix": "x", "protocol": "json", "jsonVersion": "1.1", "targetPrefix": "X"},
        "operations": {"Op": {"name": "Op", "http": {"method": "POST"}, "input": {"shape": "In"}}},
        "shapes": {"In": {"type": "structure", "members": {"A": {"shape": "C"}}}, "C": {"type": "character"}},
    }
    with pytest.raises(NotImplementedError, match="`character`"):
        to_service_model(botocore.model.ServiceModel(model, "x"))


def test_every_error_of_our_own_model_is_one_we_raise():
    """A declared code without a class could never be answered."""
    for operation in OURS.operations.values():
        for code in operation.error_codes:
            error = getattr(countenance.errors, code)
            assert issubclass(error, ServiceError)
            assert not issubclass(error, FrameworkError)


def test_every_operation_declares_what_any_call_may_answer():
    """As all of Rekognition's do."""
    common = {
        "AccessDeniedException",
        "InternalServerError",
        "InvalidParameterException",
        "ThrottlingException",
    }
    for service in MODELS.services.values():
        for operation in service.operations.values():
            assert common <= operation.error_codes, operation.name


def test_our_model_is_documented_throughout():
    """Operations and members: SDKs and `aws countenance help` show what is written there."""
    session = Session()
    session.get_component("data_loader").search_paths.append(str(data_path()))
    model = session.get_service_model("countenance")
    for name in model.operation_names:
        operation = model.operation_model(name)
        assert operation.documentation, name
        for shape in (operation.input_shape, operation.output_shape):
            assert all(member.documentation for member in shape.members.values()), shape.name


def test_boto3_makes_a_client_for_our_service_by_its_data_path(our_data):
    """The one documented line: AWS_DATA_PATH and an endpoint_url; paginators included."""
    client = our_data.client("countenance", endpoint_url="http://127.0.0.1:1")
    assert client.meta.endpoint_url == "http://127.0.0.1:1"
    assert client.can_paginate("list_access_keys")


def test_a_client_for_our_service_never_guesses_an_address(our_data):
    """Without a rule of our own, boto3 would send signed requests to a host under amazonaws.com."""
    with pytest.raises(EndpointResolutionError, match="AWS_ENDPOINT_URL_COUNTENANCE"):
        our_data.client("countenance").get_health()


def test_the_environment_may_name_the_address(our_data, monkeypatch):
    """As for every AWS service: AWS_ENDPOINT_URL_<SERVICE>."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_COUNTENANCE", "http://127.0.0.1:2")
    assert our_data.client("countenance").meta.endpoint_url == "http://127.0.0.1:2"


def test_inputs_and_outputs_are_structures():
    """An operation without either has an empty one, so that nobody asks whether it is there."""
    for service in MODELS.services.values():
        for operation in service.operations.values():
            assert isinstance(operation.input_shape, StructureShape)
            assert isinstance(operation.output_shape, StructureShape)
