"""Legal holds: faces that must be kept, whatever else would delete them. By officers, on record."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from countenance.accounts import Actor
from countenance.accounts.changing import Changing
from countenance.errors import ConflictException, InvalidParameterException, ResourceNotFoundException
from countenance.gallery import Collection
from countenance.rights.enrolment_codes import QUERIES, require_scope
from countenance.rights.records import LegalHold
from countenance.store import ForeignKeyViolation


class LegalHolds:
    """Thread-safe; any number of processes. The gallery heeds them (`gallery.held`)."""

    def __init__(self, changing: Changing) -> None:
        self._changing = changing

    def put(
        self, collection: Collection, face_ids: Sequence[UUID], *, officer: str, reason: str, actor: Actor
    ) -> UUID:
        """Keep these faces until the hold is released. A deletion under way is waited for.

        Raises:
            InvalidParameterException: no reason.
            ResourceNotFoundException: a face is not in the collection.
        """
        if not reason.strip():
            raise InvalidParameterException("say why (Reason), and who ordered it")
        hold_id = uuid4()
        with self._changing(
            "PutLegalHold", collection.account_id, actor, resource=str(hold_id), named=True
        ) as connection:
            scope = require_scope(connection, collection, face_ids=face_ids, user_id=None)
            values = {
                "hold_id": hold_id,
                "account_id": collection.account_id,
                "collection": collection.name,
                "collection_id": collection.collection_id,
                "face_ids": list(scope.face_ids),
                "reason": reason.strip(),
                "put_by": officer,
            }
            connection.execute(QUERIES["insert_hold"], values)
            try:
                connection.execute(QUERIES["insert_held"], values)
            except ForeignKeyViolation:  # its deletion was under way, and was waited for
                raise ResourceNotFoundException("one of the faces has just been deleted") from None
        return hold_id

    def release(self, hold_id: UUID, *, officer: str, reason: str, actor: Actor) -> None:
        """End it: what waited for it, retention among it, may delete the faces from now on.

        Raises:
            ConflictException: it was released already.
            InvalidParameterException: no reason.
            ResourceNotFoundException: there is none.
        """
        if not reason.strip():
            raise InvalidParameterException("say why (Reason)")
        values = {"hold_id": hold_id, "released_by": officer, "reason": reason.strip()}
        with self._changing.reading(actor) as connection:
            known = connection.execute(QUERIES["find_hold"], values).fetchone()
        if known is None:
            raise ResourceNotFoundException(f"there is no legal hold `{hold_id}`")
        with self._changing(
            "ReleaseLegalHold", known[0], actor, resource=str(hold_id), named=True
        ) as connection:
            row = connection.execute(QUERIES["lock_hold"], values).fetchone()
            assert row is not None, "holds are never deleted"
            if row[0] is not None:
                raise ConflictException("the legal hold was released already")
            connection.execute(QUERIES["release_hold"], values)
            connection.execute(QUERIES["forget_held"], values)

    def list(self, account_id: str | None = None) -> list[LegalHold]:
        """Those of an account, or of all: standing ones first; at most 1,000."""
        with self._changing.database.read() as connection:
            rows = connection.execute(QUERIES["list_holds"], {"account_id": account_id}).fetchall()
        return [LegalHold(*(*row[:-1], tuple(row[-1]))) for row in rows]
