"""Towards which figures of a transparency report an entry counts, from its members in clear alone.

docs/spec/transparency-report.md says what each figure means. Commitments and pseudonyms are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

REVIEWS: Final = (
    "BeginExamination",
    "CloseCase",
    "GetReview",
    "OpenCase",
    "PlantTrial",
    "PurgeReview",
    "PutCaseAuthorization",
    "ReportOutcome",
    "SignEvidence",
    "SubmitExamination",
)
"""Operations of review by people: not offered by every server."""
PEOPLE: Final = (
    "DecideSubjectRequest",
    "ExtendSubjectRequest",
    "GetAccessReport",
    "GetErasureProof",
    "IssueEnrolmentCode",
    "OpenSubjectRequest",
    "PutConsent",
    "PutLegalHold",
    "ReleaseLegalHold",
    "WithdrawConsent",
    "WithdrawObjection",
)
"""Operations of the people whose faces are processed, and about them: not offered by every server."""
LOOKS: Final = (
    *("DescribeCase", "DescribeExaminers", "ListCases", "ListReviews"),
    *("GetSubjectRequest", "ListConsents", "ListLegalHolds", "ListSubjectRequests"),
)
"""Operations of the same kinds that only look, and are counted as operations alone."""
_BANDS = ((99.0, "99-100"), (95.0, "95-99"), (90.0, "90-95"), (80.0, "80-90"), (0.0, "0-80"))
_OF_FINDINGS = {"OpenFinding": "opened", "DecideFinding": "decided", "LapseFinding": "lapsed"}
_OF_APPEALS = {"SubmitAppeal": "submitted", "DecideAppeal": "decided"}
_SETTLED = {
    "DecideSubjectRequest": "people/decided",
    "OpenSubjectRequest": "people/asked",
    "ReportOutcome": "reviews/outcome",
}
"""Operations that the log says a word of what they settle, and where these are counted."""
_LAST_WORD = "decided"

Members = Mapping[str, Any]


def labels_of(entry: Members) -> Iterator[str]:
    """Ids of the figures that the entry is counted in, each once."""
    if entry["kind"] == "call":
        yield from _of_call(entry)
    elif entry["kind"] == "change":
        yield "changes"
        yield f"changes/operation/{_operation(entry)}"
    else:
        if entry["kind"] == "key.shredded":
            yield "erasures/account-keys"
        return
    if entry["outcome"] == "answered":
        yield from _of_done(entry)


def amounts_of(entry: Members) -> Iterator[tuple[str, str, int]]:
    """(id, figure whose entries it is summed over or "", amount) of what an entry says in numbers."""
    if entry["kind"] == "refusals":
        whose = "of-accounts" if "account" in entry else "of-strangers"
        yield f"refusals/without-entry/{whose}", "", entry["count"]
    if entry["kind"] not in {"call", "change"} or entry["outcome"] != "answered":
        return
    for member, name, figure in (
        ("candidates", "searches/candidates", "searches/with-candidates"),
        ("rejected", "searches/rejected", "searches/with-rejected"),
        ("enrolled", "enrolments/faces", "enrolments"),
        ("deleted", f"erasures/faces/{_operation(entry)}", f"erasures/operation/{_operation(entry)}"),
    ):
        amount = entry.get(member, 0)
        if amount:
            yield name, figure, amount


def labels_once(entry: Members) -> Iterator[tuple[str, str]]:
    """(figure, id) of what is counted by the finding or review it is of: once each, not each entry."""
    if entry["kind"] not in {"call", "change"}:
        return
    step = _OF_FINDINGS.get(entry["operation"])
    if step and "finding" in entry and entry["outcome"] == "answered":
        yield f"findings/{step}", entry["finding"]
    step = _step_of_review(entry)
    if step and "review" in entry:
        yield f"reviews/{step}", entry["review"]


def _step_of_review(entry: Members) -> str | None:
    """How far a held search has come with the entry, where the entry says so."""
    if entry["outcome"] == "withheld":
        return "held"
    if entry["outcome"] != "answered":
        return None
    if entry["operation"] == "SubmitExamination":
        return "decided" if entry.get("word") == _LAST_WORD else None
    if entry["operation"] == "PurgeReview":
        return "purged"
    return "answered" if entry["operation"] not in REVIEWS and entry["kind"] == "call" else None


def _of_call(entry: Members) -> Iterator[str]:
    outcome = entry["outcome"]
    yield "calls"
    yield f"calls/outcome/{outcome}"
    yield f"calls/operation/{outcome}/{_operation(entry)}"
    yield f"calls/purpose/{entry.get('purpose', '(none)')}"
    yield f"calls/collection-kind/{_kind(entry)}"
    if "model" in entry:
        yield f"calls/model/{entry['model'].get('version', '(not stated)')}"
    if outcome == "refused":
        yield f"refusals/error/{entry['error']}"
    if entry["decision"] == "deny":
        yield "refusals/by-policy"
        for rule in sorted(set(entry.get("rules", ()))):
            yield f"refusals/rule/{rule}"
    for rule in sorted(set(entry.get("shadow", ()))):
        yield f"shadow/rule/{rule}"
    if outcome == "withheld":
        yield "reviews/withheld"


def _of_done(entry: Members) -> Iterator[str]:
    for duty in sorted(set(entry.get("obligations", ()))):
        yield f"duties/{duty}"
    if entry["kind"] == "call" and "candidates" in entry:
        yield from _of_search(entry)
    if entry.get("enrolled"):
        yield "enrolments"
    if entry.get("deleted"):
        yield f"erasures/operation/{_operation(entry)}"
    if "standing" in entry:
        yield "standing"
        yield f"standing/change/{entry['standing']['from']} to {entry['standing']['to']}"
    if entry["kind"] == "call" or "previous" not in entry:  # a call's own change tells of it again
        yield from _of_people(entry)


def _of_people(entry: Members) -> Iterator[str]:
    for group, operations in (("reviews", REVIEWS), ("people", PEOPLE)):
        if entry["operation"] in operations:
            yield f"{group}/operation/{entry['operation']}"
    if entry["operation"] in _SETTLED:
        yield f"{_SETTLED[entry['operation']]}/{entry.get('word', '(not stated)')}"
    if step := _OF_APPEALS.get(entry["operation"]):
        yield f"appeals/{step}"


def _of_search(entry: Members) -> Iterator[str]:
    yield "searches"
    yield "searches/with-candidates" if entry["candidates"] else "searches/without-candidates"
    if entry.get("rejected"):
        yield "searches/with-rejected"
    in_force = entry.get("threshold", {}).get("in_force")
    yield f"searches/threshold/{_band(in_force)}"
    if in_force is not None and "face_count" in entry.get("charter", {}):
        yield "searches/of-stated-size"
    if "decided" in entry:
        yield f"searches/decided/{entry['decided']}"


def _band(similarity: float | None) -> str:
    if similarity is None:
        return "(not stated)"
    return next((band for least, band in _BANDS if similarity >= least), "0-80")


def _kind(entry: Members) -> str:
    """A charter stands in an entry only where it is not that of the purpose."""
    if "charter" in entry:
        return str(entry["charter"].get("kind", "(not stated)"))
    return "as the purpose has it" if "collection" in entry else "(no collection)"


def _operation(entry: Members) -> str:
    return f"{entry['service']}.{entry['operation']}"
