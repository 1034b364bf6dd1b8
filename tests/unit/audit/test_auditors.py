"""Auditors and their tokens."""

from __future__ import annotations

import hashlib
import json

import pytest

from countenance.audit.auditors import (
    MAX_NAME,
    add_auditor,
    find_auditor,
    list_auditors,
    record_read,
    revoke_auditor,
)


@pytest.fixture
def connection(database, log_keys):
    """A transaction that is rolled back: the register is the session's."""

    class RolledBack(Exception):
        pass

    with pytest.raises(RolledBack), database.transaction() as connection:
        connection.execute("delete from auditor")
        yield connection
        raise RolledBack


def said(connection):
    """What the log says of auditors since the transaction began."""
    rows = connection.execute(
        "select entry from audit_event where transaction_id = pg_current_xact_id() order by recorded_at"
    ).fetchall()
    common = {"v", "time", "event"}
    return [
        {name: value for name, value in json.loads(bytes(entry)).items() if name not in common}
        for (entry,) in rows
    ]


def test_a_token_is_its_auditors_and_only_its_digest_is_kept(connection):
    """Whoever reads the database, or a backup of it, must not be able to read as an auditor."""
    token = add_auditor(connection, "Authority of Somewhere")
    assert len(token) == 43
    assert find_auditor(connection, token) == "Authority of Somewhere"
    row = connection.execute("select token_digest, auditor::text from auditor").fetchone()
    assert bytes(row[0]) == hashlib.sha256(token.encode()).digest()
    assert token not in row[1]
    for wrong in ("", token[:-1], token + "x", token.swapcase(), "é" * 43):
        assert find_auditor(connection, wrong) is None


def test_every_token_is_another(connection):
    assert len({add_auditor(connection, f"auditor {number}") for number in range(20)}) == 20


def test_a_revoked_token_is_nobodys_and_the_name_stays_taken(connection):
    """In the log the name stands for that one auditor."""
    token, other = add_auditor(connection, "one"), add_auditor(connection, "two")
    assert revoke_auditor(connection, "one")
    assert find_auditor(connection, token) is None
    assert find_auditor(connection, other) == "two"
    assert add_auditor(connection, "one") is None
    assert not revoke_auditor(connection, "one")
    assert not revoke_auditor(connection, "nobody")
    assert [(each.name, each.revoked_at is None) for each in list_auditors(connection)] == [
        ("one", False),
        ("two", True),
    ]


def test_the_log_says_who_was_added_read_and_was_revoked(connection):
    add_auditor(connection, "one")
    add_auditor(connection, "one")
    record_read(connection, "one", "tile/entries/000")
    revoke_auditor(connection, "one")
    revoke_auditor(connection, "one")
    assert said(connection) == [
        {"kind": "audit.auditor_added", "auditor": "one"},
        {"kind": "audit.read", "auditor": "one", "resource": "tile/entries/000"},
        {"kind": "audit.auditor_revoked", "auditor": "one"},
    ]


@pytest.mark.parametrize("name", ["", " ", " a", "a ", "a\nb", "a\x00", "\u202eabc", "\ud800", "x" * 129])
def test_a_name_is_something_that_a_person_can_read(connection, name):
    with pytest.raises(ValueError, match="1 to 128 printable characters"):
        add_auditor(connection, name)
    assert list_auditors(connection) == []


def test_the_longest_name_fits_into_an_entry(connection):
    assert add_auditor(connection, "\U0001f50d" * MAX_NAME) is not None
