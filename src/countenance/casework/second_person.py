"""Whether somebody counts as a person beside the one who brought them in."""

from __future__ import annotations

from typing import Final

from countenance.errors import AccessDeniedException
from countenance.store import Connection, load_queries

_QUERIES: Final = load_queries("countenance.casework", "queries.sql")


def require_own_person(connection: Connection, account_id: str, operator_id: str, *, rule: str) -> None:
    """Whoever invites somebody might sign in in their place: a second person is who has been confirmed.

    They stay so until the transaction ends: an invitation that is taken up meanwhile waits.

    Args:
        rule: what the refusal begins with.

    Raises:
        AccessDeniedException: nobody has confirmed them, or they are gone.
    """
    values = {"account_id": account_id, "operator_id": operator_id}
    if connection.execute(_QUERIES["is_own_person"], values).fetchone() != (True,):
        raise AccessDeniedException(
            f"{rule}: whoever invited you might have signed in in your place, so you are no second person "
            "yet; have another administrator or an officer confirm you (ConfirmOperator), or use "
            "`countenance operators confirm` on the server's machine"
        )
