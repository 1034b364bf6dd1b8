"""Every documented error that an operation can give here, as boto3 and as the AWS CLI show it.

One table. Words in braces are filled in where a case runs: {account}, {collection}, {arn}, {face}, {spare}
(a face of no user), {portrait} (the bytes of a photo). A case happens at a place: the server of all tests,
as an account in good standing or as a suspended one, or a server in trouble, with next to no room for
bodies and an object store that fails.
"""

from __future__ import annotations

import http.server
import json
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import pytest
from botocore import xform_name
from PIL import Image

from countenance.cli.server_process import running_server
from countenance.errors import FrameworkError
from countenance.operations.registry import OPERATIONS
from countenance.wire.model import load_models
from fixtures_clients import AwsCli, aws_cli
from fixtures_server import Service
from tiny_pictures import coloured_blocks, encoded, png

pytestmark = pytest.mark.xdist_group("server")

MODEL = load_models().services["rekognition"].operations
OFFERED = sorted(OPERATIONS["rekognition"])
FRAMEWORK = {kind.__name__ for kind in FrameworkError.__subclasses__()}
ABSENT = "00000000-0000-4000-8000-000000000000"
NO_COLLECTION = "The collection id: absent does not exist"
NO_FACE = "There are no faces in the image. Should be at least 1."
BAD_PARAMETERS = "Request has invalid parameters"
BAD_OBJECT = "Unable to get object metadata from S3. Check object key, region and/or access permissions."
BODY_ROOM = 4096

PORTRAIT = {"Bytes": "{portrait}"}
NOT_A_PICTURE = {"Bytes": b"GIF89a, and not a picture that is taken"}
NOBODY = {"Bytes": encoded(coloured_blocks(160, 160), "PNG")}
TOO_SMALL = {"Bytes": encoded(coloured_blocks(72, 80), "PNG")}
TOO_WIDE = {"Bytes": png(10_001, 100, b"")}
TOO_LONG = {"Bytes": bytes(5_242_881)}
NAMELESS = {"S3Object": {"Bucket": "photos"}}

_OF_COLLECTION = {"CollectionId": "absent"}
_OF_USER = {"CollectionId": "absent", "UserId": "ada"}
_ABSENT_ARN = {"ResourceArn": "arn:aws:rekognition:us-east-1:{account}:collection/absent"}
PLAIN: dict[str, dict[str, Any]] = {
    "AssociateFaces": {**_OF_USER, "FaceIds": [ABSENT]},
    "CompareFaces": {"SourceImage": PORTRAIT, "TargetImage": PORTRAIT},
    "CreateCollection": _OF_COLLECTION,
    "CreateUser": _OF_USER,
    "DeleteCollection": _OF_COLLECTION,
    "DeleteFaces": {**_OF_COLLECTION, "FaceIds": [ABSENT]},
    "DeleteUser": _OF_USER,
    "DescribeCollection": _OF_COLLECTION,
    "DetectFaces": {"Image": PORTRAIT},
    "DisassociateFaces": {**_OF_USER, "FaceIds": [ABSENT]},
    "IndexFaces": {**_OF_COLLECTION, "Image": PORTRAIT},
    "ListCollections": {},
    "ListFaces": _OF_COLLECTION,
    "ListTagsForResource": _ABSENT_ARN,
    "ListUsers": _OF_COLLECTION,
    "SearchFaces": {**_OF_COLLECTION, "FaceId": ABSENT},
    "SearchFacesByImage": {**_OF_COLLECTION, "Image": PORTRAIT},
    "SearchUsers": {**_OF_COLLECTION, "FaceId": ABSENT},
    "SearchUsersByImage": {**_OF_COLLECTION, "Image": PORTRAIT},
    "TagResource": {**_ABSENT_ARN, "Tags": {"a": "b"}},
    "UntagResource": {**_ABSENT_ARN, "TagKeys": ["a"]},
}
"""A well-formed request of each operation: what of it fails is what a case changes."""

OF_COLLECTION = [name for name in OFFERED if "CollectionId" in PLAIN[name] and name != "CreateCollection"]
OF_ARN = [name for name in OFFERED if "ResourceArn" in PLAIN[name]]
OF_IMAGE = [name for name in OFFERED if {"Image", "SourceImage"} & set(PLAIN[name])]
OF_TOKEN = [name for name in OFFERED if MODEL[name].idempotency_token]


@dataclass(frozen=True)
class Case:
    """A refusal: which request, where, and what the caller is told (None: the words are not promised)."""

    operation: str
    code: str
    why: str
    parameters: dict[str, Any]
    message: str | None = None
    place: str = "good"
    cli: bool = True  # False: the CLI itself refuses to send it

    def __str__(self) -> str:
        return f"{self.operation}-{self.code.removesuffix('Exception')}-{self.why.replace(' ', '-')}"


def case(operation: str, code: str, why: str, message: str | None = None, **changes: Any) -> Case:
    """The operation's plain request with some members changed, or left out where None."""
    parameters = PLAIN[operation] | changes
    given = {name: value for name, value in parameters.items() if value is not None}
    return Case(operation, code, why, given, message)


def on_an_image(operation: str, code: str, why: str, message: str, image: dict[str, Any]) -> Iterator[Case]:
    """On each image that the operation takes, with a collection that is there."""
    here = {"CollectionId": "{collection}"} if "CollectionId" in PLAIN[operation] else {}
    for member in ("Image", "SourceImage", "TargetImage"):
        if member in PLAIN[operation]:
            yield case(operation, code, f"{why} {member}", message, **here, **{member: image})


def in_s3(name: str) -> dict[str, Any]:
    return {"S3Object": {"Bucket": "photos", "Name": name}}


def too_long_for_the_room(operation: str) -> Case:
    parameters = PLAIN[operation]
    image = "SourceImage" if operation == "CompareFaces" else "Image"
    if image in parameters:
        changes = {image: {"Bytes": bytes(BODY_ROOM)}}
    elif "ResourceArn" in parameters:
        changes = {"ResourceArn": "x" * BODY_ROOM}
    else:
        changes = {"NextToken" if operation == "ListCollections" else "CollectionId": "x" * BODY_ROOM}
    made = case(
        operation, "ThrottlingException", "no room for the body",
        "Slow down; sudden increase in rate of requests", **changes,
    )  # fmt: skip
    return replace(made, place="trouble")


def one_violation(value: str, path: str, constraint: str) -> str:
    shown = f"Value {value} at '{path}' failed to satisfy constraint: Member must {constraint}"
    return f"1 validation error detected: {shown}"


def _everywhere() -> Iterator[Case]:
    for name in OFFERED:
        denied = case(
            name, "AccessDeniedException", "suspended",
            "AUP-002: the account is suspended, or one that it is supplied by or that acts for it is; read "
            "why (DescribeAccount, ListFindings) and appeal (SubmitAppeal, or `countenance appeals submit`) "
            "(acceptable use policy, 4.2)",
        )  # fmt: skip
        yield replace(denied, place="suspended")
        yield too_long_for_the_room(name)
    for name in OF_COLLECTION:
        yield case(name, "ResourceNotFoundException", "no collection", NO_COLLECTION)
    for name in (*OF_COLLECTION, "CreateCollection"):
        message = one_violation(
            "'a b'", "collectionId", "satisfy regular expression pattern: [a-zA-Z0-9_.\\-]+"
        )
        yield case(name, "ValidationException", "pattern", message, CollectionId="a b")
    for name in OF_ARN:
        yield case(name, "ResourceNotFoundException", "no collection", NO_COLLECTION)
        message = one_violation(f"'{'x' * 64}...'", "resourceArn", "have length less than or equal to 2048")
        yield case(name, "ValidationException", "too long", message, ResourceArn="x" * 2049)
        elsewhere = "arn:aws:rekognition:us-east-1:{account}:project/absent"
        message = f"The resource: {elsewhere} does not exist"
        yield case(name, "ResourceNotFoundException", "no project", message, ResourceArn=elsewhere)
        no_arn = "this-is-no-resource-name"
        yield case(name, "InvalidParameterException", "no arn", BAD_PARAMETERS, ResourceArn=no_arn)
    for name in ("AssociateFaces", "DisassociateFaces", "DeleteUser"):
        message = "The user id: nobody does not exist"
        changes = {"CollectionId": "{collection}", "UserId": "nobody"}
        yield case(name, "ResourceNotFoundException", "no user", message, **changes)
    for name in OF_TOKEN:
        message = "The ClientRequestToken: {token} you have supplied is already in use"
        changes = {"CollectionId": "{collection}", "UserId": "other", "ClientRequestToken": "{token}"}
        yield case(name, "IdempotentParameterMismatchException", "token", message, **changes)
    for name in ("ListCollections", "ListFaces", "ListUsers"):
        here = {} if name == "ListCollections" else {"CollectionId": "{collection}"}
        message = "Invalid Pagination Token"
        yield case(name, "InvalidPaginationTokenException", "made up", message, **here, NextToken="made-up")


def _of_images() -> Iterator[Case]:
    for name in OF_IMAGE:
        for code, why, message, image in [
            ("InvalidImageFormatException", "no picture", "Request has invalid image format", NOT_A_PICTURE),
            ("ImageTooLargeException", "too wide", "Image size is too large", TOO_WIDE),
            ("ImageTooLargeException", "over 15 MB", "Image size is too large", in_s3("huge.jpg")),
            ("InvalidS3ObjectException", "no key", BAD_OBJECT, in_s3("absent.jpg")),
            ("InvalidS3ObjectException", "no name", "Request has invalid S3 object", NAMELESS),
            ("InvalidParameterException", "under 80 px", BAD_PARAMETERS, TOO_SMALL),
            ("InvalidParameterException", "neither", BAD_PARAMETERS, {}),
        ]:  # fmt: skip
            yield from on_an_image(name, code, why, message, image)
        private = {"S3Object": {"Bucket": "private", "Name": "a.jpg"}}
        yield from on_an_image(name, "InvalidS3ObjectException", "not allowed", BAD_OBJECT, private)
        both = {**NOBODY, **in_s3("absent.jpg")}
        for made in on_an_image(name, "InvalidParameterException", "both", BAD_PARAMETERS, both):
            yield replace(made, cli=False)
        image = "sourceImage" if name == "CompareFaces" else "image"
        message = one_violation(
            "'[5242881 bytes]'", f"{image}.bytes", "have length less than or equal to 5242880"
        )
        member = image[0].upper() + image[1:]
        yield case(name, "ValidationException", "over 5 MB", message, **{member: TOO_LONG})
        for busy in on_an_image(
            name, "ProvisionedThroughputExceededException", "store busy",
            "S3 download limit exceeded", in_s3("busy.jpg"),
        ):  # fmt: skip
            small = {member: in_s3("busy.jpg") for member in busy.parameters if member.endswith("Image")}
            yield replace(busy, place="trouble", parameters=busy.parameters | small)
            break
    yield from on_an_image("SearchFacesByImage", "InvalidParameterException", "no face", NO_FACE, NOBODY)
    yield from on_an_image("CompareFaces", "InvalidParameterException", "no face", BAD_PARAMETERS, NOBODY)
    broken = next(on_an_image(
        "DetectFaces", "InternalServerError", "store broken", "the object store failed", in_s3("broken.jpg")
    ))  # fmt: skip
    yield replace(broken, place="trouble")


def _of_one() -> Iterator[Case]:
    here = {"CollectionId": "{collection}"}
    yield case(
        "CreateCollection", "ResourceAlreadyExistsException", "name taken",
        "The collection id: {collection} already exists", **here,
    )  # fmt: skip
    reserved = "tag key `AWS:a` begins with the reserved prefix `aws:`"
    for name, changes in [
        ("CreateCollection", {"CollectionId": "never"}),
        ("TagResource", {"ResourceArn": "{arn}"}),
    ]:
        tags = {"Tags": {str(number): "" for number in range(51)}}
        yield case(
            name, "ServiceQuotaExceededException", "51 tags",
            "the collection would have 51 tags; at most 50 are allowed", **changes, **tags,
        )  # fmt: skip
        yield case(name, "InvalidParameterException", "reserved tag", reserved, **changes, Tags={"AWS:a": ""})
    yield case(
        "CreateUser",
        "ConflictException",
        "id taken",
        "The user id: full already exists",
        **here,
        UserId="full",
    )
    yield case(
        "AssociateFaces", "ServiceQuotaExceededException", "101 faces",
        "the user would have 101 faces; at most 100 are allowed",
        **here, UserId="full", FaceIds=["{spare}"], UserMatchThreshold=0,
    )  # fmt: skip
    yield case(
        "SearchFaces",
        "InvalidParameterException",
        "no face",
        "faceId was not found in the collection",
        **here,
    )
    one_of = "exactly one of `UserId` and `FaceId` must be given"
    yield case("SearchUsers", "InvalidParameterException", "neither", one_of, **here, FaceId=None)
    yield case("SearchUsers", "InvalidParameterException", "both", one_of, **here, UserId="full")
    for why, changes in [
        ("no face", {"FaceId": ABSENT}),
        ("no user", {"FaceId": None, "UserId": "nobody"}),
    ]:
        message = f"The {why[3:]} id: {changes['FaceId'] or 'nobody'} does not exist"
        yield case("SearchUsers", "ResourceNotFoundException", why, message, **here, **changes)


def _of_constraints() -> Iterator[Case]:
    """Each kind of constraint once; wire/test_validate.py has every constraint of the model."""
    for name, changes, message in [
        ("CreateCollection", {"CollectionId": "x" * 256}, "have length less than or equal to 255"),
        ("ListCollections", {"MaxResults": 4097}, "have value less than or equal to 4096"),
        ("ListUsers", {"MaxResults": 501}, "have value less than or equal to 500"),
        ("SearchFaces", {"FaceMatchThreshold": 100.5}, "have value less than or equal to 100"),
        ("CompareFaces", {"QualityFilter": "BEST"}, "satisfy enum value set"),
        ("DetectFaces", {"Attributes": ["SCENT"]}, "satisfy enum value set"),
        ("SearchFaces", {"FaceId": "x"}, "satisfy regular expression pattern"),
        ("DeleteFaces", {"FaceIds": [ABSENT] * 4097}, "have length less than or equal to 4096"),
        ("TagResource", {"Tags": {str(n): "" for n in range(201)}}, "have length less than or equal to 200"),
        ("TagResource", {"Tags": {"x" * 129: ""}}, "have length less than or equal to 128"),
    ]:
        yield case(name, "ValidationException", f"{next(iter(changes))} {message}", f"…{message}", **changes)
    for name, changes, message in [
        ("DescribeCollection", {"CollectionId": None}, "not be null"),
        ("DescribeCollection", {"CollectionId": ""}, "have length greater than or equal to 1"),
        ("SearchFaces", {"MaxFaces": 0}, "have value greater than or equal to 1"),
        ("AssociateFaces", {"FaceIds": []}, "have length greater than or equal to 1"),
    ]:
        made = case(name, "ValidationException", message, f"…{message}", **changes)
        yield replace(made, cli=False)
    wrong = case("ListCollections", "SerializationException", "wrong type", None, MaxResults="many")
    yield replace(wrong, cli=False)


CASES = [*_everywhere(), *_of_images(), *_of_one(), *_of_constraints()]

UNREACHABLE = {
    # The clients cannot make the server fail: DetectFaces with a broken store stands for all.
    "InternalServerError": set(OFFERED) - {"DetectFaces"},
    # Only the object store has a rate.
    "ProvisionedThroughputExceededException": set(OFFERED) - set(OF_IMAGE),
    # What the model takes makes sense to these.
    "InvalidParameterException": {
        *("AssociateFaces", "CreateUser", "DeleteCollection", "DeleteFaces", "DeleteUser"),
        *("DescribeCollection", "DisassociateFaces", "ListCollections", "ListFaces", "ListUsers"),
    },
    # It names nothing that could be missing.
    "ResourceNotFoundException": {"ListCollections"},
    # Only what happens at the same moment: gallery/test_changing.py.
    "ConflictException": {"AssociateFaces", "DeleteUser", "DisassociateFaces"},
    # Millions of faces and users: gallery/test_quota.py.
    "ServiceQuotaExceededException": {"CreateUser", "IndexFaces"},
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a case happens: clients, and what the words in braces stand for."""

    client: Any
    aws: AwsCli
    words: dict[str, Any]

    def filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self.filled(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.filled(inner) for inner in value]
        if not isinstance(value, str):
            return value
        if value == "{portrait}":
            return self.words["portrait"]
        return re.sub(r"\{(\w+)\}", lambda word: self.words[word[1]], value)


class FailingStore(http.server.BaseHTTPRequestHandler):
    """An object store that is busy, or broken."""

    def do_GET(self) -> None:
        self.send_response(503 if "busy" in self.path else 500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def failing_store() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), FailingStore) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def keys_of_a_suspended_account(service: Service) -> dict[str, str]:
    made = service.make_account("Suspended", suspended=True)
    return {
        "account": made["account"],
        "id": made["aws_access_key_id"],
        "secret": made["aws_secret_access_key"],
    }


def crowd(client: Any, portrait: bytes) -> bytes:
    """A picture with the portrait's face 64 times: faces by the hundred in two calls."""
    box = client.detect_faces(Image={"Bytes": portrait})["FaceDetails"][0]["BoundingBox"]
    whole = Image.open(BytesIO(portrait)).convert("RGB")
    left, top = box["Left"] * whole.width, box["Top"] * whole.height
    width, height = box["Width"] * whole.width, box["Height"] * whole.height
    margin = 0.4 * height
    face = whole.crop((left - margin, top - margin, left + width + margin, top + height + margin))
    face = face.resize((140, 140))
    sheet = Image.new("RGB", (1120, 1120), "grey")
    for number in range(64):
        sheet.paste(face, (number % 8 * 140, number // 8 * 140))
    file = BytesIO()
    sheet.save(file, "JPEG", quality=90)
    return file.getvalue()


def fill_collection(client: Any, name: str, portrait: bytes) -> list[str]:
    """100 faces for the user `full`, and a first use of {token} by every operation that has one."""
    client.create_collection(CollectionId=name)
    picture = crowd(client, portrait)
    faces = [
        record["Face"]["FaceId"]
        for copy in ("a", "b")
        for record in client.index_faces(
            CollectionId=name, Image={"Bytes": picture}, ExternalImageId=copy, QualityFilter="NONE"
        )["FaceRecords"]
    ]
    assert len(faces) > 101
    user = {"CollectionId": name, "UserId": "full"}
    client.create_user(**user)
    client.associate_faces(**user, FaceIds=faces[:100])
    token = {"CollectionId": name, "UserId": "token", "ClientRequestToken": name}
    client.create_user(**token)
    client.associate_faces(**token, FaceIds=[faces[-1]])
    client.disassociate_faces(**token, FaceIds=[faces[-1]])
    client.delete_user(**token)
    return faces


@pytest.fixture(scope="module")
def places(service, s3_root, portraits, tmp_path_factory):
    portrait = portraits.stranger.read_bytes()
    with (s3_root / "photos" / "huge.jpg").open("wb") as file:
        file.truncate(15 * 1024 * 1024 + 1)
    name = f"errors-{uuid.uuid4().hex[:8]}"
    home = tmp_path_factory.mktemp("home")
    client = service.client()
    faces = fill_collection(client, name, portrait)
    arn = client.describe_collection(CollectionId=name)["CollectionARN"]
    words = {
        "portrait": portrait,
        "collection": name,
        "token": name,
        "arn": arn,
        "account": arn.split(":")[4],
        "spare": faces[100],
    }
    suspended = keys_of_a_suspended_account(service)
    keys = {"aws_access_key_id": suspended["id"], "aws_secret_access_key": suspended["secret"]}
    with ExitStack() as stack:
        options = [
            *("--workers", "1", "--max-bytes-in-flight", str(BODY_ROOM), "--s3-buckets", "*/photos"),
            *("--s3-endpoint", stack.enter_context(failing_store())),
            *("--s3-access-key-id", "id", "--s3-secret-access-key", "secret"),
        ]
        data_dir = tmp_path_factory.mktemp("trouble") / "data"
        running = stack.enter_context(
            running_server(data_dir, service.settings, accept_terms="Test, suite", options=options)
        )
        trouble = Service(running, data_dir, service.settings)
        trouble.client().create_collection(CollectionId=name)
        as_suspended = service.environment | {name.upper(): key for name, key in keys.items()}
        yield {
            "good": Place(client, stack.enter_context(aws_cli(service.environment, home)), words),
            "suspended": Place(
                service.client(**keys),
                stack.enter_context(aws_cli(as_suspended, home)),
                words | {"account": suspended["account"]},
            ),
            "trouble": Place(
                trouble.client(), stack.enter_context(aws_cli(trouble.environment, home)), words
            ),
        }
    client.delete_collection(CollectionId=name)


def same_words(told: str, promised: str | None) -> bool:
    """Whether the caller was told what the table promises: all of it, or what follows its ellipsis."""
    if promised is None:
        return bool(told)
    return promised[1:] in told if promised.startswith("…") else told == promised


@pytest.mark.parametrize("refused", CASES, ids=str)
def test_boto3_is_told(places, refusal, refused):
    """Code, words and status; a 5xx only for what is no caller's fault."""
    place = places[refused.place]
    operation = getattr(place.client, xform_name(refused.operation))
    code, message, status = refusal(operation, **place.filled(refused.parameters))
    assert (code, status) == (refused.code, 500 if refused.code == "InternalServerError" else 400)
    assert same_words(message, place.filled(refused.message)), message


def to_options(parameters: dict[str, Any], folder) -> list[str]:
    """A request as a user of the CLI writes it."""
    options: list[str] = []
    for name, value in parameters.items():
        option = "--" + xform_name(name, "-")
        if isinstance(value, dict) and set(value) == {"Bytes"}:
            file = folder / name
            file.write_bytes(value["Bytes"])
            options += [f"{option}-bytes", f"fileb://{file}"]
        elif isinstance(value, dict):
            options += [option, json.dumps(value)]
        else:
            options += [option, *map(str, value if isinstance(value, list) else [value])]
    return options


@pytest.mark.parametrize("refused", [refused for refused in CASES if refused.cli], ids=str)
def test_the_cli_is_told(places, tmp_path, refused):
    """The same in the CLI's sentence."""
    place = places[refused.place]
    command = xform_name(refused.operation, "-")
    status, error = place.aws(command, *to_options(place.filled(refused.parameters), tmp_path))
    assert status
    told = re.search(
        r"An error occurred \((\w+)\) when calling the (\w+) operation(?: \(reached max .*?\))?: (.*)",
        error.strip(),
        re.DOTALL,
    )
    assert told, error
    assert told.group(1, 2) == (refused.code, refused.operation)
    assert same_words(told[3], place.filled(refused.message)), told[3]


@pytest.mark.parametrize("operation", OFFERED)
def test_an_operation_gives_the_errors_of_its_model_and_no_others(operation):
    """Every one that the model declares is in the table, or cannot be had; framework errors beside."""
    declared = MODEL[operation].error_codes
    given = {refused.code for refused in CASES if refused.operation == operation}
    assert given <= declared | FRAMEWORK
    unreachable = {code for code, operations in UNREACHABLE.items() if operation in operations}
    assert declared - given == unreachable
