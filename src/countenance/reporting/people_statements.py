"""Statements about people: those who asked for what is theirs, and those who look before anybody acts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from countenance.casework.examinations import Figures
from countenance.casework.tally import CaseworkTally
from countenance.reporting.paper import Fact
from countenance.rights.tally import RightsTally

_ASKED = {
    "access": "a copy of what is held",
    "erasure": "erasure",
    "objection": "not to be processed any more (objection)",
    "withdrawal": "the end of a consent",
}
_OUTCOMES = {
    "no_lead": "no lead",
    "lead_not_used": "a lead that was not used",
    "lead_used": "a lead that was used",
    "used_for_arrest": "an arrest or line-up",
}
_REQUESTS = "table `subject_request`, as `countenance people requests` has it"


def requests(tally: RightsTally) -> Iterator[Fact]:
    """What people asked for, and whether they were answered in time."""
    for each in tally.requests:
        yield Fact(
            f"Asked for {_ASKED[each.kind]}: {each.asked:,}; granted {each.granted:,}, refused "
            f"{each.refused:,}, open {each.open:,}.",
            _REQUESTS,
        )
    decided = sum(each.granted + each.refused for each in tally.requests)
    late = sum(each.late for each in tally.requests)
    put_off = sum(each.put_off for each in tally.requests)
    overdue = sum(each.overdue for each in tally.requests)
    if tally.requests:
        yield Fact(
            f"Of {decided:,} that were decided {decided - late:,} were in time: within a month, or within "
            "the "
            f"further months that {put_off:,} were given with a reason. {late:,} were late; {overdue:,} are "
            "open and overdue now.",
            f"{_REQUESTS}; each step is an entry of the log (OpenSubjectRequest, DecideSubjectRequest)",
        )
    else:
        yield Fact("Nobody has asked for anything yet.", _REQUESTS)


def consents_and_holds(tally: RightsTally) -> Iterator[Fact]:
    """By what word faces are kept, and what keeps them beyond it."""
    yield Fact(
        f"Consents on record: {tally.consents:,}, by which {tally.faces_by_consent:,} faces are kept; "
        "withdrawn, "
        f"and their faces erased with them: {tally.consents_withdrawn:,}.",
        "tables `consent`, `consent_face`",
    )
    yield Fact(
        f"Legal holds that stand: {tally.holds:,}, over {tally.faces_held:,} faces that nothing deletes.",
        "table `legal_hold`",
    )
    yield Fact(
        f"Templates kept of people who objected, by their own consent to that: {tally.templates_kept:,}.",
        "table `objection`",
    )


def ways_of_asking(tally: RightsTally) -> Iterator[Fact]:
    """How a person is known, told and answered."""
    yield Fact(
        f"People who have an enrolment code ask on the page /people, without an account; {tally.codes:,} "
        "codes "
        "count now. Others are known by what the operator verifies and attests; nobody by a photo.",
        "table `enrolment_code`; docs/adr/0035-the-persons-side.md",
    )
    yield Fact(
        "An erasure gives the person a signed receipt with the entries of the log, and a proof that is "
        "looked for "
        "when it is asked: rows, the memory that searches run over, the list by which a restored backup "
        "erases "
        "again, and the keys.",
        "docs/operations/people.md",
    )


def reviews(tally: CaseworkTally) -> Iterator[Fact]:
    """Searches whose candidates people look at before the caller does."""
    yield Fact(
        f"Searches that people look at first: {tally.decided:,} decided by examiners, {tally.waiting:,} "
        "waiting, "
        f"{tally.ended:,} ended before anybody had decided. Planted trials with known answers: "
        f"{tally.trials:,}.",
        "table `review`",
    )
    yield Fact(
        "Two examiners decide without scores, names, or each other's word, a third where they differ; nobody "
        "examines a search of their own.",
        "docs/adr/0034-people-look-first.md",
    )
    yield Fact(
        f"Cases: {tally.cases:,}, of which {tally.cases_open:,} are open. Opened as urgent, before their "
        f"authorisation: {tally.urgent:,}; {tally.unauthorized:,} of them did not get it within 48 hours, "
        "and what "
        "was found was purged.",
        "table `review_case`",
    )
    for outcome, count in tally.outcomes:
        yield Fact(f"Reported of {count:,} cases: {_OUTCOMES[outcome]}.", "table `review_case`")
    yield Fact(
        f"Cases of which nothing was reported for thirty days: {tally.outcomes_due:,}.", "table `review_case`"
    )


def examiners(found: Sequence[tuple[str, Figures]]) -> Iterator[Fact]:
    """How well each of them does it, by account."""
    for account_id, each in found:
        trials = each.hits + each.misses
        others = each.false_alarms + each.correct_rejections
        told = [
            f"{each.examinations:,} examinations, {each.median_s:.0f} s in the median",
            f"of {each.compared:,} candidates the other examiner said the same of {each.agreed:,}",
            f"of {each.judged_again:,} that a third judged, reversed {each.reversed:,}",
        ]
        if trials or others:
            told.append(
                f"in trials missed {each.misses:,} of {trials:,} pairs of one person and took "
                f"{each.false_alarms:,} "
                f"of {others:,} others for one"
            )
        state = "" if each.is_active else " (works here no more)"
        yield Fact(
            f"Examiner {each.name}{state} of account {account_id}: {'; '.join(told)}.", "table `examination`"
        )
    if not found:
        yield Fact("Nobody has examined a search yet.", "table `examination`")
