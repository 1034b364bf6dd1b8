from __future__ import annotations

from datetime import UTC, datetime

import pytest

from countenance.accounts import AccessKey, Credential, NewAccessKey, SessionCredentials
from countenance.types import AccountId

AT = datetime(2026, 11, 23, tzinfo=UTC)
ACCOUNT = AccountId("1" * 12)


@pytest.mark.parametrize(
    "record",
    [
        NewAccessKey("AKIA", "hidden", ACCOUNT, "op", AT),
        SessionCredentials("ASIA", "hidden", "hidden", AT),
        Credential("AKIA", ACCOUNT, "good", "good", "op", "hidden", b"hidden", None, revoked=False),
    ],
)
def test_no_secret_is_in_a_repr(record):
    """Reprs end up in logs and tracebacks."""
    assert "hidden" not in repr(record)
    assert "A" in repr(record)


def test_a_key_with_an_end_is_revoked():
    """Lists show the state, the database keeps the time."""
    assert not AccessKey("AKIA", "op", AT, None).is_revoked
    assert AccessKey("AKIA", "op", AT, AT).is_revoked
