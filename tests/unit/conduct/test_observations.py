from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduct_bench import START, photo
from countenance.audit import AuditLog, Observation
from countenance.conduct.observations import Observations, Observed, parse_observed
from countenance.policy import load_purposes

FACTS = {
    "collection": "album",
    "operator": "ada",
    "key": "AKIA",
    "case": "K 1",
    "inputs": [photo(1), photo(2)],
    "scene": "00000000000000ff",
    "client": "c" * 16,
    "threshold": 80,
    "candidates": 2,
    "scores": 3,
    "enrolled": 0,
    "faces": ["a", "b"],
    "age": "adult",
    "live": True,
}


@pytest.fixture
def observations(bench):
    return Observations(bench.database, bench.keys, load_purposes())


def test_a_call_is_read_back_as_the_gateway_saw_it(bench, observations):
    account = bench.account()
    event_id = bench.observe(account, START, purpose="missing-persons", kind="compare", **FACTS)
    look = observations.since(account, START - timedelta(hours=1))
    assert look.observed == (
        Observed(
            event_id=event_id,
            at=START,
            purpose="missing-persons",
            kind="compare",
            collection="album",
            operator="ada",
            key="AKIA",
            case="K 1",
            inputs=(photo(1), photo(2)),
            scene=255,
            client="c" * 16,
            threshold=80.0,
            candidates=2,
            scores=3,
            enrolled=0,
            faces=("a", "b"),
            age="adult",
            live=True,
        ),
    )
    assert (look.passed_over, look.cut_off) == (0, False)


def test_what_the_gateway_left_out_is_unknown(bench, observations):
    account = bench.account()
    bench.observe(account, START)
    (observed,) = observations.since(account, START - timedelta(hours=1)).observed
    assert (observed.collection, observed.scene, observed.candidates) == (None, None, None)
    assert (observed.inputs, observed.faces, observed.live) == ((), (), False)


def test_every_purpose_is_read_in_the_order_of_time_and_only_what_is_the_accounts(bench, observations):
    account, other = bench.account(), bench.account()
    for number, purpose in enumerate(load_purposes()):
        bench.observe(account, START - timedelta(minutes=number), purpose=purpose)
    bench.observe(account, START - timedelta(days=2))
    bench.observe(other, START)
    look = observations.since(account, START - timedelta(hours=1))
    assert [each.purpose for each in look.observed] == list(reversed(load_purposes()))
    assert len(observations.since(other, START - timedelta(days=9)).observed) == 1


def test_what_does_not_open_is_passed_over_and_counted(bench, observations):
    """A row that somebody damaged or moved must not hide the others."""
    account = bench.account()
    bench.observe(account, START, collection="whole")
    bench.observe(account, START, sealed=b"damaged" * 9)
    bench.observe(account, START, sealed=AuditLog(bench.keys).seal_observation(
        account, uuid.uuid4(), Observation("photo-library", "search", {"collection": "of another event"})
    ))  # fmt: skip
    for damaged in (
        {"collection": 7},
        {"inputs": [1]},
        {"scene": "not hex"},
        {"threshold": "x"},
        {"scores": 1.5},
    ):
        bench.observe(account, START, **damaged)
    look = observations.since(account, START - timedelta(hours=1))
    assert [each.collection for each in look.observed] == ["whole"]
    assert look.passed_over == 7


def test_a_forgotten_accounts_observations_are_nobodys(bench, observations):
    """Its key is gone, and with it what they meant."""
    account = bench.account()
    bench.observe(account, START)
    bench.accounts.forget_in_log(account)
    assert observations.since(account, START - timedelta(hours=1)).observed == ()


def test_beyond_the_bound_the_newest_are_looked_at(bench, observations):
    """Memory is bounded, whatever an account does."""
    account = bench.account()
    bench.observe_all(
        account, [(START + timedelta(seconds=number), {"candidates": number}) for number in range(50)]
    )
    look = observations.since(account, START - timedelta(hours=1), limit=20)
    assert [each.candidates for each in look.observed] == list(range(30, 50))
    assert look.cut_off
    assert not observations.since(account, START - timedelta(hours=1), limit=50).cut_off


def test_who_is_active_is_told_with_the_newest_call(bench, observations):
    account, idle, long_ago = bench.account(), bench.account(), bench.account()
    bench.observe(account, START, purpose="research")
    bench.observe(account, START + timedelta(hours=1))
    bench.observe(long_ago, START - timedelta(days=3))
    with bench.database.read() as connection:
        active = observations.active(connection, [account, idle, long_ago], START - timedelta(days=1))
    assert active == {account: START + timedelta(hours=1)}


def test_words_that_repeat_are_held_once(bench, observations):
    """Two hundred thousand rows of one collection hold its name once."""
    account = bench.account()
    bench.observe_all(account, [(START, {"collection": "the one collection"}) for _ in range(2)])
    first, second = observations.since(account, START - timedelta(hours=1)).observed
    assert first.collection is second.collection


def test_a_reference_is_of_its_account(bench, observations):
    """Nobody who reads two findings may join accounts by what they call their collections."""
    one, other = bench.account(), bench.account()
    assert observations.reference(one, "album") == observations.reference(one, "album")
    assert observations.reference(one, "album") != observations.reference(other, "album")
    assert len(observations.reference(one, "album")) == 16


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(FACTS)), inner),
)


@given(facts=JSON, kind=st.sampled_from(["search", "enrol", "compare", "analyse", "else"]))
def test_any_json_is_an_observation_or_is_refused(facts, kind):
    """What was sealed under another version of this program may say anything."""
    try:
        observed = parse_observed(
            uuid.uuid4(), START, "research", kind, json.loads(json.dumps(facts)), once={}
        )
    except ValueError:
        return
    assert isinstance(observed, Observed)
    assert observed.kind != "else"
