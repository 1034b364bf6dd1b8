"""From where a code is shown: what one visitor has at hand is one place, however many addresses that is."""

from __future__ import annotations

import pytest

from countenance.console.public_site import _place_of
from countenance.console.request import WebRequest


def place_of(client):
    return _place_of(WebRequest(method="POST", path="/people", query="", headers={}, client=client))


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("2001:db8:1:2::7", "2001:db8:1:2:ffff::1", True),  # a /64 is what one subscriber gets
        ("2001:db8:1:2::7", "2001:db8:1:3::7", False),
        ("", "nonsense", False),
    ],
)
def test_a_limit_holds_a_visitor_and_not_an_address_of_theirs(one, other, is_same):
    """Else who has IPv6 has tries without end, and an entry in the log for each."""
    assert (place_of(one) == place_of(other)) is is_same
