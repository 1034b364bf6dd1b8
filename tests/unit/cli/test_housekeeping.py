"""What a server tidies up by itself."""

from __future__ import annotations

from datetime import timedelta

from countenance.accounts import Accounts
from countenance.cli.housekeeping import TOKENS_KEPT, Housekeeping
from countenance.store import idempotency


def test_old_tokens_go_and_young_ones_stay_once_an_hour(database, key_store):
    """A token must hold for as long as a client may retry, and not for ever."""
    account = Accounts(database, key_store).create_account("tokens").account_id
    now = [0.0]
    tidy = Housekeeping(database, clock=lambda: now[0])

    def kept():
        with database.transaction() as connection:
            return [
                token
                for token in ("old", "young")
                if idempotency.find(connection, account, "rekognition:CreateUser", token)
            ]

    def save(token, age):
        with database.transaction() as connection:
            scope = (connection, account, "rekognition:CreateUser", token)
            idempotency.save(*scope, input_digest=b"\0" * 32, response={})
            connection.execute(
                "update idempotency set created_at = created_at - %s where token = %s and account_id = %s",
                (age, token, account),
            )

    save("old", TOKENS_KEPT + timedelta(hours=1))
    save("young", TOKENS_KEPT - timedelta(hours=1))
    tidy()
    assert kept() == ["young"]
    save("old", TOKENS_KEPT + timedelta(hours=1))
    now[0] = 3599.0
    tidy()
    assert kept() == ["old", "young"]
    now[0] = 3600.0
    tidy()
    assert kept() == ["young"]
