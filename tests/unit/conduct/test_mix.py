from __future__ import annotations

from dataclasses import replace

import pytest

from conduct_bench import about, call, photo
from countenance.conduct.mix import STRANGERS_A_DAY, TARGETS_A_DAY, purpose_against_use

H = 3600


def searches(count, every_s=10.0, *, hits=0, **facts):
    """The first `hits` of them find somebody."""
    return [
        call(number * every_s, **({"candidates": 1 if number < hits else 0} | facts))
        for number in range(count)
    ]


def compared(count, every_s=60.0, **facts):
    told = {
        "purpose": "identity-verification",
        "kind": "compare",
        "collection": None,
        "candidates": 0,
    } | facts
    return [
        call(number * every_s, **({"inputs": (photo("source"), photo(number))} | told))
        for number in range(count)
    ]


def by_the_hour(counts, **facts):
    told = {"purpose": "development"} | facts
    return [
        call(hour * H + number * H / max(count, 1), **told)
        for hour, count in enumerate(counts)
        for number in range(count)
    ]


class TestStrangers:
    @pytest.mark.parametrize(
        ("purpose", "severity"),
        [("photo-library", "restrict"), ("event-photos", "restrict"), ("accessibility", "notice")],
    )
    def test_hundreds_of_strangers_are_not_ones_own_people(self, purpose, severity):
        """A family library in which nobody is family."""
        (found,) = purpose_against_use(searches(STRANGERS_A_DAY + 1, hits=2, purpose=purpose), about())
        assert (found.detector, found.severity) == ("purpose_against_use", severity)
        assert (found.evidence["photos"], found.evidence["hits"]) == (201, 2)

    @pytest.mark.parametrize(
        ("why", "calls"),
        [
            ("two hundred", searches(200)),
            ("one in a hundred is found", searches(300, hits=3)),
            ("a client that repeats one photo", searches(1000, inputs=(photo("one"),))),
            ("over two days", searches(300, every_s=600.0)),
            ("another purpose, for which strangers are normal", searches(1000, purpose="access-control")),
            ("enrolment alone", searches(1000, kind="enrol")),
        ],
    )
    def test_innocent(self, why, calls):
        assert purpose_against_use(calls, about()) == [], why

    def test_an_album_that_is_imported_is_found_or_enrolled(self):
        """Whoever is not known yet is enrolled: the first import of a library finds hardly anybody."""
        calls = searches(2000, every_s=1.0)
        enrolled = [
            call(2000 + number, kind="enrol", inputs=each.inputs) for number, each in enumerate(calls)
        ]
        assert purpose_against_use([*calls, *enrolled], about()) == []
        assert purpose_against_use(searches(2000, hits=1500), about()) == []


class TestSearchInDisguise:
    @pytest.mark.parametrize("purpose", ["identity-verification", "identity-proofing"])
    @pytest.mark.parametrize("side", [0, 1])
    def test_one_photo_against_many_is_a_search(self, purpose, side):
        """1:1, as often as it takes to be 1:N, whichever side the one stands on."""
        calls = [
            call(number, purpose=purpose, kind="compare",
                 inputs=(photo("one"), photo(number)) if side == 0 else (photo(number), photo("one")))
            for number in range(TARGETS_A_DAY + 1)
        ]  # fmt: skip
        (found,) = purpose_against_use(calls, about())
        assert (found.severity, found.evidence["photos"]) == ("restrict", 51)

    @pytest.mark.parametrize("purpose", ["identity-verification", "access-control"])
    def test_one_photo_is_verified_against_everybody_who_is_enrolled(self, purpose):
        """VerifyFaces with one face after another: no search was asked for, and no budget kept."""
        calls = compared(
            TARGETS_A_DAY + 1,
            purpose=purpose,
            inputs=(photo("one"),),
            faces=("somebody",),
            collection="staff",
        )
        assert purpose_against_use(calls, about()) == [], "the same person, again and again"
        calls = [replace(each, faces=(f"face {number}",)) for number, each in enumerate(calls)]
        (found,) = purpose_against_use(calls, about())
        assert (found.severity, found.evidence["photos"]) == ("restrict", 51)

    @pytest.mark.parametrize(
        ("why", "calls"),
        [
            ("fifty", compared(50)),
            ("somebody who tries again", compared(500, inputs=(photo("source"), photo("target")))),
            ("over days", compared(150, every_s=1800.0)),
            ("a bank on a busy day", [
                call(number, purpose="identity-verification", kind="compare",
                     inputs=(photo(f"document {number}"), photo(f"face {number}"))) for number in range(5000)
            ]),
            ("a library, which may search", compared(500, purpose="photo-library")),
            ("trying VerifyFaces out", [
                call(number, purpose="development", kind="compare",
                     inputs=(photo("one"),), faces=(str(number),))
                for number in range(500)
            ]),
        ],
    )  # fmt: skip
    def test_innocent(self, why, calls):
        assert purpose_against_use(calls, about()) == [], why


class TestAroundTheClock:
    @pytest.mark.parametrize("purpose", ["development", "research"])
    def test_steady_use_day_and_night_is_told_to_a_person(self, purpose):
        """People sleep, cameras do not; nor do long measurements, so nobody is restricted for it."""
        (found,) = purpose_against_use(by_the_hour([12] * 24, purpose=purpose), about())
        assert (found.severity, found.evidence["photos"]) == ("notice", 288)

    @pytest.mark.parametrize(
        ("why", "calls"),
        [
            ("an hour's pause", by_the_hour([12] * 13 + [0] + [12] * 23)),
            ("nine an hour", by_the_hour([9] * 24)),
            ("by day more than by night", by_the_hour([40] * 12 + [10] * 12)),
            ("twenty-three hours", by_the_hour([12] * 23)),
            ("a monitor that repeats one photo", by_the_hour([12] * 30, inputs=(photo("canary"),))),
            ("a door in use", by_the_hour([12] * 30, purpose="access-control")),
            ("one collection by day and another by night",
             by_the_hour([12] * 12) + by_the_hour([0] * 12 + [12] * 12, collection="other")),
        ],
    )  # fmt: skip
    def test_innocent(self, why, calls):
        assert purpose_against_use(calls, about()) == [], why

    def test_a_second_day_of_it_is_another_finding(self):
        found = purpose_against_use(by_the_hour([12] * 48), about())
        assert len({each.fingerprint for each in found}) == len(found) == 2
