from __future__ import annotations

import hashlib
import re

from countenance.accounts.identifiers import (
    new_access_key_id,
    new_account_id,
    new_secret,
    new_session_token,
    session_token_digest,
)


def test_ids_and_secrets_have_the_shapes_that_clients_and_secret_scanners_know():
    """Scanners of repositories find leaked keys by these shapes."""
    for _ in range(200):
        assert re.fullmatch(r"[1-9][0-9]{11}", new_account_id())
        assert re.fullmatch(r"AKIA[A-Z2-7]{16}", new_access_key_id("AKIA"))
        assert re.fullmatch(r"ASIA[A-Z2-7]{16}", new_access_key_id("ASIA"))
        assert re.fullmatch(r"[A-Za-z0-9_-]{40}", new_secret())
        assert re.fullmatch(r"[A-Za-z0-9_-]{128}", new_session_token())


def test_no_two_are_alike():
    """Of 80 random bits or more, a repetition means that the source is broken."""
    makers = (lambda: new_access_key_id("AKIA"), new_secret, new_session_token)
    for make in makers:
        assert len({make() for _ in range(2000)}) == 2000


def test_of_a_session_token_only_its_digest_is_kept():
    """The database must not hold what opens a session."""
    assert session_token_digest("token") == hashlib.sha256(b"token").digest()
