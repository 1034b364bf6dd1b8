"""Forms with files: what browsers send is read, and what strangers send costs nothing."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.console.multipart import MOST_PARTS, NotSplit, split_form

KIND = "multipart/form-data; boundary=b"
HEAD = b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n'
LONGEST_S = 0.5
"""A hundred times what it takes, so that a busy machine does not fail it; before, it was nine seconds."""


def nested(depth: int, newlines: int) -> bytes:
    """Forms in forms, each with a boundary of its own."""
    parts = [
        b"--b%s\r\ncontent-type: multipart/mixed; boundary=b%d\r\n\r\n"
        % (b"" if level == 0 else b"%d" % (level - 1), level)
        for level in range(depth)
    ]
    return b"".join(parts) + b"\n" * newlines


@pytest.mark.parametrize(
    "body",
    [
        nested(900, 100_000),
        HEAD + b"\r\n" * 5_000_000,
        HEAD + b"\r\n--" * 2_500_000,
        (HEAD + b"\r\n") * 200_000 + b"--b--",
        b"--b\r\n" + b"x: y\r\n" * 1_500_000 + b"\r\n\r\n1\r\n--b--",
        b'--b\r\ncontent-disposition: form-data; name="' + b"a" * 10_000_000 + b'"\r\n\r\n1\r\n--b--',
    ],
    ids=["nested", "newlines", "almost boundaries", "parts", "headers", "a name"],
)
def test_nonsense_of_any_size_is_refused_at_once(body):
    """A small form took nine seconds of the process when parts could hold parts."""
    began = time.process_time()
    with pytest.raises(NotSplit):
        split_form(KIND, body)
    assert time.process_time() - began < LONGEST_S


def test_as_many_parts_as_are_taken_and_one_more():
    body = (HEAD + b"1\r\n") * MOST_PARTS + b"--b--\r\n"
    values, _ = split_form(KIND, body)
    assert len(values) == MOST_PARTS
    with pytest.raises(NotSplit):
        split_form(KIND, HEAD + b"1\r\n" + body)


@pytest.mark.parametrize(
    ("kind", "disposition"),
    [
        (KIND, b'attachment; name="a"'),
        (KIND, b'form-data; filename="a"'),
        (KIND, b"form-data; name=a"),
        (KIND, b'form-data; name="a"; filename*=x'),
        (KIND + "; charset=x", b'form-data; name="a"'),
        ("multipart/form-data; boundary=" + "b" * 71, b'form-data; name="a"'),
        ("multipart/mixed; boundary=b", b'form-data; name="a"'),
    ],
)
def test_a_part_is_one_of_a_form(kind, disposition):
    with pytest.raises(NotSplit):
        split_form(kind, b"--b\r\ncontent-disposition: " + disposition + b"\r\n\r\n1\r\n--b--\r\n")


@given(
    st.lists(
        st.tuples(st.from_regex("[a-z]{1,9}", fullmatch=True), st.binary(max_size=60)), min_size=1, max_size=9
    )
)
def test_what_a_browser_joins_is_split_again(files):
    """Any bytes but the boundary are the content's own, line breaks at its ends too."""
    mark = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
    joined = b"".join(
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="x.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, content in files
    )
    found = split_form(f"multipart/form-data; boundary={mark}", joined + f"--{mark}--\r\n".encode())
    assert found == ([], dict(files))
