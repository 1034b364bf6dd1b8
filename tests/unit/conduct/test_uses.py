from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conduct_bench import about, call
from countenance.conduct.suspicion import Holding
from countenance.conduct.uses import CLIENTS, cap_evasion, undeclared_downstream

H = 3600
OWN, SISTER = "1" * 12, "2" * 12


def clients(count, *, span_s=2 * H, **facts):
    """Each with a collection of its own, at the beginning and at the end of the span."""
    return [
        call(second, **({"client": f"{number:016x}", "collection": f"customer {number}"} | facts))
        for second in (0, span_s)
        for number in range(count)
    ]


class TestUndeclaredDownstream:
    def test_customers_that_nobody_knows_of_are_found(self):
        """A suspension could not reach them."""
        (found,) = undeclared_downstream(clients(CLIENTS), about())
        assert (found.detector, found.severity) == ("undeclared_downstream", "restrict")
        assert found.evidence["clients"] == 5

    def test_cases_tell_customers_apart_as_collections_do(self):
        calls = [
            call(second, client=f"{number:016x}", collection=None, case=f"C {number}")
            for second in (0, 2 * H)
            for number in range(5)
        ]
        assert undeclared_downstream(calls, about())

    def test_trials_are_told_to_a_person(self):
        (found,) = undeclared_downstream(clients(5, purpose="development"), about())
        assert found.severity == "notice"

    @pytest.mark.parametrize(
        ("why", "calls"),
        [
            ("four", clients(4)),
            ("one program on five machines", clients(5, collection="ours")),
            ("tests, each with a collection of its own, for minutes", clients(40, span_s=600)),
            ("a key each", [
                call(second, key=f"K{number}", client=f"{number:016x}", collection=f"c{number}")
                for second in (0, 2 * H) for number in range(9)
            ]),
            ("no clients known", clients(9, client=None)),
            ("neither collections nor cases", clients(9, collection=None)),
        ],
    )  # fmt: skip
    def test_innocent(self, why, calls):
        assert undeclared_downstream(calls, about()) == [], why

    def test_whoever_declared_somebody_downstream_is_left_alone(self):
        assert undeclared_downstream(clients(50), about(declared_downstream=True)) == []

    def test_a_shared_collection_joins_those_who_share_it_and_no_others(self):
        calls = [*clients(6), call(2 * H + 1, client=f"{0:016x}", collection="customer 1")]
        (found,) = undeclared_downstream(calls, about()) or (None,)
        assert found is None
        calls = [*clients(7), call(2 * H + 1, client=f"{0:016x}", collection="customer 1")]
        (found,) = undeclared_downstream(calls, about())
        assert found.evidence["clients"] == 5


def holding(faces, *, account=OWN, purpose="fraud-prevention", cap=50_000, name="", is_one_hand=True):
    return Holding(
        f"us-east-1/{name or faces}", purpose, "watch_list", faces, cap, account, is_one_hand=is_one_hand
    )


class TestCapEvasion:
    def test_a_list_that_is_split_over_collections_is_found(self):
        """Each is under the cap, and together they are what the cap is there to prevent."""
        (found,) = cap_evasion([], about(holdings=[holding(30_000), holding(30_001)]))
        assert (found.detector, found.severity) == ("cap_evasion", "restrict")
        assert (found.evidence["faces"], found.evidence["cap"]) == (60_001, 50_000)

    def test_over_accounts_that_act_for_one_another_as_well(self):
        (found,) = cap_evasion([], about(holdings=[holding(30_000), holding(30_001, account=SISTER)]))
        assert (found.severity, found.evidence["accounts"], len(found.evidence["own"])) == ("restrict", 2, 1)

    def test_over_a_supplier_it_is_told_to_a_person(self):
        """Customers of one supplier are not one list, and may be."""
        holdings = [holding(30_000), holding(30_001, account=SISTER, is_one_hand=False)]
        (found,) = cap_evasion([], about(holdings=holdings))
        assert found.severity == "notice"

    @pytest.mark.parametrize(
        ("why", "holdings"),
        [
            ("exactly the cap", [holding(30_000), holding(20_000)]),
            ("one collection, which policy bounds", [holding(50_000)]),
            ("a collection over the cap, with leave of its own", [holding(60_000)]),
            ("two purposes", [holding(30_000), holding(30_001, purpose="missing-persons", cap=100_000)]),
            ("others' lists", [holding(30_000, account=SISTER), holding(30_001, account=SISTER)]),
            ("empty collections", [holding(50_000), holding(0)]),
        ],
    )
    def test_innocent(self, why, holdings):
        assert cap_evasion([], about(holdings=holdings)) == [], why

    def test_it_is_told_again_only_when_another_cap_is_passed(self):
        """A finding that was lifted must not come back with every face."""
        prints = [
            cap_evasion([], about(holdings=[holding(30_000, name="a"), holding(more, name="b")]))[
                0
            ].fingerprint
            for more in (20_001, 49_999)
        ]
        assert prints[0] == prints[1]
        three = [holding(40_000, name=name) for name in "abc"]
        assert cap_evasion([], about(holdings=three))[0].fingerprint != prints[0]

    @given(st.lists(st.integers(0, 60_000), max_size=8))
    def test_only_a_sum_over_the_cap_of_parts_under_it_is_found(self, sizes):
        parts = [size for size in sizes if 0 < size <= 50_000]
        holdings = [holding(size, name=str(number)) for number, size in enumerate(sizes)]
        assert bool(cap_evasion([], about(holdings=holdings))) == (sum(parts) > 50_000 and len(parts) > 1)
