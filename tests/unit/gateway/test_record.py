from __future__ import annotations

import json
import math
import uuid
from dataclasses import replace

import pytest

from countenance.accounts import Actor
from countenance.audit import Promises, open_log
from countenance.gateway.strangers import Strangers
from countenance.store import StoreUnavailable
from fixtures_gateway import SECRET_WORDS, header

FACE = "00000000-0000-4000-8000-000000000001"


def _event(bench, answer):
    return bench.event(header(answer, "x-countenance-event-id"))


def test_an_answered_call_is_on_record_with_what_decided_and_what_was_found(bench, policy):
    answer, _ = bench.call("SearchFaces", {"CollectionId": "faces", "FaceId": FACE, "FaceMatchThreshold": 90})
    event = _event(bench, answer)
    assert event["event"] == header(answer, "x-amzn-requestid")
    assert {name: event[name] for name in event if name not in {"event", "time", "end"}} == {
        "v": 1,
        "kind": "call",
        "service": "rekognition",
        "operation": "SearchFaces",
        "account": bench.pseudonym("account", bench.account.account_id),
        "key": bench.pseudonym("key", bench.key.access_key_id),
        "operator": bench.pseudonym("operator", "tester"),
        "collection": "faces",
        "decision": "allow",
        "rules": ["CORE-001"],
        "policy": policy.digest,
        "outcome": "answered",
        "threshold": {"asked": 90, "in_force": 85},
        "model": {"digest": "ab" * 32, "version": "1.0"},
        "candidates": 2,
        "touched": event["touched"],
        "purpose": "development",
        "asked": {"candidates": 4096},
    }
    assert event["touched"]["count"] == 3  # the probe and two candidates


def test_a_change_and_its_event_are_committed_together(bench):
    answer, _ = bench.call("CreateCollection", {"CollectionId": "faces"})
    assert bench.collections() == {"faces"}
    assert _event(bench, answer)["outcome"] == "answered"


def test_a_refused_call_changes_nothing_and_is_on_record(bench):
    answer, told = bench.call("DescribeCollection", {"CollectionId": "faces"})
    assert told["__type"] == "ResourceNotFoundException"
    assert bench.collections() == set()
    event = _event(bench, answer)
    assert (event["outcome"], event["error"], event["decision"]) == (
        "refused",
        "ResourceNotFoundException",
        "allow",
    )


def test_a_failed_call_is_on_record_and_tells_nothing(bench, caplog):
    answer, told = bench.call("ListCollections", {})
    assert (answer.status, told["__type"]) == (500, "InternalServerError")
    assert _event(bench, answer)["outcome"] == "failed"
    assert SECRET_WORDS not in answer.body.decode()
    assert SECRET_WORDS not in caplog.text
    assert "fault=RuntimeError" in caplog.text


def test_a_call_whose_event_cannot_be_written_fails_and_changes_nothing(bench):
    """No answer without a record: the id is taken, so the event cannot be written."""
    bench.call("CreateCollection", {"CollectionId": "first"})
    taken = bench.events()[0].event_id
    body = b'{"CollectionId": "second"}'
    admitted = bench.pipeline.admit(replace(bench.head("CreateCollection", body), event_id=taken))
    answer = bench.pipeline.answer(admitted, body)
    assert answer.status == 500
    assert bench.collections() == {"first"}
    event = _event(bench, answer)
    assert event["event"] != str(taken)
    assert (event["outcome"], event["previous"]) == ("failed", str(taken))


def test_what_happened_to_a_commit_that_may_have_come_through_is_recorded_under_an_id_of_its_own(make_bench):
    """One id twice would stop the log for good: the answer's entry may be in it by now."""
    bench = make_bench()
    order = bench.services.promises.receipt
    lost = iter([True])

    def receipt(draft, at):
        if next(lost, False):
            raise StoreUnavailable("the confirmation was lost")
        return order(draft, at)

    object.__setattr__(bench.services.promises, "receipt", receipt)
    answer, _ = bench.call("CreateCollection", {"CollectionId": "faces"})
    failed, answered = bench.events()
    assert answer.status == 500
    assert (failed.members["outcome"], answered.members["outcome"]) == ("failed", "answered")
    assert failed.members["previous"] == str(answered.event_id)
    assert header(answer, "x-countenance-event-id") == str(failed.event_id)


def test_strangers_are_recorded_one_by_one_up_to_a_rate_and_then_counted(make_bench):
    """An entry is for good, and a stranger pays nothing for it."""
    now = [0.0]
    bench = make_bench(strangers=Strangers(per_second=1, burst=2, clock=lambda: now[0]))
    answers = [bench.call("DetectFaces", b"{}", access_key_id="AKIA" + "A" * 16)[0] for _ in range(5)]
    assert [answer.status for answer in answers] == [400] * 5
    receipts = [header(answer, "x-countenance-receipt") for answer in answers]
    assert [receipt is not None for receipt in receipts] == [True, True, False, False, False]
    assert bench.call("SearchFaces", {"CollectionId": "c", "FaceId": FACE})[0].status == 200  # no stranger
    now[0] = 1.0
    bench.call("DetectFaces", b"{}", secret="wrong")
    with bench.database.read() as connection:
        rows = connection.execute(
            "select entry from audit_event where position('\"refusals\"' in convert_from(entry, 'UTF8')) > 0"
            " order by recorded_at desc limit 1"
        ).fetchall()
    assert [json.loads(row[0])["count"] for row in rows] == [3]


def test_a_refusal_that_cannot_be_recorded_is_a_failure(bench):
    bench.call("CreateCollection", {"CollectionId": "first"})
    taken = bench.events()[0].event_id
    answer = bench.pipeline.admit(replace(bench.head("CreateUser", b"{}", secret="wrong"), event_id=taken))
    answer = bench.pipeline.answer(answer, b"{}")
    assert answer.status == 500


def test_a_call_of_a_key_that_is_revoked_meanwhile_is_refused_and_changes_nothing(bench):
    body = b'{"CollectionId": "faces"}'
    admitted = bench.pipeline.admit(bench.head("CreateCollection", body))
    bench.services.accounts.revoke_access_key(bench.account.account_id, bench.key.access_key_id)
    answer = bench.pipeline.answer(admitted, body)
    assert (answer.status, header(answer, "x-amzn-errortype")) == (400, "AccessDeniedException")
    assert bench.collections() == set()
    assert _event(bench, answer)["outcome"] == "refused"


def _suspend(bench):
    bench.services.governance.standings.change(
        bench.account.account_id, "suspended", reason="why", decided_by="Olga", actor=Actor("test")
    )


@pytest.mark.parametrize("operation", ["CreateCollection", "SearchFaces"])
def test_a_call_of_an_account_that_is_suspended_meanwhile_is_refused(bench, operation):
    """A suspension stops calls in flight, those that only read as well."""
    body = b'{"CollectionId": "faces", "FaceId": "%s"}' % FACE.encode()
    admitted = bench.pipeline.admit(bench.head(operation, body))
    _suspend(bench)
    answer = bench.pipeline.answer(admitted, body)
    assert header(answer, "x-amzn-errortype") == "AccessDeniedException"
    assert bench.collections() == set()


def test_a_key_may_revoke_itself(bench):
    """The check for keys revoked meanwhile must not stop the call that revokes."""
    answer, told = bench.call(
        "RevokeAccessKey", {"AccessKeyId": bench.key.access_key_id}, service="countenance"
    )
    assert (answer.status, told) == (200, {})
    assert _event(bench, answer)["resource"] == bench.key.access_key_id
    assert bench.call("ListCollections", {})[1]["__type"] == "UnrecognizedClientException"


def test_no_account_stands_in_the_event_of_a_call_that_it_did_not_sign(bench):
    """Else anybody who knows a key's id could fill the account's record."""
    answer, _ = bench.call("CreateCollection", {"CollectionId": "faces"}, secret="wrong")
    event = _event(bench, answer)
    assert event.keys().isdisjoint({"account", "operator", "key", "collection"})
    assert event["decision"] == "none"


def test_a_call_that_names_no_operation_leaves_no_event(bench):
    head = replace(bench.head("CreateCollection", b"{}"), headers={})
    answer = bench.pipeline.admit(head)
    assert header(answer, "x-countenance-event-id") is None
    assert bench.event(str(head.event_id)) is None


def test_event_ids_are_answered_as_they_are_recorded(bench):
    answer, _ = bench.call("SearchFaces", {"CollectionId": "faces", "FaceId": FACE})
    assert uuid.UUID(header(answer, "x-countenance-event-id")) == bench.events()[0].event_id


def test_only_what_is_committed_is_promised(make_bench, log_keys, database):
    """A receipt that is on note and whose entry is nowhere is a broken promise, so none is made too early."""
    seen = []

    class Watching(Promises):
        def receipt(self, draft, at):
            with database.read() as connection:  # another connection than the call's
                found = connection.execute(
                    "select count(*) from audit_event where event_id = %s", (draft.event_id,)
                ).fetchone()
            seen.append(found[0])
            return super().receipt(draft, at)

    bench = make_bench(promises=Watching(log_keys, open_log(database, log_keys), max_lag_s=math.inf))
    bench.call("CreateCollection", {"CollectionId": "faces"})
    bench.call("SearchFaces", {"CollectionId": "faces", "FaceId": FACE})
    bench.call("DescribeCollection", {"CollectionId": "faces"})
    assert seen == [1, 1, 1]


def test_a_call_whose_receipt_cannot_be_noted_is_not_answered_and_on_record(make_bench, log_keys, database):
    """What was done stays done: its entry says so, and the caller is told of a failure."""

    class Full(Promises):
        def receipt(self, draft, at):
            raise OSError("no space")

    bench = make_bench(promises=Full(log_keys, open_log(database, log_keys), max_lag_s=math.inf))
    answer, _ = bench.call("CreateCollection", {"CollectionId": "faces"})
    assert (answer.status, header(answer, "x-countenance-receipt")) == (500, None)
    assert bench.collections() == {"faces"}
    assert [entry.members["outcome"] for entry in bench.events()] == ["failed", "answered"]
