"""A log of a test's own, with its keys: opened as a server opens it, grown when the test says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from countenance.audit import AuditLog, Draft, open_log
from countenance.audit.sequencer import Sequencer
from countenance.audit.signed_head import SignedHead
from countenance.audit.signing import log_signers
from countenance.store import Database, KeyStore, migrate
from countenance.transparency.merkle import leaf_hash
from countenance.transparency.note import COSIGNATURE, Note, Signer
from events import an_event
from fixtures_store import fresh_database

ORIGIN = "log.example/whole"
WITNESS = Signer.from_seed("witness.example/w", b"\x05" * 32, COSIGNATURE)


@dataclass(frozen=True)
class WholeLog:
    """The only log of its database."""

    url: str
    database: Database
    keys: KeyStore
    audit: AuditLog = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "audit", AuditLog(self.keys))

    @property
    def sequencer(self) -> Sequencer:
        return Sequencer(
            self.database,
            lambda connection: log_signers(connection, self.keys),
            head=SignedHead(self.keys.directory),
        )

    def record(self, account_id: str, **changes) -> Draft:
        """A call of the account."""
        with self.database.transaction() as connection:
            return self.audit.record(connection, an_event(account_id=account_id, **changes))

    def integrate(self) -> None:
        """Give everything its place, under no checkpoint yet."""
        while self.sequencer.integrate():
            pass

    def settle(self) -> int:
        """Bring everything under a published checkpoint: its size."""
        self.integrate()
        self.sequencer.sign()
        self.sequencer.publish()
        with self.database.read() as connection:
            return connection.execute("select max(size) from audit_checkpoint").fetchone()[0]

    def cosign(self) -> None:
        """Add WITNESS's cosignature to the newest checkpoint."""
        with self.database.transaction() as connection:
            size, note = connection.execute(
                "select size, note from audit_checkpoint order by size desc limit 1"
            ).fetchone()
            connection.execute(
                "insert into audit_cosignature (size, witness, line) values (%s, %s, %s)",
                (size, WITNESS.verifier.name, WITNESS.sign(Note.parse(note).text)),
            )

    def entries(self) -> list[bytes]:
        """Every entry that has a place, in order."""
        with self.database.read() as connection:
            rows = connection.execute("select entry from audit_entry order by log_index").fetchall()
        return [bytes(entry) for (entry,) in rows]

    def leaves(self) -> list[bytes]:
        return [leaf_hash(entry) for entry in self.entries()]


@contextmanager
def whole_log(postgres_url: str, folder: Path) -> Iterator[WholeLog]:
    """A fresh log; its keys in `folder`."""
    with fresh_database(postgres_url) as url, Database(url, max_connections=8) as database:
        migrate(database)
        keys = KeyStore.open(folder / "keys")
        open_log(database, keys, origin=ORIGIN)
        yield WholeLog(url, database, keys)
