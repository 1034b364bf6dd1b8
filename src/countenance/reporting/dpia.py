"""A draft of a data protection impact assessment, by the four letters of Article 35(7) GDPR."""

from __future__ import annotations

from collections.abc import Iterator

from countenance.reporting import model_statements as of_models
from countenance.reporting import people_statements as of_people
from countenance.reporting import statements as says
from countenance.reporting.house import House
from countenance.reporting.paper import Blank, Fact, Paper, Section
from countenance.similarity import fmr_at_similarity
from countenance.types import Similarity


def draft_dpia(house: House) -> Paper:
    return Paper(
        "Data protection impact assessment",
        "Regulation (EU) 2016/679, Article 35(7)",
        says.moment(house.at),
        says.notes_of(house),
        (
            Section("(a) What is done, and what for", tuple(_described(house))),
            Section("(b) Whether it is necessary and proportionate", tuple(_necessity(house))),
            Section("(c) Risks to the people whose faces are processed", tuple(_risks(house))),
            Section("(d) What is done about these risks", tuple(_measures(house))),
            Section("Who was asked", _ASKED),
        ),
    )


_ASKED = (
    Blank("What did the data protection officer advise, and when? (Article 35(2))"),
    Blank("Were the people concerned, or those who speak for them, asked for their views? What did they say, "
          "or why were they not asked? (Article 35(9))"),
    Blank("Is a high risk left, so that the supervisory authority has to be consulted first? (Article 36)"),
    Blank("Who decided on the strength of this assessment, and when is it reviewed? (Article 35(11))"),
)  # fmt: skip


def _described(house: House) -> Iterator[Fact | Blank]:
    yield Blank("Who is the controller, and whom does a person write to?")
    yield from says.system(house)
    if not house.purposes:
        yield Fact(
            "No purpose is approved, and no collection is for any.", "tables `purpose_request`, `charter`"
        )
    for purpose in house.purposes:
        yield from says.purpose_bounds(purpose)
        yield Blank(f"{purpose.title}: what is it done for here, in your own words, and what "
                    "legitimate interest "
                    "is pursued, if that is the ground?")  # fmt: skip
    for found in house.collections:
        yield from says.collection(found)
    if not house.collections:
        yield Fact("There is no collection: no face is enrolled.", "table `collection`")
    yield from of_models.models(house)
    yield Blank("Where are the cameras or photos, who passes there, how many people, and how often?")
    yield Blank("Who gets to see the results, and what do they do with them?")


def _necessity(house: House) -> Iterator[Fact | Blank]:
    for purpose in house.purposes:
        yield from says.retention(house, purpose)
        yield Blank(f"{purpose.title}: why can the aim not be reached without recognising faces?")
        yield Blank(f"{purpose.title}: on which grounds of Articles 6(1) and 9(2) is it done? If "
                    "consent: how can "
                    "it be refused without a disadvantage?")  # fmt: skip
    for account in house.accounts:
        for record in account.on_file:
            yield Fact(
                f"Account {account.account.account_id} has on file: {record.kind}, {record.reference}.",
                "table `account_record`; the document itself was not read",
            )
    yield from of_people.ways_of_asking(house.rights)
    yield from of_people.requests(house.rights)
    yield from of_people.consents_and_holds(house.rights)
    yield Blank(
        "How are people told of all this, and where do they find the page or the desk? (Articles 12 to 14)"
    )


def _risks(house: House) -> Iterator[Fact | Blank]:
    yield from of_models.rates(house)
    for found in house.collections:
        charter = found.charter
        for purpose in house.purposes:
            if charter and purpose.name in charter.purposes and found.faces:
                least = max(purpose.minimum_threshold, 0.0)
                expected = found.faces * fmr_at_similarity(Similarity(least))
                yield Fact(
                    f"A search in {found.collection.name} for {purpose.name}, at the least "
                    "similarity that it may "
                    f"ask for ({least:g}), lets expect {expected:.3g} false candidates; a budget "
                    "may raise it.",
                    f"table `face` ({found.faces:,} faces); purposes.toml, [{purpose.name}]; what "
                    "a similarity means",
                )
    open_findings = sum(finding.status == "open" for finding in house.findings)
    yield Fact(
        f"Findings of misuse on this server: {len(house.findings):,}, of which {open_findings:,} are open.",
        "table `finding`",
    )
    for risk in (
        "somebody is taken for somebody else",
        "somebody is not recognised who has a right to be",
        "one group of people is taken for others more often than another group",
        "people are found where they did not expect to be looked for",
        "templates or photos come into the wrong hands",
        "people stay away, or behave otherwise, because they may be recognised",
    ):
        yield Blank(f"How likely is it here that {risk}, how bad would it be, and for whom?")


def _measures(house: House) -> Iterator[Fact | Blank]:
    yield from says.rules(house)
    yield from says.security(house)
    yield from says.log(house)
    yield from of_people.reviews(house.casework)
    yield from of_people.examiners(house.examiners)
    for pack, line in says.paper_duties(house):
        yield Blank(
            f"Rule pack {pack}, which no software checks here: {says.sentence(line)} How is that met?"
        )
    yield Blank("How are the people trained who use it, and who makes sure that a result is looked at before "
                "anybody acts on it?")  # fmt: skip
