"""Strict reading of a manifest's tables."""

from __future__ import annotations

import pytest

from countenance.errors import SetupError
from countenance.vision.manifest_table import ManifestTable


def table(**values) -> ManifestTable:
    return ManifestTable(values, file="pack.toml")


def test_a_key_that_nobody_asked_for_is_an_error():
    """A misspelt key would otherwise be a default that nobody chose."""
    read = table(name="a", nmae="b")
    read.require_text("name")
    with pytest.raises(SetupError, match=r"pack\.toml: `nmae` is not a key"):
        read.finish()


def test_messages_name_the_path_of_a_nested_key():
    """A manifest has many `sha256`; the message says which."""
    outer = table(artifacts=[{"sources": [{}]}])
    inner = outer.require_tables("artifacts")[0].require_tables("sources")[0]
    with pytest.raises(SetupError, match=r"`artifacts\[0\]\.sources\[0\]\.url` is missing"):
        inner.require_text("url")


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda t: t.require_text("key"), 1),
        (lambda t: t.require_text("key"), " "),
        (lambda t: t.require_whole("key", minimum=1), 0),
        (lambda t: t.require_whole("key", minimum=0), True),
        (lambda t: t.require_whole("key", minimum=0), 1.0),
        (lambda t: t.require_number("key"), "1"),
        (lambda t: t.require_number("key"), float("nan")),
        (lambda t: t.require_number("key"), float("inf")),
        (lambda t: t.require_number("key"), True),
        (lambda t: t.require_flag("key"), 1),
        (lambda t: t.require_choice("key", ("a", "b")), "c"),
        (lambda t: t.require_numbers("key", count=3), [1, 2]),
        (lambda t: t.require_numbers("key"), [1, "2"]),
        (lambda t: t.require_points("key", count=2), [[1, 2], [3]]),
        (lambda t: t.require_points("key", count=2), [[1, 2]]),
        (lambda t: t.require_texts("key"), []),
        (lambda t: t.require_texts("key"), ["a", 1]),
        (lambda t: t.require_table("key"), "text"),
        (lambda t: t.require_tables("key"), ["text"]),
        (lambda t: t.require_tables("key"), {}),
    ],
)
def test_a_value_of_another_kind_is_refused_by_name(read, value):
    """Nothing in a manifest is coerced."""
    with pytest.raises(SetupError, match="`key`"):
        read(table(key=value))


def test_values_come_back_as_written():
    """Whole numbers may stand for numbers, as TOML authors write them."""
    read = table(text="a", whole=3, number=2, flag=False, numbers=[1, 2.5], points=[[1, 2]], texts=["x"])
    assert read.require_text("text") == "a"
    assert read.require_whole("whole", minimum=3) == 3
    assert read.require_number("number") == 2.0
    assert read.require_flag("flag") is False
    assert read.require_numbers("numbers", count=2) == (1.0, 2.5)
    assert read.require_points("points", count=1) == ((1.0, 2.0),)
    assert read.require_texts("texts") == ("x",)
    assert read.require_tables("absent") == []
    read.finish()
