"""What a data set calls its groups is looked at, not obeyed."""

import pytest
from markupsafe import Markup

from countenance.measuring.visible import visible


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Ardennes", "Ardennes"),
        ("Cévennes 北 אבג", "Cévennes 北 אבג"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\x00\n\tb", "a⟨U+0000⟩⟨U+000A⟩⟨U+0009⟩b"),
        ("a\u200bb", "a⟨U+200B⟩b"),
        ("a\u2028b", "a⟨U+2028⟩b"),
    ],
)
def test_what_cannot_be_seen_is_shown(given, shown):
    assert visible(given) == shown


def test_what_is_long_is_cut():
    assert visible("x" * 50, most=10) == "x" * 9 + "…"


def test_numbers_and_markup_pass():
    """Markup was made visible when it was made; escaping it again would show its tags."""
    markup = Markup("<b>\u200b</b>")
    assert visible(markup) is markup
    assert visible(3) == 3
