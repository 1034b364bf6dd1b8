from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conduct_bench import suspicion
from countenance.accounts import Actor
from countenance.conduct.holding import is_worse

BROUGHT = {"notice": "good", "restrict": "restricted", "suspend": "suspended"}


def test_standings_are_ordered_from_good_to_terminated():
    ordered = ["good", "restricted", "pending", "suspended", "terminated"]
    for (i, one), (j, other) in itertools.product(enumerate(ordered), repeat=2):
        assert is_worse(one, other) == (i > j)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["open", "lift", "confirm", "person"]),
        st.integers(0, 9),
        st.sampled_from(["notice", "restrict", "suspend"]),
    ),
    max_size=14,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_a_standing_is_always_the_worst_of_what_holds_it(bench, steps):
    """In whichever order findings come, are lifted and confirmed, and people step in between."""
    account = bench.account()
    base, holding, known = "good", {}, []
    for number, (step, which, severity) in enumerate(steps):
        if step == "open":
            finding_id = bench.findings.open(
                account, suspicion(severity, str(number)), actor=Actor("detector:test")
            )
            known.append(finding_id)
            holding[finding_id] = severity
        elif step == "person":
            wanted = BROUGHT[severity]
            if bench.standing(account)[0] != wanted:
                bench.set_standing(account, wanted)
                base, holding = wanted, {}
        elif known:
            finding_id = known[which % len(known)]
            if bench.findings.require(finding_id).status == "open":
                bench.findings.decide(finding_id, step, officer="Otto", reason="r", actor=Actor("Otto"))
                if step == "lift":
                    holding.pop(finding_id, None)
        worst = max([base, *(BROUGHT[each] for each in holding.values())], key=list(BROUGHT.values()).index)
        assert bench.standing(account)[0] == worst


def test_lifting_never_brings_an_account_down(bench):
    """Whatever somebody did to it behind our back, in the database itself."""
    account = bench.account()
    bench.findings.open(account, suspicion("suspend", "a"), actor=Actor("detector:test"))
    lifted = bench.findings.open(account, suspicion("restrict", "b"), actor=Actor("detector:test"))
    with bench.database.transaction() as connection:
        connection.execute("update account set standing = 'good' where account_id = %s", (account,))
    bench.findings.decide(lifted, "lift", officer="Otto", reason="r", actor=Actor("Otto"))
    assert bench.standing(account)[0] == "good"


@pytest.mark.parametrize(
    ("standing", "severity", "then"),
    [
        ("good", "notice", "good"),
        ("good", "restrict", "restricted"),
        ("restricted", "suspend", "suspended"),
        ("suspended", "restrict", "suspended"),
        ("suspended", "suspend", "suspended"),
        ("terminated", "suspend", "terminated"),
        ("pending", "restrict", "pending"),
        ("pending", "suspend", "suspended"),
    ],
)
def test_a_finding_only_ever_brings_down_and_never_to_termination(bench, standing, severity, then):
    account = bench.account()
    if standing != "good":
        bench.set_standing(account, standing, by="Olga", second="Otto")
    finding_id = bench.findings.open(account, suspicion(severity), actor=Actor("detector:test"))
    assert bench.standing(account)[0] == then
    bench.findings.decide(finding_id, "lift", officer="Otto", reason="nothing", actor=Actor("Otto"))
    assert bench.standing(account)[0] == standing
