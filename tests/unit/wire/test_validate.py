from __future__ import annotations

import math
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countenance.errors import ValidationException
from countenance.wire.codec import parse_request
from countenance.wire.model import (
    ListShape,
    MapShape,
    OperationModel,
    StringShape,
    StructureShape,
    load_models,
)
from countenance.wire.pattern import compile_pattern
from countenance.wire.validate import validate
from strategies import ABSENT, bounds_of, planted, requests_for, smallest

MODELS = load_models()
OPERATIONS = [operation for service in MODELS.services.values() for operation in service.operations.values()]
REKOGNITION = MODELS.services["rekognition"].operations
ARN = "arn:aws:rekognition:us-east-1:123456789012:collection/c"


def message_of(request, operation):
    with pytest.raises(ValidationException) as caught:
        validate(request, operation)
    return caught.value.message


def string(**constraints):
    given_ = {
        "min": None,
        "max": None,
        "pattern_text": None,
        "enum": (),
        "sensitive": False,
        "json_value": False,
    }
    given_ |= constraints
    text = given_["pattern_text"]
    return StringShape(name="S", pattern=None if text is None else compile_pattern(text), **given_)


def taking(**members):
    shape = StructureShape("Request", members, (), union=False)
    return OperationModel("Op", shape, StructureShape("Response", {}, (), union=False), frozenset(), None)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_each_constraint_of_the_model_holds_on_both_sides_of_its_bound(operation):
    """No maximum, pattern, enum or blob size is checked by any client: only the server stands there."""
    whole = smallest(operation.input_shape)
    validate(whole, operation)
    for bound in bounds_of(operation):
        if bound.within is not ABSENT:
            validate(planted(whole, operation.input_shape, bound.steps, bound.within), operation)
        message = message_of(planted(whole, operation.input_shape, bound.steps, bound.beyond), operation)
        assert f"at '{bound.name}' failed to satisfy constraint: {bound.constraint}" in message, str(bound)


def test_the_bounds_cover_every_kind_of_constraint():
    """The test above must not pass because its list is empty."""
    found = [(bound, operation) for operation in OPERATIONS for bound in bounds_of(operation)]
    kinds = ("not be null", "length less", "length greater", "value less", "value greater", "enum", "pattern")
    counts = {kind: sum(kind in bound.constraint for bound, _ in found) for kind in kinds}
    assert all(count >= 10 for count in counts.values()), counts
    # An ARN that matches its pattern is always longer than the 20 characters that the model asks for.
    unreachable = {bound.constraint for bound, _ in found if bound.within is ABSENT}
    assert unreachable == {"Member must have length greater than or equal to 20"}


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_generated_requests_are_judged_as_they_were_made(data):
    """Valid ones pass, one broken constraint is one refusal, wherever it is."""
    operation = data.draw(st.sampled_from(OPERATIONS))
    validate(data.draw(requests_for(operation)), operation)
    if bounds_of(operation):
        message_of(data.draw(requests_for(operation, valid=False)), operation)


def test_the_message_is_the_one_amazon_gives():
    """Seen on AWS for a picture over 5 MiB; clients match on these words."""
    request = {"Image": {"Bytes": b"\xff" * 5_242_881}}
    assert message_of(request, REKOGNITION["DetectFaces"]) == (
        "1 validation error detected: Value '[5242881 bytes]' at 'image.bytes' failed to satisfy constraint: "
        "Member must have length less than or equal to 5242880"
    )


def test_an_empty_picture_is_a_violation():
    """botocore sends an empty blob without a word."""
    assert "'image.bytes'" in message_of({"Image": {"Bytes": b""}}, REKOGNITION["DetectFaces"])


def test_all_violations_are_counted_and_joined():
    """One round trip is enough to mend a request."""
    message = message_of({"CollectionId": "no spaces", "MaxFaces": 0}, REKOGNITION["SearchFacesByImage"])
    assert message.startswith("3 validation errors detected: Value null at 'image' failed")
    assert message.count("; Value ") == 2
    assert "Value '0' at 'maxFaces'" in message


def test_a_message_stays_short_however_much_is_wrong():
    """4,096 wrong ids are counted; twenty are named, each by a prefix."""
    request = {"CollectionId": "c", "FaceIds": ["x" * 100_000] * 4096}
    message = message_of(request, REKOGNITION["DeleteFaces"])
    assert message.startswith("4096 validation errors detected")
    assert len(message) < 10_000


def test_elements_beyond_a_lists_maximum_are_not_looked_at():
    """The list is refused already; a million elements must cost nothing more."""
    request = {"CollectionId": "c", "FaceIds": ["x"] * 5000}
    assert message_of(request, REKOGNITION["DeleteFaces"]).startswith("4097 validation errors")


def test_secret_values_are_not_shown():
    """A sensitive string is not repeated, not even its first letters."""
    message = message_of({"Key": "hunter2"}, taking(Key=string(sensitive=True, max=3)))
    assert "hunter2" not in message
    assert "'***'" in message


@pytest.mark.parametrize(
    ("key", "is_allowed"),
    [
        ("équipe 北京½", True),
        ("a/b=c+d-e@f.g:h_i", True),
        ("aws:x", False),
        ("AWS:x", True),
        ("a\n", False),
        ("a;b", False),
    ],
)
def test_tag_keys_take_letters_of_every_script(key, is_allowed):
    r"""\p{L} of the model means Unicode's letters; Python's own re has no such class."""
    request = {"ResourceArn": ARN, "Tags": {key: ""}}
    if is_allowed:
        validate(request, REKOGNITION["TagResource"])
    else:
        assert "'tags.1.key'" in message_of(request, REKOGNITION["TagResource"])


@pytest.mark.parametrize(
    "face_id", ["0F8FAD5B-D9CB-469F-A165-70867728950E", "0f8fad5bd9cb469fa16570867728950e", ""]
)
def test_a_face_id_is_lower_case_with_hyphens(face_id):
    """Two spellings of one id would be two ids."""
    assert "'faceId'" in message_of({"CollectionId": "c", "FaceId": face_id}, REKOGNITION["SearchFaces"])


def test_a_pattern_matches_in_full():
    """The models' patterns are unanchored; a search instead of a match would let anything through."""
    assert "'collectionId'" in message_of({"CollectionId": "good bad"}, REKOGNITION["DescribeCollection"])
    assert "'collectionId'" in message_of({"CollectionId": "good\n"}, REKOGNITION["DescribeCollection"])


def test_members_that_are_none_are_absent():
    """As on the wire: null is absence."""
    validate({"MaxResults": None, "NextToken": None}, REKOGNITION["ListCollections"])
    assert "Value null at 'collectionId'" in message_of(
        {"CollectionId": None}, REKOGNITION["DeleteCollection"]
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused(value):
    """NaN compares false with every bound, so it would slip through all of them."""
    request = {
        "CollectionId": "c",
        "FaceId": "0f8fad5b-d9cb-469f-a165-70867728950e",
        "FaceMatchThreshold": value,
    }
    assert "must be a finite number" in message_of(request, REKOGNITION["SearchFaces"])


def strings_of(shape, steps=()):
    """Where a request may have a text: as `planted` wants it."""
    match shape:
        case StructureShape():
            for name, member in shape.members.items():
                yield from strings_of(member, (*steps, name))
        case ListShape():
            yield from strings_of(shape.member, (*steps, "[]"))
        case MapShape():
            yield from strings_of(shape.key, (*steps, "{key}"))
            yield from strings_of(shape.value, (*steps, "{value}"))
        case StringShape(json_value=False):
            yield steps


@pytest.mark.parametrize(
    ("service", "operation", "request_", "path"),
    [
        ("countenance", "SubmitAppeal", {"Statement": "it was\0not us"}, "statement"),
        ("countenance", "AssumePurpose", {"Purpose": "development", "Case": "\0"}, "case"),
        ("rekognition", "TagResource", {"ResourceArn": ARN, "Tags": {"k": "v\0"}}, "tags.1.value"),
        ("rekognition", "TagResource", {"ResourceArn": ARN, "Tags": {"k\0": "v"}}, "tags.1.key"),
        ("rekognition", "DeleteFaces", {"CollectionId": "c", "FaceIds": ["\0"]}, "faceIds.1.member"),
    ],
)
def test_no_text_has_the_character_that_no_database_keeps(service, operation, request_, path):
    """PostgreSQL refuses U+0000 in texts: let through, it would be a failure of ours."""
    message = message_of(request_, MODELS.services[service].operations[operation])
    assert f"Value '***' at '{path}' failed to satisfy constraint: Member must not have the char" in message


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_no_text_of_any_operation_has_it(operation):
    """Wherever it stands, and whatever the model asks of it beside."""
    whole = smallest(operation.input_shape)
    for steps in strings_of(operation.input_shape):
        message = message_of(planted(whole, operation.input_shape, steps, "a\0"), operation)
        assert "Member must not have the character U+0000" in message, steps


@pytest.mark.parametrize("given_", [{}, {"A": "x", "B": "y"}])
def test_a_union_has_exactly_one_member(given_):
    """None or two would leave the operation to guess."""
    union = StructureShape("U", {"A": string(), "B": string()}, (), union=True)
    validate({"Choice": {"A": "x"}}, taking(Choice=union))
    assert "'choice'" in message_of({"Choice": given_}, taking(Choice=union))


def test_a_pattern_that_backtracks_for_ever_is_cut_short():
    """One request must not keep a worker busy: it is refused after a second."""
    operation = taking(Name=string(pattern_text="(a|aa)+b"))
    started = time.monotonic()
    assert "'name'" in message_of({"Name": "a" * 5000}, operation)
    assert time.monotonic() - started < 10


def test_lengths_are_counted_before_patterns_are_tried():
    """A pattern is never run on a string that is too long already."""
    operation = taking(Names=ListShape("L", string(max=64, pattern_text="(a|aa)+b"), None, 10))
    message = message_of({"Names": ["a" * 1_000_000]}, operation)
    assert message.startswith("1 validation error detected")


def test_a_list_without_a_maximum_has_one_all_the_same():
    """Sixteen megabytes hold millions of attributes; that must cost neither seconds nor a long answer."""
    body = b'{"Image":{"Bytes":"YQ=="},"Attributes":[' + b",".join([b'""'] * 5_000_000) + b"]}"
    operation = REKOGNITION["DetectFaces"]
    started = time.process_time()
    message = message_of(parse_request(body, operation), operation)
    assert time.process_time() - started < 3
    assert "'[5000000 members]' at 'attributes'" in message
    assert "length less than or equal to 10000" in message
