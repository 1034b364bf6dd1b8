from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from countenance.errors import SetupError
from countenance.store import Database, EmbeddedPostgres, StoreUnavailable
from countenance.store.launch import Launcher
from countenance.store.postmaster import _recorded_pid
from countenance.store.processes import is_alive, processes_in

SERVE = """
import sys, time
from pathlib import Path
import psycopg
from countenance.store import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.url, flush=True)
time.sleep(600)
"""


def serve_elsewhere(data_dir: Path) -> tuple[subprocess.Popen[str], str]:
    """A server process of its own, as `countenance serve` is one, and its URL."""
    process = subprocess.Popen([sys.executable, "-c", SERVE, data_dir], stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    process.stdout.close()


def wait_until(condition, *, patience_s: float = 20.0) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def watches() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "postgres-watch"}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a stopped server: copies start without initdb."""
    data_dir = tmp_path_factory.mktemp("template") / "data"
    with EmbeddedPostgres(data_dir):
        pass
    return data_dir


@pytest.fixture
def data_dir(template: Path) -> Iterator[Path]:
    """A copy under a short path, so that the socket lies in the data directory however long pytest's are."""
    with tempfile.TemporaryDirectory(prefix="c-") as folder:
        subprocess.run(["cp", "-a", template, f"{folder}/data"], check=True)
        yield Path(folder) / "data"


def test_nothing_of_the_database_is_open_to_other_users(data_dir: Path):
    """Templates, the password and the socket are ours alone."""
    with EmbeddedPostgres(data_dir) as server:
        postgres = data_dir / "postgres"
        modes = {
            name: stat.S_IMODE((postgres / name).stat().st_mode)
            for name in ("", "password", "cluster", "run", "server.log", "run/.s.PGSQL.5432")
        }
        assert modes == {
            "": 0o700,
            "password": 0o600,
            "cluster": 0o700,
            "run": 0o700,
            "server.log": 0o600,
            "run/.s.PGSQL.5432": 0o700,
        }
        with psycopg.connect(server.url) as connection:
            assert connection.execute("show listen_addresses").fetchone() == ("",)


def test_the_socket_alone_opens_nothing_without_the_password(data_dir: Path):
    """Whoever could reach the socket (root, a container beside us) still has to know the password."""
    with EmbeddedPostgres(data_dir) as server:
        sockets = data_dir / "postgres" / "run"
        for conninfo in (
            f"host={sockets} user=countenance dbname=countenance",
            f"host={sockets} user=countenance dbname=countenance password=wrong",
            f"host={sockets} user=countenance dbname=countenance replication=database",
        ):
            with pytest.raises(psycopg.OperationalError, match=r"password"):
                psycopg.connect(conninfo)
        with psycopg.connect(server.url) as connection:
            (stored,) = connection.execute(
                "select rolpassword from pg_authid where rolpassword is not null"
            ).fetchone()
        assert stored.startswith("SCRAM-SHA-256$")


def test_what_was_written_is_there_after_a_stop_and_a_start(data_dir: Path):
    """The first thing anybody expects of a database."""
    with EmbeddedPostgres(data_dir) as server, psycopg.connect(server.url) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (1)")
    with EmbeddedPostgres(data_dir) as server, psycopg.connect(server.url) as connection:
        assert connection.execute("select n from kept").fetchall() == [(1,)]


def test_a_stop_leaves_no_process_no_lock_and_can_be_repeated(data_dir: Path):
    """Ctrl-C stops everything; a second stop, from an exit handler, must not fail."""
    server = EmbeddedPostgres(data_dir)
    server.start()
    server.stop()
    server.stop()
    assert processes_in(data_dir / "postgres" / "cluster") == []
    with EmbeddedPostgres(data_dir):
        pass


def test_a_second_server_on_the_same_directory_gets_a_clear_error(data_dir: Path):
    """Two servers on one data directory would destroy it; the message names the other one."""
    with EmbeddedPostgres(data_dir), pytest.raises(SetupError, match=f"process {os.getpid()}.*stop it"):
        EmbeddedPostgres(data_dir).start()


def test_a_killed_server_leaves_a_database_that_the_next_one_takes_over(data_dir: Path):
    """kill -9 of our server orphans PostgreSQL: what it confirmed must be there, and nobody must clean up."""
    process, url = serve_elsewhere(data_dir)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (7)")
        kill(process)
        orphan = _recorded_pid(data_dir / "postgres" / "cluster")
        assert is_alive(orphan)
        with EmbeddedPostgres(data_dir) as server, psycopg.connect(server.url) as again:
            assert not is_alive(orphan)
            assert again.execute("select n from kept").fetchall() == [(7,)]


def test_our_server_and_postgresql_killed_together_lose_nothing(data_dir: Path):
    """As after a power cut: the log is replayed, the stale pid file is no obstacle."""
    process, url = serve_elsewhere(data_dir)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (7)")
    kill(process)
    cluster = data_dir / "postgres" / "cluster"
    for pid in processes_in(cluster):
        with contextlib.suppress(ProcessLookupError):  # backends end with their postmaster
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not processes_in(cluster))
    assert (cluster / "postmaster.pid").exists()
    with EmbeddedPostgres(data_dir) as server, psycopg.connect(server.url) as again:
        assert again.execute("select n from kept").fetchall() == [(7,)]


def test_a_pid_file_that_names_a_living_stranger_is_stale(data_dir: Path):
    """Pids are recycled: after a reboot the recorded one may be any process, and must not be touched."""
    cluster = data_dir / "postgres" / "cluster"
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (cluster / "postmaster.pid").write_text(
            f"{stranger.pid}\n{cluster}\n1700000000\n5432\n/nowhere\n\n  1 1\nready\n"
        )
        with EmbeddedPostgres(data_dir):
            assert stranger.poll() is None
        stranger.kill()


def test_a_database_that_dies_under_us_comes_back_at_the_same_address(data_dir: Path):
    """The kernel kills what takes too much memory; calls fail for a moment and then work again."""
    with EmbeddedPostgres(data_dir) as server, Database(server.url, max_connections=4) as database:
        with database.transaction() as connection:
            connection.execute("create table kept (n int)")
            connection.execute("insert into kept values (1)")
        killed = _recorded_pid(data_dir / "postgres" / "cluster")
        with pytest.raises(StoreUnavailable), database.transaction() as connection:
            connection.execute("insert into kept values (2)")
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda: not is_alive(killed))
            connection.execute("insert into kept values (3)")
        with database.read() as connection:
            assert connection.execute("select n from kept").fetchall() == [(1,)]
        assert _recorded_pid(data_dir / "postgres" / "cluster") != killed


def test_a_stop_during_a_restart_still_stops_everything(data_dir: Path):
    """Ctrl-C at the worst moment must not leave a server that nobody owns."""
    before = watches()
    server = EmbeddedPostgres(data_dir)
    server.start()
    os.kill(_recorded_pid(data_dir / "postgres" / "cluster"), signal.SIGKILL)
    server.stop()
    # what the killed server had started ends by itself, in a moment
    wait_until(lambda: processes_in(data_dir / "postgres" / "cluster") == [])
    assert watches() == before


def test_a_long_path_gets_a_short_socket_directory_that_is_cleaned_up(template: Path, tmp_path: Path):
    """A socket's path has at most 107 bytes, and home folders can be deep."""
    data_dir = tmp_path / ("d" * 60) / ("e" * 60)
    data_dir.parent.mkdir()
    subprocess.run(["cp", "-a", template, data_dir], check=True)
    with EmbeddedPostgres(data_dir) as server, psycopg.connect(server.url) as connection:
        sockets = Path(connection.info.host)
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert EmbeddedPostgres.running_url(data_dir) == server.url
    assert not sockets.exists()


def test_a_killed_servers_short_socket_directory_goes_with_the_next_start(template: Path, tmp_path: Path):
    """Otherwise each kill would leave one behind for ever."""
    data_dir = tmp_path / ("d" * 60) / ("e" * 60)
    data_dir.parent.mkdir()
    subprocess.run(["cp", "-a", template, data_dir], check=True)
    process, url = serve_elsewhere(data_dir)
    left = Path(psycopg.conninfo.conninfo_to_dict(url)["host"])
    kill(process)
    with EmbeddedPostgres(data_dir):
        assert not left.exists()


def test_a_missing_password_is_told_with_its_remedy(data_dir: Path):
    """A new one would not fit the cluster; better said than met as a failed log-in."""
    (data_dir / "postgres" / "password").unlink()
    with pytest.raises(SetupError, match=r"password` is missing.*backup"):
        EmbeddedPostgres(data_dir).start()


def test_only_the_process_that_started_it_stops_it(data_dir: Path):
    """A forked worker that ends must not take the database with it."""
    with EmbeddedPostgres(data_dir) as server:
        server._owner = os.getpid() + 1
        server.stop()
        with psycopg.connect(server.url) as connection:
            connection.execute("select 1")
        server._owner = os.getpid()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give PostgreSQL another account")
def test_where_namespaces_are_forbidden_it_runs_as_an_account_of_its_own_and_says_so(tmp_path: Path, caplog):
    """Containers often forbid namespaces; PostgreSQL still must not run as root."""
    account = pwd.getpwnam("nobody")
    launcher = Launcher(account=(account.pw_uid, account.pw_gid), notice="runs as `nobody`")
    data_dir = tmp_path / "data"
    home = launcher.home(data_dir / "postgres")
    try:
        with EmbeddedPostgres(data_dir, launcher=launcher) as server:
            assert server.notice in caplog.text
            assert home.stat().st_uid == account.pw_uid
            postmaster = _recorded_pid(home / "cluster")
            assert Path(f"/proc/{postmaster}").stat().st_uid == account.pw_uid
            with psycopg.connect(server.url) as connection:
                connection.execute("select 1")
    finally:
        shutil.rmtree(home)
        with contextlib.suppress(OSError):  # another installation's folder may be there
            home.parent.rmdir()
