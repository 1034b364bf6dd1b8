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
from countenance.gallery.scan.kernels import products_of_many, to_columns
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
_SMALL_BLOCK: Final = 4_096
"""Of a device that is looked at for the first time."""
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
    """One device of this process. Thread-safe."""

    def __init__(self, device: Any) -> None:
        """`device`: one of `jax.devices()`; any platform."""
        self._device = device
        self._pass = _program()
        self._proved: set[tuple[int, int, int]] = set()

    @classmethod
    def open(cls, which: ScanDevice) -> Accelerator | None:
        """The first GPU, if there is one and it counts right; None for none.

        Raises:
            SetupError: one is demanded, and there is none that can be used.
        """
        if which == "cpu" or (which == "auto" and not _may_be_there()):
            return None
        try:
            found = cls(_first_gpu())
            found.prove(_SMALL_BLOCK, 64, 1)
        except Exception as error:  # of whatever class JAX or a driver has for it
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            if which == "gpu":
                raise SetupError(
                    f"searches are to run on a GPU, and none can be used ({reason})",
                    remedy="install `countenance[gpu]` and NVIDIA's driver, or set scan_device to `auto`",
                ) from error
            _LOG.warning("searches do not use the GPU: %s", reason)
            return None
        _LOG.info("searches over large collections run on %s", found.name)
        return found

    @property
    def name(self) -> str:
        return str(self._device.device_kind)

    def put(self, values: NDArray[Any]) -> Any:
        """A copy on the device, whole when this returns: the memory that it is from may change then."""
        import jax

        if self._device.platform == "cpu":  # which would take aligned memory as its own
            values = np.array(values)
        return jax.device_put(values, self._device, may_alias=False).block_until_ready()

    def run(
        self,
        codes: Any,
        scales: Any,
        part: slice,
        probes: NDArray[np.int8],
        least: NDArray[np.float32],
    ) -> tuple[Any, Any, Any, Any]:
        """Begin a pass over one block's rows; see `_program`."""
        return self._pass(codes, scales, np.int32(part.start), np.int32(part.stop), probes, least)

    def prove(self, rows: int, dimensions: int, width: int) -> None:
        """Compare what it finds in such a block with what numpy does; once a shape, as each is a program.

        Raises:
            ArithmeticError: it counts wrong, or leaves something out.
        """
        shape = (rows, dimensions, width)
        if shape in self._proved:
            return
        rng = np.random.default_rng(shape)
        codes = rng.integers(-127, 128, (rows, dimensions), dtype=np.int8)
        probes = rng.integers(-127, 128, (dimensions, width), dtype=np.int8)
        codes[0], codes[1], probes[:, 0] = 127, -127, 127
        scales = rng.uniform(0.001, 0.01, rows).astype(np.float32)
        part = slice(1, rows - 1)
        expected = products_of_many(codes, to_columns(list(probes.T))).astype(np.int64)
        scaled = expected * scales[:, np.newaxis].astype(np.float64)
        # Where the gap is widest: nothing there depends on how a product is rounded.
        most = min(_ROOM_ROWS // 2, scaled[part].size)
        highest = np.sort(np.partition(scaled[part], -most, axis=None)[-most:])
        at = int(np.argmax(np.diff(highest)))
        least = np.full(width, (highest[at] + highest[at + 1]) / 2, np.float32)
        reached = np.zeros(scaled.shape, np.bool_)
        reached[part] = scaled[part] >= least
        wanted = np.flatnonzero(reached)
        count, places, products, every = self.run(self.put(codes), self.put(scales), part, probes, least)
        if not (
            int(count) == len(wanted)
            and np.array_equal(np.asarray(places)[: len(wanted)], wanted)
            and np.array_equal(np.asarray(products)[: len(wanted)], expected.ravel()[wanted])
            and np.array_equal(np.asarray(every), expected)
        ):
            raise ArithmeticError("its products are wrong")
        self._proved.add(shape)


class Mirror:
    """One gallery's rows on the device, brought up to date block by block. Thread-safe, as searches are."""

    def __init__(self, accelerator: Accelerator, rows: Rows) -> None:
        self._accelerator = accelerator
        self._rows = rows
        self._mirrored: dict[int, _Mirrored] = {}
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
            self._give_up(error)
            raise DeviceFailed from error

    def forget_changed(self) -> None:
        """Keep nothing of what was changed since: a deleted template does not stay there either.

        The rows are not changed while this runs.
        """
        with self._refreshing:
            present = {
                number: block.version
                for number, (block, _, _) in enumerate(self._rows.parts(self._rows.layout.block_rows))
            }
            for number, mirrored in list(self._mirrored.items()):
                if present.get(number) != mirrored.version:
                    del self._mirrored[number]

    def release(self) -> None:
        """Keep nothing."""
        with self._refreshing:
            self._mirrored.clear()

    def _give_up(self, error: Exception) -> None:
        self._has_failed = True
        self.release()
        # Not its words: they may hold anything.
        _LOG.error("a gallery is searched without the GPU from now on: %s", type(error).__name__)

    def _refresh(self) -> list[tuple[Block, int, int, _Mirrored]]:
        """Blocks in use, the number of their first row, how many rows are in them, and they on the device."""
        size = self._rows.layout.block_rows
        found = []
        with self._refreshing:
            for number, (block, start, part) in enumerate(self._rows.parts(size)):
                # Read first: what is written while it is copied, by mistake, has another version afterwards.
                version = block.version
                mirrored = self._mirrored.get(number)
                if mirrored is None or mirrored.version != version:
                    self._mirrored.pop(number, None)  # first: there may be no room for both
                    mirrored = self._mirrored[number] = _Mirrored(
                        version,
                        self._accelerator.put(_filled_up(block.codes, part.stop)),
                        self._accelerator.put(_filled_up(block.scales, part.stop).astype(np.float32)),
                    )
                found.append((block, start, part.stop, mirrored))
            for number in [each for each in self._mirrored if each >= len(found)]:
                del self._mirrored[number]
        return found

    def _look(
        self, firsts: Sequence[FirstPass], blocks: list[tuple[Block, int, int, _Mirrored]], skip: int
    ) -> None:
        width = next(each for each in _PROBES if each >= len(firsts))
        self._accelerator.prove(self._rows.layout.block_rows, self._rows.layout.dimensions, width)
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
        asked = np.array([each.least(block) for each in firsts])
        lowered = np.full(width, np.inf, np.float32)  # what only fills up finds nothing
        lowered[: len(firsts)] = asked - _SLACK * (np.abs(asked) + 1.0)
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


def _may_be_there() -> bool:
    return importlib.util.find_spec("jax") is not None and any(sign.exists() for sign in _SIGNS_OF_A_GPU)


def _first_gpu() -> Any:
    # Each worker takes what its galleries need, and not, as is the default, nearly all at once.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax

    return jax.devices("gpu")[0]
