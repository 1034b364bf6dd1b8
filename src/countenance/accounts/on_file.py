"""What accounts have on file, and whose operators are trained: statements that rules ask for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from countenance.accounts.changing import QUERIES, Actor, Changing, no_account
from countenance.errors import InvalidParameterException, ResourceNotFoundException
from countenance.facts import RECORD_KINDS
from countenance.store import ForeignKeyViolation


@dataclass(frozen=True, slots=True)
class RecordOnFile:
    """A statement of the account that something exists, and where.

    Attributes:
        kind: one of RECORD_KINDS.
        digest: SHA-256 of the document, hexadecimal, if it was given.
    """

    record_id: UUID
    kind: str
    reference: str
    digest: str | None
    recorded_by: str
    recorded_at: datetime
    valid_until: datetime | None


class OnFile:
    """Thread-safe. In force for the next call of every process once committed."""

    def __init__(self, changing: Changing) -> None:
        self._changing = changing

    def list(self, account_id: str) -> list[RecordOnFile]:
        """What is on file and was not withdrawn, the newest first, whether or not it is in date."""
        with self._changing.database.read() as connection:
            rows = connection.execute(QUERIES["list_records"], {"account_id": account_id}).fetchall()
        return [RecordOnFile(*row) for row in rows]

    def put(
        self,
        account_id: str,
        kind: str,
        reference: str,
        *,
        digest: str | None,
        valid_until: datetime | None,
        actor: Actor,
    ) -> UUID:
        """Put something on file.

        Raises:
            InvalidParameterException: a kind that no rule knows; no reference.
            ResourceNotFoundException: there is no such account.
        """
        if kind not in RECORD_KINDS:
            raise InvalidParameterException(
                f"`{kind}` is no kind of record; there are {', '.join(sorted(RECORD_KINDS))}"
            )
        if not reference.strip():
            raise InvalidParameterException("say where the document can be read (Reference)")
        values = {
            "account_id": account_id,
            "kind": kind,
            "reference": reference.strip(),
            "digest": digest,
            "valid_until": valid_until,
            "recorded_by": actor.name,
        }
        told = f"{kind} {reference.strip()} {digest or ''}".strip()
        try:
            with self._changing("PutRecord", account_id, actor, resource=told) as connection:
                row = connection.execute(QUERIES["put_record"], values).fetchone()
        except ForeignKeyViolation:
            raise no_account(account_id) from None
        assert row is not None
        record_id: UUID = row[0]
        return record_id

    def withdraw(self, account_id: str, record_id: UUID, *, actor: Actor) -> None:
        """Take something off file.

        Raises:
            ResourceNotFoundException: the account has no such record.
        """
        values = {"account_id": account_id, "record_id": record_id}
        with self._changing("WithdrawRecord", account_id, actor, resource=str(record_id)) as connection:
            if connection.execute(QUERIES["withdraw_record"], values).rowcount == 0:
                raise ResourceNotFoundException(f"there is no record `{record_id}` in this account")

    def train(self, account_id: str, operator: str, *, valid_until: datetime, actor: Actor) -> None:
        """Record that an operator of the account was trained.

        Raises:
            ResourceNotFoundException: there is no such account.
        """
        values = {
            "account_id": account_id,
            "operator": operator,
            "valid_until": valid_until,
            "recorded_by": actor.name,
        }
        try:
            with self._changing("RecordTraining", account_id, actor, resource=operator) as connection:
                connection.execute(QUERIES["record_training"], values)
        except ForeignKeyViolation:
            raise no_account(account_id) from None
