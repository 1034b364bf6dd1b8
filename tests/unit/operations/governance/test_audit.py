"""The operations on the log, against what outsiders can compute without us."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from countenance.audit.signing import load_signer, rotate_key
from countenance.audit.tree import LogDamaged, LogTree
from countenance.errors import (
    InvalidPaginationTokenException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from countenance.operations.governance import audit as operations
from countenance.operations.governance import audit_entries
from countenance.store import UnitOfWork
from countenance.transparency.checkpoint import Checkpoint
from countenance.transparency.merkle import leaf_hash, tree_root, verify_consistency
from countenance.transparency.note import Note, Signer, Verifier
from countenance.transparency.proof import InclusionProof
from countenance.transparency.receipt import Receipt, sign_receipt
from whole_log import ORIGIN, WITNESS, whole_log

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def log(postgres_url, tmp_path):
    with whole_log(postgres_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def client_on(log):
    """The same client on the test's own log."""
    tree = LogTree()
    return lambda client: replace(client, database=log.database, audit=log.audit, log=tree)


@pytest.fixture
def ask(call, client_on):
    return client_on(call)


@pytest.fixture
def other(other_call, client_on):
    return client_on(other_call)


@pytest.fixture
def own(log, account):
    """Record a call of the test's account: its event's id."""
    return lambda **changes: str(log.record(account.account_id, **changes).event_id)


def root_by_hand(entry, index, size, hashes):
    """RFC 9162, 2.1.3.2, without anything of ours."""
    node, last, place = hashlib.sha256(b"\0" + entry).digest(), size - 1, index
    for sibling in map(base64.b64decode, hashes):
        assert last > 0
        if place % 2 or place == last:
            node = hashlib.sha256(b"\1" + sibling + node).digest()
            while not place % 2 and place:
                place, last = place >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\1" + node + sibling).digest()
        place, last = place >> 1, last >> 1
    assert last == 0
    return node


def receipt_of(log, draft, *, at=None, leaf=None, vkey=None):
    """A receipt for what was recorded."""
    with log.database.read() as connection:
        newest = connection.execute(
            "select vkey from audit_key where use = 'receipt' order by key_id desc limit 1"
        ).fetchone()[0]
    at = at or datetime.now(UTC)
    receipt = Receipt(ORIGIN, draft.event_id, leaf or draft.leaf_hash, at, at + timedelta(seconds=5))
    return sign_receipt(receipt, load_signer(log.keys, "receipt", vkey or newest))


def test_before_the_first_checkpoint_there_is_none(ask, log):
    with pytest.raises(ResourceNotFoundException, match="ask again in a second"):
        ask("GetCheckpoint")
    log.sequencer.integrate()
    log.sequencer.sign()
    with pytest.raises(ResourceNotFoundException, match="ask again in a second"):
        ask("GetCheckpoint")


def test_the_newest_checkpoint_is_over_all_entries_and_signed_by_the_key_that_is_told(ask, own, log):
    for _ in range(5):
        own()
    size = log.settle()
    log.cosign()
    told = ask("GetCheckpoint")
    note = Note.parse(told["Checkpoint"])
    assert note.signed_by([Verifier.parse(told["LogKey"])])
    assert note.signed_by([WITNESS.verifier])
    checkpoint = Checkpoint.parse(note.text)
    assert (
        (checkpoint.origin, checkpoint.size)
        == (told["Origin"], told["TreeSize"])
        == (ORIGIN, size)
        == (ORIGIN, 6)
    )
    assert checkpoint.root == base64.b64decode(told["RootHash"]) == tree_root(log.leaves())
    assert Verifier.parse(told["ReceiptKey"]).name == f"{ORIGIN}/receipts"
    assert abs(told["PublishedAt"] - datetime.now(UTC).timestamp()) < 60


def test_an_older_published_checkpoint_can_be_asked_for_and_a_size_between_cannot(ask, own, log):
    first = log.settle()
    for _ in range(3):
        own()
    second = log.settle()
    assert ask("GetCheckpoint", TreeSize=first)["TreeSize"] == first
    assert ask("GetCheckpoint", TreeSize=second) == ask("GetCheckpoint")
    for size in (second - 1, second + 1, 2**63 - 1):
        with pytest.raises(ResourceNotFoundException, match=f"a checkpoint of {size} entries"):
            ask("GetCheckpoint", TreeSize=size)


def test_after_a_rotation_each_checkpoint_comes_with_the_key_that_signed_it(ask, log):
    """A checkpoint that is told with another key would look forged."""
    first = log.settle()
    before = ask("GetCheckpoint")
    new_log = rotate_key(log.database, log.keys, "log", old_signs_on=timedelta())
    new_receipt = rotate_key(log.database, log.keys, "receipt")
    log.settle()
    after = ask("GetCheckpoint")
    assert (after["LogKey"], after["ReceiptKey"]) == (str(new_log), str(new_receipt))
    assert ask("GetCheckpoint", TreeSize=first) == before | {"ReceiptKey": str(new_receipt)}
    assert Note.parse(after["Checkpoint"]).signed_by([new_log])


def test_a_checkpoint_that_no_key_of_the_log_signed_is_not_told(ask, log):
    log.settle()
    with log.database.transaction() as connection:
        forged = Checkpoint(ORIGIN, 7, b"\0" * 32).text
        line = Signer.generate(ORIGIN).sign(forged)
        connection.execute(
            "insert into audit_checkpoint (size, root, note, published_at) values (7, %s, %s, now())",
            (b"\0" * 32, f"{forged}\n{line}"),
        )
    with pytest.raises(LogDamaged):
        ask("GetCheckpoint")


def test_every_own_entry_is_proven_by_its_file_and_by_hand(ask, own, log, other_call):
    """Under every checkpoint that covers it: what is proven once stays provable."""
    events, sizes = [], []
    for count in (1, 2, 5, 9):
        log.record(other_call.caller.account_id)
        events += [own() for _ in range(count)]
        sizes.append(log.settle())
        log.cosign()
    key = Verifier.parse(ask("GetCheckpoint")["LogKey"])
    entries = log.entries()
    for event in events:
        told = ask("GetInclusionProof", EventId=event)
        index = told["LogIndex"]
        assert told["TreeSize"] == sizes[-1]
        assert told["Entry"].encode() == entries[index]
        assert json.loads(told["Entry"])["event"] == told["EventId"] == event
        for size in [size for size in sizes if size > index]:
            told = ask("GetInclusionProof", EventId=event, TreeSize=size)
            root = root_by_hand(told["Entry"].encode(), index, size, told["Hashes"])
            _, told_size, told_root, *_ = told["Checkpoint"].split("\n")
            assert (int(told_size), base64.b64decode(told_root)) == (size, root)
            leaf = base64.b64decode(told["LeafHash"])
            assert leaf == leaf_hash(told["Entry"].encode())
            proof = InclusionProof.parse(told["ProofFile"])
            assert proof.verify(leaf, [key], [WITNESS.verifier], quorum=1).size == size
            assert (str(proof.checkpoint_note), proof.index) == (told["Checkpoint"], index)


def test_another_accounts_event_is_answered_as_one_that_never_was(ask, other, own, log):
    """Before and after it has its place: that it exists is nobody else's to learn."""
    event = own()

    def refusals():
        for event_id in (event, NOBODY):
            with pytest.raises(ResourceNotFoundException) as caught:
                other("GetInclusionProof", EventId=event_id)
            yield caught.value.message.replace(event_id, "ID")

    assert len(set(refusals())) == 1
    log.settle()
    assert ask("GetInclusionProof", EventId=event)["EventId"] == event
    assert len(set(refusals())) == 1


def test_what_the_log_says_of_itself_is_no_accounts_own(ask, log):
    log.settle()
    opened = json.loads(log.entries()[0])["event"]
    with pytest.raises(ResourceNotFoundException, match="no event"):
        ask("GetInclusionProof", EventId=opened)


def test_an_event_without_a_published_place_is_promised_by_its_time(ask, own, log):
    at = datetime(2026, 11, 23, 3, 15, 13, 123000, tzinfo=UTC)
    log.settle()
    event = own(at=at, ended_at=at + timedelta(seconds=1))
    for step in (lambda: None, log.integrate, log.sequencer.sign):
        step()
        with pytest.raises(ResourceNotFoundException, match=r"merged by 2026-11-23T03:15:19\.123Z"):
            ask("GetInclusionProof", EventId=event)
    log.sequencer.publish()
    assert ask("GetInclusionProof", EventId=event)["LogIndex"] == 1


def test_a_tree_that_ends_before_the_entry_proves_nothing(ask, own, log):
    first = log.settle()
    event = own()
    log.settle()
    with pytest.raises(InvalidParameterException, match="first 1 entries"):
        ask("GetInclusionProof", EventId=event, TreeSize=first)
    with pytest.raises(ResourceNotFoundException, match="a checkpoint of 77 entries"):
        ask("GetInclusionProof", EventId=event, TreeSize=77)


def test_a_published_checkpoint_is_shown_to_extend_every_smaller_tree(ask, own, log):
    for _ in range(12):
        own()
    middle = log.settle()
    for _ in range(7):
        own()
    newest, leaves = log.settle(), log.leaves()
    for new in (middle, newest):
        for old in range(1, new + 1):
            told = ask("GetConsistencyProof", OldTreeSize=old, NewTreeSize=new)
            assert (told["OldTreeSize"], told["NewTreeSize"]) == (old, new)
            path = list(map(base64.b64decode, told["Hashes"]))
            root = Checkpoint.parse(Note.parse(told["Checkpoint"]).text).root
            verify_consistency(old, tree_root(leaves[:old]), new, root, path)
    assert ask("GetConsistencyProof", OldTreeSize=3) == ask(
        "GetConsistencyProof", OldTreeSize=3, NewTreeSize=newest
    )


def test_no_consistency_is_shown_with_what_is_not_published_or_not_there_yet(ask, own, log):
    size = log.settle()
    own()
    log.integrate()
    with pytest.raises(ResourceNotFoundException, match="a checkpoint of 2 entries"):
        ask("GetConsistencyProof", OldTreeSize=1, NewTreeSize=size + 1)
    with pytest.raises(InvalidParameterException, match="`OldTreeSize` is 2, beyond the 1 entries"):
        ask("GetConsistencyProof", OldTreeSize=size + 1)


def test_an_account_lists_its_own_entries_in_the_logs_order_with_what_they_open_to(
    ask, other, own, log, other_call
):
    inputs = ("ab" * 32, "cd" * 32)
    wanted = [
        own(collection="staff", inputs=inputs, outcome="refused", error_code="ThrottlingException"),
        own(),
    ]
    log.record(other_call.caller.account_id)
    assert ask("ListAuditEntries") == {"Entries": []}
    log.integrate()
    first, second = ask("ListAuditEntries")["Entries"]
    assert [first["EventId"], second["EventId"]] == wanted
    assert first["LogIndex"] < second["LogIndex"]
    assert (first["Kind"], first["Operation"], first["Outcome"]) == ("call", "SearchFacesByImage", "refused")
    entry = json.loads(first["Entry"])
    assert datetime.fromisoformat(entry["time"]).timestamp() == pytest.approx(first["Time"], abs=0.0005)
    assert base64.b64decode(first["LeafHash"]) == log.leaves()[first["LogIndex"]]
    opened = {(each["Member"], each["Position"]): each for each in first["Openings"]}
    assert {place: each["Value"] for place, each in opened.items()} == {
        ("collection", 0): '"staff"',
        ("inputs", 0): f'"{inputs[0]}"',
        ("inputs", 1): f'"{inputs[1]}"',
    }
    for (member, position), each in opened.items():
        committed = entry[member][position] if isinstance(entry[member], list) else entry[member]
        told = base64.b64decode(each["Salt"]) + each["Value"].encode()
        assert hashlib.sha256(told).hexdigest() == committed
    assert second["Openings"] == []
    assert len(other("ListAuditEntries")["Entries"]) == 1


def test_entries_have_pages(ask, other, own, log):
    events = [own() for _ in range(5)]
    log.integrate()
    for size in (1, 2, 5, 1000):
        listed, token, pages = [], None, 0
        while pages == 0 or token:
            page = ask("ListAuditEntries", MaxResults=size, **({"NextToken": token} if token else {}))
            assert len(page["Entries"]) <= size
            listed += [entry["EventId"] for entry in page["Entries"]]
            token, pages = page.get("NextToken"), pages + 1
        assert (listed, pages) == (events, -(-5 // size))
    backwards = [*ask("ListAuditEntries", Order="NEWEST_FIRST", MaxResults=3)["Entries"]]
    assert [entry["EventId"] for entry in backwards] == events[:1:-1]
    token = ask("ListAuditEntries", Order="NEWEST_FIRST", MaxResults=3)["NextToken"]
    rest = ask("ListAuditEntries", Order="NEWEST_FIRST", MaxResults=3, NextToken=token)
    assert ([entry["EventId"] for entry in rest["Entries"]], "NextToken" in rest) == (events[1::-1], False)
    token = ask("ListAuditEntries", MaxResults=1)["NextToken"]
    for client, filters in ((other, {}), (ask, {"Operation": "SearchFaces"})):
        with pytest.raises(InvalidPaginationTokenException):
            client("ListAuditEntries", NextToken=token, **filters)


def test_entries_are_filtered_by_time_and_operation(ask, own, log):
    start = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
    events = [
        own(at=start + timedelta(minutes=minute), operation=operation)
        for minute in range(4)
        for operation in ("SearchFaces", "IndexFaces")
    ]
    log.integrate()

    def listed(**filters):
        return [entry["EventId"] for entry in ask("ListAuditEntries", **filters)["Entries"]]

    assert listed(StartTime=start + timedelta(minutes=1)) == events[2:]
    assert listed(EndTime=start + timedelta(minutes=1)) == events[:2]
    assert listed(Operation="IndexFaces") == events[1::2]
    both = {"StartTime": start + timedelta(minutes=1), "EndTime": start + timedelta(minutes=3)}
    assert listed(**both, Operation="SearchFaces") == [events[2], events[4]]
    assert listed(Operation="DetectFaces") == []


@pytest.mark.parametrize(("order", "place"), [("OLDEST_FIRST", 8), ("NEWEST_FIRST", 1)])
def test_one_page_of_a_filtered_list_looks_at_a_bounded_number_of_entries(
    ask, own, log, monkeypatch, order, place
):
    """An account with years of entries must not hold a thread with one question."""
    monkeypatch.setattr(audit_entries, "_LOOKED_AT", 4)
    monkeypatch.setattr(audit_entries, "_READ_AT_ONCE", 3)
    events = [own(operation="IndexFaces" if number == place else "SearchFaces") for number in range(10)]
    log.integrate()
    filters, token, pages = {"Operation": "IndexFaces", "Order": order}, None, []
    while token or not pages:
        page = ask("ListAuditEntries", **filters, **({"NextToken": token} if token else {}))
        pages.append([entry["EventId"] for entry in page["Entries"]])
        token = page.get("NextToken")
    assert pages == [[], [], [events[place]]]


def test_a_receipts_promise_is_followed_from_pending_to_the_log(ask, other, log, account):
    """Whoever holds the receipt may ask, and learns no more than what it says."""
    draft = log.record(account.account_id)
    receipt = receipt_of(log, draft)
    told = other("GetReceiptStatus", Receipt=receipt)
    assert abs(told.pop("MergeBy") - datetime.now(UTC).timestamp() - 5) < 5
    assert told == {"Status": "PENDING", "EventId": str(draft.event_id)}
    log.integrate()
    told = ask("GetReceiptStatus", Receipt=receipt)
    assert (told["Status"], told["LogIndex"]) == ("INTEGRATED", 1)
    assert "TreeSize" not in told
    size = log.settle()
    assert ask("GetReceiptStatus", Receipt=receipt)["TreeSize"] == size


def test_a_broken_promise_is_told_as_such(ask, log, account):
    """Dropped, altered, or only late: the caller's receipt says so through the server's own mouth."""
    draft = log.record(account.account_id)
    past = datetime.now(UTC) - timedelta(seconds=6)
    dropped = replace(draft, event_id=uuid.uuid4())
    for late in (draft, dropped):
        assert ask("GetReceiptStatus", Receipt=receipt_of(log, late, at=past))["Status"] == "OVERDUE"
    assert ask("GetReceiptStatus", Receipt=receipt_of(log, dropped))["Status"] == "PENDING"
    log.settle()
    assert ask("GetReceiptStatus", Receipt=receipt_of(log, draft, at=past))["Status"] == "INTEGRATED"
    told = ask("GetReceiptStatus", Receipt=receipt_of(log, draft, leaf=b"\x07" * 32))
    assert (told["Status"], told["LogIndex"]) == ("MISMATCH", 1)


def test_a_receipt_by_a_key_of_before_still_counts(ask, log, account):
    draft = log.record(account.account_id)
    receipt = receipt_of(log, draft)
    rotate_key(log.database, log.keys, "receipt")
    assert ask("GetReceiptStatus", Receipt=receipt)["Status"] == "PENDING"


@pytest.mark.parametrize("of", ["nothing", "no note", "another key", "another log", "a changed text"])
def test_what_is_no_receipt_of_this_log_is_refused(ask, log, account, of):
    draft = log.record(account.account_id)
    at = datetime.now(UTC)
    receipt = Receipt(ORIGIN, draft.event_id, draft.leaf_hash, at, at)
    stranger = Signer.generate(f"{ORIGIN}/receipts")
    elsewhere = Signer.generate("log.example/elsewhere/receipts")
    good = receipt_of(log, draft)
    given = {
        "nothing": "A",
        "no note": base64.b64encode(b"no note").decode(),
        "another key": sign_receipt(receipt, stranger),
        "another log": sign_receipt(replace(receipt, origin="log.example/elsewhere"), elsewhere),
        "a changed text": base64.b64encode(
            base64.b64decode(good).replace(str(draft.event_id).encode(), NOBODY.encode())
        ).decode(),
    }
    with pytest.raises(InvalidParameterException, match="no receipt of this log"):
        ask("GetReceiptStatus", Receipt=given[of])


def test_a_canary_only_leaves_its_marker_for_the_record(ask, log):
    with UnitOfWork(log.database) as uow:
        deps = ask.deps(uow)
        assert operations.leave_canary({"Marker": "a yellow feather"}, deps) == {}
        assert deps.report.marker == "a yellow feather"
        assert not uow.is_open
