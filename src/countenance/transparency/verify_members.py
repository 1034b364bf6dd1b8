"""What each kind of entry must say, and of what type it is (docs/spec/audit-log.md, section 1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

_EVENT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}").fullmatch
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII).fullmatch
_KIND = re.compile(r"[a-z][a-z_.]{0,63}").fullmatch
_HEX_32 = re.compile(r"[0-9a-f]{32}").fullmatch
_HEX_64 = re.compile(r"[0-9a-f]{64}").fullmatch
_MOST = 2**53 - 1

_Test = Callable[[Any], object]
"""Truthy for a value of its type."""


class _Shape:
    """Of an object: members that it must have, and tests of those and of others."""

    def __init__(self, required: Mapping[str, _Test], optional: Mapping[str, _Test] | None = None) -> None:
        self.required = required.keys()
        self.tests = {**required, **(optional or {})}


def member_flaw(members: Mapping[str, Any]) -> str:
    """What is missing or of another type in an entry's members; "" if nothing is."""
    kind = members.get("kind")
    shape = _SHAPES.get(kind, _ANY) if isinstance(kind, str) else _ANY
    flaw = _flaw(members, shape)
    if not flaw and "outcome" in shape.tests and (members["outcome"] == "answered") == ("error" in members):
        return "`error` stands in an entry exactly unless its `outcome` is `answered`"
    return flaw


def is_event(value: Any) -> bool:
    return isinstance(value, str) and _EVENT(value) is not None


def _flaw(members: Mapping[str, Any], shape: _Shape) -> str:
    missing = shape.required - members.keys()
    if missing:
        return f"its member `{min(missing)}` is missing"
    find = shape.tests.get
    for name, value in members.items():
        test = find(name)
        if test is not None and not test(value):
            return f"its member `{name}` is not what its kind needs"
    return ""


def _text(value: Any) -> object:
    return isinstance(value, str) and value


def _time(value: Any) -> object:
    if not isinstance(value, str) or not _TIME(value):
        return False
    try:
        return datetime.fromisoformat(value)
    except ValueError:  # the 30th of February
        return False


def _kind(value: Any) -> object:
    return isinstance(value, str) and _KIND(value)


def _pseudonym(value: Any) -> object:
    return isinstance(value, str) and _HEX_32(value)


def _digest(value: Any) -> object:
    return isinstance(value, str) and _HEX_64(value)


def _count(value: Any) -> object:
    return type(value) is int and 0 <= value <= _MOST


def _count_of_some(value: Any) -> object:
    return _count(value) and value >= 1


def _number(value: Any) -> object:
    return type(value) in (int, float)  # what was asked may be out of range, and refused for it


def _one_of(*values: str) -> _Test:
    return lambda value: isinstance(value, str) and value in values


def _list_of(test: _Test) -> _Test:
    return lambda value: isinstance(value, list) and all(map(test, value))


def _object(required: Mapping[str, _Test] | None = None, **optional: _Test) -> _Test:
    shape = _Shape(required or {}, optional)
    return lambda value: isinstance(value, dict) and not _flaw(value, shape)


_COMMON: dict[str, _Test] = {
    "v": lambda value: type(value) is int and value == 1,
    "kind": _kind,
    "time": _time,
    "event": is_event,
}
_CHANGE: dict[str, _Test] = {
    "service": _text,
    "operation": _text,
    "decision": _one_of("allow", "deny", "none"),
    "outcome": _one_of("answered", "withheld", "refused", "failed"),
}
_OF_CALLS: dict[str, _Test] = {
    "end": _time,
    "account": _pseudonym,
    "operator": _pseudonym,
    "key": _pseudonym,
    "rules": _list_of(_text),
    "policy": _digest,
    "error": _text,
    "model": _object(version=_text, digest=_digest),
    "calibration": _digest,
    "evaluation": _digest,
    "threshold": _object(asked=_number, in_force=_number, match=_number),
    "decided": _one_of("MATCH", "REVIEW", "NO_MATCH"),
    "candidates": _count,
    "rejected": _count_of_some,
    "enrolled": _count,
    "deleted": _count,
    "touched": _object({"count": _count, "root": _digest}),
    "purpose": _text,
    "case": _digest,
    "claims": _object(
        source=_text,
        age=_text,
        consent=lambda value: value is True,
        authorized=lambda value: value is True,
        live=lambda value: value is True,
        exigent=lambda value: value is True,
        offence_facts=lambda value: value is True,
        probable_cause=lambda value: value is True,
    ),
    "attested": _digest,
    "profile": _text,
    "records": _list_of(_text),
    "asked": _object(candidates=_count, attributes=_list_of(_text)),
    "trained": lambda value: value is True,
    "roles": _list_of(_text),
    "charter": _object(
        purposes=_list_of(_text),
        kind=_text,
        face_cap=_count,
        face_count=_count,
        retention_days=_count,
        minors_allowed=lambda value: isinstance(value, bool),
        legal_basis=lambda value: isinstance(value, bool),
    ),
    "obligations": _list_of(_text),
    "shadow": _list_of(_text),
    "standing": _object({"from": _text, "to": _text}),
    "finding": is_event,
    "review": is_event,
    "word": _text,
    "reviewers": _list_of(_pseudonym),
    "collection": _digest,
    "resource": _digest,
    "inputs": _list_of(_digest),
    "marker": _digest,
    "replay": lambda value: value is True,
    "previous": is_event,
}
_DRIFT: dict[str, _Test] = {
    "model_version": _text,
    "calibration": _digest,
    "searches": _count_of_some,
    "stated_fmr": _text,
    "counted_fmr": _text,
}
_REQUIRED: dict[str, dict[str, _Test]] = {
    "call": {**_CHANGE, "end": _time},
    "change": _CHANGE,
    "log.opened": {
        "origin": _text,
        "log_key": _text,
        "receipt_key": _text,
        "before": _object({"events": _count, "digest": _digest}),
    },
    "log.key_rotated": {
        "use": _one_of("log", "receipt"),
        "old": _text,
        "new": _text,
        "signatures": _object({"old": _text, "new": _text}),
    },
    "log.continued": {
        "origin": _text,
        "log_key": _text,
        "receipt_key": _text,
        "previous": _object(
            {"origin": _text, "log_key": _text, "size": _count, "root": _text, "proof": _list_of(_text)}
        ),
        "kept": _count_of_some,
        "erasures": _object(),
        "signatures": _object({"old": _text, "new": _text}),
    },
    "key.shredded": {"account": _pseudonym},
    "canary": {"marker": _digest},
    "reconciliation": {"figures": _object()},
    "alarm": {"what": _text, "figures": _object()},
    "refusals": {"count": _count_of_some},
    "audit.read": {"auditor": _text, "resource": _text},
    "audit.auditor_added": {"auditor": _text},
    "audit.auditor_revoked": {"auditor": _text},
    "drift.raised": _DRIFT,
    "drift.ended": _DRIFT,
    "pack.activated": {
        "pack": _text,
        "version": _text,
        "digest": _digest,
        "mode": _one_of("enforce", "shadow"),
    },
    "pack.deactivated": {"pack": _text},
    "pack.issuer_trusted": {"issuer": _text},
    "calibration.used": {
        "model": _object({"version": _text, "digest": _digest}),
        "pipeline": _digest,
        "calibration": _digest,
        "version": _count_of_some,
        "trials": _count,
    },
    "calibration.reverted": {"model": _object({"version": _text, "digest": _digest}), "pipeline": _digest},
    "evaluator.trusted": {"evaluator": _digest, "independent": lambda value: isinstance(value, bool)},
    "evaluator.revoked": {"evaluator": _digest},
    "evaluation.recorded": {
        "evaluation": _digest,
        "evaluator": _digest,
        "pack": _digest,
        "calibration": _digest,
        "pipeline": _digest,
        "data": _digest,
        "expires": _text,
    },
    "evaluation.withdrawn": {"evaluation": _digest},
    "code.unknown": {"most_within_hour": _count_of_some},
    "report.published": {"report": _digest, "from": _text, "to": _text},
    "report.withdrawn": {"report": _digest},
    "terms.published": {"document": _text, "version": _text, "digest": _digest},
}
KINDS = _REQUIRED.keys()
"""The kinds of which it is known what they must say."""
_OPTIONAL: dict[str, Mapping[str, _Test]] = {
    "call": _OF_CALLS,
    "change": _OF_CALLS,
    "refusals": {"account": _pseudonym},
    "calibration.used": {"far": lambda value: value is True},
}
_ANY = _Shape(_COMMON)
_SHAPES = {kind: _Shape({**_COMMON, **required}, _OPTIONAL.get(kind)) for kind, required in _REQUIRED.items()}
