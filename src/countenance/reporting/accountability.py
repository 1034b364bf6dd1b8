"""A draft of an account of who decided what, what was accepted and found, and what the log proves of it."""

from __future__ import annotations

from collections.abc import Iterator

from countenance.reporting import model_statements as of_models
from countenance.reporting import people_statements as of_people
from countenance.reporting import statements as says
from countenance.reporting.house import AccountFacts, House
from countenance.reporting.paper import Blank, Fact, Paper, Section


def draft_accountability(house: House) -> Paper:
    return Paper(
        "Who is accountable for this face recognition",
        "Regulation (EU) 2016/679, Articles 5(2) and 24",
        says.moment(house.at),
        says.notes_of(house),
        (
            Section("Who decides", tuple(_deciders(house))),
            Section("Terms", tuple(_terms(house))),
            Section("Purposes: asked for and decided", tuple(_purposes(house))),
            Section("Standing, findings and appeals", tuple(_conduct(house))),
            Section("People who look before anybody acts", tuple(_reviews(house))),
            Section("People whose faces these are", tuple(_people(house))),
            Section("How often it errs", tuple(of_models.rates(house))),
            Section("Rules and models: who put them in force", (*says.rules(house), *_models(house))),
            Section("What the log proves", (*says.log(house), *_PROVES)),
            Section("What it does not prove", _DOES_NOT),
        ),
    )


_SPEC = "docs/spec/audit-log.md, section 10"
_PROVES = (
    Fact("Whoever has the log, its key from elsewhere and a witness's key can show that no entry "
         "was changed or taken "
         "out after the witness saw it.", _SPEC),
    Fact("Whoever kept the receipt of a call can show whether its entry is in the log.", _SPEC),
)  # fmt: skip
_DOES_NOT = (
    Fact("That what an entry says is true: it proves what the operator committed to, and when at "
         "the latest.", _SPEC),
    Fact("That a call was logged at all whose caller kept no receipt.", _SPEC),
    Blank("Who looks at the log here, how often, and what did they find?"),
    Blank("Who may be called to account if this server was misused, and by whom?"),
)  # fmt: skip


def _reviews(house: House) -> Iterator[Fact | Blank]:
    yield from of_people.reviews(house.casework)
    yield from of_people.examiners(house.examiners)
    yield Blank("Who answers for the examiners, and what follows from figures that are poor?")


def _people(house: House) -> Iterator[Fact | Blank]:
    yield from of_people.requests(house.rights)
    yield from of_people.consents_and_holds(house.rights)
    yield Fact(
        "Deleted faces whose sealed bytes would still open until keys are replaced: "
        f"{house.unfinished_erasures:,}.",
        "table `pending_erasure`, as `countenance erasures list` has it",
    )
    yield Blank("Who sees to it that requests are answered in time, and who complained to an authority?")


def _deciders(house: House) -> Iterator[Fact | Blank]:
    for officer in house.officers:
        yield Fact(
            f"{officer.name}, {officer.role}, since {says.moment(officer.added_at)}.", "table `officer`"
        )
    if not house.officers:
        yield Fact("Nobody may decide for the operator.", "table `officer`")
    yield Fact(
        f"The operator's own account is {house.house}."
        if house.house
        else "The operator has no account yet.",
        "table `account`",
    )
    yield Blank("To whom do these people answer, and who stands in for them?")


def _terms(house: House) -> Iterator[Fact]:
    for document in house.documents:
        yield Fact(
            f"In force: {document.title}, {document}, published {document.published}, SHA-256 "
            f"{document.digest}.",
            "the documents of the terms",
        )
    for each in house.accounts:
        yield from _accepted(each)


def _accepted(each: AccountFacts) -> Iterator[Fact]:
    account = each.account
    if not each.accepted:
        yield Fact(
            f"Account {account.account_id} ({account.name}) has accepted nothing.", "table `terms_acceptance`"
        )
    for accepted in each.accepted:
        yield Fact(
            f"Account {account.account_id} ({account.name}): {accepted.officer}, {accepted.role}, accepted "
            f"{accepted.document} {accepted.version} at {says.moment(accepted.accepted_at)}.",
            "table `terms_acceptance`; an entry of the log (AcceptTerms)",
        )


def _purposes(house: House) -> Iterator[Fact]:
    for request in house.grants:
        by = f" by {', '.join(request.approved_by)}" if request.approved_by else ""
        until = f", until {says.moment(request.expires_at)}" if request.expires_at else ""
        yield Fact(
            f"Account {request.account_id} asked for {request.purpose}, through {request.requested_by}, "
            f"{says.moment(request.requested_at)}: {says.sentence(request.justification)} It is "
            f"{request.status}{by}{until}.",
            f"table `purpose_request`, {request.request_id}",
        )
    if not house.grants:
        yield Fact("No account has asked for a purpose.", "table `purpose_request`")


def _conduct(house: House) -> Iterator[Fact]:
    for each in house.accounts:
        for step in each.standing:
            second = f" and {step.second_officer}" if step.second_officer else ""
            yield Fact(
                f"Account {each.account.account_id}: from {step.from_standing} to {step.to_standing}, "
                f"{says.moment(step.at)}, by {step.decided_by}{second}: {step.reason}",
                f"table `standing_change`; entry of the log with the event {step.event_id}",
            )
    for finding in house.findings:
        ended = f" by {finding.decided_by}: {finding.reason}" if finding.decided_by else ""
        yield Fact(
            f"Finding against account {finding.account_id}, {says.moment(finding.found_at)}, "
            f"{finding.severity}, by "
            f"{finding.detector}: {says.sentence(finding.summary)} It is {finding.status}{ended}.",
            f"table `finding`, {finding.finding_id}",
        )
    for appeal in house.appeals:
        ended = f" by {appeal.decided_by}: {appeal.reason}" if appeal.decided_by else ""
        yield Fact(
            f"Appeal of account {appeal.account_id}, {says.moment(appeal.submitted_at)}: "
            f"{appeal.status}{ended}.",
            f"table `appeal`, {appeal.appeal_id}",
        )
    if not house.findings:
        yield Fact("Nothing was found against any account.", "table `finding`")
    if not house.appeals:
        yield Fact("No account has appealed.", "table `appeal`")


def _models(house: House) -> Iterator[Fact]:
    for each in house.evaluations:
        record = each.record
        yield Fact(
            f"The evaluation of {record.pack_name} by {record.evaluator} was put on record by "
            f"{record.recorded_by}, "
            f"{says.moment(record.recorded_at)}; it is {each.status}.",
            f"evaluation {record.digest} on record; entry of the log of the kind `evaluation.recorded`",
        )
    yield from of_models.models(house)
