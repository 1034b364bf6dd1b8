from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest

from countenance.audit.entry import (
    commit,
    draft_event,
    draft_statement,
    open_openings,
    open_touch,
    tag_label,
    tag_labels,
    touch_value,
)
from countenance.audit.event import Event, Touch
from countenance.audit.keys import SealingKey
from countenance.facts import AGES, RECORD_KINDS, SOURCES
from countenance.gateway.obligations import DISCHARGES
from countenance.policy import load_purposes
from countenance.policy.purposes import ATTRIBUTES
from countenance.transparency.canonical import MAX_ENTRY_BYTES, canonical_json, parse_canonical, to_time
from countenance.transparency.merkle import leaf_hash, tree_root

AT = datetime(2026, 11, 23, 3, 15, 13, 123456, tzinfo=UTC)
ACCOUNT, ADA, EVA = (SealingKey(letter * 32) for letter in (b"a", b"d", b"e"))
FACES = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"]
MOST = {
    "access_key_id": "AKIA" + "A" * 16,
    "account_id": "111111111111",
    "collection": "c" * 255,
    "ended_at": AT + timedelta(seconds=1),
    "inputs": ("ab" * 32, "cd" * 32),
    "marker": "m" * 128,
    "model_digest": "ef" * 32,
    "model_version": "1.0",
    "calibration": "fe" * 32,
    "evaluation": "dc" * 32,
    "threshold_match": 99.99,
    "decided": "NO_MATCH",
    "operator": "o" * 128,
    "policy_digest": "ab" * 32,
    "previous": uuid.uuid4(),
    "idempotent_replay": True,
    "region": "us-east-1",
    "resource": "r" * 2000,
    "rule_ids": tuple(f"RULE-{number:035}" for number in range(60)),
    "threshold": 99.5,
    "threshold_asked": 0.1,
    "candidates": 4096,
    "purpose": "p" * 64,
    "case": "k" * 256,
    "claims": {
        "source": max(SOURCES, key=len),
        "age": max(AGES, key=len),
        **dict.fromkeys(
            ("consent", "authorized", "live", "exigent", "offence_facts", "probable_cause"), True
        ),
    },
    "attested": {"consent": "c" * 256, "authorization": "a" * 256, "beneficiary": "1" * 12},
    "profile": "immigration_enforcement",
    "records": tuple(RECORD_KINDS),
    "candidates_asked": 4096,
    "attributes_asked": ATTRIBUTES,
    "trained": True,
    "charter": {
        "purposes": sorted(load_purposes()),
        "kind": "watch_list",
        "face_cap": 2**53 - 1,
        "face_count": 20_000_000,
        "retention_days": 36500,
        "minors_allowed": False,
        "legal_basis": False,
    },
    "obligations": tuple(sorted(DISCHARGES)),
    "shadow": tuple(f"SHADOW-{number:033}" for number in range(60)),
    "standing": ("restricted", "terminated"),
    "finding": uuid.uuid4(),
}


def an_event(**changes) -> Event:
    values = {
        "event_id": uuid.uuid4(),
        "at": AT,
        "service": "rekognition",
        "operation": "SearchFacesByImage",
        "decision": "allow",
        "outcome": "answered",
    }
    return Event(**(values | changes))


def draft(event, account=ACCOUNT, keys=None):
    return draft_event(event, account, lambda touch: (keys or {}).get(touch.id))


def test_an_entry_is_canonical_and_never_too_long_for_a_bundle():
    """Everything in it is of bounded length, whatever a caller sends."""
    touches = tuple(
        Touch(role="candidate", kind="face", id=str(uuid.uuid4()), rank=rank, similarity=99.99)
        for rank in range(1, 4097)
    )
    made = draft(an_event(**MOST, touched=touches))
    assert canonical_json(parse_canonical(made.entry)) == made.entry
    assert len(made.entry) < MAX_ENTRY_BYTES
    assert len(made.touches) == 4096


def test_of_more_rules_than_there_is_room_for_the_first_are_kept():
    """A call that breaks everything at once must still be on record: else it could not be refused."""
    made = json.loads(draft(an_event(**MOST)).entry)
    assert made["rules"] == list(MOST["rule_ids"][: len(made["rules"])])
    assert len(made["rules"]) == 20
    assert len(made["shadow"]) == 7
    rule_ids = tuple(f"CORE-{number:03}" for number in range(100))
    assert json.loads(draft(an_event(rule_ids=rule_ids[:80])).entry)["rules"] == list(rule_ids[:80])


def test_what_is_absent_is_left_out():
    members = json.loads(draft(an_event(), account=None).entry)
    assert members.keys() == {
        "v", "kind", "event", "time", "service", "operation", "decision", "outcome"
    }  # fmt: skip


def test_equal_values_have_unequal_commitments():
    """Else whoever guesses a collection's name could check the guess."""
    one, other = (json.loads(draft(an_event(collection="staff")).entry) for _ in range(2))
    assert one["collection"] != other["collection"]


def test_every_commitment_opens_to_what_it_was_made_over():
    event = an_event(**MOST)
    made = draft(event)
    members = json.loads(made.entry)
    openings = open_openings(made.sealed, ACCOUNT, event.event_id)
    assert openings.keys() == {"attested", "case", "collection", "resource", "marker", "inputs"}
    for name, found in openings.items():
        expected = members[name] if isinstance(members[name], list) else [members[name]]
        assert [commit(opening.salt, opening.value).hex() for opening in found] == expected
    assert openings["marker"][0].value == event.marker
    assert open_openings(made.sealed, ADA, event.event_id) == {}
    assert open_openings(made.sealed, ACCOUNT, uuid.uuid4()) == {}


def test_each_touched_face_opens_with_its_own_key_only():
    event = an_event(
        account_id="111111111111",
        touched=tuple(
            Touch(role="candidate", kind="face", id=face, rank=rank, similarity=90.5)
            for rank, face in enumerate(FACES, start=1)
        ),
    )
    made = draft(event, keys=dict(zip(FACES, (ADA, EVA), strict=True)))
    members = json.loads(made.entry)
    root = tree_root([leaf_hash(touch.commitment) for touch in made.touches])
    assert members["touched"] == {"count": 2, "root": root.hex()}
    opening = open_touch(made.touches[0].sealed, ADA, event.event_id, 0)
    assert opening.value == touch_value(event.touched[0])
    assert opening.value == {"role": "candidate", "face": FACES[0], "rank": 1, "similarity": 90.5}
    assert commit(opening.salt, opening.value) == made.touches[0].commitment
    label = tag_label("candidate", AT)
    assert [touch.tag for touch in made.touches] == [ADA.tag(label), EVA.tag(label)]
    assert open_touch(made.touches[0].sealed, EVA, event.event_id, 0) is None
    assert open_touch(made.touches[0].sealed, ACCOUNT, event.event_id, 0) is None
    assert open_touch(made.touches[0].sealed, ADA, event.event_id, 1) is None


def test_rows_of_one_face_have_one_tag_for_an_hour_only_and_none_with_its_enrolment():
    """Whoever has the database alone must not see which searches touched the same face."""
    labels = {tag_label("candidate", AT + timedelta(minutes=minutes)) for minutes in (0, 30, 60, 120)}
    assert len(labels) == 3
    assert tag_label("enrolled", AT) not in labels
    assert set(tag_labels(AT - timedelta(hours=1), AT + timedelta(hours=3))) >= {*labels, "enrolled"}


def test_nothing_is_kept_of_a_face_that_is_gone_but_that_its_account_deleted_it():
    event = an_event(
        account_id="111111111111",
        touched=(
            Touch(role="candidate", kind="face", id=FACES[0], rank=1, similarity=90.5),
            Touch(role="deleted", kind="face", id=FACES[1]),
            Touch(role="named", kind="user", id="somebody's name"),
        ),
    )
    candidate, deleted, named = draft(event).touches
    assert (candidate.sealed, candidate.tag) == (None, None)
    assert (named.sealed, named.tag) == (None, None)
    assert open_touch(deleted.sealed, ACCOUNT, event.event_id, 1).value == {
        "role": "deleted",
        "face": FACES[1],
    }


def test_a_call_that_nobody_signed_keeps_no_name_at_all():
    """Without an account there is no key that could ever erase it."""
    made = draft(an_event(collection="staff", resource="r", access_key_id="AKIA"), account=None)
    assert made.sealed is None
    assert json.loads(made.entry).keys().isdisjoint({"collection", "resource", "key", "account"})


def test_times_are_in_utc_to_the_millisecond():
    east = AT.astimezone(timezone(timedelta(hours=9)))
    assert to_time(AT) == to_time(east) == "2026-11-23T03:15:13.123Z"


@pytest.mark.parametrize("kind", ["alarm", "reconciliation"])
def test_a_statement_says_what_it_is_given(kind):
    event_id = uuid.uuid4()
    made = draft_statement(kind, {"figures": {"missing": 3}}, at=AT, event_id=event_id)
    assert json.loads(made.entry) == {
        "v": 1, "kind": kind, "event": str(event_id), "time": to_time(AT), "figures": {"missing": 3}
    }  # fmt: skip
    assert made.leaf_hash == leaf_hash(made.entry)
