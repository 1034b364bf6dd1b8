"""Drift on a real database: what is counted is added up, alarms come and go, and stand in the log."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from countenance.assurance.drift import KEPT, DriftTally, forget_counts, read_drift, watch_drift
from countenance.audit import open_log
from countenance.gallery import Gallery
from countenance.store import Database, StoreUnavailable, UnitOfWork, migrate
from countenance.transparency.canonical import parse_canonical
from fakes.faces import CALIBRATION, DIMENSIONS, new_face, unit

NEXT_DAY = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def database(empty_database_url, key_store):
    with Database(empty_database_url, max_connections=6) as database:
        migrate(database)
        open_log(database, key_store)
        yield database


@pytest.fixture
def collection(database, key_store):
    with database.transaction() as connection:
        connection.execute("insert into account (account_id, name) values ('111122223333', 'Tester')")
    return make_collection(database, key_store)


def make_collection(database, key_store, name="door"):
    with UnitOfWork(database) as uow:
        made = Gallery(database, key_store).create_collection(
            uow,
            account_id="111122223333",
            name=name,
            region="us-east-1",
            face_model_version="1.0",
            dimensions=DIMENSIONS,
            tags={},
        )
        uow.commit()
    return made


def cosines(random, *, factor=1.0, count=24):
    """Of one search: their stated false match rates are 10^-e or rarer with probability factor x 10^-e."""
    exponents = -np.log10(random.random(count) / factor)
    return np.interp(exponents, CALIBRATION.neg_log10_fmr, CALIBRATION.cosine, left=-0.5).astype(np.float32)


def search(tally, collection, searches, **how):
    random = np.random.default_rng(10)
    for _ in range(searches):
        tally.sampled(collection.collection_id, CALIBRATION, cosines(random, **how))


def statements(database):
    with database.read() as connection:
        rows = connection.execute("select entry from audit_event order by recorded_at, event_id").fetchall()
    members = [parse_canonical(bytes(entry)) for (entry,) in rows]
    return [each for each in members if each["kind"].startswith("drift.")]


def test_what_is_counted_is_added_up_over_processes_and_days(database, collection):
    first, second = DriftTally(database), DriftTally(database)
    search(first, collection, 3)
    search(second, collection, 2)
    first.write()
    second.write()
    second.write()  # nothing twice
    with database.transaction() as connection:
        connection.execute("update drift_count set day = day - 1")
    search(first, collection, 1)
    first.write()
    with database.read() as connection:
        [drift] = read_drift(connection)
        assert connection.execute("select count(*) from drift_count").fetchone() == (2,)
    assert (drift.counts.searches, drift.counts.comparisons) == (6, 144)
    assert (drift.name, drift.account_id, drift.calibration) == ("door", "111122223333", CALIBRATION.digest)
    assert {each.verdict for each in drift.judgements} == {"too few"}


def test_what_could_not_be_written_down_is_kept_for_the_next_time(database, collection, monkeypatch):
    def unreachable():
        raise StoreUnavailable

    tally = DriftTally(database)
    search(tally, collection, 2)
    with monkeypatch.context() as patched:
        patched.setattr(Database, "transaction", lambda _: unreachable())
        with pytest.raises(StoreUnavailable):
            tally.write()
    search(tally, collection, 1)
    tally.write()
    with database.read() as connection:
        assert read_drift(connection)[0].counts.searches == 3


def test_a_collection_that_was_deleted_meanwhile_takes_its_counts_with_it(database, collection, key_store):
    kept = make_collection(database, key_store, "lobby")
    tally = DriftTally(database)
    for each in (collection, kept):
        search(tally, each, 1)
    tally.write()
    for each in (collection, kept):
        search(tally, each, 1)
    with database.transaction() as connection:
        connection.execute("delete from collection where name = 'door'")
    tally.write()
    with database.read() as connection:
        assert [(each.name, each.counts.searches) for each in read_drift(connection)] == [("lobby", 2)]


def test_threads_lose_no_count(database, collection):
    tally = DriftTally(database)
    threads = [threading.Thread(target=search, args=(tally, collection, 50)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        tally.write()
    for thread in threads:
        thread.join()
    tally.write()
    with database.read() as connection:
        assert read_drift(connection)[0].counts.searches == 200


def test_a_rate_that_does_not_hold_raises_one_alarm_which_ends_when_it_holds(database, collection):
    tally = DriftTally(database)
    search(tally, collection, 1000, factor=4.0)
    tally.write()
    for _ in range(2):  # hourly, and one entry in the log
        with database.transaction() as connection:
            assert watch_drift(connection) == 3
    raised = statements(database)
    assert [each["kind"] for each in raised] == ["drift.raised"] * 3
    assert {each["stated_fmr"] for each in raised} == {"0.0999", "0.0099", "0.0009"}
    [at_one_tenth] = [each for each in raised if each["stated_fmr"] == "0.0999"]
    assert float(at_one_tenth["counted_fmr"]) == pytest.approx(0.4, rel=0.05)
    assert collection.name not in str(raised)
    assert str(collection.collection_id) not in str(raised)

    with database.transaction() as connection:  # a week later
        connection.execute("update drift_count set day = day - 8")
        assert watch_drift(connection) == 3, "silence is no all-clear"
    search(tally, collection, 1000)
    tally.write()
    with database.transaction() as connection:
        assert watch_drift(connection) == 0
    assert [each["kind"] for each in statements(database)[3:]] == ["drift.ended"] * 3


def test_an_alarm_about_a_calibration_that_is_in_use_no_more_ends(database, collection):
    """Who measured and made another has done what the alarm asked for; it must not cry for ever."""
    tally = DriftTally(database)
    search(tally, collection, 1000, factor=4.0)
    tally.write()
    other = replace(CALIBRATION, trials=CALIBRATION.trials + 1)
    tally.sampled(collection.collection_id, other, cosines(np.random.default_rng(1)))
    tally.write()
    with database.transaction() as connection:
        assert watch_drift(connection) == 3, "what was searched by it this week is still judged"
        connection.execute(
            "update drift_count set day = day - 8 where calibration = decode(%s, 'hex')",
            (CALIBRATION.digest,),
        )
        assert watch_drift(connection) == 0
        assert watch_drift(connection) == 0
    told = statements(database)
    assert [each["kind"] for each in told] == ["drift.raised"] * 3 + ["drift.ended"] * 3
    assert {each["calibration"] for each in told} == {CALIBRATION.digest}
    assert {each["counted_fmr"] for each in told[:3]} == {each["counted_fmr"] for each in told[3:]}


def test_days_that_a_wrong_clock_made_up_are_not_judged_and_are_forgotten(database, collection):
    """They would be of every week until they came."""
    tally = DriftTally(database)
    search(tally, collection, 1000, factor=4.0)
    tally.write()
    with database.transaction() as connection:
        connection.execute("update drift_count set day = day + 1")
        assert len(read_drift(connection)) == 1, "two machines may be a little apart at midnight"
        connection.execute("update drift_count set day = day + 300")
        assert (read_drift(connection), watch_drift(connection)) == ([], 0)
        assert forget_counts(connection) == 1


def test_counts_are_forgotten_after_their_time(database, collection):
    tally = DriftTally(database)
    search(tally, collection, 1)
    tally.write()
    with database.transaction() as connection:
        assert forget_counts(connection) == 0
        assert forget_counts(connection, now=NEXT_DAY + KEPT + timedelta(days=1)) == 1


def test_searches_over_faces_lend_comparisons_and_those_over_few_faces_none(
    database, collection, key_store, monkeypatch
):
    """Through the real gallery: what is told are cosines with faces of its own, not with whom it found."""
    told = []
    gallery = Gallery(database, key_store, sampled=lambda *lent: told.append(lent))
    random = np.random.default_rng(3)
    faces = [new_face(unit(random.normal(size=DIMENSIONS))) for _ in range(30)]
    with UnitOfWork(database) as uow:
        gallery.enrol(uow, collection, faces)
        gallery.create_user(uow, collection, "ada")
        gallery.associate(uow, collection, "ada", [faces[0].face_id], calibration=CALIBRATION, threshold=0.0)
        uow.commit()
    how = {"calibration": CALIBRATION, "threshold": 99.7, "limit": 5}
    gallery.search(collection, faces[0].template, **how)
    assert told == []
    monkeypatch.setattr("countenance.gallery.searching.SAMPLED_FROM", 30)
    assert len(gallery.search(collection, faces[0].template, **how)) == 1
    gallery.search_by_face(collection, faces[1].face_id, **how)
    gallery.search_users(collection, faces[0].template, **how)
    assert len(told) == 2
    collection_id, calibration, lent = told[0]
    assert (collection_id, calibration) == (collection.collection_id, CALIBRATION)
    others = np.stack([each.template for each in faces[1:]]) @ faces[0].template
    assert 10 < len(lent) <= 24
    assert np.abs(lent[:, None] - others[None, :]).min(axis=1).max() < 2e-3, "stored precision"


def test_whoever_asks_with_a_low_threshold_hides_no_chance_matches(
    database, collection, key_store, monkeypatch
):
    """Everybody is found at 0: were they all left out, nothing would be counted; at 50, the top of it not."""
    told = []
    gallery = Gallery(database, key_store, sampled=lambda *lent: told.append(lent))
    random = np.random.default_rng(4)
    faces = [new_face(unit(random.normal(size=DIMENSIONS))) for _ in range(12)]
    with UnitOfWork(database) as uow:
        gallery.enrol(uow, collection, faces)
        for number, face in enumerate(faces):
            gallery.create_user(uow, collection, f"user-{number}")
            gallery.associate(
                uow, collection, f"user-{number}", [face.face_id], calibration=CALIBRATION, threshold=0.0
            )
        uow.commit()
    monkeypatch.setattr("countenance.gallery.searching.SAMPLED_FROM", 12)
    how = {"calibration": CALIBRATION, "threshold": 0.0, "limit": 100}
    found = gallery.search(collection, faces[0].template, **how)
    assert len(found) == 12
    chance = sum(each.similarity < 80 for each in found)
    assert chance > 6
    [(_, _, lent)] = told
    assert 24 * chance / 12 / 2 < len(lent) <= 24
    assert CALIBRATION.to_similarity(lent).max() < 80
