"""A draft of the record of processing activities by Article 30(1) GDPR: a record for each purpose."""

from __future__ import annotations

from collections.abc import Iterator

from countenance.policy.purposes import Purpose
from countenance.reporting import people_statements as of_people
from countenance.reporting import statements as says
from countenance.reporting.house import House, may_use
from countenance.reporting.paper import Blank, Fact, Paper, Section


def draft_art30(house: House) -> Paper:
    records = tuple(_record(house, purpose) for purpose in house.purposes)
    nothing = Fact(
        "No purpose is approved, and no collection is for any.", "tables `purpose_request`, `charter`"
    )
    return Paper(
        "Record of processing activities",
        "Regulation (EU) 2016/679, Article 30(1)",
        says.moment(house.at),
        says.notes_of(house),
        (
            Section("Who is responsible (a)", _responsible(house)),
            *(records or (Section("Processing", (nothing,)),)),
            Section("What people asked for, and what stands against deletion", tuple(_people(house))),
            Section("Security of all of it (g)", (*says.security(house), *says.log(house))),
        ),
    )


def _responsible(house: House) -> tuple[Fact | Blank, ...]:
    officers = tuple(
        Fact(
            f"{each.name}, {each.role}, decides for the operator since {says.moment(each.added_at)}.",
            "table `officer`",
        )
        for each in house.officers
    )
    return (
        Blank(
            "Name and contact of the controller, of joint controllers, and of the representative, "
            "if there are any?"
        ),
        Blank("Name and contact of the data protection officer?"),
        *officers,
    )


def _people(house: House) -> Iterator[Fact | Blank]:
    yield from of_people.ways_of_asking(house.rights)
    yield from of_people.requests(house.rights)
    yield from of_people.consents_and_holds(house.rights)
    yield Blank("Whom does a person write to who has no code, and how are they verified?")


def _record(house: House, purpose: Purpose) -> Section:
    return Section(purpose.title, tuple(_items(house, purpose)))


def _items(house: House, purpose: Purpose) -> Iterator[Fact | Blank]:
    source = f"purposes.toml, [{purpose.name}]"
    yield Fact(f"(b) Purpose: {purpose.summary}", source)
    yield Fact(
        f"(b) Legal basis as the catalogue assumes it, which is not an assessment: {purpose.legal_basis}.",
        source,
    )
    yield Blank(f"(b) {purpose.title}: on which grounds of Articles 6(1) and 9(2) is it done here?")
    collections = says.of_purpose(house, purpose)
    for found in collections:
        for fact in says.collection(found):
            yield Fact(f"(c) {fact.text}", fact.source)
    if not collections:
        yield Fact("(c) No collection is for this purpose: no face is enrolled for it.", "table `charter`")
    yield Fact(
        "(c) Categories of data: photographs in calls, templates of faces (biometric data), similarities"
        + (f", and {', '.join(purpose.attributes)} where asked for." if purpose.attributes else "."),
        source,
    )
    yield Blank(
        f"(c) Who are the people in {purpose.title.lower()} (staff, customers, passers-by, children)?"
    )
    users = sorted(
        {each.account_id for each in house.grants if each.purpose == purpose.name and may_use(each, house.at)}
    )
    yield Fact(
        f"(d) Accounts that may use it now, and get results: {', '.join(users)}."
        if users
        else "(d) No account may use it now.",
        "table `purpose_request`",
    )
    for relation in house.relations:
        if {relation.upstream, relation.downstream} & set(users):
            state = "in force" if relation.in_force else "declared, not in force"
            yield Fact(
                f"(d) {relation.kind}: {relation.upstream}, {relation.downstream}; {state}.",
                "table `relation`",
            )
    yield Blank("(d) To whom outside are results given?")
    yield Blank("(e) Is anything transferred to a third country, and under which safeguards?")
    for fact in says.retention(house, purpose):
        yield Fact(f"(f) {fact.text}", fact.source)
    yield Fact(
        "(f) A job looks hourly for faces over their time; each deletion is an entry of the log "
        "(ExpireFaces). Keys "
        "with which old bytes would open are destroyed within a day.",
        "docs/operations/jobs.md; docs/operations/deletion.md",
    )
