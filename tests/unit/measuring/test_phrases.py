"""Rates as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.measuring.phrases import (
    BASES,
    frequency,
    percent,
    refusal_of,
    scientific,
    telling_base,
)

SHARES = st.floats(0.0, 1.0)


def rate(share, low, high):
    return {"rate": share, "interval": {"low": low, "high": high}, "trials": 10, "effective": 10.0}


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.0, "0.00 %"),
        (1.0, "100.00 %"),
        (0.99344, "99.34 %"),
        (0.001, "0.10 %"),
        (0.000123, "0.012 %"),
        (1.3e-6, "0.00013 %"),
    ],
)
def test_percent(share, words):
    assert percent(share).replace("\u00a0", " ") == words


@pytest.mark.parametrize(
    ("value", "words"), [(0.0, "0"), (1e-4, "1.0 \u00d7 10⁻⁴"), (3.14e-5, "3.1 \u00d7 10⁻⁵")]
)
def test_scientific(value, words):
    assert scientific(value).replace("\u00a0", " ") == words


def test_a_frequency_says_its_range():
    found = frequency(rate(0.003, 0.0019, 0.0051), of=1_000)
    assert (found.about, found.low, found.high) == (3, 1, 6)
    assert found.words == "about 3 (between 1 and 6)"
    assert found.brief == "about 3 (1 to 6)"


def test_none_were_seen_is_not_none_there_are():
    """A count of zero says how many there may be."""
    found = frequency(rate(0.0, 0.0, 0.0004), of=10_000)
    assert found.words == "none (at most 4)"


@pytest.mark.parametrize(
    ("share", "high", "least", "base"),
    [
        (0.2, 0.3, 100, 100),
        (0.002, 0.01, 100, 1_000),
        (0.0019, 0.01, 100, 10_000),
        (0.0, 4e-6, 1_000, 1_000_000),
        (0.0, 0.0, 100, BASES[-1]),
    ],
)
def test_the_base_is_the_least_that_shows_something(share, high, least, base):
    assert telling_base(rate(share, 0.0, high), least=least) == base


@given(st.tuples(SHARES, SHARES, SHARES).map(sorted), st.sampled_from(BASES))
def test_rounding_never_narrows_a_range(values, base):
    """An honest number is not made surer by being made shorter."""
    low, share, high = values
    found = frequency(rate(share, low, high), of=base)
    assert found.low <= low * base + 1e-6
    assert found.high >= high * base - 1e-6
    assert found.low <= found.about <= found.high


def test_a_refusal_says_what_it_would_take():
    assert (
        refusal_of({"refused": "too few", "trials_needed": 10_000})
        == "Not stated: too few. It would take 10,000 trials."
    )
    assert refusal_of({"refused": "nobody has two."}) == "Not stated: nobody has two."
