from __future__ import annotations

import dataclasses
from datetime import datetime

import pytest

from countenance.audit import Event
from events import an_event

FIELDS = {
    "event_id", "at", "ended_at", "kind", "service", "operation", "decision", "outcome", "account_id",
    "access_key_id", "operator", "region", "collection", "resource", "inputs", "marker", "rule_ids",
    "policy_digest", "error_code", "model_version", "model_digest", "calibration", "evaluation",
    "threshold_asked", "threshold", "threshold_match", "decided", "candidates", "rejected", "enrolled",
    "deleted",
    "touched", "idempotent_replay", "previous", "purpose", "case",
    "claims", "attested", "profile", "records", "candidates_asked", "attributes_asked", "trained", "roles",
    "charter",
    "obligations", "shadow", "standing", "finding",
    "review", "reviewers", "word",
}  # fmt: skip


def test_an_event_has_these_fields_and_no_place_for_a_biometric():
    """A new field has to be thought about: the log outlives what it tells of."""
    assert {field.name for field in dataclasses.fields(Event)} == FIELDS


def test_an_event_cannot_be_changed():
    """Evidence is not edited."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        an_event().outcome = "failed"


def test_a_time_without_its_zone_is_refused():
    """Events of two servers must be comparable."""
    with pytest.raises(ValueError, match="time zone"):
        an_event(at=datetime(2026, 11, 23))  # noqa: DTZ001  # the case


@pytest.mark.parametrize(("outcome", "error_code"), [("answered", "X"), ("refused", None), ("failed", None)])
def test_an_event_names_an_error_unless_it_was_answered(outcome: str, error_code: str | None):
    """A refusal without its reason is no evidence."""
    with pytest.raises(ValueError, match="error code"):
        an_event(outcome=outcome, error_code=error_code)
