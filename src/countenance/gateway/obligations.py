"""Duties that come with a permission: the service meets them before it answers, or does not answer.

`DISCHARGES` are those that it can meet. A call that owes any other is refused by the policy engine; a call
that owes one of these and whose operation did not meet it fails when it comes to be recorded.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from countenance.operations.call_report import Report

REVIEWED_BY_PEOPLE: Final = frozenset({"human_review", "two_person_verification"})
"""Duties that one thing meets: what is found is held until two people who look apart from one another, each
with a key of their own, support it (`under_review`). Regulation (EU) 2024/1689, Article 14(5)."""
DISCHARGES: Final = frozenset(
    {
        *REVIEWED_BY_PEOPLE,  # `under_review`: candidates are held until examiners have decided
        "fpir_budget",  # `Deps.search_threshold`: the threshold is raised over the size of the gallery
        "log_min_12_3",  # every entry has start, end, reference database, inputs and operator
        "record_attestations",  # every entry has what the credential attests
    }
)
_BY_THE_RECORD: Final = frozenset({"log_min_12_3", "record_attestations"})


def undischarged(owed: Collection[str], report: Report, *, ran_search: bool) -> list[str]:
    """Duties that were owed and not met.

    Args:
        ran_search: candidates were looked for; a probe without a face owes no threshold.
    """
    met = report.discharged | _BY_THE_RECORD
    if not ran_search:
        met = met | {"fpir_budget"}
    return sorted(set(owed) - met)
