from __future__ import annotations

import base64
import json
import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from botocore.model import OperationModel as BotocoreOperation
from botocore.parsers import JSONParser
from botocore.serialize import JSONSerializer
from botocore.session import Session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countenance.errors import SerializationException
from countenance.wire.codec import parse_request, to_body
from countenance.wire.model import (
    FloatShape,
    IntegerShape,
    OperationModel,
    StringShape,
    StructureShape,
    TimestampShape,
    data_path,
    load_models,
)
from strategies import requests_for, values_of

MODELS = load_models()
OPERATIONS = [(service.name, name) for service in MODELS.services.values() for name in service.operations]
REKOGNITION = MODELS.services["rekognition"].operations
JSON_VALUE = "HumanLoopActivationConditionsEvaluationResults"
UNIT = StructureShape("Unit", {}, (), union=False)
FUZZ = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def botocore_models():
    session = Session()
    session.get_component("data_loader").search_paths.append(str(data_path()))
    return {name: session.get_service_model(name) for name in MODELS.services}


def taking(**members):
    return OperationModel("Op", StructureShape("In", members, (), union=False), UNIT, frozenset(), None)


def answering(**members):
    return OperationModel("Op", UNIT, StructureShape("Out", members, (), union=False), frozenset(), None)


def parse(document, operation):
    return parse_request(json.dumps(document).encode(), operation)


@FUZZ
@given(data=st.data())
def test_what_botocore_writes_is_read_back_as_it_was(data, botocore_models):
    """The client's own serialiser is the oracle, over every operation of both services."""
    service, name = data.draw(st.sampled_from(OPERATIONS))
    operation = MODELS.services[service].operations[name]
    request = data.draw(requests_for(operation))
    theirs: BotocoreOperation = botocore_models[service].operation_model(name)
    sent = JSONSerializer().serialize_to_request(request, theirs)
    assert parse_request(sent["body"], operation) == request
    assert MODELS.by_target(sent["headers"]["X-Amz-Target"]) == (MODELS.services[service], operation)


@FUZZ
@given(data=st.data())
def test_what_is_written_botocore_reads_as_it_was(data, botocore_models):
    """The client's own parser is the oracle, over every operation of both services.

    Of a JSON value botocore hands on the string, and leaves reading it to its caller.
    """
    service, name = data.draw(st.sampled_from(OPERATIONS))
    operation = MODELS.services[service].operations[name]
    response = data.draw(values_of(operation.output_shape))
    theirs = botocore_models[service].operation_model(name)
    answer = {"body": to_body(response, operation), "headers": {}, "status_code": 200}
    parsed = JSONParser().parse(answer, theirs.output_shape)
    del parsed["ResponseMetadata"]
    human_loop = parsed.get("HumanLoopActivationOutput", {})
    if JSON_VALUE in human_loop:
        human_loop[JSON_VALUE] = json.loads(human_loop[JSON_VALUE])
    assert parsed == response


@given(body=st.binary(max_size=60))
def test_no_body_does_anything_but_parse_or_be_refused(body):
    """Whatever bytes arrive."""
    with suppress(SerializationException):
        parse_request(body, REKOGNITION["CompareFaces"])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@FUZZ
@given(data=st.data(), value=json_values)
def test_no_json_in_a_members_place_does_anything_but_parse_or_be_refused(data, value):
    """Every member of every operation, with any JSON value in it."""
    service, name = data.draw(st.sampled_from(OPERATIONS))
    operation = MODELS.services[service].operations[name]
    if not operation.input_shape.members:
        return
    member = data.draw(st.sampled_from(sorted(operation.input_shape.members)))
    with suppress(SerializationException):
        parse({member: value}, operation)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"1",
        b"\xff",
        b'{"A":NaN}',
        b'{"A":1e999}',
        b"[" * 100_000,
        b'{"A":"\\ud800"}',
    ],
)
def test_a_body_that_is_no_json_object_is_refused(body):
    """Also NaN, which Python's own parser would take, and nesting that would exhaust the stack."""
    with pytest.raises(SerializationException):
        parse_request(body, REKOGNITION["ListCollections"])


def test_an_empty_body_is_an_empty_request():
    """botocore always sends {}; other clients may send nothing for an operation without input."""
    assert parse_request(b"", REKOGNITION["ListCollections"]) == {}


def test_null_is_absence_at_every_depth():
    """In structures, lists and maps alike."""
    image = {"Bytes": None, "S3Object": {"Bucket": "b", "Name": None}}
    assert parse({"Image": image, "Attributes": None}, REKOGNITION["DetectFaces"]) == {
        "Image": {"S3Object": {"Bucket": "b"}}
    }
    assert parse({"FaceIds": ["a", None]}, REKOGNITION["DeleteFaces"]) == {"FaceIds": ["a"]}
    assert parse({"Tags": {"a": None, "b": "c"}}, REKOGNITION["TagResource"]) == {"Tags": {"b": "c"}}


def test_members_the_model_does_not_have_are_ignored():
    """A newer client may send what this model does not know yet."""
    request = parse(
        {"CollectionId": "c", "New": {"Deep": [1]}, "__type": "x"}, REKOGNITION["DeleteCollection"]
    )
    assert request == {"CollectionId": "c"}


def test_of_repeated_members_the_last_holds():
    """As with every JSON parser that clients use."""
    body = b'{"CollectionId":"a","CollectionId":"b"}'
    assert parse_request(body, REKOGNITION["DeleteCollection"]) == {"CollectionId": "b"}


@pytest.mark.parametrize(
    ("operation", "document", "path"),
    [
        ("DeleteCollection", {"CollectionId": 5}, "collectionId"),
        ("DeleteCollection", {"CollectionId": ["c"]}, "collectionId"),
        ("ListCollections", {"MaxResults": "5"}, "maxResults"),
        ("ListCollections", {"MaxResults": True}, "maxResults"),
        ("ListCollections", {"MaxResults": 1.5}, "maxResults"),
        ("SearchFaces", {"FaceMatchThreshold": "80"}, "faceMatchThreshold"),
        ("SearchFaces", {"FaceMatchThreshold": False}, "faceMatchThreshold"),
        ("SearchFaces", {"FaceMatchThreshold": 1e300}, "faceMatchThreshold"),
        ("DetectFaces", {"Image": "bytes"}, "image"),
        ("DetectFaces", {"Image": {"Bytes": {}}}, "image.bytes"),
        ("DetectFaces", {"Image": {"S3Object": {"Name": 1}}}, "image.s3Object.name"),
        ("DetectFaces", {"Attributes": "ALL"}, "attributes"),
        ("DeleteFaces", {"FaceIds": ["a", 2]}, "faceIds.2.member"),
        ("TagResource", {"Tags": [{"Key": "a"}]}, "tags"),
        ("TagResource", {"Tags": {"a": 1}}, "tags.1.value"),
        (
            "CreateStreamProcessor",
            {"DataSharingPreference": {"OptIn": "true"}},
            "dataSharingPreference.optIn",
        ),
    ],
)
def test_a_member_of_the_wrong_json_type_is_refused_by_name(operation, document, path):
    """Text for a number, a truth value for a number, a list for a map: never converted, never guessed."""
    with pytest.raises(SerializationException, match=f"`{path}`"):
        parse(document, REKOGNITION[operation])


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 10**30, 1e20, 2**64])
def test_a_whole_number_that_its_type_cannot_hold_is_refused(number):
    """Numbers past 64 bits come out of the JSON parser as floats; they are no way around."""
    with pytest.raises(SerializationException, match="`maxFaces`"):
        parse({"MaxFaces": number}, REKOGNITION["IndexFaces"])


@pytest.mark.parametrize(
    ("text", "number"), [(b"5.0", 5), (b"1e3", 1000), (b"-0", 0), (b"2147483647", 2147483647)]
)
def test_a_whole_number_may_be_spelled_as_json_allows(text, number):
    """5.0 and 5 are one number in JSON, and some clients have no integers."""
    request = parse_request(b'{"MaxFaces":' + text + b"}", REKOGNITION["IndexFaces"])
    assert request == {"MaxFaces": number}
    assert type(request["MaxFaces"]) is int


def test_a_float_is_rounded_to_single_precision():
    """Similarities are float32: a threshold of 80.1 must equal the similarity that is shown as 80.1."""
    threshold = parse({"FaceMatchThreshold": 80.1}, REKOGNITION["SearchFaces"])["FaceMatchThreshold"]
    assert threshold == float(np.float32(80.1))
    double = taking(Value=FloatShape("Double", single=False, min=None, max=None))
    assert parse({"Value": 80.1}, double) == {"Value": 80.1}


@pytest.mark.parametrize(
    "text", ["YQ", "YQ=", "YQ==\n", "Y Q==", "YQ==YQ==", "_-8=", "data:image/png;base64,YQ=="]
)
def test_a_blob_that_is_not_plain_base64_is_refused(text):
    """Standard alphabet, padded, nothing around it: one spelling a value."""
    with pytest.raises(SerializationException, match=r"`image.bytes`"):
        parse({"Image": {"Bytes": text}}, REKOGNITION["DetectFaces"])


def test_a_refusal_never_repeats_the_value():
    """A member of the wrong type may hold a photograph."""
    photograph = base64.b64encode(b"secret" * 100).decode()
    with pytest.raises(SerializationException) as refusal:
        parse({"CollectionId": [photograph], "Image": {"Bytes": photograph}}, REKOGNITION["IndexFaces"])
    assert photograph[:8] not in refusal.value.message
    with pytest.raises(SerializationException) as refusal:
        parse_request(photograph.encode(), REKOGNITION["IndexFaces"])
    assert photograph[:8] not in refusal.value.message
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (1_500_000_000.125, datetime(2017, 7, 14, 2, 40, 0, 125_000, tzinfo=UTC)),
        ("2017-07-14T02:40:00Z", datetime(2017, 7, 14, 2, 40, tzinfo=UTC)),
        ("2017-07-14T04:40:00+02:00", datetime(2017, 7, 14, 2, 40, tzinfo=UTC)),
        ("2017-07-14T02:40:00", datetime(2017, 7, 14, 2, 40, tzinfo=UTC)),
    ],
)
def test_a_time_is_seconds_or_iso_8601(value, moment):
    """Always aware, always UTC."""
    parsed = parse({"At": value}, taking(At=TimestampShape("T")))["At"]
    assert parsed == moment
    assert parsed.utcoffset() == timedelta(0)


@pytest.mark.parametrize("value", [1e18, -1e18, "yesterday", True, {}, "0001-01-01T00:00:00+23:59"])
def test_what_is_no_time_is_refused(value):
    """Also numbers past the calendar."""
    with pytest.raises(SerializationException, match="`at`"):
        parse({"At": value}, taking(At=TimestampShape("T")))


def json_string():
    return StringShape("J", None, None, None, None, (), sensitive=False, json_value=True)


def test_a_json_value_is_a_document_inside_a_string():
    """HumanLoopActivationConditionsEvaluationResults is the one that Rekognition has."""
    assert parse({"J": '{"a":[1,null]}'}, taking(J=json_string())) == {"J": {"a": [1, None]}}
    assert to_body({"J": {"a": [1, None]}}, answering(J=json_string())) == b'{"J":"{\\"a\\":[1,null]}"}'
    with pytest.raises(SerializationException, match="`j`"):
        parse({"J": "{"}, taking(J=json_string()))


def test_a_response_is_compact_without_nulls_and_with_empty_lists():
    """Byte for byte what AWS answers for a photograph without a face: 63 bytes."""
    response = {
        "FaceRecords": [],
        "OrientationCorrection": None,
        "FaceModelVersion": "7.0",
        "UnindexedFaces": [],
    }
    body = to_body(response, REKOGNITION["IndexFaces"])
    assert body == b'{"FaceRecords":[],"FaceModelVersion":"7.0","UnindexedFaces":[]}'
    assert len(body) == 63


def test_floats_are_single_precision_widened():
    """99.99736785888672 in recorded traffic is float32, printed as a double."""
    body = to_body({"SearchedFaceConfidence": 99.99736785}, REKOGNITION["SearchFacesByImage"])
    assert json.loads(body) == {"SearchedFaceConfidence": 99.99736785888672}


@pytest.mark.parametrize("number", [np.float32(0.5), np.float64(0.5), 0.5])
def test_numbers_of_numpy_are_numbers(number):
    """What nets and scans return need not be converted by every operation."""
    assert to_body({"SearchedFaceConfidence": number}, REKOGNITION["SearchFacesByImage"]) == (
        b'{"SearchedFaceConfidence":0.5}'
    )


def test_times_are_seconds_with_milliseconds():
    """Sent as milliseconds, boto3 would fail with a year out of range."""
    moment = datetime(2026, 11, 1, 12, 0, 0, 123_456, tzinfo=timezone(timedelta(hours=2)))
    body = to_body({"CreationTimestamp": moment}, REKOGNITION["DescribeCollection"])
    assert body == b'{"CreationTimestamp":1793527200.123}'


@pytest.mark.parametrize(
    ("operation", "response"),
    [
        ("DescribeCollection", {"Surprise": 1}),
        ("DescribeCollection", {"FaceCount": "1"}),
        ("DescribeCollection", {"FaceCount": True}),
        ("DescribeCollection", {"FaceCount": 1.0}),
        ("DescribeCollection", {"CreationTimestamp": datetime(2026, 11, 1)}),  # noqa: DTZ001
        ("DescribeCollection", {"CreationTimestamp": 1.0}),
        ("DescribeCollection", {"FaceModelVersion": 7}),
        ("ListCollections", {"CollectionIds": "c"}),
        ("ListCollections", {"CollectionIds": [None]}),
        ("ListTagsForResource", {"Tags": [("a", "b")]}),
        ("SearchFacesByImage", {"SearchedFaceConfidence": math.nan}),
        ("SearchFacesByImage", {"SearchedFaceConfidence": "99"}),
        ("SearchFacesByImage", {"SearchedFaceBoundingBox": [0, 0, 1, 1]}),
        ("DisassociateFaces", {"UserStatus": "BUSY"}),
        ("GetFaceLivenessSessionResults", {"ReferenceImage": {"Bytes": "text"}}),
        ("CreateStreamProcessor", {"StreamProcessorArn": b"arn"}),
    ],
)
def test_a_response_that_is_not_the_models_is_our_bug(operation, response):
    """It must be found here, before anything is committed, and not by somebody's SDK."""
    with pytest.raises(ValueError, match=operation):
        to_body(response, REKOGNITION[operation])


def test_integers_of_the_wire_are_whole():
    """A long may be larger than an integer."""
    long = taking(N=IntegerShape("Long", 64, None, None))
    assert parse({"N": 2**40}, long) == {"N": 2**40}


def test_members_past_a_maximum_are_counted_and_not_parsed():
    """`validate` refuses the whole; until then the length must be the one that was sent."""
    request = parse({"FaceIds": ["a"] * 4096 + [None, 5]}, REKOGNITION["DeleteFaces"])
    assert len(request["FaceIds"]) == 4097
    tags = {f"k{number}": "" for number in range(200)} | {"last": 5}
    assert len(parse({"Tags": tags}, REKOGNITION["TagResource"])["Tags"]) == 201
