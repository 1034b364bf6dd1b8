"""What one process takes for its calls: threads, and connections to the database."""

from __future__ import annotations

import os
from typing import Final

from countenance.settings import Settings

RESERVE: Final = 2
"""Threads more, for what must go through however many faces are looked for (`limits`)."""
_THREADS_PER_CORE: Final = 2
"""A call waits for its commit while another one computes."""
_SPARE_CONNECTIONS: Final = 8
"""For admission, health and the log's pages, which have threads of their own."""
_SITE_CONNECTIONS: Final = 12
"""For the console's pages, and the calls that they make at once."""


def threads_of(settings: Settings) -> int:
    """Threads that run operations, the reserve not among them."""
    return settings.threads or _THREADS_PER_CORE * (os.cpu_count() or 1)


def threads_in_company(settings: Settings) -> int:
    """How many of them one account has at most while others call: of all processes, half of one's."""
    return max(1, threads_of(settings) // (2 * settings.workers))


def least_connections_of(settings: Settings) -> int:
    """Connections to the database without which calls of one process wait for one another's."""
    return threads_of(settings) + RESERVE + _SPARE_CONNECTIONS


def connections_of(settings: Settings) -> int:
    """Connections to the database that one process may come to have."""
    # A call with a ClientRequestToken reads on a second connection while its transaction is open.
    return 2 * (threads_of(settings) + RESERVE) + _SPARE_CONNECTIONS + _SITE_CONNECTIONS
