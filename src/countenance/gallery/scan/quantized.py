"""Unit vectors as bytes, and how far a product of two such may be from the true cosine.

A row u of unit length is kept as u ≈ s·c: c are D whole numbers in [-127, 127], s one scale. With e = u - s·c
and the same for the probe q ≈ t·p, f = q - t·p:

    u·q - (s·c)·(t·p)  =  e·q + (s·c)·f
    |u·q - s·t·(c·p)| <=  |e|·|q| + |s·c|·|f|  <=  |e|·|q| + (1 + |e|)·|f|        (Cauchy-Schwarz)

c·p is a whole number and computed exactly. |e| is kept with the row and |f| with the probe, both rounded up,
so the bound holds for every row by itself: it does not assume that errors are small, random or alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countenance.types import Template, Templates

Codes = NDArray[np.int8]
"""(N, D) in [-127, 127]: never -128, which has no negative."""

_PEAK = 127
_ROUNDING = 1e-6
"""Of what is computed in float32 here: coordinates of unit vectors, their products, the sum over one row's
squares in pairs. Each errs by a few units of 6e-8 of values that are 1 at most."""


@dataclass(frozen=True, slots=True)
class QuantizedRows:
    """N rows.

    Attributes:
        codes: (N, D).
        scales: (N,) float32, over 0.
        errors: (N,) float32: at least the length of what the codes leave out of each row.
    """

    codes: Codes
    scales: NDArray[np.float32]
    errors: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class QuantizedProbe:
    """One probe, and what its estimates are worth.

    Attributes:
        codes: (D,) int8.
        scale: what a whole product has to be multiplied with, beside the row's scale.
        per_error, constant: a row's estimate is within `constant + per_error * error` of its cosine, where
            `error` is the row's.
    """

    codes: Codes
    scale: float
    per_error: float
    constant: float

    @classmethod
    def of(cls, probe: Template) -> QuantizedProbe:
        """`probe`: (D,) float32 of unit length; what it lacks or has too much of that is allowed for."""
        rows = quantize(probe[np.newaxis])
        length = float(np.sqrt((probe.astype(np.float64) ** 2).sum()))
        error = float(rows.errors[0])
        return cls(
            codes=rows.codes[0],
            scale=float(rows.scales[0]),
            per_error=length + error + _ROUNDING,
            constant=error + _ROUNDING + abs(length - 1.0),
        )


def quantize(units: Templates) -> QuantizedRows:
    """Rows as bytes, each with a scale of its own: `units` is (N, D) float32, each row of unit length."""
    peaks = np.abs(units).max(axis=1, initial=0.0)
    scales = np.where(peaks > 0.0, peaks / _PEAK, 1.0).astype(np.float32)
    codes = np.rint(units / scales[:, np.newaxis])
    left_out = units - codes * scales[:, np.newaxis]
    errors = np.sqrt((left_out * left_out).sum(axis=1)) + np.float32(_ROUNDING)
    return QuantizedRows(codes.astype(np.int8), scales, np.asarray(errors, np.float32))
