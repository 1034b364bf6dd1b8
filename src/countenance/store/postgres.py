"""The embedded PostgreSQL: one per data directory, private, and stopped with us.

DATA_DIR/postgres/password     of the one database user, mode 600
DATA_DIR/postgres/cluster/     PostgreSQL's own files
DATA_DIR/postgres/run/         its socket, when the path is short enough for one
DATA_DIR/postgres/server.log   what PostgreSQL says; it is never told statements' parameters
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg

from countenance.errors import SetupError
from countenance.store.cluster import USER, explain, require_cluster
from countenance.store.directory_lock import is_owned, take_directory
from countenance.store.files import make_private_directory, write_private
from countenance.store.launch import Launcher, find_binaries, find_launcher
from countenance.store.processes import processes_in, send, wait_for_end

_LOG = logging.getLogger(__name__)

DATABASE = "countenance"
_LONGEST_SOCKET_PATH_BYTES = 103  # 107 on Linux, 103 on macOS
_SOCKET_NAME = ".s.PGSQL.5432"
_START_PATIENCE_S = 300.0  # after a crash PostgreSQL first replays what it had confirmed
_FAST_STOP_PATIENCE_S = 30.0
_HARD_STOP_PATIENCE_S = 10.0
_LOG_BYTES_KEPT = 10 * 1024 * 1024
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "wal_compression": "on",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "10min",
    # our statements are short: compiling and parallel workers cost more than they give
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    # three processes fewer, and nothing to gain on a database that fits in memory
    "io_method": "sync",
    "huge_pages": "off",
    # INVARIANT: the log names no person: neither statements nor the values that a constraint refused
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}


class EmbeddedPostgres:
    """A PostgreSQL server that runs as long as we do, on a socket that only this user can reach.

    Not thread-safe; only the process that started it stops it. A server left over from a killed process
    is stopped first; whatever it had confirmed is there afterwards.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir.absolute()
        self._directory = self._data_dir / "postgres"
        self._owner = os.getpid()
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._cluster: Path | None = None
        self._sockets: Path | None = None
        self._password = ""
        self.notice = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where to connect, password included: not for logs."""
        assert self._sockets is not None, "the server is not started"
        return _url(self._password, self._sockets)

    @staticmethod
    def running_url(data_dir: Path) -> str | None:
        """Where to connect to the server that another process runs on `data_dir`; None when none runs."""
        if not is_owned(data_dir):
            return None
        home = find_launcher().home(data_dir.absolute() / "postgres")
        try:
            password = (home / "password").read_text("ascii").strip()
        except FileNotFoundError:
            return None  # that process uses a database of its own choice
        sockets = home / "run"
        if len(os.fsencode(sockets / _SOCKET_NAME)) > _LONGEST_SOCKET_PATH_BYTES:
            sockets = Path(os.fsdecode((home / "run.path").read_bytes()))
        return _url(password, sockets)

    def start(self) -> None:
        """Start the server, making the database on the first start; returns when it answers.

        Raises:
            SetupError: another server owns the directory, or PostgreSQL cannot run on it; says why.
        """
        assert self._process is None, "the server is started already"
        self._lock = take_directory(self._data_dir)
        try:
            make_private_directory(self._directory)
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        launcher, binaries = find_launcher(), find_binaries()
        self._owner = os.getpid()
        self.notice = launcher.notice
        if self.notice:
            _LOG.warning(self.notice)
        home = launcher.home(self._directory)
        password_file = home / "password"
        self._password = _require_password(password_file, launcher)
        self._cluster = home / "cluster"
        require_cluster(self._cluster, binaries, launcher, password_file=password_file)
        _stop_leftover(self._cluster)
        self._sockets = _socket_directory(home, launcher)
        log = self._directory / "server.log"
        _rotate(log)
        offset = log.stat().st_size if log.exists() else 0
        self._process = _launch(self._cluster, binaries, launcher, self._sockets, log)
        self._wait_until_ready(self._cluster, log, offset)
        _require_database(self.url)

    def stop(self) -> None:
        """Stop the server and let go of the directory; again, or in another process, does nothing.

        Commits in progress end first; connections are closed. Takes at most 50 s, usually far less.
        """
        if os.getpid() != self._owner:
            return
        if self._process is not None:
            for number, patience_s in (
                (signal.SIGINT, _FAST_STOP_PATIENCE_S),
                (signal.SIGQUIT, _HARD_STOP_PATIENCE_S),
                (signal.SIGKILL, _HARD_STOP_PATIENCE_S),
            ):
                send([self._process.pid] if self._process.poll() is None else [], number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(patience_s)
                    break
            self._process = None
        if self._sockets is not None and self._sockets.parent != self._directory:
            shutil.rmtree(self._sockets, ignore_errors=True)
        self._sockets = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _wait_until_ready(self, cluster: Path, log: Path, offset: int) -> None:
        """PostgreSQL says so itself, in the eighth line of its pid file."""
        assert self._process is not None
        deadline = time.monotonic() + _START_PATIENCE_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise explain(_read_from(log, offset))
            with contextlib.suppress(OSError, IndexError):
                lines = (cluster / "postmaster.pid").read_text("utf-8", "replace").splitlines()
                if int(lines[0]) == self._process.pid and lines[7].strip() == "ready":
                    return
            time.sleep(0.005)
        raise SetupError(
            f"PostgreSQL was not ready within {_START_PATIENCE_S:.0f} s",
            remedy=f"read `{log}`; if it still recovers, start again later",
        )


def _url(password: str, sockets: Path) -> str:
    return f"postgresql://{USER}:{quote(password, safe='')}@/{DATABASE}?host={quote(str(sockets), safe='')}"


def _require_password(path: Path, launcher: Launcher) -> str:
    with contextlib.suppress(FileNotFoundError):
        return path.read_text("ascii").strip()
    password = secrets.token_urlsafe(32)
    write_private(path, password.encode(), replace=False)
    if launcher.account is not None:
        os.chown(path, *launcher.account)
    return password


def _stop_leftover(cluster: Path) -> None:
    """End what a killed server left running, and forget its pid file, which may name a recycled pid.

    INVARIANT: we hold the lock, so whatever runs in the cluster now is nobody's; and the pid file goes
    only when nothing runs there, as two servers on one cluster destroy it.
    """
    for number, patience_s in (
        (signal.SIGINT, _FAST_STOP_PATIENCE_S),
        (signal.SIGQUIT, _HARD_STOP_PATIENCE_S),
        (signal.SIGKILL, _HARD_STOP_PATIENCE_S),
    ):
        left = processes_in(cluster)
        if not left:
            break
        postmaster = _recorded_pid(cluster)
        send([postmaster] if postmaster in left and number is not signal.SIGKILL else left, number)
        wait_for_end(left, patience_s=patience_s)
    if left := processes_in(cluster):
        raise SetupError(
            f"PostgreSQL processes {left} still run on `{cluster}` and do not end",
            remedy="end them, then start again",
        )
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def _recorded_pid(cluster: Path) -> int | None:
    try:
        return int((cluster / "postmaster.pid").read_text("utf-8", "replace").splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None


def _socket_directory(home: Path, launcher: Launcher) -> Path:
    """A directory of mode 700 whose path leaves room for a socket's name."""
    sockets = home / "run"
    if len(os.fsencode(sockets / _SOCKET_NAME)) > _LONGEST_SOCKET_PATH_BYTES:
        _forget_earlier_sockets(home)
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        place = runtime if runtime and len(runtime) < 60 and os.access(runtime, os.W_OK) else "/tmp"  # noqa: S108
        sockets = Path(tempfile.mkdtemp(prefix="countenance-", dir=place))
        write_private(home / "run.path", os.fsencode(sockets), replace=True)
    else:
        make_private_directory(sockets)
    if launcher.account is not None:
        os.chown(sockets, *launcher.account)
    return sockets


def _forget_earlier_sockets(home: Path) -> None:
    """Remove the short-named directory of a server that was killed, if it is still ours."""
    with contextlib.suppress(OSError):
        earlier = Path(os.fsdecode((home / "run.path").read_bytes()))
        if earlier.name.startswith("countenance-") and earlier.lstat().st_uid == os.geteuid():
            shutil.rmtree(earlier, ignore_errors=True)


def _rotate(log: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_BYTES_KEPT:
            log.replace(log.with_name("server.log.1"))


def _launch(
    cluster: Path, binaries: Path, launcher: Launcher, sockets: Path, log: Path
) -> subprocess.Popen[bytes]:
    settings = _SETTINGS | {"unix_socket_directories": str(sockets)}
    command = [*launcher.prefix, str(binaries / "postgres"), "-D", str(cluster)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # a session of its own: Ctrl-C in our terminal is ours to handle, and PostgreSQL goes last
        return subprocess.Popen(  # noqa: S603  # a program of our own dependency, paths of our own
            command, stdout=descriptor, stderr=descriptor, start_new_session=True, **launcher.keywords()
        )
    except OSError as error:
        raise SetupError(f"PostgreSQL could not be started: {error}") from error
    finally:
        os.close(descriptor)


def _read_from(log: Path, offset: int) -> str:
    with log.open("rb") as file:
        file.seek(offset)
        return file.read().decode("utf-8", "replace")


def _require_database(url: str) -> None:
    """Make our database on the first start: a short look at every later one."""
    administrative = url.replace(f"@/{DATABASE}?", "@/postgres?")
    try:
        with psycopg.connect(administrative, autocommit=True, connect_timeout=10) as connection:
            found = connection.execute("select 1 from pg_database where datname = %s", (DATABASE,)).fetchone()
            if found is None:
                connection.execute(f"create database {DATABASE}")
    except psycopg.Error as error:
        raise SetupError(f"the embedded database does not answer: {str(error).strip()}") from error
