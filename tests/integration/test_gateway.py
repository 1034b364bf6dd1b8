"""The gateway behind a real server, called by a real client and by raw sockets."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from countenance.store import Database, UnitOfWork, migrate
from gateway_server import Server

STRANGER = "AKIA" + "A" * 16
FIVE_MIB = 5 * 1024 * 1024


@pytest.fixture
def server(bench):
    with Server(bench) as running:
        yield running


def _refused(call, **request):
    with pytest.raises(ClientError) as caught:
        call(**request)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]


def _events(bench, operation):
    """Outcome, error and account's pseudonym of the operation's entries since the bench was made."""
    with bench.database.read() as connection:
        rows = connection.execute(
            "select entry from audit_event where recorded_at > %s order by recorded_at",
            (bench.key.created_at,),
        ).fetchall()
    entries = [json.loads(row[0]) for row in rows]
    return [
        (entry["outcome"], entry.get("error"), entry.get("account"))
        for entry in entries
        if entry.get("operation") == operation
    ]


def _raw_head(server, headers, *, length, access_key_id=STRANGER):
    """The bytes of a signed head that announces a body of `length` bytes."""
    head = server.bench.head("DetectFaces", b"{}", access_key_id=access_key_id)
    sent = dict(head.headers) | {"content-length": str(length)} | headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items() if value is not None)
    return f"POST / HTTP/1.1\r\n{lines}\r\n".encode("latin-1")


def _read_answer(connection):
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.headers, answer.read()


def test_a_real_client_is_answered_and_finds_its_event(server):
    answer = server.client().create_collection(CollectionId="faces")
    assert answer["StatusCode"] == 200
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["content-type"] == "application/x-amz-json-1.1"
    assert "date" in headers  # several SDKs set their clocks by it
    event = server.bench.event(headers["x-countenance-event-id"])
    assert event["event"] == answer["ResponseMetadata"]["RequestId"]
    assert event["outcome"] == "answered"


def test_our_own_service_is_answered_at_the_same_door(server):
    assert server.client("countenance").get_caller_identity()["AccountId"] == server.bench.account.account_id


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"secret": "wrong"}, "InvalidSignatureException"),
        ({"key": STRANGER}, "UnrecognizedClientException"),
        ({"token": "none of ours"}, "UnrecognizedClientException"),
        ({"region": "eu-west-1"}, "InvalidSignatureException"),
    ],
)
def test_a_real_client_with_wrong_credentials_is_refused_on_record(server, changes, code):
    refused, metadata = _refused(server.client(**changes).create_collection, CollectionId="faces")
    assert (refused, metadata["HTTPStatusCode"]) == (code, 400)
    event = server.bench.event(metadata["HTTPHeaders"]["x-countenance-event-id"])
    assert (event["outcome"], event["error"], event.get("account")) == ("refused", code, None)
    assert server.bench.collections() == set()


def test_a_signature_out_of_time_is_refused(server):
    server.bench.clock.moment = datetime.now(UTC) + timedelta(minutes=6)
    assert _refused(server.client().list_collections)[0] == "InvalidSignatureException"


def test_temporary_credentials_are_good_until_they_expire(server):
    bench = server.bench
    with UnitOfWork(bench.database) as work:
        session = bench.services.accounts.create_session(work.connection, bench.key.access_key_id, 900)
        work.commit()
    client = server.client(key=session.access_key_id, secret=session.secret, token=session.session_token)
    assert client.detect_faces(Image={"Bytes": b"12345"})["FaceDetails"] == [{"Confidence": 5.0}]
    with bench.database.read() as connection:
        connection.execute(
            "update access_key set expires_at = clock_timestamp() where access_key_id = %s",
            (session.access_key_id,),
        )
    assert _refused(client.detect_faces, Image={"Bytes": b"12345"})[0] == "ExpiredTokenException"


def test_answered_refused_and_failed_calls_each_leave_one_event(server):
    client = server.client()
    client.create_collection(CollectionId="faces")
    assert _refused(client.describe_collection, CollectionId="other")[0] == "ResourceNotFoundException"
    code, metadata = _refused(client.list_collections)
    assert (code, metadata["HTTPStatusCode"]) == ("InternalServerError", 500)
    account = server.bench.pseudonym("account", server.bench.account.account_id)
    assert _events(server.bench, "CreateCollection") == [("answered", None, account)]
    assert _events(server.bench, "DescribeCollection") == [("refused", "ResourceNotFoundException", account)]
    assert _events(server.bench, "ListCollections") == [("failed", "InternalServerError", account)]


def test_a_picture_of_five_mib_is_understood_off_the_event_loop(server):
    """Decoding megabytes on the loop would stop every other connection meanwhile."""
    threads = []

    def note(request, deps):
        threads.append(threading.current_thread().name)
        return {"FaceDetails": [{"Confidence": len(request["Image"]["Bytes"])}]}

    server.bench.operations["rekognition"]["DetectFaces"] = note
    answer = server.client().detect_faces(Image={"Bytes": bytes(FIVE_MIB)})
    assert answer["FaceDetails"] == [{"Confidence": float(FIVE_MIB)}]
    assert threads[0].startswith("answer")


def test_a_stranger_is_answered_before_it_sends_its_body(server):
    with server.connect() as connection:
        connection.sendall(_raw_head(server, {}, length=14_000_000))
        status, headers, body = _read_answer(connection)
    assert (status, headers["x-amzn-errortype"]) == (400, "UnrecognizedClientException")
    assert headers["connection"] == "close"
    assert b"UnrecognizedClientException" in body
    assert server.gateway.budget.bytes_in_flight == 0


def test_a_stranger_that_waits_to_be_asked_for_its_body_is_not_asked(server):
    with server.connect() as connection:
        connection.sendall(_raw_head(server, {"expect": "100-continue"}, length=14_000_000))
        assert connection.recv(12) == b"HTTP/1.1 400"


def test_a_stranger_that_sends_on_regardless_still_gets_its_answer(server):
    """A connection that is closed on a sender is reset, and the answer is lost with it."""
    with server.connect() as connection:
        connection.sendall(_raw_head(server, {}, length=14_000_000))
        connection.sendall(bytes(14_000_000))
        assert _read_answer(connection)[0] == 400


def test_a_body_over_the_limit_is_refused_by_its_announcement(server):
    with server.connect() as connection:
        key = server.bench.key.access_key_id
        connection.sendall(_raw_head(server, {}, length=17_000_000, access_key_id=key))
        status, headers, _ = _read_answer(connection)
    assert (status, headers["x-amzn-errortype"]) == (413, "RequestEntityTooLargeException")


def test_a_real_client_with_a_body_over_the_limit_gets_the_refusal(server):
    code, metadata = _refused(server.client().detect_faces, Image={"Bytes": bytes(13_000_000)})
    assert (code, metadata["HTTPStatusCode"]) == ("RequestEntityTooLargeException", 413)


def test_a_body_that_never_ends_is_refused_once_it_is_over_the_limit(server):
    with server.connect() as connection:
        key = server.bench.key.access_key_id
        changes = {"content-length": None, "transfer-encoding": "chunked"}
        connection.sendall(_raw_head(server, changes, length=0, access_key_id=key))
        for _ in range(17):
            connection.sendall(b"100000\r\n" + bytes(1 << 20) + b"\r\n")
        status, headers, _ = _read_answer(connection)
    assert (status, headers["x-amzn-errortype"]) == (413, "RequestEntityTooLargeException")


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(server):
    with server.connect() as connection:
        key = server.bench.key.access_key_id
        connection.sendall(_raw_head(server, {}, length=1000, access_key_id=key) + b"x" * 500)
    _wait_for(lambda: _events(server.bench, "DetectFaces") == [("refused", "RequestTimeoutException", None)])
    assert server.gateway.budget.calls_in_flight == 0


def test_of_calls_with_one_token_one_takes_effect_and_all_get_its_answer(server):
    client = server.client()
    client.create_collection(CollectionId="faces")
    request = {"CollectionId": "faces", "UserId": "ada", "ClientRequestToken": "one"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.create_user(**request), range(8)))
    assert {answer["ResponseMetadata"]["HTTPStatusCode"] for answer in answers} == {200}
    replays = [
        "replay" in entry.members
        for entry in server.bench.events()
        if entry.members["operation"] == "CreateUser"
    ]
    assert sorted(replays) == [False] + [True] * 7
    changed = request | {"UserId": "grace"}
    assert _refused(client.create_user, **changed)[0] == "IdempotentParameterMismatchException"


def test_a_call_whose_event_cannot_be_written_fails_and_changes_nothing(make_bench, empty_database_url):
    """No answer without a record: here the database itself refuses the event."""
    with Database(empty_database_url, max_connections=8) as own:
        migrate(own)
        bench = make_bench(own)
        with Server(bench) as server:
            client = server.client()
            client.create_collection(CollectionId="before")
            with own.read() as connection:
                connection.execute(
                    "alter table audit_event add constraint broken"
                    " check (position('\"CreateCollection\"' in convert_from(entry, 'UTF8')) = 0) not valid"
                )
            code, metadata = _refused(client.create_collection, CollectionId="after")
            assert (code, metadata["HTTPStatusCode"]) == ("InternalServerError", 500)
            assert bench.collections() == {"before"}
            assert "x-countenance-event-id" not in metadata["HTTPHeaders"]
            refused = _refused(server.client(secret="wrong").create_collection, CollectionId="after")
            assert refused[0] == "InternalServerError"
            with own.read() as connection:
                connection.execute("alter table audit_event drop constraint broken")
            client.create_collection(CollectionId="after")
            assert bench.collections() == {"before", "after"}


@pytest.mark.parametrize(
    "request_line",
    ["GET / HTTP/1.1", "HEAD / HTTP/1.1", "PUT /x HTTP/1.1", "OPTIONS * HTTP/1.1", "TRACE / HTTP/1.1", "!!"],
)
def test_whatever_is_sent_is_a_refusal_and_not_a_failure(server, request_line):
    with server.connect() as connection:
        connection.sendall(f"{request_line}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        status = connection.recv(4096).split()[1]
    assert status.startswith(b"4")
    assert server.client().search_faces(CollectionId="c", FaceId="0" * 8 + "-0000-4000-8000-" + "0" * 12)


def test_the_health_page_needs_no_signature(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/health")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"ok\n")


def test_stopping_the_server_lets_calls_in_flight_finish(bench):
    started = threading.Event()

    def slow(request, deps):
        started.set()
        time.sleep(0.5)
        return {"FaceDetails": []}

    bench.operations["rekognition"]["DetectFaces"] = slow
    with ThreadPoolExecutor(1) as pool:
        with Server(bench) as server:
            call = pool.submit(server.client().detect_faces, Image={"Bytes": b"12345"})
            assert started.wait(10)
        assert call.result(10)["FaceDetails"] == []


def _wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
