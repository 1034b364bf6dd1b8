"""Towards which figures of a transparency report an entry counts, from its members in clear alone.

docs/spec/transparency-report.md says what each figure means. Commitments and pseudonyms are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

REVIEWS: Final = (
    "AuthorizeOutcome",
    "CloseCase",
    "GetReview",
    "OpenCase",
    "ReportOutcome",
    "SubmitExamination",
)
"""Operations of review by people, and `withheld`, their outcome: not offered by every server."""
PEOPLE: Final = (
    "DecideSubjectRequest",
    "ExtendSubjectRequest",
    "GetAccessReport",
    "OpenSubjectRequest",
    "PutConsent",
    "WithdrawConsent",
)
"""Operations of the people whose faces are processed: not offered by every server."""
_BANDS = ((99.0, "99-100"), (95.0, "95-99"), (90.0, "90-95"), (80.0, "80-90"), (0.0, "0-80"))
_OF_FINDINGS = {"OpenFinding": "opened", "DecideFinding": "decided", "LapseFinding": "lapsed"}
_OF_APPEALS = {"SubmitAppeal": "submitted", "DecideAppeal": "decided"}

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


def finding_label(entry: Members) -> str | None:
    """The figure of findings that the entry belongs to: each finding counts once there, not each entry."""
    step = _OF_FINDINGS.get(entry.get("operation", ""))
    return f"findings/{step}" if step and "finding" in entry and entry["outcome"] == "answered" else None


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
    for group, operations in (("reviews", REVIEWS), ("people", PEOPLE)):
        if entry["operation"] in operations:
            yield f"{group}/operation/{entry['operation']}"
    step = _OF_APPEALS.get(entry["operation"])
    if step and (entry["kind"] == "call" or "previous" not in entry):  # a call's own change tells of it again
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
