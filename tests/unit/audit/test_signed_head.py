from __future__ import annotations

import stat

import pytest

from countenance.audit.signed_head import SignedHead
from countenance.audit.tree import LogDamaged, LogTree
from countenance.errors import SetupError
from countenance.transparency.checkpoint import Checkpoint
from log_rows import ORIGIN, grow, open_test_log


@pytest.fixture
def log(empty_database_url):
    with open_test_log(empty_database_url) as database:
        yield database


def require_extended(log, directory, *, origin=ORIGIN):
    """As a process does that knows nothing but the file."""
    with log.read() as connection:
        (size,) = connection.execute("select size from audit_log").fetchone()
        SignedHead(directory).require_extended(connection, LogTree(), origin, size)


def head_of(log, *, origin=ORIGIN):
    with log.read() as connection:
        (size,) = connection.execute("select size from audit_log").fetchone()
        return Checkpoint(origin, size, LogTree().root(connection, size))


def test_a_log_that_grew_extends_what_was_kept(log, tmp_path):
    """Before anything was kept every log does."""
    require_extended(log, tmp_path)
    grow(log, 3)
    SignedHead(tmp_path).keep(head_of(log))
    require_extended(log, tmp_path)
    grow(log, 300)
    require_extended(log, tmp_path)


@pytest.mark.parametrize(
    "change", ["update audit_log set size = 2", "update audit_entry set entry = 'other'"]
)
def test_a_log_that_is_shorter_or_another_does_not(log, tmp_path, change):
    grow(log, 3)
    SignedHead(tmp_path).keep(head_of(log))
    with log.transaction() as connection:
        connection.execute("alter table audit_entry disable trigger append_only")
        connection.execute(change)
    with pytest.raises(LogDamaged, match="do not extend the 3 that were signed"):
        require_extended(log, tmp_path)


def test_each_log_has_its_own_head(log, tmp_path):
    """A key store may have served another database before."""
    SignedHead(tmp_path).keep(Checkpoint("other.example/log", 9, b"\x01" * 32))
    grow(log, 3)
    SignedHead(tmp_path).keep(head_of(log))
    require_extended(log, tmp_path)
    with pytest.raises(LogDamaged, match="do not extend the 9"):
        require_extended(log, tmp_path, origin="other.example/log")


def test_the_file_is_a_checkpoint_that_only_we_may_read(log, tmp_path):
    grow(log, 3)
    SignedHead(tmp_path).keep(head_of(log))
    path = tmp_path / "log-head"
    assert path.read_text() == head_of(log).text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"log.example/test\n3\n", b"\xff", b"\n\n\n"])
def test_a_file_that_is_none_is_told_with_a_remedy(log, tmp_path, content):
    """And not taken for a log without a past."""
    (tmp_path / "log-head").write_bytes(content)
    with pytest.raises(SetupError, match="log-head` cannot be read") as caught:
        require_extended(log, tmp_path)
    assert caught.value.remedy
