"""Array parameters in PostgreSQL's own format, made at once: for statements that take thousands of rows.

As lists they would be written as text element by element, bytes as twice as many hexadecimal digits, and
parsed again by the server: half of what it takes to store a face.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEAD = np.dtype(
    [("dimensions", ">i4"), ("nulls", ">i4"), ("type", ">i4"), ("count", ">i4"), ("first", ">i4")]
)


class UuidArray(bytes):
    """A uuid[]."""

    @classmethod
    def of(cls, ids: Sequence[UUID]) -> UuidArray:
        """One element each."""
        return cls(_array(2950, 16, b"".join([each.bytes for each in ids]), len(ids)))


class FloatArray(bytes):
    """A float8[]."""

    @classmethod
    def of(cls, values: Sequence[float] | NDArray[np.float64]) -> FloatArray:
        """One element each."""
        return cls(_array(701, 8, np.asarray(values, ">f8").tobytes(), len(values)))


class BytesArray(bytes):
    """A bytea[]."""

    @classmethod
    def of(cls, values: Sequence[bytes]) -> BytesArray:
        """One element each; all of one length, and not of none."""
        size = len(values[0]) if values else 1
        assert size > 0
        assert all(len(each) == size for each in values)
        return cls(_array(17, size, b"".join(values), len(values)))


def _array(type_: int, size: int, values: bytes, count: int) -> bytes:
    """An array of one dimension, without nulls: its head, then each element behind its length."""
    head = np.array([(1 if count else 0, 0, type_, count, 1)], _HEAD).tobytes()
    if not count:
        return head[:12]  # without a dimension there is none to describe
    elements = np.empty(count, [("size", ">i4"), ("value", f"V{size}")])
    elements["size"] = size
    elements["value"] = np.frombuffer(values, f"V{size}")
    return head + elements.tobytes()


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: bytes) -> bytes:
        return obj


class _UuidArrayDumper(_ArrayDumper):
    oid = 2951


class _FloatArrayDumper(_ArrayDumper):
    oid = 1022


class _BytesArrayDumper(_ArrayDumper):
    oid = 1001


_DUMPERS: tuple[tuple[type[bytes], type[_ArrayDumper]], ...] = (
    (UuidArray, _UuidArrayDumper),
    (FloatArray, _FloatArrayDumper),
    (BytesArray, _BytesArrayDumper),
)


def accept_arrays(connection: Connection) -> None:
    """Let statements on this connection have these as parameters."""
    for array, dumper in _DUMPERS:
        connection.adapters.register_dumper(array, dumper)
