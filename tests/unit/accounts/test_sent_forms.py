"""A form is taken once, by whatever process it comes to, and in the session that it was made for."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from countenance.accounts.sent_forms import SentForms
from countenance.accounts.sign_in import ConsoleSession, SessionKeys
from countenance.store import Database
from countenance.types import AccountId


@pytest.fixture
def session() -> ConsoleSession:
    now = datetime.now(UTC)
    return ConsoleSession(
        digest=hashlib.sha256(str(now).encode()).hexdigest(),
        operator_id="op",
        account_id=AccountId("1" * 12),
        account_name="one",
        operator="Ada",
        roles=frozenset(),
        is_house=False,
        created_at=now,
        expires_at=now + timedelta(hours=12),
        keys=SessionKeys("AKIA", "secret"),
    )


def test_of_many_at_once_in_two_processes_one_is_taken(database_url, session):
    """Two pools stand for two processes: nothing is remembered beside the database."""
    with Database(database_url, max_connections=4) as one, Database(database_url, max_connections=4) as other:
        forms = [SentForms(one), SentForms(other)] * 8
        with ThreadPoolExecutor(len(forms)) as threads:
            taken = list(threads.map(lambda each: each.take(session, "a"), forms))
        assert taken.count(True) == 1
        assert not SentForms(other).take(session, "a")
        assert SentForms(other).take(session, "b")


def test_another_sessions_form_is_another(database, session):
    """Whoever signs in again begins anew, and nobody spends somebody else's form."""
    forms = SentForms(database)
    assert forms.take(session, "a")
    assert forms.take(replace(session, digest="0" * 63 + "1"), session.digest)
    assert forms.take(replace(session, digest=hashlib.sha256(b"other").hexdigest()), f"a{session.digest}")


def test_it_is_forgotten_no_sooner_than_its_session(database, session):
    """A form that waits in a browser until the session's last minute is still the same form."""
    forms = SentForms(database)
    assert forms.take(session, "late")
    with database.transaction() as connection:
        connection.execute("update passkey_challenge set ends_at = ends_at - interval '12 hours'")
    assert not forms.take(session, "late")
