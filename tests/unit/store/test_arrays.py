"""Arrays that the server reads without parsing."""

from __future__ import annotations

import math
import os
import uuid

import pytest

from countenance.store import BytesArray, Database, FloatArray, UuidArray

IDS = [uuid.uuid4() for _ in range(300)]
FLOATS = [0.1, -0.0, 1e300, 5e-324, math.inf, -1.5]
BYTES = [os.urandom(541) for _ in range(300)]


@pytest.mark.parametrize(
    ("array", "type_", "values"),
    [
        (UuidArray, "uuid[]", IDS),
        (UuidArray, "uuid[]", IDS[:1]),
        (FloatArray, "float8[]", FLOATS),
        (FloatArray, "float8[]", FLOATS * 20),
        (BytesArray, "bytea[]", BYTES),
        (BytesArray, "bytea[]", BYTES[:3]),
    ],
)
def test_the_server_has_what_was_given(database: Database, array, type_: str, values):
    """As the driver's own lists, element by element, also where the statement names no type."""
    with database.read() as connection:
        plain, typed, count = connection.execute(
            f"select %(array)s, %(array)s::{type_}, cardinality(%(array)s)",
            {"array": array.of(values)},
            binary=True,
        ).fetchone()
        (own,) = connection.execute(f"select %s::{type_}", (values,), binary=True).fetchone()
    assert plain == typed == own == values
    assert count == len(values)


@pytest.mark.parametrize(
    ("array", "type_"), [(UuidArray, "uuid"), (FloatArray, "float8"), (BytesArray, "bytea")]
)
def test_an_empty_one_has_no_rows(database: Database, array, type_: str):
    with database.read() as connection:
        rows = connection.execute(f"select * from unnest(%s::{type_}[])", (array.of([]),)).fetchall()
    assert rows == []


@pytest.mark.parametrize("values", [[b"a", b"bb"], [b"", b""]])
def test_bytes_are_of_one_length(values: list[bytes]):
    with pytest.raises(AssertionError):
        BytesArray.of(values)
