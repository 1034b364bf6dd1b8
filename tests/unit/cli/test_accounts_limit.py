"""`countenance accounts limit`."""

from __future__ import annotations

import pytest

from countenance.store import Database


def test_a_limit_is_set_shown_and_taken_back(cli, account):
    said = cli.json("accounts", "limit", account, "--calls-per-s", "50", "--burst", "80")
    assert said == {"AccountId": account, "CallsPerSecond": 50, "Burst": 80}
    shown = cli.json("accounts", "show", account)
    assert (shown["CallsPerSecond"], shown["Burst"]) == (50, 80)
    cli.json("accounts", "limit", account, "--default")
    shown = cli.json("accounts", "show", account)
    assert (shown["CallsPerSecond"], shown["Burst"]) == (None, None)


def test_a_limit_is_recorded_as_other_changes_are(cli, account):
    """Whoever slows an account down has left a trace of it in the account's log."""
    cli.json("accounts", "limit", account, "--calls-per-s", "50")
    with Database(cli.environment["COUNTENANCE_DATABASE_URL"]) as database, database.read() as connection:
        row = connection.execute("select entry from audit_event order by recorded_at desc limit 1").fetchone()
    assert b'"operation":"ChangeLimit"' in bytes(row[0])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["000000000000", "--calls-per-s", "5"], 1, "there is no account `000000000000`"),
        (["000000000000"], 2, "--calls-per-s N, or --default"),
        (["000000000000", "--default", "--calls-per-s", "5"], 2, "or --default"),
        (["000000000000", "--default", "--burst", "5"], 2, "goes with"),
        (["000000000000", "--calls-per-s", "0"], 2, "0"),
        (["000000000000", "--calls-per-s", "many"], 2, "many"),
    ],
)
def test_what_cannot_be_done_is_said(still, words, code, said):
    found, message = still.fails("accounts", "limit", *words)
    assert (found, said in message) == (code, True), message
