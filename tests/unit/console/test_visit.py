"""Credentials of purposes that a session took on: asked for once, kept sealed, and not without end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from countenance.accounts.sign_in import SessionKeys
from countenance.console.calls import Called
from countenance.console.visit import Visit

NOW = datetime(2026, 11, 28, tzinfo=UTC)


class Gateway:
    """Answers AssumePurpose with credentials of its count, and everything with whose key it came."""

    def __init__(self) -> None:
        self.time, self.assumed = NOW, []

    def now(self) -> datetime:
        return self.time

    def call(self, key: Any, _: str, operation: str, *, request: dict[str, Any], client: str) -> Called:
        if operation != "AssumePurpose":
            return Called({"Key": key.access_key_id}, {}, 0)
        self.assumed.append(request)
        made = {
            "AccessKeyId": f"ASIA{len(self.assumed)}",
            "SecretAccessKey": "s",
            "SessionToken": "t",
            "Expiration": (self.time + timedelta(hours=1)).timestamp(),
        }
        return Called({"Credentials": made}, {}, 0)


@pytest.fixture
def gateway():
    return Gateway()


@pytest.fixture
def visit(gateway):
    """`visit()`: a further request of the one session, which begins with what the one before left."""
    kept = {"keys": SessionKeys("AKIA", "secret", {})}

    def visit() -> Visit:
        sign_ins = SimpleNamespace(keep=lambda _, keys: kept.update(keys=keys))
        return Visit(
            request=SimpleNamespace(client="192.0.2.1"),
            session=SimpleNamespace(keys=kept["keys"]),
            number="n",
            calls=gateway,
            door=SimpleNamespace(sign_ins=sign_ins),
            parts={},
            menu=[],
        )

    visit.kept = kept
    return visit


def key_of(visit: Visit, purpose: str, **claims: str) -> str:
    return visit.under(purpose, "rekognition", "ListFaces", claims=claims).response["Key"]


def test_a_purpose_is_taken_on_once_until_it_is_about_to_end(visit, gateway):
    assert {key_of(visit(), "development") for _ in range(3)} == {"ASIA1"}
    gateway.time += timedelta(minutes=58)
    assert key_of(visit(), "development") == "ASIA1"
    gateway.time += timedelta(minutes=1, seconds=1)
    assert key_of(visit(), "development") == "ASIA2"


def test_what_is_said_with_it_is_taken_on_by_itself(visit, gateway):
    """Else a call would run under another's consent."""
    keys = [key_of(visit(), "development", ConsentReference=each) for each in ("a", "b", "a")]
    assert keys == ["ASIA1", "ASIA2", "ASIA1"]
    assert key_of(visit(), "development") == "ASIA3"
    assert [each.get("ConsentReference") for each in gateway.assumed] == ["a", "b", None]


def test_the_newest_eight_are_kept(visit):
    """Each consent that is named is one more, and all of them travel with the session's row."""
    for number in range(1, 21):
        assert key_of(visit(), "development", ConsentReference=str(number)) == f"ASIA{number}"
        assert len(visit.kept["keys"].taken_on) == min(number, 8)
    assert [key_of(visit(), "development", ConsentReference=str(number)) for number in range(13, 21)] == [
        f"ASIA{number}" for number in range(13, 21)
    ]
    assert key_of(visit(), "development", ConsentReference="12") == "ASIA21"
