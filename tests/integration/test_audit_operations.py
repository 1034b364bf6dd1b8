"""The log as its clients see it: boto3 and plain HTTP over real sockets, two accounts, one auditor."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import uuid

import pytest
from botocore.exceptions import ClientError

from countenance.audit.auditors import add_auditor, revoke_auditor
from countenance.audit.entry import commit
from countenance.operations.registry import OPERATIONS
from countenance.transparency.checkpoint import Checkpoint
from countenance.transparency.merkle import tree_root, verify_consistency
from countenance.transparency.note import Note, Verifier
from countenance.transparency.proof import InclusionProof
from countenance.transparency.receipt import verify_receipt
from countenance.transparency.tiles import decode_bundle
from gateway_server import Server
from whole_log import ORIGIN, WITNESS, whole_log

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def log(postgres_url, tmp_path_factory):
    with whole_log(postgres_url, tmp_path_factory.mktemp("log")) as opened:
        yield opened


@pytest.fixture(scope="module")
def database(log):
    """Of the benches as well: their log is this one."""
    return log.database


@pytest.fixture(scope="module")
def log_keys(log):
    return log.keys


@pytest.fixture
def server(bench):
    bench.operations["countenance"].update(OPERATIONS["countenance"])
    with Server(bench) as running:
        yield running


@pytest.fixture
def client(server):
    """Of the bench's account."""
    return server.client("countenance")


@pytest.fixture
def stranger(server, make_bench):
    """Of another account on the same server."""
    other = make_bench()
    return server.client("countenance", key=other.key.access_key_id, secret=other.key.secret)


@pytest.fixture
def page(server):
    """Ask for a plain page: status, headers, body."""

    def page(path, *, method="GET", headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    return page


def headers_of(answer):
    return answer["ResponseMetadata"]["HTTPHeaders"]


def called(answer):
    """Event id and receipt of an answer."""
    headers = headers_of(answer)
    return headers["x-countenance-event-id"], headers["x-countenance-receipt"]


def refused(call, **request):
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response
    return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPHeaders"]


def test_an_answer_can_be_followed_into_the_log(server, client, log, page):
    """A client's whole way: the receipt's promise, then the proof, then the same root at the public page."""
    event_id, receipt = called(server.client().create_collection(CollectionId=f"c-{uuid.uuid4().hex}"))
    assert client.get_receipt_status(Receipt=receipt)["Status"] == "PENDING"
    code, message, _ = refused(client.get_inclusion_proof, EventId=event_id)
    assert code == "ResourceNotFoundException"
    assert "merged by 20" in message
    log.settle()
    log.cosign()
    status = client.get_receipt_status(Receipt=receipt)
    told = client.get_inclusion_proof(EventId=event_id)
    assert (status["Status"], status["EventId"]) == ("INTEGRATED", event_id)
    assert (status["LogIndex"], status["TreeSize"]) == (told["LogIndex"], told["TreeSize"])

    checkpoint = client.get_checkpoint()
    promised = verify_receipt(receipt, [Verifier.parse(checkpoint["ReceiptKey"])])
    assert (promised.leaf_hash, promised.merge_by) == (base64.b64decode(told["LeafHash"]), status["MergeBy"])
    proof = InclusionProof.parse(told["ProofFile"])
    key = Verifier.parse(checkpoint["LogKey"])
    assert proof.verify(promised.leaf_hash, [key], [WITNESS.verifier], quorum=1).origin == ORIGIN
    assert hashlib.sha256(b"\0" + told["Entry"].encode()).digest() == promised.leaf_hash
    assert page("/log/checkpoint")[2].decode() == checkpoint["Checkpoint"] == told["Checkpoint"]
    assert f"log {key} since " in page("/log/keys")[2].decode()


def test_a_proof_file_is_verified_with_nothing_but_its_format(client, log):
    """c2sp.org/tlog-proof by hand: lines, base64, SHA-256."""
    events = [called(client.leave_canary(Marker="a marker of this test"))[0] for _ in range(5)]
    log.settle()
    for event_id in events:
        told = client.get_inclusion_proof(EventId=event_id)
        header, index, *lines = told["ProofFile"].split("\n")
        assert header == "c2sp.org/tlog-proof@v1"
        path = lines[: lines.index("")]
        origin, size, root = lines[lines.index("") + 1 :][:3]
        node = hashlib.sha256(b"\0" + told["Entry"].encode()).digest()
        place, last = int(index.removeprefix("index ")), int(size) - 1
        for sibling in map(base64.b64decode, path):
            while not place % 2 and place == last:  # a last node without a sibling goes up as it is
                place, last = place // 2, last // 2
            pair = sibling + node if place % 2 else node + sibling
            node = hashlib.sha256(b"\1" + pair).digest()
            place, last = place // 2, last // 2
        assert (origin, base64.b64encode(node).decode()) == (ORIGIN, root)


def test_refused_calls_are_proven_like_answered_ones(server, client, log):
    """Also that one was refused, and why, is something to hold an operator to."""
    missing = server.client().describe_collection
    _, _, headers = refused(missing, CollectionId="missing")
    log.settle()
    told = client.get_inclusion_proof(EventId=headers["x-countenance-event-id"])
    entry = json.loads(told["Entry"])
    assert (entry["outcome"], entry["error"]) == ("refused", "ResourceNotFoundException")
    assert client.get_receipt_status(Receipt=headers["x-countenance-receipt"])["Status"] == "INTEGRATED"


def test_another_account_learns_nothing_of_an_event(client, stranger, log):
    """Neither proof nor entry nor that it exists: the answer is that for an event that never was."""
    event_id, receipt = called(client.leave_canary(Marker="only mine to look for"))

    def told(of):
        code, message, _ = refused(stranger.get_inclusion_proof, EventId=of)
        return code, message.replace(of, "ID")

    assert told(event_id) == told(NOBODY)
    log.settle()
    assert told(event_id) == told(NOBODY)
    assert told(event_id)[0] == "ResourceNotFoundException"
    listed = [
        entry for page in stranger.get_paginator("list_audit_entries").paginate() for entry in page["Entries"]
    ]
    own = [
        entry for page in client.get_paginator("list_audit_entries").paginate() for entry in page["Entries"]
    ]
    assert event_id in {entry["EventId"] for entry in own}
    assert not {entry["EventId"] for entry in own} & {entry["EventId"] for entry in listed}
    # The receipt is the right to ask about what it says, whoever holds it.
    assert stranger.get_receipt_status(Receipt=receipt)["Status"] == "INTEGRATED"


def test_what_an_account_did_is_listed_and_opens_to_its_own_words(server, client, log):
    name = f"c-{uuid.uuid4().hex}"
    event_id, _ = called(server.client().create_collection(CollectionId=name))
    log.settle()
    (entry,) = client.list_audit_entries(Operation="CreateCollection")["Entries"]
    assert entry["EventId"] == event_id
    assert name not in entry["Entry"]
    (opening,) = entry["Openings"]
    assert (opening["Member"], json.loads(opening["Value"])) == ("collection", name)
    committed = json.loads(entry["Entry"])["collection"]
    assert commit(base64.b64decode(opening["Salt"]), name).hex() == committed
    later = client.list_audit_entries(StartTime=entry["Time"])["Entries"]
    assert event_id in {entry["EventId"] for entry in later}
    assert client.list_audit_entries(EndTime=entry["Time"], Operation="CreateCollection")["Entries"] == []


def test_a_canary_is_found_by_its_marker(client, log):
    """Whoever left it can look for it; nobody else can tell it from another call."""
    marker = f"canary {uuid.uuid4().hex}"
    answer = client.leave_canary(Marker=marker)
    event_id, _ = called(answer)
    assert set(answer) == {"ResponseMetadata"}
    log.settle()
    told = client.get_inclusion_proof(EventId=event_id)
    assert marker not in told["Entry"]
    listed = {entry["EventId"]: entry for entry in client.list_audit_entries()["Entries"]}
    (opening,) = listed[event_id]["Openings"]
    assert (opening["Member"], json.loads(opening["Value"])) == ("marker", marker)
    digest = hashlib.sha256(base64.b64decode(opening["Salt"]) + json.dumps(marker).encode()).hexdigest()
    assert json.loads(told["Entry"])["marker"] == digest


def test_checkpoints_over_time_are_consistent(client, log):
    first = client.get_checkpoint() if log.settle() else None
    for _ in range(3):
        client.leave_canary(Marker="x" * 16)
        log.settle()
    told = client.get_consistency_proof(OldTreeSize=first["TreeSize"])
    new = Checkpoint.parse(Note.parse(told["Checkpoint"]).text)
    path = list(map(base64.b64decode, told["Hashes"]))
    root = base64.b64decode(first["RootHash"])
    verify_consistency(first["TreeSize"], root, new.size, new.root, path)
    assert new.size == told["NewTreeSize"] > first["TreeSize"]


@pytest.mark.parametrize(
    ("operation", "request_", "code"),
    [
        ("get_inclusion_proof", {"EventId": "none"}, "ValidationException"),
        ("get_inclusion_proof", {"EventId": NOBODY.upper().replace("8", "A")}, "ValidationException"),
        ("get_inclusion_proof", {"EventId": NOBODY}, "ResourceNotFoundException"),
        ("get_checkpoint", {"TreeSize": 0}, "ValidationException"),
        ("get_checkpoint", {"TreeSize": 2**63 - 1}, "ResourceNotFoundException"),
        ("get_consistency_proof", {}, "ValidationException"),
        ("get_consistency_proof", {"OldTreeSize": 2**63 - 1}, "InvalidParameterException"),
        ("get_receipt_status", {"Receipt": "A" * 4097}, "ValidationException"),
        ("get_receipt_status", {"Receipt": "A" * 4096}, "InvalidParameterException"),
        ("list_audit_entries", {"MaxResults": 1001}, "ValidationException"),
        ("list_audit_entries", {"NextToken": "made up"}, "InvalidPaginationTokenException"),
        ("leave_canary", {"Marker": "x" * 15}, "ValidationException"),
        ("leave_canary", {"Marker": "x" * 129}, "ValidationException"),
    ],
)
def test_what_makes_no_sense_is_refused(client, log, operation, request_, code):
    log.settle()
    assert refused(getattr(client, operation), **request_)[0] == code


def test_a_mirror_can_be_made_of_the_pages_and_an_auditors_token(client, log, page, database):
    """Everything that the checkpoint covers, in its widths, recomputes to its root."""
    client.leave_canary(Marker="something to mirror")
    for _ in range(300):
        log.record("123456789012")
    log.settle()
    with database.transaction() as connection:
        token = add_auditor(connection, "mirror")
    checkpoint = Checkpoint.parse(Note.parse(page("/log/checkpoint")[2].decode()).text)
    full, rest = divmod(checkpoint.size, 256)
    names = [f"{number:03}" for number in range(full)] + ([f"{full:03}.p/{rest}"] if rest else [])
    leaves, entries = [], []
    for name in names:
        status, headers, tile = page(f"/log/tile/0/{name}")
        assert (status, headers["content-type"]) == (200, "application/octet-stream")
        leaves += [tile[start : start + 32] for start in range(0, len(tile), 32)]
        status, headers, bundle = page(
            f"/log/tile/entries/{name}", headers={"Authorization": f"Bearer {token}"}
        )
        assert (status, headers["cache-control"]) == (200, "private, no-store")
        entries += decode_bundle(bundle)
    assert tree_root(leaves) == checkpoint.root
    assert [hashlib.sha256(b"\0" + entry).digest() for entry in entries] == leaves
    log.settle()
    kinds = [json.loads(entry) for entry in log.entries()]
    read = [entry["resource"] for entry in kinds if entry["kind"] == "audit.read"]
    assert read == ["tile/entries"]  # once in ten minutes
    with database.transaction() as connection:
        revoke_auditor(connection, "mirror")
    status, headers, _ = page("/log/tile/entries/000", headers={"Authorization": f"Bearer {token}"})
    assert (status, headers["www-authenticate"].split(" ")[0]) == (401, "Bearer")


def test_a_head_has_the_pages_headers_and_no_body(log, page):
    log.settle()
    for path in (
        "/log/checkpoint",
        "/log/keys",
        "/log/tile/0/000.p/1",
        "/log/elsewhere",
        "/log/tile/entries/000",
    ):
        status, headers, body = page(path)
        head_status, head_headers, nothing = page(path, method="HEAD")
        assert (head_status, nothing) == (status, b"")
        for name in ("content-type", "content-length", "cache-control"):
            assert head_headers[name] == headers[name]
        assert int(headers["content-length"]) == len(body) > 0


def test_a_page_is_refused_plainly_to_any_other_method_and_keeps_the_connection(server, page, log):
    log.settle()
    status, headers, body = page("/log/checkpoint", method="POST", headers={"Content-Length": "0"})
    assert (status, headers["allow"], body) == (405, "GET, HEAD", b"use GET, HEAD\n")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    for path in ("/log/nothing", "/log/checkpoint", "/log/../health", "/log/tile/0/000%0A", "/log/keys?x=1"):
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == (200 if path in {"/log/checkpoint", "/log/keys?x=1"} else 404)
        answer.read()
    connection.close()
