from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduct_bench import about, call, photo, scene
from countenance.conduct.probes import (
    FALLING_STEPS,
    HARVESTED_SCORES,
    score_harvesting,
    threshold_shopping,
    video_like_stream,
)

H = 3600


def searches(thresholds, every_s=60.0, **facts):
    told = {"purpose": "missing-persons", "inputs": (photo("face"),)} | facts
    return [call(number * every_s, threshold=each, **told) for number, each in enumerate(thresholds)]


def frames(count, every_s=0.25, *, noise=3, seed=1, **facts):
    """Of one camera: nearly the same scene each time, another photo each time."""
    chance, place = random.Random(seed), scene("corridor")
    made = []
    for number in range(count):
        seen = place
        for bit in chance.sample(range(64), noise):
            seen ^= 1 << bit
        made.append(
            call(number * every_s, **({"scene": seen, "inputs": (photo(f"{seed} {number}"),)} | facts))
        )
    return made


class TestThresholdShopping:
    def test_a_photo_that_is_searched_for_with_ever_lower_thresholds_is_found(self):
        """Until somebody matches: a lead made out of nothing."""
        (found,) = threshold_shopping(searches([99, 97, 95, 92]), about())
        assert (found.detector, found.severity) == ("threshold_shopping", "restrict")
        assert (found.evidence["steps"], found.evidence["highest"], found.evidence["lowest"]) == (3, 99, 92)
        assert len(found.evidence["events"]) == 4

    @pytest.mark.parametrize(
        ("why", "calls"),
        [
            ("two steps: a program that relaxes twice", searches([99, 95, 90])),
            ("a client that retries", searches([99] * 50)),
            ("thresholds that rise", searches([90, 92, 95, 97, 99])),
            ("steps of rounding", searches([99 - 0.1 * step for step in range(9)])),
            ("spread over days", searches([99, 97, 95, 92], every_s=13 * H)),
            ("a threshold each, for photos of their own", [
                call(number, purpose="missing-persons", threshold=99 - 3 * number) for number in range(4)
            ]),
            ("a collection each", [
                call(number, purpose="missing-persons", threshold=99 - 3 * number, collection=f"c{number}",
                     inputs=(photo("face"),)) for number in range(4)
            ]),
            ("comparisons", searches([99, 97, 95, 92], kind="compare")),
            ("a stored face, without a photo", searches([99, 97, 95, 92], inputs=())),
            ("thresholds left to the default", searches([None] * 9)),
        ],
    )  # fmt: skip
    def test_innocent(self, why, calls):
        assert threshold_shopping(calls, about()) == [], why

    @pytest.mark.parametrize("purpose", ["development", "research", "photo-library"])
    def test_who_tunes_is_told_and_not_held(self, purpose):
        """Asking for 0 at once would give more: it is worth a look, and no restriction."""
        (found,) = threshold_shopping(searches([99, 80, 70, 60, 50], purpose=purpose), about())
        assert found.severity == "notice"

    def test_a_slider_in_a_family_library_is_told_to_a_person_and_restricts_nobody(self):
        """It looks the same, and there is nothing to be gained by it."""
        (found,) = threshold_shopping(searches([90, 80, 70, 60], purpose="photo-library"), about())
        assert found.severity == "notice"

    def test_going_back_up_in_between_hides_nothing(self):
        assert threshold_shopping(searches([99, 96, 99, 93, 99, 90]), about())

    def test_many_photos_of_one_day_are_one_finding(self):
        """A list of a thousand findings is read by nobody."""
        calls = [each for number in range(30) for each in searches([99, 97, 95, 92], inputs=(photo(number),))]
        (found,) = threshold_shopping(sorted(calls, key=lambda each: each.at), about())
        assert found.evidence["photos"] == 30

    @given(st.lists(st.floats(0, 100), max_size=30))
    def test_only_a_falling_chain_is_found(self, thresholds):
        """Whatever else is in between: the lowest so far, again and again."""
        lows = []
        for each in thresholds:
            if not lows or each <= lows[-1] - 1.0:
                lows.append(each)
        found = threshold_shopping(searches(thresholds), about())
        assert bool(found) == (len(lows) > FALLING_STEPS)


class TestVideoLikeStream:
    def test_frames_of_a_camera_are_found(self):
        """Video as single photos is a live search that does not say so."""
        (found,) = video_like_stream(frames(48), about())
        assert (found.detector, found.severity) == ("video_like_stream", "suspend")
        assert found.evidence["photos"] == 48
        assert found.evidence["seconds"] == 11.8
        assert len(found.evidence["events"]) == 48

    @pytest.mark.parametrize(
        ("why", "calls"),
        [
            ("nine seconds", frames(37)),
            ("one a second", frames(120, every_s=1.0)),
            ("one in three seconds: a busy door", frames(1200, every_s=3.0, purpose="access-control")),
            ("bursts of a door: three photos of each person", sorted(
                [each for seed in (1, 2, 3) for each in frames(300, every_s=6.0, seed=seed)],
                key=lambda each: each.at,
            )),
            ("pauses", [
                call(10 * burst + number * 0.25, scene=scene("corridor"))
                for burst in range(9) for number in range(8)
            ]),
            ("a bulk job over an album", [call(number * 0.1, scene=scene(number)) for number in range(500)]),
            ("an album of a photographer who takes four of each", [
                call(number * 0.3, scene=scene(number // 4)) for number in range(500)
            ]),
            ("an album in which every third photo is of one place", [
                call(number * 0.3, scene=scene(number if number % 3 else "garden")) for number in range(500)
            ]),
            ("an album of bursts of twenty, in a hurry", [
                call(number * 0.1, scene=scene(number // 20)) for number in range(500)
            ]),
            ("a client that repeats one photo", frames(200, inputs=(photo("same"),))),
            ("a client that retries each three times", [
                call(number * 0.25, scene=scene("corridor"), inputs=(photo(number // 3),))
                for number in range(200)
            ]),
            ("cropped faces, which have no scene", [call(number * 0.1, scene=0) for number in range(500)]),
            ("declared live, which policy judged", frames(100, live=True)),
            ("enrolment from a camera, which the cap bounds", frames(100, kind="enrol")),
            ("two keys, half as fast each", [
                call(number * 0.6, key=f"K{number % 2}", scene=scene("corridor")) for number in range(100)
            ]),
            ("no scenes", frames(100, scene=None)),
            ("no photos", frames(100, inputs=())),
        ],
    )  # fmt: skip
    def test_innocent(self, why, calls):
        assert video_like_stream(calls, about()) == [], why

    def test_school_portraits_before_one_curtain_may_be_imported(self):
        """Each is searched for, so that nobody is enrolled twice, and then enrolled."""
        portraits = frames(400, every_s=0.2)
        enrolled = [
            call(80 + number, kind="enrol", inputs=each.inputs) for number, each in enumerate(portraits)
        ]
        assert video_like_stream([*portraits, *enrolled], about()) == []
        assert video_like_stream(portraits, about())

    def test_calls_that_overtake_one_another_and_two_cameras_at_once_hide_nothing(self):
        two = [call(number * 0.2, scene=scene(number % 2), inputs=(photo(number),)) for number in range(100)]
        assert video_like_stream(two, about())

    def test_noise_up_to_six_bits_is_one_scene(self):
        assert video_like_stream(frames(48, noise=3), about())
        assert not video_like_stream(frames(48, noise=12), about())

    def test_an_hour_of_it_is_one_finding_and_the_same_one_later(self):
        """The patrol comes by every minute."""
        hour = frames(3600 * 2, every_s=0.5)
        (early,) = video_like_stream(hour[:100], about())
        (late,) = video_like_stream(hour, about())
        assert early.fingerprint == late.fingerprint
        assert late.evidence["photos"] == 7200
        assert len(late.evidence["events"]) == 50

    @given(seed=st.integers(), every_s=st.floats(0.01, 2.0), count=st.integers(0, 200))
    def test_photos_of_different_places_are_no_video_at_any_speed(self, seed, every_s, count):
        chance = random.Random(seed)
        calls = [
            call(number * every_s, scene=chance.getrandbits(64), inputs=(photo(number),))
            for number in range(count)
        ]
        assert video_like_stream(calls, about()) == []

    @given(every_s=st.floats(1.001, 20.0), count=st.integers(0, 100))
    def test_slower_than_one_a_second_is_no_video(self, every_s, count):
        assert video_like_stream(frames(count, every_s=every_s), about()) == []


class TestScoreHarvesting:
    @pytest.mark.parametrize(
        ("purpose", "threshold", "severity"),
        [
            ("missing-persons", 95.0, "restrict"),
            ("fraud-prevention", 99.0, "restrict"),
            ("photo-library", 50.0, "restrict"),
            ("development", 0.0, "notice"),
            ("research", 0.0, "notice"),
        ],
    )
    def test_fifty_values_for_one_face_are_found(self, purpose, threshold, severity):
        """Fifty are enough to rebuild a template."""
        (found,) = score_harvesting(self.values(50, purpose=purpose, threshold=threshold), about())
        assert (found.detector, found.severity) == ("score_harvesting", severity)
        assert found.evidence["values"] == HARVESTED_SCORES

    @pytest.mark.parametrize(
        ("why", "facts"),
        [
            ("a busy door: one employee, seen often", {"purpose": "access-control", "threshold": 99.0}),
            ("a family library: mother in every photo", {"threshold": 80.0}),
            ("a blind person at home", {"purpose": "accessibility", "threshold": 90.0}),
            ("thresholds left to the default", {}),
            ("the same photo again", {"threshold": 50.0, "inputs": (photo("one"),)}),
            ("nobody found", {"threshold": 50.0, "faces": ()}),
            ("comparisons", {"threshold": 50.0, "kind": "compare"}),
        ],
    )
    def test_innocent(self, why, facts):
        assert score_harvesting(self.values(400, **facts), about()) == [], why

    def test_forty_nine_or_two_days_are_not(self):
        assert score_harvesting(self.values(49, threshold=50.0), about()) == []
        assert score_harvesting(self.values(80, threshold=50.0, every_s=1800.0), about()) == []

    def test_an_album_that_is_imported_with_a_low_threshold_is_not(self):
        """Its photos are enrolled: every photo of the mother meets every other."""
        calls = self.values(300, threshold=60.0)
        enrolled = [call(9000, kind="enrol", inputs=each.inputs) for each in calls]
        assert score_harvesting([*calls, *enrolled], about()) == []

    def test_a_face_is_counted_whatever_else_is_answered(self):
        calls = [
            call(number, threshold=50.0, faces=("victim", *(f"other {number} {each}" for each in range(19))))
            for number in range(60)
        ]
        (found,) = score_harvesting(calls, about())
        assert found.evidence["values"] == 60

    def test_a_user_of_another_collection_is_another(self):
        """User ids are chosen by callers: two collections may have the same."""
        calls = [
            call(number, threshold=50.0, faces=("mum",), collection=f"c{number % 2}") for number in range(98)
        ]
        assert score_harvesting(calls, about()) == []

    @staticmethod
    def values(count, every_s=10.0, **facts):
        return [
            call(number * every_s, **({"faces": ("victim",), "candidates": 1} | facts))
            for number in range(count)
        ]
