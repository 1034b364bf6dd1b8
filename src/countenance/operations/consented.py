"""Enrolment under a consent: refused once it is withdrawn, and bound to it otherwise."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from countenance.operations.deps import Deps

if TYPE_CHECKING:
    from countenance.gallery import Collection


def require_consent_stands(deps: Deps) -> None:
    """Before any pixel is looked at.

    Raises:
        AccessDeniedException: the consent that the caller's credential names was withdrawn.
    """
    reference = deps.caller.claims.consent
    if reference is not None:
        deps.rights.consents.require_standing(deps.caller.account_id, reference)


def bind_to_consent(deps: Deps, collection: Collection, face_ids: Sequence[uuid.UUID]) -> None:
    """In the call's own transaction, behind the enrolment. Raises as above."""
    reference = deps.caller.claims.consent
    if reference is not None and face_ids:
        deps.rights.consents.bind(
            deps.uow.connection, collection, reference, face_ids, recorded_by=deps.caller.operator
        )
