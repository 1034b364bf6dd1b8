"""Values to places on a drawing, and where the ticks stand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol


class Axis(Protocol):
    """Takes a value to a place in drawing units; values outside are put at the end that they are beyond."""

    def __call__(self, value: float) -> float: ...

    @property
    def ticks(self) -> tuple[float, ...]: ...


@dataclass(frozen=True, slots=True)
class LogAxis:
    """Logarithmic, between the whole powers of ten around `low` and `high`; both over 0.

    Attributes:
        at_low: place of the lower power of ten.
        at_high: place of the upper one; below `at_low` where the axis goes up.
    """

    low: float
    high: float
    at_low: float
    at_high: float

    def __post_init__(self) -> None:
        if not 0.0 < self.low <= self.high:
            raise ValueError(f"a logarithmic axis from {self.low} to {self.high}")

    @property
    def powers(self) -> tuple[int, int]:
        """The exponents at the two ends, different from each other."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        return (first, last) if last > first else (first, first + 1)

    @property
    def ticks(self) -> tuple[float, ...]:
        first, last = self.powers
        return tuple(10.0**power for power in range(first, last + 1))

    def __call__(self, value: float) -> float:
        first, last = self.powers
        exponent = math.log10(value) if value > 0.0 else first
        return _between(self.at_low, self.at_high, (exponent - first) / (last - first))


@dataclass(frozen=True, slots=True)
class LinearAxis:
    """Linear from `low` to `high`, with ticks at 1, 2 or 5 times a power of ten."""

    low: float
    high: float
    at_low: float
    at_high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"an axis from {self.low} to {self.high}")

    @property
    def ticks(self) -> tuple[float, ...]:
        rough = (self.high - self.low) / 6
        power = 10.0 ** math.floor(math.log10(rough))
        step = power * next((times for times in (1, 2, 5) if times * power >= rough), 10)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return tuple(float(f"{index * step:.10g}") for index in range(first, last + 1))

    def __call__(self, value: float) -> float:
        return _between(self.at_low, self.at_high, (value - self.low) / (self.high - self.low))


def _between(first: float, last: float, share: float) -> float:
    return first + min(max(share, 0.0), 1.0) * (last - first)
