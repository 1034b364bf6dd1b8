from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduct_bench import about, call, photo, reference
from countenance.conduct.cases import (
    PROBES_A_CASE,
    case_key,
    cases_used,
    is_no_case,
    probes_beyond_case,
    reused_cases,
    shared_cases,
)

CASE = "MP-2026-0815"


def on_case(count, every_s=60.0, **facts):
    told = {"purpose": "missing-persons", "case": CASE} | facts
    return [call(number * every_s, **told) for number in range(count)]


class TestProbesBeyondCase:
    def test_more_photos_than_a_case_has_people_are_found(self):
        """Twenty-one people on one case: the case is a cloak."""
        (found,) = probes_beyond_case(on_case(PROBES_A_CASE + 1), about())
        assert (found.detector, found.severity) == ("probes_beyond_case", "restrict")
        assert (found.evidence["photos"], found.evidence["operators"]) == (21, 1)

    def test_over_several_keys_operators_and_collections_as_well(self):
        calls = [
            each
            for number in range(21)
            for each in on_case(1, inputs=(photo(number),), key=f"K{number}", operator=f"o{number % 3}")
        ]
        (found,) = probes_beyond_case(calls, about())
        assert found.evidence["operators"] == 3

    @pytest.mark.parametrize(
        ("why", "calls"),
        [
            ("twenty", on_case(20)),
            ("a client that retries", on_case(500, inputs=(photo("one"),))),
            ("twenty a day", on_case(60, every_s=24 * 3600 / 20)),
            ("a disaster is one case", on_case(500, purpose="disaster-victims")),
            ("enrolment of the case's photos", on_case(500, kind="enrol")),
            ("a case that nobody asked for", on_case(500, purpose="photo-library")),
            ("no case", on_case(500, case=None)),
            ("stored faces, without a photo", on_case(500, inputs=())),
        ],
    )
    def test_innocent(self, why, calls):
        assert probes_beyond_case(calls, about()) == [], why


class TestReusedCases:
    @pytest.mark.parametrize(
        "case",
        [
            "test",
            "1234",
            "xxxxxxx",
            "0000",
            "abcdef",
            "987654",
            "a1",
            "--",
            "investigation",
            "Investigation 12",
            "INV",
            "case #3",
            "n/a",
            "TBD",
            "suspicious person",
            "official police investigation",
            "asdf",
            "Test-Case",
        ],
    )
    def test_a_case_that_is_none_is_found(self, case):
        """Free text decays into one vague word, as audits of licence-plate readers showed."""
        (found,) = reused_cases(on_case(2, case=case), about())
        assert (found.detector, found.severity) == ("reused_cases", "restrict")

    @pytest.mark.parametrize(
        "case", ["protest 2026-05-01", "Rally on Main Street 4711", "activists-2026-0001"]
    )
    def test_a_search_at_a_gathering_is_found(self, case):
        """Nobody is looked for because of what they say."""
        (found,) = reused_cases(on_case(1, case=case), about())
        assert found.severity == "restrict"

    @pytest.mark.parametrize("purpose", ["missing-persons", "photo-library", "development"])
    @pytest.mark.parametrize(
        "case", ["Immigration", "deportation 2026-0815", "CBP-2026-00815", "287 immigrants"]
    )
    def test_immigration_enforcement_suspends_under_any_purpose(self, case, purpose):
        """There is no purpose for it, whichever it is called by."""
        (found,) = reused_cases(on_case(1, case=case, purpose=purpose), about())
        assert found.severity == "suspend"

    @pytest.mark.parametrize(
        "case",
        [
            CASE,
            "2026-0815",
            "INV-2026-0815",
            "K 17/26 (AG Köln)",
            "4711",
            "VG-77-B",
            "case 20260815",
            "Ice rink 2026",
            "border collie 4711",
            "asylum-2026-03-0012",
            "Demonstrationsfreiheit 4711",
        ],
    )
    def test_a_case_that_looks_like_one_is_left_alone(self, case):
        assert reused_cases(on_case(5, case=case), about()) == []

    def test_a_case_that_nobody_asked_for_may_be_called_anything(self):
        """A developer's `test` is honest."""
        assert reused_cases(on_case(5, case="test", purpose="development"), about()) == []

    def test_three_operators_on_one_case_are_told_to_a_person(self):
        """A team looks the same as a borrowed case."""
        calls = [
            call(number, purpose="missing-persons", case=CASE, operator=f"o{number}") for number in range(3)
        ]
        (found,) = reused_cases(calls, about())
        assert (found.severity, found.evidence["operators"]) == ("notice", 3)
        assert reused_cases(calls[:2], about()) == []

    @given(st.text(max_size=40))
    def test_any_text_is_judged(self, case):
        """Cases are free text, of any script."""
        assert is_no_case(case) in {True, False}
        assert case_key(case_key(case)) == case_key(case)
        reused_cases(on_case(1, case=case or None), about())

    @given(st.integers(10**6, 10**12), st.sampled_from(["INV", "case", "MP", "misc"]))
    def test_a_number_beside_a_vague_word_is_a_case(self, number, word):
        digits = str(number)
        if len(set(digits)) > 2:
            assert not is_no_case(f"{word}-{digits}")


class TestSharedCases:
    def used(self, **cases):
        return {account: cases_used(on_case(2, case=case), about()) for account, case in cases.items()}

    def test_a_case_of_two_accounts_is_told_to_a_person_of_each(self):
        """And neither is told who the other is."""
        used = self.used(account_1=CASE, account_2="mp 2026 0815", account_3="MP-2026-0816")
        found = dict(shared_cases(used, [], mark))
        assert list(found) == ["account_1", "account_2"]
        assert {suspicion.severity for suspicion in found.values()} == {"notice"}
        assert found["account_1"].evidence["accounts"] == 2
        assert "account_2" not in str(found["account_1"])
        assert CASE not in str(found["account_1"])

    def test_a_firm_may_work_on_its_agencys_case(self):
        assert shared_cases(self.used(firm=CASE, agency=CASE), [frozenset({"firm", "agency"})], mark) == []

    def test_a_relation_to_one_excuses_none_with_another(self):
        found = shared_cases(
            self.used(firm=CASE, agency=CASE, stranger=CASE), [frozenset({"firm", "agency"})], mark
        )
        assert {account for account, _ in found} == {"firm", "agency", "stranger"}

    def test_what_is_no_case_is_not_compared(self):
        """Everybody's `test` is found by itself."""
        assert cases_used(on_case(1, case="test"), about()) == {}
        assert cases_used(on_case(1, purpose="photo-library"), about()) == {}


def mark(account, value):
    return reference(f"{account} {value}")
