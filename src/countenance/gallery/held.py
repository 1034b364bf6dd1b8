"""Faces under a legal hold: nobody deletes them, however they ask (docs/adr/0035)."""

from __future__ import annotations

from collections.abc import Sequence

from countenance.errors import AccessDeniedException
from countenance.gallery.changing import QUERIES
from countenance.gallery.records import Collection
from countenance.store import Connection
from countenance.types import FaceId


def find_held(connection: Connection, collection: Collection, face_ids: Sequence[FaceId]) -> list[FaceId]:
    """Those of them that are held. Of faces that are locked nothing changes until the transaction ends."""
    values = {"collection_id": collection.collection_id, "face_ids": list(face_ids)}
    return [FaceId(face_id) for (face_id,) in connection.execute(QUERIES["find_held"], values)]


def require_unheld(connection: Connection, collection: Collection, face_ids: Sequence[FaceId]) -> None:
    """Raises AccessDeniedException."""
    held = find_held(connection, collection, face_ids)
    if held:
        raise AccessDeniedException(
            f"HLD-001: the face `{held[0]}` is under a legal hold"
            + (f", and {len(held) - 1} more of these" if len(held) > 1 else "")
            + ": nothing was deleted; leave it out, or have an officer release the hold (ReleaseLegalHold)"
        )


def require_none_held(connection: Connection, collection: Collection) -> None:
    """None of the collection's, which is locked. Raises AccessDeniedException."""
    values = {"collection_id": collection.collection_id}
    if connection.execute(QUERIES["has_held"], values).fetchone() == (True,):
        raise AccessDeniedException(
            f"HLD-001: faces of the collection `{collection.name}` are under a legal hold: it cannot be "
            "deleted until an officer releases it (ReleaseLegalHold)"
        )
