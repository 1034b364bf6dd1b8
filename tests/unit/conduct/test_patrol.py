from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from conduct_bench import at_once, photo, scene, suspicion
from countenance.accounts import Actor
from countenance.conduct import Conduct, Patrol
from countenance.conduct import patrol as patrol_module
from countenance.conduct.patrol import KEPT
from countenance.policy import load_purposes
from countenance.store import Database, StoreUnavailable


@pytest.fixture
def now():
    return datetime.now(UTC)


@pytest.fixture
def told():
    return []


@pytest.fixture
def patrol(bench, told):
    return patrol_of(bench, tell=told.append)


def patrol_of(bench, **given):
    return Patrol(bench.database, bench.keys, bench.governance, bench.findings, load_purposes(), **given)


def film(bench, account, now, *, count=60, **facts):
    """Frames of a camera, four a second, ending now."""
    rows = [
        (
            now - timedelta(seconds=(count - number) * 0.25),
            {"collection": "album", "key": "AKIA", "inputs": [photo(f"{account} {number}")],
             "scene": f"{scene('hall'):016x}", "candidates": 1} | facts,
        )
        for number in range(count)
    ]  # fmt: skip
    return bench.observe_all(account, rows)


def found(opened, account):
    return [suspected.detector for each, _, suspected in opened if each == account]


def test_a_patrol_finds_what_was_done_and_suspends_for_it(bench, patrol, now):
    """From observations to a suspended account and those downstream, in one round."""
    account, agency, bystander = bench.account(), bench.account(), bench.account()
    bench.relate(account, agency)
    event_ids = film(bench, account, now)
    bench.observe(bystander, now, collection="album")
    opened = [each for each in patrol.run() if each[0] in {account, agency, bystander}]
    ((found_account, finding_id, suspected),) = opened
    finding = bench.findings.require(finding_id)
    assert (found_account, suspected.detector, finding.detector) == (
        account,
        "video_like_stream",
        "video_like_stream",
    )
    assert set(finding.evidence["events"]) <= {str(each) for each in event_ids}
    assert "album" not in str(finding)
    assert [bench.standing(each)[1] for each in (account, agency, bystander)] == [
        "suspended",
        "suspended",
        "good",
    ]


def test_the_next_round_finds_nothing_new_nor_does_another_process(bench, patrol, now, another_process):
    account = bench.account()
    film(bench, account, now)
    assert found(patrol.run(), account)
    assert not found(patrol.run(account_id=account), account)
    assert not found(another_process().conduct.patrol.run(), account)


def test_what_was_lifted_stays_lifted(bench, patrol, now):
    account = bench.account()
    film(bench, account, now)
    ((_, finding_id, _),) = [each for each in patrol.run() if each[0] == account]
    bench.findings.decide(finding_id, "lift", officer="Olga", reason="a test", actor=Actor("Olga"))
    assert not found(patrol.run(account_id=account), account)
    assert bench.standing(account)[0] == "good"


def test_one_account_may_be_looked_at_alone(bench, patrol, now):
    account, other = bench.account(), bench.account()
    film(bench, account, now)
    film(bench, other, now)
    assert {each for each, _, _ in patrol.run(account_id=account)} == {account}
    assert bench.standing(other)[0] == "good"


def test_what_is_older_than_a_day_is_looked_at_no_more(bench, patrol, now):
    account = bench.account()
    film(bench, account, now - timedelta(hours=25))
    assert not found(patrol.run(now), account)


def test_findings_that_nobody_confirmed_lapse_in_a_round(bench, patrol, now):
    account = bench.account()
    finding_id = bench.findings.open(account, suspicion(), actor=Actor("detector:d"))
    patrol.run(now + timedelta(hours=71))
    assert bench.findings.require(finding_id).status == "open"
    patrol.run(now + timedelta(hours=73))
    assert bench.findings.require(finding_id).status == "lifted"
    assert bench.standing(account)[0] == "good"


def test_observations_are_forgotten_after_35_days(bench, patrol, now):
    """They are for looking at, and not for good."""
    account = bench.account()
    old = bench.observe(account, now - KEPT - timedelta(minutes=1))
    kept = bench.observe(account, now - KEPT + timedelta(minutes=1))
    patrol.run(now)
    with bench.database.read() as connection:
        rows = connection.execute(
            "select event_id from observation where event_id = any(%s)", ([old, kept],)
        ).fetchall()
    assert rows == [(kept,)]


def test_damaged_rows_hide_nothing_and_are_told(bench, patrol, now, told):
    account = bench.account()
    film(bench, account, now)
    bench.observe(account, now, sealed=b"damaged" * 9)
    assert found(patrol.run(), account) == ["video_like_stream"]
    assert [line for line in told if account in line] == [f"1 observations of account {account} do not open"]


def test_a_detector_that_fails_stops_neither_the_others_nor_other_accounts(bench, now, monkeypatch, told):
    accounts = [bench.account(), bench.account()]
    for account in accounts:
        film(bench, account, now)
    detectors = {"broken": lambda *_: 1 / 0, **patrol_module.DETECTORS}
    monkeypatch.setattr(patrol_module, "DETECTORS", detectors)
    opened = patrol_of(bench, tell=told.append).run()
    assert [found(opened, account) for account in accounts] == [["video_like_stream"]] * 2
    assert f"the patrol passed over broken of account {accounts[0]}: ZeroDivisionError" in told


def test_an_account_that_cannot_be_looked_at_is_told_and_tried_again(bench, now, told, tmp_path):
    """Its key file is damaged: not a reason to leave the others alone."""
    damaged, whole = bench.account(), bench.account()
    film(bench, damaged, now)
    film(bench, whole, now)
    patrol = patrol_of(bench, tell=told.append)
    broken = patrol._observations.read

    def read(connection, account_id, since, **given):
        if account_id == damaged:
            raise ValueError("a photo's name that must not be told")
        return broken(connection, account_id, since, **given)

    patrol._observations.read = read
    opened = patrol.run()
    assert found(opened, whole) == ["video_like_stream"]
    assert [line for line in told if damaged in line] == [
        f"the patrol passed over account {damaged}: ValueError"
    ]
    patrol._observations.read = broken
    assert found(patrol.run(), damaged) == ["video_like_stream"]


def test_a_finding_that_could_not_be_kept_is_found_in_the_next_round(bench, now, told, monkeypatch):
    """Also of an account that has been quiet since."""
    account = bench.account()
    film(bench, account, now - timedelta(minutes=5))
    patrol, kept = patrol_of(bench, tell=told.append), bench.findings.open

    def fails(account_id, suspicion, *, actor):
        if account_id == account:
            raise ValueError("a name that must not be told")
        return kept(account_id, suspicion, actor=actor)

    with monkeypatch.context() as context:
        context.setattr(bench.findings, "open", fails)
        assert not found(patrol.run(), account)
    assert f"the patrol passed over video_like_stream of account {account}: ValueError" in told
    assert found(patrol.run(), account)


def test_without_a_callback_it_is_told_on_standard_error(bench, now, capsys):
    account = bench.account()
    bench.observe(account, now, sealed=b"damaged" * 9)
    bench.conduct.patrol.run()
    assert f"1 observations of account {account} do not open\n" in capsys.readouterr().err


def test_of_several_processes_one_patrols(bench, patrol, now):
    """The others come again a minute later."""
    account = bench.account()
    film(bench, account, now)
    with bench.database.read() as connection:
        connection.execute("select pg_advisory_lock(hashtextextended('patrol', 0))")
        try:
            assert patrol.run() == []
        finally:
            connection.execute("select pg_advisory_unlock(hashtextextended('patrol', 0))")
    assert found(patrol.run(), account)


def test_two_at_once_open_each_finding_once(bench, now, another_process):
    accounts = [bench.account() for _ in range(3)]
    for account in accounts:
        film(bench, account, now)
    patrols = [bench.conduct.patrol, another_process().conduct.patrol]
    opened = []
    assert at_once(*(lambda one=one: opened.extend(one.run()) for one in patrols)) == [None, None]
    for account in accounts:
        assert len(bench.findings.list(account)) == 1


def test_the_lock_ends_with_the_round_even_if_it_fails(bench, patrol, now, monkeypatch):
    monkeypatch.setattr(patrol, "_round", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        patrol.run()
    account = bench.account()
    film(bench, account, now)
    assert found(patrol_of(bench).run(), account)


def test_one_connection_is_enough(bench, database_url, now):
    """The supervisor has few, and others work beside it."""
    account = bench.account()
    film(bench, account, now)
    with Database(database_url, max_connections=1) as database:
        conduct = Conduct.open(database, bench.keys, type(bench).open(database, bench.keys).governance)
        assert found(conduct.patrol.run(), account)


def test_a_database_that_is_away_is_said_so(bench, database_url):
    with Database(database_url, max_connections=1) as database:
        conduct = Conduct.open(database, bench.keys, type(bench).open(database, bench.keys).governance)
    with pytest.raises(StoreUnavailable):
        conduct.patrol.run()


def test_an_account_is_not_looked_at_again_before_something_happens(bench, now, monkeypatch):
    """Idle accounts cost nothing."""
    account, looked = bench.account(), []
    bench.observe(account, now - timedelta(minutes=2))
    patrol = patrol_of(bench, clock=lambda: 0.0)
    read = patrol._observations.read
    monkeypatch.setattr(patrol._observations, "read", lambda c, a, s: (looked.append(a), read(c, a, s))[1])
    patrol.run()
    patrol.run()
    assert looked.count(account) == 1
    film(bench, account, datetime.now(UTC))
    assert found(patrol.run(), account)
    assert looked.count(account) == 2


def test_an_account_that_takes_long_is_left_alone_for_a_while(bench, now):
    """One account must not make the patrol a burden to all."""
    account, clock = bench.account(), [0.0]
    patrol = patrol_of(bench, clock=lambda: clock[0])
    read = patrol._observations.read

    def slowly(connection, account_id, since):
        clock[0] += 3.0 if account_id == account else 0.0
        return read(connection, account_id, since)

    patrol._observations.read = slowly
    bench.observe(account, now)
    patrol.run()
    film(bench, account, now)
    clock[0] += 59.0
    assert not found(patrol.run(), account)
    clock[0] += 1.0
    assert found(patrol.run(), account)


def test_a_case_of_two_accounts_is_found_over_rounds(bench, patrol, now):
    """Also when one of them was looked at in an earlier round."""
    one, other, firm = bench.account(), bench.account(), bench.account()
    bench.relate(one, firm)
    case = f"MP-{uuid.uuid4()}"
    bench.observe(one, now, purpose="missing-persons", case=case, collection="c", inputs=[photo(1)])
    bench.observe(firm, now, purpose="missing-persons", case=case, collection="c", inputs=[photo(1)])
    assert not found(patrol.run(), one)
    bench.observe(other, now, purpose="missing-persons", case=case, collection="c", inputs=[photo(1)])
    opened = patrol.run()
    assert [found(opened, each) for each in (one, other, firm)] == [["reused_cases"]] * 3
    assert case not in str([bench.findings.require(each) for _, each, _ in opened])


def make_collection(bench, account, faces, *, purpose="fraud-prevention", kind="watch_list"):
    collection_id = uuid.uuid4()
    with bench.database.transaction() as connection:
        connection.execute(
            "insert into collection (collection_id, account_id, name, region, face_model_version, dimensions)"
            " values (%s, %s, %s, 'us-east-1', '1', 4)",
            (collection_id, account, f"list {collection_id}"),
        )
        connection.execute(
            "insert into charter (collection_id, purposes, kind, face_cap, minors_allowed)"
            " values (%s, array[%s], %s, 50000, false)",
            (collection_id, purpose, kind),
        )
        connection.execute(
            "insert into face (collection_id, face_id, image_id, box_left, box_top, box_width, box_height,"
            " confidence, sealed_template, key_generation, secret)"
            " select %s, gen_random_uuid(), gen_random_uuid(), 0, 0, 1, 1, 99, '\\x00', 1,"
            " sha256(n::text::bytea) from generate_series(1, %s) as n",
            (collection_id, faces),
        )


@pytest.mark.parametrize(
    ("kind", "severity", "standing"),
    [("acts_for", "restrict", "restricted"), ("supplied_by", "notice", "good")],
)
def test_a_list_that_is_split_over_accounts_is_found(bench, now, kind, severity, standing, monkeypatch):
    """Counted in the database, over the relations that are in force."""
    monkeypatch.setattr(patrol_module, "DETECTORS", {"cap_evasion": patrol_module.DETECTORS["cap_evasion"]})
    one, other, stranger = bench.account(), bench.account(), bench.account()
    bench.relate(one, other, kind=kind)
    for account in (one, other, stranger):
        make_collection(bench, account, 6)
        make_collection(bench, account, 1, kind="consented")
        bench.observe(account, now, purpose="fraud-prevention", collection="c")
    purposes = {name: _with_cap(purpose, 10) for name, purpose in load_purposes().items()}
    patrol = Patrol(bench.database, bench.keys, bench.governance, bench.findings, purposes)
    opened = [each for each in patrol.run() if each[0] in {one, other, stranger}]
    assert {account for account, _, _ in opened} == {one, other}
    assert {suspected.severity for _, _, suspected in opened} == {severity}
    assert {suspected.evidence["faces"] for _, _, suspected in opened} == {12}
    assert bench.standing(one)[0] == standing
    assert bench.standing(stranger)[0] == "good"


def _with_cap(purpose, cap):
    return replace(purpose, face_cap=cap)


def test_a_downstream_that_is_in_force_is_no_secret(bench, patrol, now):
    """One that was only declared is: anybody may say so, and no suspension comes down it."""
    silent, pretending, open_about_it, customer = (bench.account() for _ in range(4))
    bench.governance.relations.declare(customer, "supplied_by", pretending, actor=Actor("test"))
    bench.relate(open_about_it, customer)
    noon = now.replace(hour=12) - timedelta(days=1)  # so that it is one day, whenever the test runs
    for account in (silent, pretending, open_about_it):
        for hours in (1, 3):
            for number in range(5):
                at = noon - timedelta(hours=hours)
                bench.observe(account, at, key="AKIA", client=f"{number:016x}", collection=f"c{number}")
    opened = patrol.run(noon)
    assert found(opened, silent) == found(opened, pretending) == ["undeclared_downstream"]
    assert found(opened, open_about_it) == []


def test_calls_go_on_while_a_patrol_works(bench, now):
    """It looks on; only a finding takes turns with the calls of its account."""
    account = bench.account()
    film(bench, account, now, count=2000)
    running = threading.Thread(target=bench.conduct.patrol.run)
    running.start()
    bench.observe(account, now)
    running.join(60)
    assert not running.is_alive()
