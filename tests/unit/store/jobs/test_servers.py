from __future__ import annotations

import pytest

from countenance.errors import SetupError
from countenance.store.jobs import Task, server_id
from countenance.store.jobs.servers import lock_of, queue_of, queues_of

COMMON, LOCAL = Task("common", print), Task("local", print, is_local=True)


def test_a_server_keeps_its_id(tmp_path):
    one = server_id(tmp_path / "one")
    assert server_id(tmp_path / "one") == one
    assert server_id(tmp_path / "two") != one
    assert (tmp_path / "one" / "server-id").stat().st_mode & 0o077 == 0
    (tmp_path / "one" / "server-id").write_text("no; id")
    with pytest.raises(SetupError, match="holds no server id"):
        server_id(tmp_path / "one")
    (tmp_path / "two" / "server-id").write_bytes(b"\xff")
    with pytest.raises(SetupError, match="cannot be used"):
        server_id(tmp_path / "two")


def test_a_server_takes_from_the_common_queue_and_from_its_own():
    assert queues_of("one") == [queue_of(COMMON, "two"), queue_of(LOCAL, "one")]
    assert queue_of(LOCAL, "two") not in queues_of("one")


def test_a_local_task_keeps_no_other_server_from_its_own():
    assert lock_of(COMMON, "one") == lock_of(COMMON, "two")
    assert lock_of(LOCAL, "one") != lock_of(LOCAL, "two")
