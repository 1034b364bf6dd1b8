from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.transparency.checkpoint import Checkpoint, CheckpointInvalid, parse_count

ROOT = bytes(range(32))
TEXT = "example.com/log\n300\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
LINES = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1)


def test_a_checkpoint_is_three_lines():
    """Origin, size and root, as c2sp.org/tlog-checkpoint has them."""
    assert Checkpoint("example.com/log", 300, ROOT).text == TEXT
    assert Checkpoint.parse(TEXT) == Checkpoint("example.com/log", 300, ROOT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n\n",
        TEXT[:-1],
        TEXT + "\n",
        TEXT + "extension\n",
        "\n" + TEXT,
        TEXT.replace("example.com/log", ""),
        TEXT.replace("example.com/log", "example\tcom"),
        TEXT.replace("300", "0300"),
        TEXT.replace("300", "+300"),
        TEXT.replace("300", "-1"),
        TEXT.replace("300", "3_0"),
        TEXT.replace("300", " 300"),
        TEXT.replace("300", ""),
        TEXT.replace("300", "\u0663"),
        TEXT.replace("300", "9223372036854775808"),
        TEXT.replace("300", "9" * 5000),
        TEXT.replace("8=", "8"),
        TEXT.replace("8=", "9="),
        TEXT.replace("AAEC", ""),
        TEXT.replace("\n", "\r\n"),
    ],
)
def test_what_is_not_quite_a_checkpoint_is_refused(text: str):
    """A size or root that two readers could read in two ways is no size or root."""
    with pytest.raises(CheckpointInvalid):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "values", [("", 1, ROOT), ("a\nb", 1, ROOT), ("a", -1, ROOT), ("a", 2**63, ROOT), ("a", 1, ROOT[1:])]
)
def test_no_checkpoint_is_made_that_could_not_be_read(values):
    """It would be signed and believed by nobody."""
    with pytest.raises(CheckpointInvalid):
        Checkpoint(*values)


@pytest.mark.parametrize("count", [0, 1, 10, 2**63 - 1])
def test_a_count_is_decimal(count: int):
    """Up to what every reader can count to."""
    assert parse_count(str(count)) == count


@given(LINES, st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_written_checkpoint_is_read_back(origin: str, size: int, root: bytes):
    """Whatever the log is called."""
    checkpoint = Checkpoint(origin, size, root)
    assert Checkpoint.parse(checkpoint.text) == checkpoint


@given(st.text() | st.text(alphabet="0123456789\n").map(lambda drawn: TEXT.replace("300", drawn)))
def test_whatever_is_read_is_written_the_same(drawn: str):
    """Parsing raises one error or loses nothing."""
    try:
        checkpoint = Checkpoint.parse(drawn)
    except CheckpointInvalid:
        return
    assert checkpoint.text == drawn
