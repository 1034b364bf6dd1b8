from __future__ import annotations

import pytest

from countenance.wire.pattern import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (r"\d{2}", "12", True),
        (r"\d{2}", "\u0661\u0662", False),
        (r"\w+", "a_1", True),
        (r"\w+", "é", False),
        (r"[\w.-]+", "a.b-c", True),
        (r"[a-z\d-]+", "us-east-1", True),
        (r"\S*", "a b", False),
        (r"\S*", "a\u00a0b", True),
        (r"\s", "\u00a0", False),
        (r"[\u0009\u000A\u0020-\u00FF]+", "a\té", True),
        (r"[\p{L}]+", "né北", True),
        (r"\[x\d\]", "[x1]", True),
    ],
)
def test_classes_in_patterns_are_ascii_except_where_they_name_unicode(pattern, text, matches):
    r"""So \d takes no Arabic digits while \p{L} takes letters of every script."""
    assert (compile_pattern(pattern).fullmatch(text) is not None) == matches
