"""What papers say of the people in the loop: figures of what is there, and none that is not."""

from __future__ import annotations

import pytest

from countenance.accounts import Actor
from countenance.casework.examinations import Figures
from countenance.casework.tally import CaseworkTally, tally_casework
from countenance.reporting import people_statements as of_people
from countenance.rights.tally import tally_rights
from rights_house import rights_house


@pytest.fixture
def house(empty_database_url, key_store, tmp_path):
    with rights_house(empty_database_url, key_store, tmp_path, faces=4) as house:
        yield house


def text_of(facts):
    facts = list(facts)
    assert all(each.text.endswith(".") for each in facts)
    return "\n".join(each.text for each in facts)


def test_requests_are_counted_with_those_that_were_late(house):
    """One granted in time, one refused late, one open beyond its time, one put off."""
    rights, actor = house.rights, Actor("Olga")
    granted, refused, overdue, put_off = (
        house.asked(kind, face)
        for kind, face in zip(("erasure", "access", "access", "objection"), house.faces, strict=True)
    )
    house.grant(granted)
    rights.requests.extend(put_off, 2, reason="in the archive", actor=actor)
    with house.database.transaction() as connection:
        connection.execute(
            "update subject_request set due_at = opened_at - interval '1 day' where request_id = any(%s)",
            ([refused.request_id, overdue.request_id],),
        )
        connection.execute(
            "update subject_request set status = 'refused', decided_at = clock_timestamp(),"
            " decided_by = 'Olga', reason = 'somebody else' where request_id = %s",
            (refused.request_id,),
        )
    rights.consents.put(house.staff, "form 7", house.faces[1:3], recorded_by="Olga", actor=actor)
    rights.holds.put(house.staff, house.faces[3:], officer="Olga", reason="court", actor=actor)
    with house.database.read() as connection:
        tally = tally_rights(connection)
    told = text_of(of_people.requests(tally))
    assert "Asked for a copy of what is held: 2; granted 0, refused 1, open 1." in told
    assert "Of 2 that were decided 1 were in time" in told
    assert "further months that 1 were given with a reason. 1 were late; 1 are open and overdue now." in told
    told = text_of(of_people.consents_and_holds(tally))
    assert "Consents on record: 1, by which 2 faces are kept" in told
    assert "Legal holds that stand: 1, over 1 faces" in told
    assert text_of(of_people.ways_of_asking(tally))


def test_where_nothing_was_asked_or_examined_it_says_so(house):
    """A figure of 0 is told, and no share of nothing."""
    with house.database.read() as connection:
        rights, casework = tally_rights(connection), tally_casework(connection)
    assert text_of(of_people.requests(rights)) == "Nobody has asked for anything yet."
    assert "0 decided by examiners, 0 waiting" in text_of(of_people.reviews(casework))
    assert text_of(of_people.examiners([])) == "Nobody has examined a search yet."


def test_examiners_and_cases_are_told_as_they_are_measured():
    tally = CaseworkTally(3, 40, 2, 5, 12, 4, 2, 1, 6, (("no_lead", 3), ("used_for_arrest", 1)))
    told = text_of(of_people.reviews(tally))
    for said in ("40 decided", "3 waiting", "1 of them did not get it", "Reported of 1 cases: an arrest"):
        assert said in told, said
    erin = Figures("Erin", False, 41, 62.4, 80, 72, 8, 3, 9, 1, 2, 8)
    told = text_of(of_people.examiners([("123456789012", erin)]))
    for said in (
        "Erin (works here no more) of account 123456789012: 41 examinations, 62 s in the median",
        "of 80 candidates the other examiner said the same of 72",
        "missed 1 of 10 pairs of one person and took 2 of 10 others for one",
    ):
        assert said in told, said
