"""What the log says of reviews beside the calls: one was decided, by whom, and whose pictures it showed."""

from __future__ import annotations

import uuid

from countenance.audit import AuditLog, Touch
from countenance.casework.cases import QUERIES
from countenance.store import Connection


def record_decided(audit: AuditLog, connection: Connection, account_id: str, review_id: uuid.UUID) -> None:
    """Of a review that was decided: who decided, and every enrolled face that was shown to them.

    So whoever was looked at and not supported finds the search in their report. A trial leaves the same
    entry, and what was concluded stands in none.
    """
    values = {"review_id": review_id}
    examiners = [row[0] for row in connection.execute(QUERIES["list_examiners_of"], values).fetchall()]
    # A review shows faces of one collection, or of photos alone.
    shown = connection.execute(QUERIES["list_shown"], values).fetchall() or [(None, None, ())]
    for region, collection, face_ids in shown:
        audit.record_change(
            connection,
            "DecideReview",
            account_id=account_id,
            region=region,
            collection=collection,
            resource="examiners have decided",
            review=review_id,
            reviewers=tuple(examiners),
            touched=tuple(Touch(role="shown", kind="face", id=face_id) for face_id in face_ids),
        )


def record_purged(
    audit: AuditLog,
    connection: Connection,
    account_id: str,
    review_id: uuid.UUID,
    *,
    why: str,
    operator: str | None = None,
) -> None:
    """Of a review that ended: why, and whom somebody had looked at all the same before it was decided.

    Args:
        operator: who ended it; by default the machine's user.
    """
    shown = connection.execute(QUERIES["list_shown_in_vain"], {"review_id": review_id}).fetchall()
    for region, collection, face_ids in shown or [(None, None, ())]:
        audit.record_change(
            connection,
            "PurgeReview",
            account_id=account_id,
            operator=operator,
            region=region,
            collection=collection,
            resource=why,
            review=review_id,
            touched=tuple(Touch(role="shown", kind="face", id=face_id) for face_id in face_ids),
        )
