from __future__ import annotations

from datetime import timedelta

from countenance.gateway.services import utc_now


def test_the_clock_has_a_time_zone():
    """Signatures are judged in UTC; a naive time would be taken for the machine's."""
    assert utc_now().utcoffset() == timedelta(0)
