"""From an event to its entry: the bytes that are hashed into the log (docs/spec/audit-log.md).

Names of people, collections and resources never stand in an entry: accounts, operators and keys are
pseudonyms, everything else that is somebody's own is a commitment, SHA-256 over 32 random bytes and the
value. What a commitment opens to is sealed beside the entry, under the key of whom it is about.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

import orjson

from countenance.audit.event import Event, Touch
from countenance.audit.keys import SALT_BYTES, SealingKey
from countenance.transparency.canonical import MAX_ENTRY_BYTES, canonical_json, to_time
from countenance.transparency.merkle import leaf_hash, tree_root

VERSION = 1
_RULES_ROOM = 880
_SHADOW_ROOM = 310
"""Bytes for ids of rules: 20 and 7 of the longest there may be, several times as many of the usual ones."""

_SHORT = {
    "attested": "a",
    "case": "k",
    "collection": "c",
    "inputs": "i",
    "marker": "m",
    "resource": "r",
}
"""Members with openings, as they are sealed: a row for every call counts its bytes."""
_MEMBERS = {short: name for name, short in _SHORT.items()}

KeyOf = Callable[[Touch], SealingKey | None]


@dataclass(frozen=True, slots=True)
class SealedTouch:
    """One face or user that an event touched, as it is stored.

    Attributes:
        commitment: 32 bytes; in the log as a leaf of the entry's `touched` tree.
        tag: 16 bytes by which its key finds it; None where it is found by its event only.
        sealed: salt and value; None where nobody is to open it again.
    """

    commitment: bytes
    tag: bytes | None
    sealed: bytes | None


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry with what is stored beside it.

    Attributes:
        account: the pseudonym that stands in the entry, 16 bytes.
        entry: canonical JSON, at most 4,096 bytes.
        sealed: the openings of the entry's commitments.
    """

    event_id: uuid.UUID
    account: bytes | None
    entry: bytes
    sealed: bytes | None
    touches: tuple[SealedTouch, ...] = ()

    @property
    def leaf_hash(self) -> bytes:
        """What the receipt promises to be in the tree: 32 bytes."""
        return leaf_hash(self.entry)


@dataclass(frozen=True, slots=True)
class Opening:
    """What a commitment opens to: `commit(salt, value)` is the commitment."""

    salt: bytes
    value: Any


def commit(salt: bytes, value: Any) -> bytes:
    """SHA-256 over the salt and the value's canonical JSON: 32 bytes."""
    return hashlib.sha256(salt + canonical_json(value)).digest()


def draft_event(event: Event, account: SealingKey | None, key_of: KeyOf) -> Draft:
    """The entry of a call or an administrative change.

    Args:
        account: the key of the event's account; None if the event has none.
        key_of: the key of a touched face or user; None if it is gone or was never.
    """
    commitments = _Commitments()
    members: dict[str, Any] = {
        "v": VERSION,
        "kind": event.kind,
        "event": str(event.event_id),
        "time": to_time(event.at),
        "service": event.service,
        "operation": event.operation,
        "decision": event.decision,
        "outcome": event.outcome,
    }
    optional = {
        "end": to_time(event.ended_at) if event.ended_at else None,
        "rules": _fitting(event.rule_ids, room=_RULES_ROOM) or None,
        "policy": event.policy_digest or None,
        "error": event.error_code,
        "model": _known(version=event.model_version, digest=event.model_digest),
        "calibration": event.calibration,
        "evaluation": event.evaluation,
        "threshold": _known(
            asked=event.threshold_asked, in_force=event.threshold, match=event.threshold_match
        ),
        "decided": event.decided,
        "candidates": event.candidates,
        "rejected": event.rejected,
        "enrolled": event.enrolled,
        "deleted": event.deleted,
        "replay": event.idempotent_replay or None,
        "previous": str(event.previous) if event.previous else None,
        "purpose": event.purpose,
        "claims": dict(event.claims) or None,
        "profile": event.profile if event.profile != "general" else None,
        "records": sorted(event.records) or None,
        "asked": _known(candidates=event.candidates_asked, attributes=list(event.attributes_asked) or None),
        "trained": event.trained or None,
        "roles": list(event.roles) or None,
        "charter": dict(event.charter) or None,
        "obligations": list(event.obligations) or None,
        "shadow": _fitting(event.shadow, room=_SHADOW_ROOM) or None,
        "standing": {"from": event.standing[0], "to": event.standing[1]} if event.standing else None,
        "finding": str(event.finding) if event.finding else None,
        "review": str(event.review) if event.review else None,
        "word": event.word,
    }
    touches: tuple[SealedTouch, ...] = ()
    if account is not None:
        optional |= _pseudonyms(event, account) | {
            "collection": commitments.one("collection", event.collection),
            "resource": commitments.one("resource", event.resource),
            "marker": commitments.one("marker", event.marker),
            "case": commitments.one("case", event.case),
            "attested": commitments.one("attested", dict(event.attested) or None),
            "inputs": [commitments.one("inputs", digest) for digest in event.inputs] or None,
            "reviewers": [account.pseudonym("operator", name).hex() for name in event.reviewers] or None,
        }
        touches = _seal_touches(event, account, key_of)
        if touches:
            root = tree_root([leaf_hash(touch.commitment) for touch in touches])
            optional["touched"] = {"count": len(touches), "root": root.hex()}
    members |= _known(**optional) or {}
    return Draft(
        event_id=event.event_id,
        account=account.pseudonym("account", event.account_id or "") if account else None,
        entry=_encode(members),
        sealed=commitments.seal(account, event.event_id),
        touches=touches,
    )


def draft_statement(kind: str, facts: Mapping[str, Any], *, at: datetime, event_id: uuid.UUID) -> Draft:
    """The entry of something that the log says of itself; `facts` holds nothing personal."""
    members = {"v": VERSION, "kind": kind, "event": str(event_id), "time": to_time(at)} | dict(facts)
    return Draft(event_id=event_id, account=None, entry=_encode(members), sealed=None)


def open_openings(sealed: bytes | None, account: SealingKey, event_id: uuid.UUID) -> dict[str, list[Opening]]:
    """What was sealed beside an entry, by member; empty if there is nothing or it does not open."""
    opened = account.unseal(sealed, place=_place(event_id)) if sealed else None
    if opened is None:
        return {}
    count = opened[0]
    salts, values = opened[1 : 1 + count * SALT_BYTES], orjson.loads(opened[1 + count * SALT_BYTES :])
    openings: dict[str, list[Opening]] = {}
    for position, (name, value) in enumerate(values):
        salt = salts[position * SALT_BYTES : (position + 1) * SALT_BYTES]
        openings.setdefault(_MEMBERS[name], []).append(Opening(salt, value))
    return openings


def open_touch(sealed: bytes, key: SealingKey, event_id: uuid.UUID, position: int) -> Opening | None:
    """What a touch's commitment opens to; None with another key."""
    opened = key.unseal(sealed, place=_place(event_id, position))
    return None if opened is None else Opening(opened[:SALT_BYTES], orjson.loads(opened[SALT_BYTES:]))


def tag_label(role: str, at: datetime) -> str:
    """What a touch is found by, with its face's or user's key: the hour, apart from enrolments.

    One label for all would join every search that touched one face, for whoever has the database alone;
    and an enrolment is known by its time, so it must not be joined to anything.
    """
    return "enrolled" if role == "enrolled" else f"{at.astimezone(UTC):%Y-%m-%dT%H}"


def tag_labels(since: datetime, until: datetime) -> list[str]:
    """Every label that a touch of that period may have been given."""
    hours = int((until - since).total_seconds() // 3600) + 2
    return ["enrolled", *(tag_label("", since + timedelta(hours=hour)) for hour in range(hours))]


def touch_value(touch: Touch) -> dict[str, Any]:
    """What a touch's commitment is over."""
    named = {"role": touch.role, touch.kind: touch.id}
    return named | (_known(rank=touch.rank, similarity=touch.similarity) or {})


class _Commitments:
    """Commits to values and remembers what they open to."""

    def __init__(self) -> None:
        self._salts: list[bytes] = []
        self._values: list[tuple[str, Any]] = []

    def one(self, name: str, value: Any) -> str | None:
        """The commitment as it stands in the entry: hexadecimal; None for None."""
        if value is None:
            return None
        salt = secrets.token_bytes(SALT_BYTES)
        self._salts.append(salt)
        self._values.append((_SHORT[name], value))
        return commit(salt, value).hex()

    def seal(self, account: SealingKey | None, event_id: uuid.UUID) -> bytes | None:
        """Number of openings, their salts, and `[[member, value], ...]` as JSON: sealed."""
        if account is None or not self._values:
            return None
        packed = bytes([len(self._values)]) + b"".join(self._salts) + orjson.dumps(self._values)
        return account.seal(packed, place=_place(event_id))


def _pseudonyms(event: Event, account: SealingKey) -> dict[str, Any]:
    named = {"account": event.account_id, "operator": event.operator, "key": event.access_key_id}
    return {name: account.pseudonym(name, value).hex() for name, value in named.items() if value is not None}


def _seal_touches(event: Event, account: SealingKey, key_of: KeyOf) -> tuple[SealedTouch, ...]:
    sealed = []
    for position, touch in enumerate(event.touched):
        salt, value = secrets.token_bytes(SALT_BYTES), canonical_json(touch_value(touch))
        commitment = hashlib.sha256(salt + value).digest()
        key = key_of(touch)
        tag: bytes | None
        if key is not None:
            tag = key.tag(tag_label(touch.role, event.at))
        elif touch.role == "deleted" and touch.kind == "face":
            # A FaceId is random: that the account deleted it stays provable to the account.
            key, tag = account, None
        else:
            # INVARIANT: nothing is kept of a face or user that was erased while the call ran.
            sealed.append(SealedTouch(commitment, None, None))
            continue
        sealed.append(
            SealedTouch(commitment, tag, key.seal(salt + value, place=_place(event.event_id, position)))
        )
    return tuple(sealed)


def _fitting(ids: Sequence[str], *, room: int) -> list[str]:
    """The first ids, as many as there is room for with their quotes and commas."""
    ends = accumulate(len(rule_id) + 3 for rule_id in ids)
    return [rule_id for rule_id, end in zip(ids, ends, strict=True) if end <= room]


def _known(**members: Any) -> dict[str, Any] | None:
    """The members that are something; None if none is."""
    return {name: value for name, value in members.items() if value is not None} or None


def _encode(members: Mapping[str, Any]) -> bytes:
    entry = canonical_json(members)
    assert len(entry) <= MAX_ENTRY_BYTES, "an entry holds fixed-length values"
    return entry


def _place(event_id: uuid.UUID, position: int | None = None) -> bytes:
    return event_id.bytes if position is None else event_id.bytes + position.to_bytes(4, "big")
