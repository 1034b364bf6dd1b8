"""The embedded PostgreSQL: one per data directory, private, and stopped with us.

DATA_DIR/postgres/password     of the one database user, mode 600
DATA_DIR/postgres/cluster/     PostgreSQL's own files
DATA_DIR/postgres/run/         its socket, when the path is short enough for one
DATA_DIR/postgres/server.log   what PostgreSQL says; it is never told statements' parameters
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import threading
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg

from countenance.errors import SetupError
from countenance.store.cluster import USER, require_cluster
from countenance.store.directory_lock import is_owned, take_directory
from countenance.store.files import make_private_directory, write_private
from countenance.store.launch import Launcher, find_binaries, find_launcher
from countenance.store.postmaster import Place, Postmaster, end_leftover
from countenance.store.sockets import find_socket_directory, make_socket_directory, remove_socket_directory

_LOG = logging.getLogger(__name__)

DATABASE = "countenance"
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0


class EmbeddedPostgres:
    """A PostgreSQL server that runs as long as we do, on a socket that only this user can reach.

    Started and stopped by one thread of one process. A server left over from a killed process is
    stopped first; whatever it had confirmed is there afterwards. A server that dies under us is started
    again at the same address.

    Attributes:
        notice: what the operator should know about how it runs here; empty when nothing is unusual.
    """

    def __init__(self, data_dir: Path, *, launcher: Launcher | None = None) -> None:
        self._data_dir = data_dir.absolute()
        self._launcher = launcher
        self._owner = os.getpid()
        self._lock: int | None = None
        self._home: Path | None = None
        self._url = ""
        self._postmaster: Postmaster | None = None
        self._stopping = threading.Event()
        self._watch: threading.Thread | None = None
        self.notice = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where to connect, password included: not for logs."""
        assert self._url, "the server is not started"
        return self._url

    @staticmethod
    def running_url(data_dir: Path) -> str | None:
        """Where to connect to the server that another process runs on `data_dir`; None when none runs."""
        if not is_owned(data_dir):
            return None
        home = find_launcher().home(data_dir.absolute() / "postgres")
        try:
            return _url_of(home, find_socket_directory(home))
        except FileNotFoundError:
            return None  # that process uses a database of its own choice

    @staticmethod
    def remove(data_dir: Path) -> None:
        """Remove the files of a server for good, wherever they lie; no error when there are none.

        The caller knows that nobody owns the directory: what a killed owner left running is ended first.

        Raises:
            SetupError: it does not end.
        """
        directory = data_dir.absolute() / "postgres"
        home = find_launcher().home(directory) if directory.exists() else directory
        if (home / "cluster").exists():
            end_leftover(home / "cluster", home / "run")
            remove_socket_directory(home)
        for folder in {directory, home}:
            shutil.rmtree(folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server, making the database on the first start; returns when it answers.

        Raises:
            SetupError: another server owns the directory, or PostgreSQL cannot run on it; says why.
        """
        assert self._lock is None, "the server is started already"
        self._owner = os.getpid()
        self._lock = take_directory(self._data_dir)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and let go of the directory; again, or in another process, does nothing.

        Sessions are closed and a checkpoint is written: at most 50 s, usually a tenth of a second.
        """
        if os.getpid() != self._owner or self._lock is None:
            return
        self._stopping.set()
        if self._postmaster is not None:
            self._postmaster.stop()
        if self._watch is not None:
            self._watch.join()
        if self._home is not None:
            remove_socket_directory(self._home)
        self._postmaster, self._watch, self._home, self._url = None, None, None, ""
        self._stopping = threading.Event()
        os.close(self._lock)
        self._lock = None

    def _start(self) -> None:
        directory = self._data_dir / "postgres"
        make_private_directory(directory)
        launcher, binaries = self._launcher or find_launcher(), find_binaries()
        self.notice = launcher.notice
        if self.notice:
            _LOG.warning(self.notice)
        self._home = home = launcher.home(directory)
        cluster = home / "cluster"
        password_file = _require_password(home, launcher, has_cluster=cluster.exists())
        require_cluster(cluster, binaries, launcher, password_file=password_file)
        sockets = make_socket_directory(home, launcher)
        place = Place(binaries, launcher, cluster, sockets, directory / "server.log")
        self._postmaster = Postmaster.start(place, stopping=self._stopping)
        self._url = _url_of(home, sockets)
        _require_database(self._url)
        self._watch = threading.Thread(
            target=self._keep_running, args=(place, self._stopping), name="postgres-watch", daemon=True
        )
        self._watch.start()

    def _keep_running(self, place: Place, stopping: threading.Event) -> None:
        """Start the server again whenever it ends and nobody asked it to."""
        pause_s = _FIRST_PAUSE_S
        while True:
            assert self._postmaster is not None
            status = self._postmaster.wait()
            if stopping.is_set():
                return
            _LOG.error("PostgreSQL ended with status %d: starting it again", status)
            try:
                self._postmaster = Postmaster.start(place, stopping=stopping)
                pause_s = _FIRST_PAUSE_S
            except SetupError as error:
                _LOG.error("%s", error)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            if stopping.wait(pause_s):
                # stop() may have looked before this one was there
                self._postmaster.stop()
                return


def _url_of(home: Path, sockets: Path) -> str:
    password = (home / "password").read_text("ascii").strip()
    return f"postgresql://{USER}:{quote(password, safe='')}@/{DATABASE}?host={quote(str(sockets), safe='')}"


def _require_password(home: Path, launcher: Launcher, *, has_cluster: bool) -> Path:
    """The file with the database user's password, made before the cluster is.

    Raises:
        SetupError: it is gone while there is a cluster that wants it.
    """
    path = home / "password"
    if path.exists():
        return path
    if has_cluster:
        raise SetupError(f"`{path}` is missing", remedy="restore it from the data directory's backup")
    write_private(path, secrets.token_urlsafe(32).encode(), replace=False)
    if launcher.account is not None:
        os.chown(path, *launcher.account)
    return path


def _require_database(url: str) -> None:
    """Make our database on the first start: a short look at every later one."""
    administrative = url.replace(f"@/{DATABASE}?", "@/postgres?")
    try:
        with psycopg.connect(administrative, autocommit=True, connect_timeout=10) as connection:
            found = connection.execute("select 1 from pg_database where datname = %s", (DATABASE,)).fetchone()
            if found is None:
                connection.execute(f"create database {DATABASE}")
    except psycopg.Error as error:
        raise SetupError(
            f"the embedded database does not answer: {str(error).strip()}",
            remedy="restore the data directory from its backup, password included",
        ) from error
