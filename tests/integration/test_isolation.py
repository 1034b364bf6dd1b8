"""Signatures, accounts and what one account can see of another."""

from __future__ import annotations

import datetime as dt
import http.client
import json
import socket
import subprocess
import sys
import uuid
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

pytestmark = pytest.mark.xdist_group("server")


@pytest.fixture(scope="module")
def cli(service):
    """Run `countenance accounts ... --json` on the running server's data directory."""

    where = ["--data-dir", str(service.data_dir), *service.database_options]

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "countenance.cli", "accounts", *arguments, "--json", *where],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="module")
def second(service, cli):
    """A client of a second account on the same server."""
    return service.client(**service.make_account("Second"))


def test_accounts_see_nothing_of_one_another(rekognition, second, collection, portraits, refusal):
    """A name in one account is free in the other, and ids of the other are not found."""
    photo = portraits.stranger.read_bytes()
    face = rekognition.index_faces(CollectionId=collection, Image={"Bytes": photo})["FaceRecords"][0]["Face"]
    assert collection not in second.list_collections()["CollectionIds"]
    for operation, parameters in [
        (second.describe_collection, {}),
        (second.list_faces, {}),
        (second.search_faces, {"FaceId": face["FaceId"]}),
        (second.delete_faces, {"FaceIds": [face["FaceId"]]}),
        (second.delete_collection, {}),
        (second.search_faces_by_image, {"Image": {"Bytes": photo}}),
    ]:
        code, message, _ = refusal(operation, CollectionId=collection, **parameters)
        assert code == "ResourceNotFoundException"
        assert message == f"The collection id: {collection} does not exist"
    second.create_collection(CollectionId=collection)
    assert second.describe_collection(CollectionId=collection)["FaceCount"] == 0
    code, _, _ = refusal(second.search_faces, CollectionId=collection, FaceId=face["FaceId"])
    assert code == "InvalidParameterException"
    second.delete_collection(CollectionId=collection)
    assert rekognition.describe_collection(CollectionId=collection)["FaceCount"] == 1


def test_another_accounts_arn_is_not_found(rekognition, second, collection, refusal):
    """Whether a resource of somebody else exists is not told."""
    arn = rekognition.describe_collection(CollectionId=collection)["CollectionARN"]
    for operation, parameters in [
        (second.list_tags_for_resource, {}),
        (second.tag_resource, {"Tags": {"a": "b"}}),
        (second.untag_resource, {"TagKeys": ["a"]}),
    ]:
        assert refusal(operation, ResourceArn=arn, **parameters)[0] == "ResourceNotFoundException"


def test_a_page_token_is_of_one_account_and_one_list(rekognition, second, refusal):
    """A token from one account opens nothing in another."""
    names = [f"token-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    for name in names:
        rekognition.create_collection(CollectionId=name)
    try:
        token = rekognition.list_collections(MaxResults=1)["NextToken"]
        assert refusal(second.list_collections, NextToken=token)[0] == "InvalidPaginationTokenException"
        code, _, _ = refusal(rekognition.list_faces, CollectionId=names[0], NextToken=token)
        assert code == "InvalidPaginationTokenException"
    finally:
        for name in names:
            rekognition.delete_collection(CollectionId=name)


def test_a_wrong_secret_an_unknown_key_and_a_revoked_key_are_refused(service, cli, refusal):
    """With AWS's codes, so that SDKs say the right thing."""
    wrong = service.client(aws_secret_access_key="x" * 40)
    assert refusal(wrong.list_collections)[0] == "InvalidSignatureException"
    unknown = service.client(aws_access_key_id="AKIA" + "Q" * 16)
    assert refusal(unknown.list_collections)[0] == "UnrecognizedClientException"

    made = service.make_account("Third")
    key = cli("keys", "create", made["account"])
    third = service.client(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    assert third.list_collections()["CollectionIds"] == []
    cli("keys", "revoke", key["AccessKeyId"])
    assert refusal(third.list_collections)[0] == "UnrecognizedClientException"


def test_temporary_credentials_work_and_need_their_token(service, refusal):
    """GetSessionToken of our own model; the session token is part of the credential."""
    made = service.client("countenance").get_session_token(DurationSeconds=900)["Credentials"]
    keys = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}
    session = service.client(**keys, aws_session_token=made["SessionToken"])
    assert "CollectionIds" in session.list_collections()
    assert made["Expiration"] > dt.datetime.now(dt.UTC)
    assert refusal(service.client(**keys).list_collections)[0] == "UnrecognizedClientException"
    forged = service.client(**keys, aws_session_token=made["SessionToken"][:-4] + "AAAA")
    assert refusal(forged.list_collections)[0] == "UnrecognizedClientException"


def test_our_own_model_is_served_by_the_same_gateway(service):
    """Who calls, which account, which keys, and how the server is."""
    own = service.client("countenance")
    caller = own.get_caller_identity()
    assert caller["AccessKeyId"] == service.running.access_key_id
    assert own.describe_account()["AccountId"] == caller["AccountId"]
    made = own.create_access_key()
    listed = {key["AccessKeyId"]: key for key in own.list_access_keys()["AccessKeys"]}
    assert listed[made["AccessKeyId"]]["Status"] == "ACTIVE"
    assert not any("SecretAccessKey" in key for key in listed.values())
    own.revoke_access_key(AccessKeyId=made["AccessKeyId"])
    listed = {key["AccessKeyId"]: key for key in own.list_access_keys()["AccessKeys"]}
    assert listed[made["AccessKeyId"]]["Status"] == "REVOKED"
    health = own.get_health()
    assert health["DefaultFaceModelVersion"] in {pack["FaceModelVersion"] for pack in health["Packs"]}


def _post(service, headers, body=b"{}"):
    address = urlsplit(service.endpoint)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    try:
        connection.request("POST", "/", body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), json.loads(answer.read() or b"{}")
    finally:
        connection.close()


def _signed(
    service,
    *,
    body=b"{}",
    region="us-east-1",
    target="RekognitionService.ListCollections",
    name="rekognition",
):
    request = AWSRequest(
        "POST",
        service.endpoint + "/",
        data=body,
        headers={"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"},
    )
    running = service.running
    SigV4Auth(Credentials(running.access_key_id, running.secret_access_key), name, region).add_auth(request)
    return dict(request.headers)


def test_the_wire_is_what_aws_sends(service):
    """Status, headers and the two spellings of an error."""
    status, headers, body = _post(service, _signed(service))
    assert (status, headers["content-type"]) == (200, "application/x-amz-json-1.1")
    assert uuid.UUID(headers["x-amzn-requestid"])
    assert "date" in headers
    assert "FaceModelVersions" in body

    asked = b'{"CollectionId": "absent"}'
    status, headers, body = _post(
        service, _signed(service, body=asked, target="RekognitionService.DescribeCollection"), asked
    )
    assert status == 400
    assert headers["x-amzn-errortype"].startswith("ResourceNotFoundException")
    assert body["__type"] == body["Code"] == "ResourceNotFoundException"
    assert body["Message"] == "The collection id: absent does not exist"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Authorization": None}, "MissingAuthenticationTokenException"),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=x"}, "IncompleteSignatureException"),
        ({"X-Amz-Target": "RekognitionService.NoSuchThing"}, "UnknownOperationException"),
        ({"X-Amz-Target": None}, "UnknownOperationException"),
        ({"X-Amz-Target": "RekognitionService.DeleteCollection"}, "InvalidSignatureException"),
        ({"X-Amz-Date": "20200101T000000Z"}, "InvalidSignatureException"),
        ({"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, "InvalidSignatureException"),
    ],
)
def test_a_request_that_was_tampered_with_is_refused(service, change, code):
    """Each header that matters is covered by the signature."""
    headers = _signed(service)
    for name, value in change.items():
        headers.pop(name, None)
        if value is not None:
            headers[name] = value
    status, _, body = _post(service, headers)
    assert body["__type"] == code
    assert 400 <= status < 500


def test_a_body_of_another_length_region_or_content_is_refused(service):
    """A changed byte, another region, another service."""
    assert _post(service, _signed(service), b'{"MaxResults": 1}')[2]["__type"] == "InvalidSignatureException"
    elsewhere = _post(service, _signed(service, region="eu-west-1"))[2]
    assert elsewhere["__type"] == "InvalidSignatureException"
    assert "valid region" in elsewhere["message"]
    assert _post(service, _signed(service, name="countenance"))[2]["__type"] == "InvalidSignatureException"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"MaxResults": "1"}', b'{"MaxResults": 1e999}', b"[" * 10_000],
)
def test_a_body_that_is_no_request_is_a_400(service, body):
    """Never a 5xx and never a hang."""
    status, _, answer = _post(service, _signed(service, body=body), body)
    if body == b"":
        assert status in {200, 400}
    else:
        assert (status, answer["__type"]) in {(400, "SerializationException"), (400, "ValidationException")}


def test_an_unknown_key_is_refused_before_the_body_is_sent(service):
    """Megabytes of a stranger are not read: the answer comes while the body is still missing."""
    headers = _signed(service)
    headers["Authorization"] = headers["Authorization"].replace(
        service.running.access_key_id, "AKIA" + "Z" * 16
    )
    address = urlsplit(service.endpoint)
    with socket.create_connection((address.hostname, address.port), timeout=10) as stream:
        lines = [f"{name}: {value}" for name, value in headers.items() if name.lower() != "content-length"]
        stream.sendall(
            "\r\n".join(
                ["POST / HTTP/1.1", f"Host: {address.netloc}", *lines, "Content-Length: 7000000", "", ""]
            ).encode()
        )
        answer = stream.recv(65536)
    assert b"400 Bad Request" in answer
    assert b"UnrecognizedClientException" in answer


def test_a_body_that_is_longer_than_any_request_is_refused(service):
    """Before it is read."""
    headers = _signed(service) | {"Content-Length": str(64 * 1024 * 1024)}
    address = urlsplit(service.endpoint)
    with socket.create_connection((address.hostname, address.port), timeout=10) as stream:
        lines = [f"{name}: {value}" for name, value in headers.items()]
        stream.sendall("\r\n".join(["POST / HTTP/1.1", f"Host: {address.netloc}", *lines, "", ""]).encode())
        answer = stream.recv(65536)
    assert answer.split(b" ")[1] in {b"400", b"413"}


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("PUT", "/"), ("POST", "/x"), ("DELETE", "/health"), ("HEAD", "/")]
)
def test_what_is_not_ours_is_not_found_or_not_allowed(service, method, path):
    """Plain 4xx, no 5xx."""
    address = urlsplit(service.endpoint)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    connection.request(method, path)
    assert connection.getresponse().status in {400, 404, 405}
    connection.close()


def test_health_is_a_page(service):
    """For load balancers: no credentials, no details."""
    address = urlsplit(service.endpoint)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    connection.request("GET", "/health")
    assert connection.getresponse().status == 200
    connection.close()
