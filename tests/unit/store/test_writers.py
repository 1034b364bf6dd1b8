from __future__ import annotations

import threading

import pytest

from countenance.errors import ThrottlingException
from countenance.store import Database, wait_for_writers


def test_who_began_to_write_before_is_waited_for_and_nobody_else(database: Database):
    done = threading.Event()

    def wait():
        wait_for_writers(database)
        done.set()

    thread = threading.Thread(target=wait)
    with database.transaction() as writer:
        writer.execute("select pg_current_xact_id()")
        thread.start()
        assert not done.wait(0.3)
    assert done.wait(30)
    thread.join()
    with database.transaction() as reader:
        reader.execute("select 1")
        wait_for_writers(database, within_s=30)


def test_one_that_does_not_end_is_told(database: Database):
    with database.transaction() as writer:
        writer.execute("select pg_current_xact_id()")
        with pytest.raises(ThrottlingException, match="does not end"):
            wait_for_writers(database, within_s=0.2)
