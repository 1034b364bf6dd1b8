"""Rates as people read them: no more digits than they carry, and never without their range.

A rate here is the object of docs/spec/evaluation.md: `rate`, `interval`, `trials`, `effective`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_TIMES = "\u00d7"
_JOINED = "\u00a0"
"""A space at which no line breaks."""
BASES = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)


def percent(share: float) -> str:
    """`99.34 %`; under 0.1 % two significant digits."""
    if share == 0.0 or abs(share) >= 0.001:  # a difference may be negative
        return f"{share * 100:.2f}{_JOINED}%"
    places = 1 - math.floor(math.log10(abs(share) * 100))
    return f"{share * 100:.{places}f}{_JOINED}%" if places <= 6 else f"{scientific(share * 100)}{_JOINED}%"


def scientific(value: float) -> str:
    """Two digits and a power of ten with a raised exponent."""
    if value == 0.0:
        return "0"
    digits, _, power = f"{value:.1e}".partition("e")
    return f"{digits}{_JOINED}{_TIMES}{_JOINED}10{str(int(power)).translate(_RAISED)}"


def percent_with_range(rate: dict[str, Any]) -> str:
    ends = rate["interval"]
    return f"{percent(rate['rate'])} ({percent(ends['low'])} to {percent(ends['high'])})"


def trials_of(rate: dict[str, Any]) -> str:
    """`23,752,290 trials, 6,269,965 effective`: what a rate rests on stands beside it."""
    effective = f", {rate['effective']:,.0f} effective" if "effective" in rate else ""
    return f"{rate['trials']:,} trials{effective}"


def refusal_of(refused: dict[str, Any]) -> str:
    """Why a rate is not stated, and how many trials it would take."""
    needed = refused.get("trials_needed")
    told = str(refused["refused"]).rstrip(".")
    return f"Not stated: {told}." + ("" if needed is None else f" It would take {needed:,} trials.")


@dataclass(frozen=True, slots=True)
class Frequency:
    """A rate as so many of a round number: `about 3 (between 2 and 5) of 1,000`.

    Attributes:
        of: the round number, one of BASES.
        about: the estimate, rounded to a whole number.
        low: the range's lower end, rounded down.
        high: its upper end, rounded up: the range is never made narrower by rounding.
    """

    of: int
    about: int
    low: int
    high: int

    @property
    def words(self) -> str:
        return self._said("between {:,} and {:,}")

    @property
    def brief(self) -> str:
        """For a table: `about 3 (2 to 5)`."""
        return self._said("{:,} to {:,}")

    def _said(self, ends: str) -> str:
        if self.about == 0:
            return f"none (at most {self.high:,})" if self.high else "none"
        if self.low == self.high:
            return f"{self.about:,}"
        return f"about {self.about:,} ({ends.format(self.low, self.high)})"


def telling_base(rate: dict[str, Any], *, least: int, telling: float = 2.0) -> int:
    """The least of BASES, from `least`, of which the rate, or its upper end where it is 0, makes `telling`.

    Of fewer than two, rounding to whole people would say half or twice of what was counted.
    """
    shown = rate["rate"] or rate["interval"]["high"]
    return next((of for of in BASES if of >= least and shown * of >= telling), BASES[-1])


def frequency(rate: dict[str, Any], *, of: int) -> Frequency:
    """The rate as a natural frequency of a round number."""
    estimate, ends = rate["rate"], rate["interval"]
    return Frequency(
        of=of,
        about=round(estimate * of),
        low=math.floor(ends["low"] * of + 1e-9),
        high=math.ceil(ends["high"] * of - 1e-9),
    )
