"""The first pass on a GPU: products of bytes where they are cheapest, judged by the same bounds.

What runs there is whole-number arithmetic, so that its products are the ones that a core computes; what it
lets through is judged once more, in double precision, by `FirstPass`, and compared at stored precision on the
host. So a search answers the same with and without it.

It needs JAX (the extra `gpu`), which is nowhere imported but here.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from countenance.errors import SetupError
from countenance.gallery.scan.block import Block
from countenance.gallery.scan.first_pass import FirstPass
from countenance.gallery.scan.kernels import counts_right
from countenance.gallery.scan.rows import Rows

_LOG = logging.getLogger(__name__)

ScanDevice = Literal["auto", "cpu", "gpu"]
"""`gpu` demands one, `auto` takes one that is there, `cpu` takes none."""

_SIGNS_OF_A_GPU: Final = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
"""One of them is there with NVIDIA's driver, in Linux and in WSL: so that nobody waits for JAX in vain."""
_PROBES: Final = (1, 16, 256)
"""How many are looked at together: each is a program of its own, and more are cut, fewer filled up."""
_ROOM_ROWS: Final = 4_096
"""Rows of a block that come back by themselves; where more are let through all of its products do."""
_MOST_PRODUCTS: Final = 1 << 26
"""That are on the device at once: 256 MiB."""
_SLACK: Final = 1e-6
"""Of a product times its scale in float32, and of what it is compared with."""

_Pass = Callable[..., tuple[Any, Any, Any, Any]]


class DeviceFailed(Exception):
    """It could not, and is not asked again by this gallery: search without it."""


@dataclass(frozen=True, slots=True)
class _Mirrored:
    """A block's codes and scales on the device, as of a version."""

    version: int
    codes: Any
    scales: Any


class Accelerator:
    """One device of this process."""

    def __init__(self, device: Any) -> None:
        """`device`: one of `jax.devices()`; any platform."""
        self._device = device
        self._pass = _program()

    @classmethod
    def open(cls, which: ScanDevice) -> Accelerator | None:
        """The first GPU, if there is one and it counts right; None for none.

        Raises:
            SetupError: one is demanded, and there is none.
        """
        if which == "cpu":
            return None
        reason = _why_not(demanded=which == "gpu")
        if reason:
            if which == "gpu":
                raise SetupError(
                    f"searches are to run on a GPU, and {reason}",
                    remedy="install `countenance[gpu]` and NVIDIA's driver, or set scan_device to `auto`",
                )
            return None
        import jax

        found = cls(jax.devices("gpu")[0])
        if not counts_right(found.products):
            _LOG.error("searches do not use the GPU: its products are wrong")
            return None
        _LOG.info("searches over large collections run on %s", found.name)
        return found

    @property
    def name(self) -> str:
        return str(self._device.device_kind)

    def put(self, values: NDArray[Any]) -> Any:
        """A copy on the device, whole when this returns: the memory that it is from may change then."""
        import jax

        return jax.device_put(values, self._device, may_alias=False).block_until_ready()

    def run(
        self,
        codes: Any,
        scales: Any,
        part: slice,
        probes: NDArray[np.int8],
        least: NDArray[np.float32],
    ) -> tuple[Any, Any, Any, Any]:
        """Begin a pass over one block's rows; see `_look`."""
        return self._pass(codes, scales, np.int32(part.start), np.int32(part.stop), probes, least)

    def products(self, codes: NDArray[np.int8], probe: NDArray[np.int8]) -> NDArray[np.floating]:
        """As a `Kernel`."""
        ones = np.ones(len(codes), np.float32)
        least = np.full(1, -np.inf, np.float32)
        rows = slice(0, len(codes))
        products = self.run(self.put(codes), self.put(ones), rows, probe[:, np.newaxis], least)[3]
        return np.asarray(products, np.float64)[:, 0]


class Mirror:
    """One gallery's rows on the device, brought up to date block by block. Thread-safe, as searches are."""

    def __init__(self, accelerator: Accelerator, rows: Rows) -> None:
        self._accelerator = accelerator
        self._rows = rows
        self._mirrored: list[_Mirrored] = []
        self._refreshing = threading.Lock()
        self._has_failed = False

    @property
    def is_usable(self) -> bool:
        return not self._has_failed

    def look(self, firsts: Sequence[FirstPass], *, skip: int) -> None:
        """Take all rows behind the first `skip` that may be in the answers, for each of the probes.

        The rows are not changed while this runs.

        Raises:
            DeviceFailed: begin anew without it; what was taken may be a part.
        """
        try:
            blocks = self._refresh()
            for begin in range(0, len(firsts), _PROBES[-1]):
                self._look(firsts[begin : begin + _PROBES[-1]], blocks, skip)
        except Exception as error:  # of whatever class a driver has for it
            self._has_failed = True
            # Not its words: they may hold anything.
            _LOG.exception("a gallery is searched without the GPU from now on: %s", type(error).__name__)
            raise DeviceFailed from error

    def _refresh(self) -> list[tuple[Block, int, int, _Mirrored]]:
        """Blocks in use, the number of their first row, how many rows are in them, and they on the device."""
        size = self._rows.layout.block_rows
        found = []
        with self._refreshing:
            for number, (block, start, part) in enumerate(self._rows.parts(size)):
                # Read first: what is written while it is copied, by mistake, has another version afterwards.
                version = block.version
                if number == len(self._mirrored) or self._mirrored[number].version != version:
                    new = _Mirrored(
                        version,
                        self._accelerator.put(_filled_up(block.codes, part.stop)),
                        self._accelerator.put(_filled_up(block.scales, part.stop).astype(np.float32)),
                    )
                    self._mirrored[number : number + 1] = [new]
                found.append((block, start, part.stop, self._mirrored[number]))
            del self._mirrored[len(found) :]
        return found

    def _look(
        self, firsts: Sequence[FirstPass], blocks: list[tuple[Block, int, int, _Mirrored]], skip: int
    ) -> None:
        width = next(each for each in _PROBES if each >= len(firsts))
        probes = np.zeros((self._rows.layout.dimensions, width), np.int8)
        probes[:, : len(firsts)] = np.stack([each.codes for each in firsts], axis=1)
        done, together = 0, 1
        most = max(1, _MOST_PRODUCTS // (self._rows.layout.block_rows * width))
        while done < len(blocks):
            # Ever more at once: what the first ones find raises the floor for all others, and a device that
            # is waited for after each block would mostly wait.
            wave = blocks[done : done + together]
            begun = [self._begin(firsts, each, probes, width, max(skip - each[1], 0)) for each in wave]
            for (block, start, _, _), answer in zip(wave, begun, strict=True):
                _take(firsts, block, start, answer, width)
            done, together = done + len(wave), min(2 * together, most)

    def _begin(
        self,
        firsts: Sequence[FirstPass],
        place: tuple[Block, int, int, _Mirrored],
        probes: NDArray[np.int8],
        width: int,
        skip: int,
    ) -> tuple[tuple[Any, Any, Any, Any], slice]:
        block, _, end, mirrored = place
        least = np.full(width, np.inf)
        least[: len(firsts)] = [each.least(block) for each in firsts]
        lowered = (least - _SLACK * (np.abs(least) + 1.0)).astype(np.float32)
        part = slice(min(skip, end), end)
        return self._accelerator.run(mirrored.codes, mirrored.scales, part, probes, lowered), part


def _filled_up(column: NDArray[Any], rows: int) -> NDArray[Any]:
    """All of a block's rows; those behind the last are not looked at, which would give them memory."""
    if rows == len(column):
        return column
    whole = np.zeros_like(column)
    whole[:rows] = column[:rows]
    return whole


def _take(
    firsts: Sequence[FirstPass],
    block: Block,
    start: int,
    answer: tuple[tuple[Any, Any, Any, Any], slice],
    width: int,
) -> None:
    """Judge once more, in double precision, what the device let through."""
    (count, places, products, all_products), part = answer
    through = int(count)
    if through > len(places):
        every = np.asarray(all_products)[part]
        for column, first in enumerate(firsts):
            _judge(first, block, start, np.arange(part.start, part.stop), every[:, column])
        return
    rows, columns = np.divmod(np.asarray(places)[:through].astype(np.int64), width)
    found = np.asarray(products)[:through]
    for column in np.unique(columns):
        here = columns == column
        _judge(firsts[column], block, start, rows[here], found[here])


def _judge(
    first: FirstPass, block: Block, start: int, offsets: NDArray[np.int64], products: NDArray[np.integer]
) -> None:
    scaled = products * block.scales[offsets]
    reached = scaled >= first.least(block)
    first.take(block, start, offsets[reached], scaled[reached])


def _program() -> _Pass:
    """The pass, which is compiled for each shape that it is asked for."""
    import jax
    import jax.numpy as jnp

    def look(  # noqa: PLR0917  # a program's operands
        codes: Any, scales: Any, begin: Any, end: Any, probes: Any, least: Any, *, room: int
    ) -> tuple[Any, Any, Any, Any]:
        """How many of (N, P) reach their least; places of the first `room`, their products, all products."""
        products = jax.lax.dot_general(
            codes, probes, (((1,), (0,)), ((), ())), preferred_element_type=jnp.int32
        )
        scaled = products.astype(jnp.float32) * scales[:, jnp.newaxis]
        rows = jax.lax.broadcasted_iota(jnp.int32, products.shape, 0)
        reached = ((scaled >= least) & (rows >= begin) & (rows < end)).ravel()
        (places,) = jnp.nonzero(reached, size=room, fill_value=0)
        return reached.sum(), places, products.ravel()[places], products

    return jax.jit(partial(look, room=_ROOM_ROWS))


def _why_not(*, demanded: bool) -> str:
    if importlib.util.find_spec("jax") is None:
        return "JAX is not installed"
    if not demanded and not any(sign.exists() for sign in _SIGNS_OF_A_GPU):
        return "there is no driver of a GPU"
    # Each worker takes what its galleries need, and not, as is the default, nearly all at once.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax

    try:
        jax.devices("gpu")
    except RuntimeError as error:
        return f"JAX finds none ({str(error).splitlines()[0][:200]})"
    return ""
