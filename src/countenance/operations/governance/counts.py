"""ListCallCounts: calls of an account by day and outcome."""

from __future__ import annotations

from typing import Final

from countenance.audit.own_calls import list_days
from countenance.errors import AccessDeniedException
from countenance.operations.deps import Deps
from countenance.wire.shapes import ListCallCountsRequest, ListCallCountsResponse

_DAYS: Final = 30


def list_call_counts(request: ListCallCountsRequest, deps: Deps) -> ListCallCountsResponse:
    """Every day, the oldest first."""
    if deps.caller.roles == frozenset({"examiner"}):
        raise AccessDeniedException(
            "EXA-007: whoever examines does not see how many searches were withheld: it would tell which "
            "examinations are trials; ask an administrator of the account"
        )
    found = list_days(
        deps.uow.connection, deps.audit.pseudonym(deps.caller.account_id), days=request.get("Days", _DAYS)
    )
    return {
        "Days": [
            {
                "Day": each.day.isoformat(),
                "Answered": each.calls.get("answered", 0),
                "Withheld": each.calls.get("withheld", 0),
                "Refused": each.calls.get("refused", 0),
                "Failed": each.calls.get("failed", 0),
            }
            for each in found
        ]
    }
