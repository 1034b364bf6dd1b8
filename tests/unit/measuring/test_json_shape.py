"""A small language of shapes: what it lets through, and what it says of the rest."""

import pytest

from countenance.measuring.json_shape import (
    WrongShape,
    count,
    flag,
    listed,
    members,
    number,
    one_of,
    text,
    unless_refused,
)


@pytest.mark.parametrize(
    ("shape", "good", "bad"),
    [
        (number(0, 1), [0, 1, 0.5], [True, "0", None, 1.01, -1e-9, float("nan"), float("inf")]),
        (count(), [0, 3, 2**53 - 1], [-1, 1.0, True, 2**53, "3"]),
        (flag, [True, False], [0, 1, None, "true"]),
        (text(3), ["a", "abc", "é"], ["", "abcd", 3, None, "\ud800"]),
        (text(9, pattern="[0-9]+"), ["12"], ["12\n", "a1", "\u0661"]),
        (one_of("a", 1.5), ["a", 1.5], ["b", True, [], {}]),
        (listed(count(), most=2, least=1), [[1], [1, 2]], [[], [1, 2, 3], [1.5], {}, "1"]),
        (
            members({"a": count()}, {"b": flag}),
            [{"a": 1}, {"a": 1, "b": True}],
            [{}, {"a": 1, "c": 1}, [], None],
        ),
    ],
)
def test_a_shape_takes_what_it_says_and_nothing_else(shape, good, bad):
    for value in good:
        shape(value, "here")
    for value in bad:
        with pytest.raises(WrongShape, match="here"):
            shape(value, "here")


def test_the_place_is_named():
    """Whoever wrote the file has to find the member."""
    shape = members({"rows": listed(members({"rate": number(0, 1)}), most=9)})
    with pytest.raises(WrongShape, match=r"^rows\[1\]\.rate: a number from 0 to 1, not `2`"):
        shape({"rows": [{"rate": 0}, {"rate": 2}]}, "")


def test_a_refusal_may_stand_for_a_value_and_keeps_its_key():
    shape = unless_refused(members({"max_fmr": number(0, 1), "fmr": number(0, 1)}), {"max_fmr": number(0, 1)})
    shape({"max_fmr": 0.1, "fmr": 0.1}, "")
    shape({"max_fmr": 0.1, "refused": "too few", "trials_needed": 10}, "")
    for bad in (
        {"refused": "too few"},
        {"max_fmr": 0.1, "refused": "x", "fmr": 0.1},
        {"max_fmr": 0.1, "refused": ""},
    ):
        with pytest.raises(WrongShape):
            shape(bad, "")


def test_what_is_wrong_is_not_quoted_at_length():
    """A message may end in a log: it holds no more of a file than helps to find the place."""
    with pytest.raises(WrongShape) as raised:
        count()("x" * 10_000, "here")
    assert len(str(raised.value)) < 150
