"""Forms of the console that make something: each is taken once, however often a browser sends it."""

from __future__ import annotations

import hashlib
from typing import Final

from countenance.accounts.sign_in import ConsoleSession
from countenance.store import Database, load_queries

_QUERIES: Final = load_queries("countenance.accounts", "passkeys.sql")


class SentForms:
    """Thread-safe. What was sent is known to every process of the house, for as long as its session may last.

    It lies beside the answered challenges of passkeys, as one more thing that counts once: a digest, which
    says neither whose form it was nor which.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, session: ConsoleSession, mark: str) -> bool:
        """Whether a form with this mark comes for the first time in the session: of many at once, one does.

        It is durable on return, before anything is made: whoever is killed then may have made nothing, and a
        form of a page that is opened anew is another one.
        """
        whole = f"form of the console\n{session.digest}\n{mark}".encode()
        values = {"digest": hashlib.sha256(whole).digest(), "ends_at": session.expires_at}
        with self._database.transaction() as connection:
            connection.execute(_QUERIES["forget_challenges"])
            return connection.execute(_QUERIES["spend_challenge"], values).fetchone() is not None
