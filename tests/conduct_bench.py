"""Calls as detectors see them, made up; and accounts with observations in a real database."""

from __future__ import annotations

import hashlib
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from countenance.accounts import Accounts, Actor, Governance
from countenance.accounts.changing import Changing
from countenance.audit import AuditLog, Observation
from countenance.conduct import Conduct
from countenance.conduct.observations import Observed
from countenance.conduct.suspicion import About, Suspicion
from countenance.policy import load_purposes
from countenance.store import Database, KeyStore
from countenance.terms import load_terms

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
OFFICERS = ("Olga", "Otto", "Ona")


def photo(number: object) -> str:
    """The digest of a photo."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def scene(number: object) -> int:
    """The scene of a place: as unlike that of another as two photos are."""
    return int.from_bytes(hashlib.sha256(f"scene {number}".encode()).digest()[:8], "big")


def call(at_s: float = 0.0, **facts) -> Observed:
    """A search, so many seconds after the start."""
    told = {
        "purpose": "photo-library",
        "kind": "search",
        "collection": "album",
        "key": "AKIA",
        "operator": "ada",
    }
    told |= {"client": "c" * 16, "candidates": 0, "inputs": (photo(at_s),)}
    return Observed(event_id=uuid.uuid4(), at=START + timedelta(seconds=at_s), **(told | facts))


def about(**known) -> About:
    """An account with the catalogue and nothing else."""
    return About(**({"purposes": load_purposes(), "reference": reference, "account": "1" * 12} | known))


def reference(value: str) -> str:
    """Stands for a name, as an account's key would make it."""
    return hashlib.sha256(b"reference " + value.encode()).hexdigest()[:16]


@dataclass
class Bench:
    """Everything about conduct on one database, as one process has it."""

    database: Database
    keys: KeyStore
    accounts: Accounts
    governance: Governance
    conduct: Conduct

    @classmethod
    def open(cls, database: Database, keys: KeyStore) -> Bench:
        governance = Governance.open(database, keys, load_terms())
        return cls(
            database, keys, Accounts(database, keys), governance, Conduct.open(database, keys, governance)
        )

    @property
    def findings(self):
        return self.conduct.findings

    @property
    def appeals(self):
        return self.conduct.appeals

    @property
    def changing(self) -> Changing:
        return Changing(self.database, self.keys)

    def account(self, name: str = "somebody") -> str:
        return self.accounts.create_account(name).account_id

    def standing(self, account_id: str) -> tuple[str, str]:
        found = self.accounts.require_account(account_id)
        return found.standing, found.effective_standing

    def set_standing(
        self, account_id: str, standing: str, by: str = "Olga", second: str | None = None
    ) -> int:
        return self.governance.standings.change(
            account_id, standing, reason="a test", decided_by=by, second_officer=second, actor=Actor(by)
        )

    def relate(self, upstream: str, downstream: str, kind: str = "supplied_by") -> uuid.UUID:
        """In force: declared by the one side, and confirmed by an officer."""
        declaring, other = (downstream, upstream) if kind == "supplied_by" else (upstream, downstream)
        relation = self.governance.relations.declare(declaring, kind, other, actor=Actor("test"))
        self.governance.relations.confirm(relation, account_id=None, actor=Actor("Olga"))
        return relation

    def observe(
        self,
        account_id: str,
        at: datetime,
        *,
        purpose: str = "photo-library",
        kind: str = "search",
        sealed: bytes | None = None,
        **facts,
    ) -> uuid.UUID:
        """A row as the gateway writes it, but at a time of ours; `sealed`: damaged, so."""
        (event_id,) = self.observe_all(account_id, [(at, facts)], purpose=purpose, kind=kind, sealed=sealed)
        return event_id

    def observe_all(self, account_id, rows, *, purpose="photo-library", kind="search", sealed=None):
        audit = AuditLog(self.keys)
        pseudonym = audit.keys.account(account_id).pseudonym("account", account_id)
        event_ids = [uuid.uuid4() for _ in rows]
        values = [
            (
                event_id,
                pseudonym,
                purpose,
                kind,
                at,
                sealed or audit.seal_observation(account_id, event_id, Observation(purpose, kind, facts)),
            )
            for event_id, (at, facts) in zip(event_ids, rows, strict=True)
        ]
        with self.database.transaction() as connection, connection.cursor() as cursor:
            cursor.executemany(
                "insert into observation (event_id, account, purpose, kind, at, sealed)"
                " values (%s, %s, %s, %s, %s, %s)",
                values,
            )
        return event_ids

    def events(self, account_id: str) -> list[tuple[str, str | None]]:
        """What the account's log says was done to it, the oldest first."""
        with self.database.read() as connection:
            latest = AuditLog(self.keys).list_latest(connection, account_id)
        return [(each.members["operation"], each.opened("resource")) for each in reversed(latest)]


def suspicion(severity="suspend", fingerprint="f", detector="video_like_stream") -> Suspicion:
    """What a detector might say."""
    return Suspicion(
        detector=detector,
        severity=severity,
        summary="48 photos of nearly the same scene in 12 s",
        evidence={"photos": 48, "events": [str(uuid.uuid4())]},
        fingerprint=fingerprint,
    )


def at_once(*works):
    """Run them in as many threads; what each raised, or None."""
    barrier, raised = threading.Barrier(len(works)), {}

    def run(number, work):
        barrier.wait()
        try:
            work()
        except Exception as error:  # noqa: BLE001
            raised[number] = error

    threads = [threading.Thread(target=run, args=each) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads), "they wait for each other"
    return [raised.get(number) for number in range(len(works))]
