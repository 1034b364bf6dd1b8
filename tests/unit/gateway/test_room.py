from __future__ import annotations

import pytest

from countenance.gateway.room import (
    RESERVE,
    connections_of,
    least_connections_of,
    threads_in_company,
    threads_of,
)
from countenance.settings import Settings


@pytest.mark.parametrize(
    ("workers", "threads", "in_company"), [(1, 1, 1), (1, 4, 2), (2, 4, 1), (1, 16, 8), (4, 16, 2), (8, 2, 1)]
)
def test_in_company_an_account_has_half_of_one_process_of_all_of_them(workers, threads, in_company):
    """Two threads for each core: so it has no more of them than there are cores, and always one."""
    settings = Settings(workers=workers, threads=threads)
    assert threads_of(settings) == threads
    assert threads_in_company(settings) == in_company


def test_every_thread_can_have_two_connections():
    """A call that waits for a connection while another waits for it would end both."""
    settings = Settings(threads=6)
    assert connections_of(settings) >= 2 * (6 + RESERVE)
    assert 6 + RESERVE < least_connections_of(settings) < connections_of(settings)
