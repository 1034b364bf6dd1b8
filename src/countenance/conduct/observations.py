"""What an account did with faces of late: its observations, opened, as typed values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args
from uuid import UUID

from countenance.audit import AuditLog
from countenance.store import Connection, Database, KeyStore, load_queries

QUERIES = load_queries("countenance.conduct", "queries.sql")
Kind = Literal["search", "enrol", "compare", "analyse"]

MOST_LOOKED_AT: Final = 200_000
"""Rows in one look, the newest: about 200 MB while it lasts. An account that makes more calls than that in
two days (1.2 a second, day and night) is looked at over a shorter time."""
_KINDS: Final = frozenset(get_args(Kind))
_FETCHED_AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One call that used a face. What the gateway did not say is None or empty.

    Attributes:
        at: when it was recorded.
        inputs: SHA-256 of each photo that came with it, hexadecimal; of a comparison the source's first.
        scene: difference hash of the first photo with its faces blanked out, 64 bits.
        client: keyed hash of the client's address and program, 16 hexadecimal digits.
        threshold: similarity threshold that was asked for, 0-100.
        candidates: how many were answered.
        scores: how many values of similarity were answered.
        enrolled: how many faces were enrolled.
        faces: ids of the faces or users that were answered, or that a photo was compared with; at most 20.
        age: attested age.
        live: the caller said that the photo comes from a running camera, and policy judged it so.
    """

    event_id: UUID
    at: datetime
    purpose: str
    kind: Kind
    collection: str | None = None
    operator: str | None = None
    key: str | None = None
    case: str | None = None
    inputs: tuple[str, ...] = ()
    scene: int | None = None
    client: str | None = None
    threshold: float | None = None
    candidates: int | None = None
    scores: int | None = None
    enrolled: int | None = None
    faces: tuple[str, ...] = ()
    age: str | None = None
    live: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What there is of one account.

    Attributes:
        observed: in the order of time.
        passed_over: rows that did not open, or did not say what they should.
        cut_off: there was more, and the oldest was left out.
    """

    observed: tuple[Observed, ...]
    passed_over: int = 0
    cut_off: bool = False


class Observations:
    """Reads them. Thread-safe."""

    def __init__(self, database: Database, keys: KeyStore, purposes: Iterable[str]) -> None:
        """`purposes`: all that there are; a call is recorded under one of these."""
        self._database = database
        self._audit = AuditLog(keys)
        self._purposes = list(purposes)

    def since(self, account_id: str, since: datetime, *, limit: int = MOST_LOOKED_AT) -> Look:
        """As `read`, on a connection of its own.

        Raises:
            StoreUnavailable: the database cannot be asked.
        """
        with self._database.read() as connection:
            return self.read(connection, account_id, since, limit=limit)

    def read(
        self, connection: Connection, account_id: str, since: datetime, *, limit: int = MOST_LOOKED_AT
    ) -> Look:
        """The account's observations after `since`, under every purpose: the newest `limit` of them.

        Rows stream in; what repeats among them (names, keys, faces) is held once.
        """
        values = {
            "account": self.pseudonym(account_id),
            "purposes": self._purposes,
            "since": since,
            "limit": limit + 1,
        }
        once: dict[str, str] = {}
        found: list[Observed] = []
        rows = passed_over = 0
        with connection.transaction(), connection.cursor(name="observations") as cursor:
            cursor.itersize = _FETCHED_AT_ONCE
            cursor.execute(QUERIES["list_observations"], values)
            for event_id, at, purpose, kind, sealed in cursor:
                rows += 1
                if rows > limit:
                    break
                try:
                    facts = self._audit.unseal_observation(account_id, event_id, bytes(sealed))
                    found.append(parse_observed(event_id, at, purpose, kind, facts, once=once))
                except ValueError:
                    passed_over += 1
        return Look(tuple(reversed(found)), passed_over, cut_off=rows > limit)

    def active(
        self, connection: Connection, account_ids: Iterable[str], since: datetime
    ) -> dict[str, datetime]:
        """Which of the accounts used a face after `since`, and when last."""
        by_pseudonym = {self.pseudonym(account_id): account_id for account_id in account_ids}
        values = {"accounts": list(by_pseudonym), "purposes": self._purposes, "since": since}
        rows = connection.execute(QUERIES["find_active"], values).fetchall()
        return {by_pseudonym[bytes(pseudonym)]: at for pseudonym, at in rows}

    def pseudonym(self, account_id: str) -> bytes:
        """What stands for the account in its observations."""
        return self._audit.keys.account(account_id).pseudonym("account", account_id)

    def reference(self, account_id: str, value: str) -> str:
        """16 hexadecimal digits that stand for a name or a case in what is kept of a finding.

        Keyed by the account, because names can be guessed: without its key nobody can try.
        """
        return self._audit.keys.account(account_id).pseudonym("finding", value)[:8].hex()


def parse_observed(
    event_id: UUID, at: datetime, purpose: str, kind: str, facts: object, *, once: dict[str, str]
) -> Observed:
    """One row, opened.

    Args:
        once: words that were met before; each is kept once.

    Raises:
        ValueError: it is not what the gateway writes.
    """
    if not isinstance(facts, dict) or kind not in _KINDS:
        raise ValueError("not an observation")
    scene = _text(facts, "scene", once)
    return Observed(
        event_id=event_id,
        at=at,
        purpose=once.setdefault(purpose, purpose),
        kind=kind,  # type: ignore[arg-type]  # one of _KINDS
        collection=_text(facts, "collection", once),
        operator=_text(facts, "operator", once),
        key=_text(facts, "key", once),
        case=_text(facts, "case", once),
        inputs=_texts(facts, "inputs", once),
        scene=None if scene is None else int(scene, 16),
        client=_text(facts, "client", once),
        threshold=_number(facts, "threshold"),
        candidates=_count(facts, "candidates"),
        scores=_count(facts, "scores"),
        enrolled=_count(facts, "enrolled"),
        faces=_texts(facts, "faces", once),
        age=_text(facts, "age", once),
        live=facts.get("live") is True,
    )


def _text(facts: Mapping[str, Any], name: str, once: dict[str, str]) -> str | None:
    value = facts.get(name)
    if value is None:
        return None
    if isinstance(value, str):
        return once.setdefault(value, value)
    raise ValueError(f"`{name}` is no text")


def _texts(facts: Mapping[str, Any], name: str, once: dict[str, str]) -> tuple[str, ...]:
    values = facts.get(name, ())
    if not isinstance(values, list | tuple) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"`{name}` is no list of texts")
    return tuple(once.setdefault(value, value) for value in values)


def _number(facts: Mapping[str, Any], name: str) -> float | None:
    value = facts.get(name)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise ValueError(f"`{name}` is no number")


def _count(facts: Mapping[str, Any], name: str) -> int | None:
    value = facts.get(name)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(f"`{name}` is no count")
