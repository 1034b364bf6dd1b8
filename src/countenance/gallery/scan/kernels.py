"""Products of bytes: the one loop that a search spends its time in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from countenance.gallery.scan.quantized import Codes

_LOG = logging.getLogger(__name__)

Kernel = Callable[[Codes, Codes], NDArray[np.floating]]
"""(N, D) codes of rows, N >= 1, and (D,) codes of a probe to (N,) whole products, exact, as floats."""

_EXACT_IN_FLOAT32: Final = 2**24 // 127**2
"""Most dimensions whose sums of products are whole numbers that float32 can tell apart."""
_ROWS_AT_ONCE: Final = 1024
"""As floats these fit into a core's cache."""


def numpy_kernel(codes: Codes, probe: Codes) -> NDArray[np.floating]:
    """Anywhere, at a fraction of the speed. Not BLAS, whose threads stand in each other's way when searches
    run side by side.
    """
    dtype = np.dtype(np.float32 if codes.shape[1] <= _EXACT_IN_FLOAT32 else np.float64)
    found: NDArray[np.floating] = np.empty(len(codes), dtype)
    wide: NDArray[np.floating] = probe.astype(dtype)
    for start in range(0, len(codes), _ROWS_AT_ONCE):
        part: NDArray[np.floating] = codes[start : start + _ROWS_AT_ONCE].astype(dtype)
        found[start : start + len(part)] = np.einsum("nd,d->n", part, wide)
    return found


def to_columns(probes: Sequence[Codes]) -> NDArray[np.floating]:
    """Probes as `products_of_many` takes them: (D, P)."""
    codes = np.stack(probes, axis=1)
    return np.asarray(codes, np.float32 if len(codes) <= _EXACT_IN_FLOAT32 else np.float64)


def products_of_many(codes: Codes, columns: NDArray[np.floating]) -> NDArray[np.floating]:
    """(N, D) codes and (D, P) columns to (N, P) whole products, exact: BLAS, on threads of its own."""
    products: NDArray[np.floating] = codes.astype(columns.dtype) @ columns
    return products


def choose_kernel() -> Kernel:
    """SimSIMD's where it is there and counts as numpy does; numpy's otherwise, and says so."""
    try:
        from simsimd import cdist
    except ImportError:
        _LOG.warning("searches are slower: SimSIMD is not there for this processor or Python")
        return numpy_kernel

    def kernel(codes: Codes, probe: Codes) -> NDArray[np.floating]:
        return np.asarray(cdist(codes, probe[np.newaxis], metric="dot")).reshape(-1)

    if not counts_right(kernel):
        _LOG.error("searches are slower: SimSIMD's products are wrong on this processor, numpy's are used")
        return numpy_kernel
    return kernel


def counts_right(kernel: Kernel) -> bool:
    """Whether it multiplies as whole numbers do, extremes and odd lengths included."""
    rng = np.random.default_rng(127)
    for dimensions in (1, 31, 64, 127, 512):
        codes = rng.integers(-127, 128, (67, dimensions), dtype=np.int8)
        codes[0], codes[1] = 127, -127
        for probe in (*codes[:2], codes[-1]):
            if not np.array_equal(kernel(codes, probe), codes.astype(np.int64) @ probe.astype(np.int64)):
                return False
    return True
