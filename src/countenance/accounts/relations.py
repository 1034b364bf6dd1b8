"""Who supplies whom and who acts for whom. Service flows downstream, and a suspension with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from countenance.accounts.changing import QUERIES, Actor, Changing, no_account
from countenance.accounts.standing import settle_downstream
from countenance.errors import ConflictException, InvalidParameterException, ResourceNotFoundException
from countenance.store import Connection, ForeignKeyViolation, UniqueViolation

Kind = Literal["supplied_by", "acts_for"]


@dataclass(frozen=True, slots=True)
class Relation:
    """An edge between two accounts.

    Attributes:
        upstream: the supplier, or who acts.
        downstream: the customer, or for whom it acts.
        in_force: both sides, or an officer, have confirmed it.
    """

    relation_id: UUID
    kind: Kind
    upstream: str
    downstream: str
    declared_by: str
    declared_at: datetime
    in_force: bool


class Relations:
    """Thread-safe. `supplied_by`: the declaring account is downstream. `acts_for`: it is upstream."""

    def __init__(self, changing: Changing) -> None:
        self._changing = changing

    def list(self, account_id: str | None = None) -> list[Relation]:
        """Those of an account, or all, that have not ended."""
        with self._changing.database.read() as connection:
            return _list(connection, account_id)

    def declare(self, account_id: str, kind: Kind, other: str, *, actor: Actor) -> UUID:
        """Say that the account is supplied by, or acts for, another. It takes effect once confirmed.

        Raises:
            ConflictException: it was said already, or would make a circle.
            ResourceNotFoundException: there is no such account.
        """
        if other == account_id:
            raise InvalidParameterException("an account has no relation to itself")
        upstream, downstream = (other, account_id) if kind == "supplied_by" else (account_id, other)
        values = {
            "kind": kind,
            "upstream": upstream,
            "downstream": downstream,
            "declared_by": account_id,
        }
        try:
            with self._changing(
                "DeclareRelation", account_id, actor, resource=f"{kind} {other}"
            ) as connection:
                # All changes of relations take turns: two that each make no circle could make one together.
                connection.execute(QUERIES["lock_relations"])
                if connection.execute(QUERIES["reaches"], values).fetchone() is not None:
                    raise ConflictException(
                        f"`{downstream}` is upstream of `{upstream}` already: relations make no circle"
                    )
                row = connection.execute(QUERIES["declare_relation"], values).fetchone()
        except UniqueViolation:
            raise ConflictException("this relation was declared already") from None
        except ForeignKeyViolation:
            raise no_account(other) from None
        assert row is not None
        relation_id: UUID = row[0]
        return relation_id

    def confirm(self, relation_id: UUID, *, account_id: str | None, actor: Actor) -> bool:
        """One side's confirmation, or (without `account_id`) an officer's; whether it is in force now.

        Raises:
            ResourceNotFoundException: there is no such relation, or it is not the account's.
        """
        found = _require(self.list(account_id), relation_id)
        with self._changing(
            "ConfirmRelation", found.downstream, actor, resource=f"{found.kind} {found.upstream}"
        ) as connection:
            connection.execute(QUERIES["lock_relations"])
            edge = {"upstream": found.upstream, "downstream": found.downstream}
            if connection.execute(QUERIES["reaches"], edge).fetchone() is not None:
                raise ConflictException("confirmed, it would make a circle of relations")
            row = connection.execute(
                QUERIES["confirm_relation"], {"relation_id": relation_id, "account_id": account_id}
            ).fetchone()
            if row is None:
                raise ResourceNotFoundException(f"there is no relation `{relation_id}`")
            if row[0]:
                settle_downstream(
                    self._changing, connection, found.upstream, actor, because_of=found.upstream
                )
        return bool(row[0])

    def end(self, relation_id: UUID, *, account_id: str | None, actor: Actor) -> None:
        """End a relation. While a suspension comes down it only an officer (no `account_id`) can.

        Raises:
            ConflictException: a suspension comes down it.
            ResourceNotFoundException: there is no such relation, or it is not the account's.
        """
        found = _require(self.list(account_id), relation_id)
        with self._changing(
            "EndRelation", found.downstream, actor, resource=f"{found.kind} {found.upstream}"
        ) as connection:
            connection.execute(QUERIES["lock_relations"])
            # What holds now, not what was so before this waited for its turn.
            found = _require(_list(connection, account_id), relation_id)
            edge = {"kind": found.kind, "upstream": found.upstream, "downstream": found.downstream}
            is_bound = account_id is not None and (found.in_force or found.kind == "acts_for")
            if is_bound and connection.execute(QUERIES["relation_is_held"], edge).fetchone() is not None:
                raise ConflictException(
                    "one of the two is not in good standing, or something was found against it: an officer "
                    "of this server must end the relation"
                )
            connection.execute(QUERIES["end_relation"], {"relation_id": relation_id})
            settle_downstream(self._changing, connection, found.downstream, actor, because_of=found.upstream)


def _list(connection: Connection, account_id: str | None) -> list[Relation]:
    rows = connection.execute(QUERIES["list_relations"], {"account_id": account_id}).fetchall()
    return [Relation(*row) for row in rows]


def _require(relations: list[Relation], relation_id: UUID) -> Relation:
    for relation in relations:
        if relation.relation_id == relation_id:
            return relation
    raise ResourceNotFoundException(f"there is no relation `{relation_id}` of this account")
