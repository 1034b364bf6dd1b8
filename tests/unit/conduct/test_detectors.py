from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduct_bench import about, call, photo, scene
from countenance.conduct import cases, mix
from countenance.conduct.detectors import DETECTORS, shared_cases
from countenance.conduct.suspicion import Holding
from countenance.policy import load_purposes

PURPOSES = list(load_purposes())
SECRETS = ("Ada Lovelace", "gallery of Ada", "K 17/26 Ada", "AKIADA", "user-ada")


@st.composite
def days(draw):
    """Whatever an account may do in two days, in bursts that detectors might take for something."""
    chance = random.Random(draw(st.integers()))
    calls, at_s = [], 0.0
    for _ in range(chance.randrange(6)):
        at_s += chance.choice([0, 60, 3600, 20 * 3600])
        every_s, kind = (
            chance.choice([0.1, 0.5, 5, 600]),
            chance.choice(["search"] * 5 + ["compare", "enrol"]),
        )
        purpose, place = chance.choice(PURPOSES), scene(chance.random())
        for number in range(chance.choice([3, 30, 120])):
            at_s += every_s
            calls.append(
                call(
                    at_s,
                    purpose=purpose,
                    kind=kind,
                    collection=chance.choice(["gallery of Ada", None]),
                    operator=chance.choice(["Ada Lovelace", "o2", "o3"]),
                    key="AKIADA",
                    case=chance.choice([None, "K 17/26 Ada", "test", "immigration Ada Lovelace"]),
                    inputs=(photo(chance.randrange(200)), photo("target"))[: 2 if kind == "compare" else 1],
                    scene=chance.choice([place, None]),
                    threshold=chance.choice([None, 99 - number % 50]),
                    faces=("user-ada",) * chance.randrange(2),
                    client=f"{chance.randrange(9):016x}",
                )
            )
    return calls


@given(calls=days())
def test_nothing_that_a_detector_says_names_anybody(calls):
    """Findings are read by people and kept for years: names, photos and cases stay where they were."""
    known = about(
        holdings=[Holding("gallery of Ada", "fraud-prevention", "watch_list", 40_000, 50_000, "1" * 12)] * 2
    )
    for name, detector in DETECTORS.items():
        for found in detector(calls, known):
            told = json.dumps([found.summary, found.fingerprint, dict(found.evidence)])
            assert found.detector == name
            assert not [
                secret for secret in (*SECRETS, *(photo(each) for each in range(200))) if secret in told
            ]
            assert len(found.evidence.get("events", ())) <= 50


@given(calls=days())
def test_the_same_calls_give_the_same_suspicions_each_once(calls):
    """The patrol looks at them every minute for two days."""
    for detector in DETECTORS.values():
        first, second = detector(calls, about()), detector(calls, about())
        assert first == second
        assert len({each.fingerprint for each in first}) == len(first)


@pytest.mark.parametrize(
    "detector",
    [*DETECTORS.values(), mix._strangers, mix._search_in_disguise, mix._around_the_clock, shared_cases],
)
def test_each_says_what_it_looks_for_what_is_innocent_and_what_it_cannot_see(detector):
    """An officer who decides about a finding has to know how far it goes."""
    if detector is DETECTORS["purpose_against_use"]:
        return  # its three patterns do
    for part in ("Looks for:", "Cannot see:"):
        assert part in detector.__doc__
    assert "Innocent:" in detector.__doc__ or "notice" in detector.__doc__


def test_nothing_done_is_nothing_found():
    assert [found for detector in DETECTORS.values() for found in detector([], about())] == []


def test_purposes_that_detectors_name_are_in_the_catalogue():
    """A renamed purpose would silently be looked at no more."""
    assert {*mix.OWN_PEOPLE, *mix.ONE_TO_ONE, *cases.MANY_PEOPLE} <= set(PURPOSES)


def test_an_ordinary_day_of_every_kind_is_nothing():
    """An album imported, a door in use, a bank's customers, a case with its photos: all on one server."""
    chance = random.Random(7)
    album = [
        call(number * 0.3, kind=kind, scene=scene(number // 4), inputs=(photo(f"album {number}"),),
             threshold=80.0, candidates=1, faces=("mum",))
        for number in range(1500) for kind in ("search", "enrol")
    ]  # fmt: skip
    door = [
        call(second, purpose="access-control", collection="staff", key="DOOR", threshold=99.0, candidates=1,
             scene=scene("door") ^ (1 << chance.randrange(64)), faces=(f"employee {chance.randrange(80)}",))
        for second in range(0, 9 * 3600, 4)
    ]  # fmt: skip
    bank = [
        call(second, purpose="identity-verification", kind="compare", collection=None,
             inputs=(photo(f"document {second}"), photo(f"face {second}")))
        for second in range(0, 9 * 3600, 30)
    ]  # fmt: skip
    case = [
        call(hour * 1800, purpose="missing-persons", case="MP-2026-0815", collection="missing",
             threshold=95.0, operator=f"o{hour % 2}", key="MP", inputs=(photo(f"missing {hour % 5}"),),
             candidates=2, faces=("one", "two"))
        for hour in range(18)
    ]  # fmt: skip
    calls = sorted([*album, *door, *bank, *case], key=lambda each: each.at)
    assert [found.summary for detector in DETECTORS.values() for found in detector(calls, about())] == []
