"""Array parameters in PostgreSQL's own format, made at once: for statements that take thousands of rows.

As lists they would be written as text element by element, bytes as twice as many hexadecimal digits, and
parsed again by the server: half of what it takes to store a face.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from uuid import UUID

import numpy as np
from psycopg import Connection
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEAD = struct.Struct(">iiiii")
"""Dimensions, whether there are nulls, type of the elements; how many, and the number of the first."""
_LENGTH = struct.Struct(">i")
_FEW = 16
"""Fewer elements are put together one by one before NumPy has begun."""


class UuidArray(bytes):
    """A uuid[]."""

    @classmethod
    def of(cls, ids: Sequence[UUID]) -> UuidArray:
        """One element each."""
        return cls(_array(2950, 16, b"".join([each.bytes for each in ids]), len(ids)))


class FloatArray(bytes):
    """A float8[]."""

    @classmethod
    def of(cls, values: Sequence[float]) -> FloatArray:
        """One element each."""
        return cls(_array(701, 8, struct.pack(f">{len(values)}d", *values), len(values)))


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
    if not count:
        return _HEAD.pack(0, 0, type_, 0, 0)[:12]  # without a dimension there is none to describe
    head = _HEAD.pack(1, 0, type_, count, 1)
    if count < _FEW:
        length, starts = _LENGTH.pack(size), range(0, count * size, size)
        return head + b"".join([length + values[start : start + size] for start in starts])
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
