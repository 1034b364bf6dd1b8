"""DescribeGrowth: how many faces came and went, day by day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from countenance.gallery.growth import Day, growth_of, growth_of_account
from countenance.operations.deps import Deps
from countenance.types import AccountId
from countenance.wire.shapes import DescribeGrowthRequest, DescribeGrowthResponse, GrowthDay

DAYS: Final = 90


def describe_growth(request: DescribeGrowthRequest, deps: Deps) -> DescribeGrowthResponse:
    """Of one collection, or of all that the account has; days on which nothing changed are left out."""
    days = request.get("Days", DAYS)
    today = datetime.now(UTC).date()
    since = today - timedelta(days=days - 1)
    name = request.get("CollectionId")
    collection = None if name is None else deps.collection(name)
    connection = deps.uow.connection
    if collection is not None:
        found = growth_of(connection, collection, since=since)
    else:
        account = AccountId(deps.caller.account_id)
        found = growth_of_account(connection, account, deps.caller.region, since=since)
    return {
        "From": since.isoformat(),
        "To": today.isoformat(),
        "Days": [_to_day(each) for each in found],
    }


def _to_day(day: Day) -> GrowthDay:
    return {"Day": day.day.isoformat(), "FacesEnrolled": day.enrolled, "FacesErased": day.erased}
