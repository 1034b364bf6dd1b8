"""What the supervisor tells its processes arrives whole."""

from __future__ import annotations

from pathlib import Path

from countenance.cli.orders import Orders
from countenance.settings import Settings


def test_orders_are_one_line_and_arrive_as_they_were_given():
    """A path stays a path, none stays none, and a line break in a value ends nothing."""
    settings = Settings(
        data_dir=Path("/data"), models=None, accept_terms="A\nB, é", port=0, insecure_http=True
    )
    orders = Orders(
        settings,
        "postgresql://u:p@/d?host=%2Ftmp",
        listener=7,
        memories=9,
        endpoint="http://[::1]:8",
        rates=11,
    )
    line = orders.to_line()
    assert line.index(b"\n") == len(line) - 1
    assert Orders.from_line(line) == orders
