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
from countenance.transparency.verify_members import member_flaw
from fakes.vision import person, picture
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


# ---- Under what terms a call was made


ADA = {"Bytes": picture(person("ada"))}
CLAIMS = {
    "case": "C-77",
    "source": "subject",
    "consent": "F-77",
    "age": "adult",
    "authorization": "W-77",
    "exigent": True,
    "offence_facts": True,
    "probable_cause": True,
}
IN_CLEAR = {
    "source": "subject",
    "age": "adult",
    "consent": True,
    "authorized": True,
    "exigent": True,
    "offence_facts": True,
    "probable_cause": True,
}


@pytest.mark.parametrize("is_refused", [True, False])
def test_a_refused_calls_entry_says_as_much_as_an_answered_ones(party, is_refused):
    """Purpose, attestations, what was asked and every rule: nobody can check a refusal otherwise."""
    account = party("accessibility", profile="research")
    account.told("PutRecord", Kind="notice", Reference="https://example/notice", service="countenance")
    account.told("CreateCollection", CollectionId="friends")
    claiming = account.as_("accessibility", **CLAIMS)
    answer, told = claiming(
        "SearchFacesByImage",
        CollectionId="friends",
        Image=ADA,
        FaceMatchThreshold=89.0 if is_refused else 95.0,
        MaxFaces=99 if is_refused else 9,
    )
    assert answer.status == (400 if is_refused else 200), told
    entry = claiming.entry(answer)
    assert entry["purpose"] == "accessibility"
    assert entry["claims"] == IN_CLEAR
    assert entry["case"] == "C-77"
    assert entry["attested"] == {"consent": "F-77", "authorization": "W-77"}
    assert entry["profile"] == "research"
    assert entry["records"] == ["notice"]
    assert entry["threshold"]["asked"] == (89 if is_refused else 95)
    assert entry["asked"] == {"candidates": 99 if is_refused else 9}
    assert entry["collection"] == "friends"
    if is_refused:
        assert (entry["decision"], entry["rules"]) == ("deny", ["PUR-005", "PUR-006"])
    else:
        assert (entry["decision"], entry["rules"]) == ("allow", ["CORE-001"])
        assert entry["obligations"] == ["fpir_budget", "record_attestations"]


def test_references_stand_in_the_log_as_commitments_and_nowhere_in_clear(party):
    """A case or a consent leads to a person: it opens with the account's key alone, and goes with it."""
    account = party().as_("development", **CLAIMS | {"beneficiary": None})
    answer, _ = account("DetectFaces", Image=ADA)
    event_id = header(answer, "x-countenance-event-id")
    with account.bench.database.read() as connection:
        (entry,) = connection.execute(
            "select convert_from(entry, 'UTF8') from audit_event where event_id = %s", (event_id,)
        ).fetchone()
    assert "-77" not in entry
    assert len(json.loads(entry)["case"]) == len(json.loads(entry)["attested"]) == 64


def test_of_a_collection_its_charter_is_told_where_it_is_not_that_of_its_purpose(party):
    """What everybody gets need not be said every time; what somebody chose has to be."""
    account = party()
    account.told("CreateCollection", CollectionId="usual")
    tags = {
        "countenance:face-cap": "5",
        "countenance:legal-basis": "a name: Ada",
        "countenance:retention-days": "7",
    }
    account.told("CreateCollection", CollectionId="own", Tags=tags)
    account.told("IndexFaces", CollectionId="own", Image=ADA)
    usual, _ = account("IndexFaces", CollectionId="usual", Image=ADA)
    assert "charter" not in account.entry(usual)
    own, _ = account("IndexFaces", CollectionId="own", Image={"Bytes": picture(person("bob"))})
    assert account.entry(own)["charter"] == {
        "purposes": ["development"],
        "kind": "consented",
        "face_cap": 5,
        "face_count": 1,
        "retention_days": 7,
        "minors_allowed": True,
        "legal_basis": True,
    }


@pytest.mark.parametrize(
    "tags",
    [
        {"countenance:purposes": "ada lovelace " + "x" * 200},
        {"countenance:purposes": "\u97a6" * 256},
        {"countenance:face-cap": str(2**53 - 1)},
        {"countenance:retention-days": "36500", "countenance:legal-basis": "Adas own"},
    ],
    ids=lambda tags: str(tags)[:40],
)
def test_a_charter_that_is_refused_is_on_record_without_the_askers_own_words(party, tags):
    """Whatever stands in a tag: it is recorded, and no name of anybody is there for good."""
    account = party("event-photos")
    answer, told = account("CreateCollection", CollectionId="own", Tags=tags)
    assert told["__type"] == "AccessDeniedException"
    entry = account.entry(answer)
    assert entry["decision"] == "deny"
    assert set(entry["charter"]["purposes"]) <= {"event-photos", "unknown"}


@pytest.mark.parametrize("operation", ["AssumePurpose", "CreateAccessKey"])
def test_a_purpose_of_the_askers_own_making_is_not_in_the_log(party, operation):
    """The catalogue is closed, and its words may stand there for good: not those of a caller."""
    account = party()
    answer, told = account(operation, Purpose="ada-lovelace", service="countenance")
    assert answer.status == 400, told
    assert account.entry(answer)["purpose"] == "unknown"


def test_a_purpose_that_is_asked_for_is_the_one_in_the_entry(party):
    """AssumePurpose under a development key is about the purpose that it asks for."""
    account = party()
    answer, told = account("AssumePurpose", Purpose="photo-library", service="countenance")
    assert told["__type"] == "AccessDeniedException"
    entry = account.entry(answer)
    assert (entry["purpose"], entry["rules"]) == ("photo-library", ["PUR-001"])


def test_a_call_that_no_policy_was_asked_about_has_what_its_key_says(party):
    """A body that is no request is refused under the same credential."""
    account = party().as_("development", **CLAIMS)
    answer, told = account("DetectFaces", Image={"Bytes": b""})
    assert told["__type"] == "ValidationException"
    entry = account.entry(answer)
    assert (entry["purpose"], entry["claims"], entry["case"]) == ("development", IN_CLEAR, "C-77")
    assert entry.keys().isdisjoint({"asked", "rules", "charter"})


def test_every_entry_of_a_governed_call_is_as_the_specification_has_it(party):
    """Verifiers refuse what they do not know: answered and refused, with everything in it."""
    account = party("accessibility", profile="public_body")
    account.told("CreateCollection", CollectionId="friends", Tags={"countenance:face-cap": "9"})
    claiming = account.as_("accessibility", **CLAIMS, live=True)
    for threshold in (10.0, 99.0):
        claiming(
            "SearchFacesByImage",
            CollectionId="friends",
            Image=ADA,
            FaceMatchThreshold=threshold,
            MaxFaces=3,
        )
    with account.bench.database.read() as connection:
        entries = account.bench.services.audit.list_latest(connection, account.account_id, limit=100)
    assert {"claims", "charter"} <= {name for entry in entries for name in entry.members}
    assert [member_flaw(entry.members) for entry in entries] == [""] * len(entries)
