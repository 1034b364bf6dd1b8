"""Connections to PostgreSQL: pooled, checked, and refused where the server could lose what it confirmed."""

from __future__ import annotations

import logging
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from countenance.errors import SetupError
from countenance.store.arrays import accept_arrays
from countenance.store.errors import StoreUnavailable
from countenance.telemetry import Metrics

_LOG = logging.getLogger(__name__)

Connection = psycopg.Connection[tuple[Any, ...]]
"""A psycopg connection with tuple rows, in UTC."""

OLDEST_SERVER = 150000
_CONNECT_TIMEOUT_S = 10
_WAIT_FOR_CONNECTION_S = 20.0
_LOOK_AGAIN_S = 5.0
"""How often a process asks a server that it is connected to whether it still keeps what it confirms."""
_DURABILITY = ("fsync", "full_page_writes", "synchronous_commit")
_INSPECTION = """
select
    current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),
    (select system_identifier from pg_control_system()),
    set_config('TimeZone', 'UTC', false),
    -- a server's stricter default would turn waiting for a lock into a refusal
    set_config('default_transaction_isolation', 'read committed', false),
    -- a thread that hangs inside a transaction must not hold its locks for ever
    set_config('idle_in_transaction_session_timeout', '60s', false),
    -- nor a machine that was lost with its network: the server asks it whether it is still there
    set_config('tcp_keepalives_idle', '30', false),
    set_config('tcp_keepalives_interval', '10', false),
    set_config('tcp_keepalives_count', '3', false)
"""
_OFFERED = """
select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
"""
_KEEPALIVES = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""Of ours, libpq's names, s: a server that was lost with its network is waited for a minute."""


class Database:
    """A pool of connections to one PostgreSQL database.

    Thread-safe; not to be carried over a fork. A connection that died (a restarted server) is replaced
    before anybody gets it. What a committed transaction wrote is durable and visible to every process: a
    server that is told to lose it (fsync, full_page_writes or synchronous_commit off) is refused, within
    seconds also where that happens while we are connected.

    Raises:
        SetupError: unreachable, wrong password, older than PostgreSQL 15, or able to lose commits.
    """

    def __init__(
        self,
        url: str,
        *,
        max_connections: int = 16,
        metrics: Metrics | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics = metrics or Metrics()
        self._clock = clock
        self._system_identifier = _inspect(url)
        self._look_at_s = clock() + _LOOK_AGAIN_S
        self._is_lossy = False
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            min_size=1,
            max_size=max_connections,
            kwargs={
                "autocommit": True,
                "connect_timeout": _CONNECT_TIMEOUT_S,
                "application_name": "countenance",
                **_KEEPALIVES,
            },
            configure=self._configure,
            check=_check,
            timeout=_WAIT_FOR_CONNECTION_S,
            max_idle=300.0,
            reconnect_timeout=60.0,
            num_workers=2,
            name="countenance",
            open=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection outside any transaction: each statement stands alone.

        Raises:
            StoreUnavailable: no connection in time, or it broke off.
        """
        with self._connection() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection inside a transaction: committed on leaving, rolled back on an exception.

        Raises:
            StoreUnavailable: no connection in time, or it broke off; nothing was committed unless the
                break came during the commit itself.
        """
        with self._connection() as connection, connection.transaction():
            yield connection
            if connection.info.transaction_status is TransactionStatus.INERROR:
                # INVARIANT: PostgreSQL answers COMMIT of a failed transaction with a quiet ROLLBACK.
                raise StoreUnavailable("a statement of the transaction failed: it cannot be committed")

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        began_s = time.perf_counter()
        with _translated(), self._pool.connection() as connection:
            self._metrics.database_waited(time.perf_counter() - began_s)
            self._look_again(connection)
            yield connection

    def _look_again(self, connection: Connection) -> None:
        """Now and then: a server may be told to forget while we are connected. Then nothing is written or
        answered, until it is told otherwise.
        """
        now_s = self._clock()
        if now_s < self._look_at_s:
            return
        self._look_at_s = now_s + _LOOK_AGAIN_S
        try:
            _refuse_lossy(connection)
        except SetupError as error:
            self._look_at_s = now_s  # whoever comes next looks as well
            if not self._is_lossy:
                _LOG.error("nothing is answered: %s", error)
            self._is_lossy = True
            raise StoreUnavailable(str(error)) from error
        if self._is_lossy:
            _LOG.warning("the database server keeps what it confirms again")
        self._is_lossy = False

    def offered_connections(self) -> int:
        """How many connections the server takes of such as we are, from everybody together."""
        with self.read() as connection:
            row = connection.execute(_OFFERED).fetchone()
        assert row is not None
        return int(row[0])

    def close(self) -> None:
        """Close every connection; those in use close when they are handed back."""
        self._pool.close(timeout=5.0)

    def _configure(self, connection: Connection) -> None:
        """Check a new connection: the settings may have changed since the first, or the server itself."""
        if _refuse_lossy(connection) != self._system_identifier:
            # INVARIANT: snapshots kept by readers mean nothing in another cluster (docs/adr/0004).
            raise StoreUnavailable("the database was replaced under a running server: restart the server")
        accept_arrays(connection)


def _check(connection: Connection) -> None:
    """Ask the server only of a connection on which something waits: of an idle one, mostly its end.

    A round trip for every connection that is handed out would cost as much as half a decision. An end that
    never came (a machine that was lost with its network) is for the keepalives.

    Raises:
        psycopg.OperationalError: the connection is at its end.
    """
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        ConnectionPool.check_connection(connection)


def _inspect(url: str) -> int:
    """Connect once, so that a wrong address or password is told at once and not after a pool's patience."""
    if _is_ambiguous(url):
        raise _unreadable()
    try:
        with psycopg.connect(url, connect_timeout=_CONNECT_TIMEOUT_S, autocommit=True) as connection:
            return _refuse_lossy(connection)
    except (psycopg.ProgrammingError, UnicodeDecodeError):
        raise _unreadable() from None
    except psycopg.Error as error:
        raise SetupError(
            f"cannot connect to the database: {str(error).strip().partition(chr(10))[0]}",
            remedy="check the database URL, that the server runs, and that this account may connect",
        ) from error


def _is_ambiguous(url: str) -> bool:
    """Whether a special character of the password was not escaped, so that a part of it is read as a host."""
    authority, _, rest = url.partition("://")[2].partition("?")[0].partition("/")
    return authority.count("@") > 1 or "@" in rest


def _unreadable() -> SetupError:
    """Not the driver's own message: it quotes the part it stumbled over, which may be the password."""
    return SetupError(
        "the database URL cannot be read",
        remedy="write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with special characters as %XX",
    )


def _refuse_lossy(connection: Connection) -> int:
    """The cluster's identifier, if the server is one that keeps what it confirmed."""
    version = connection.info.server_version
    if version < OLDEST_SERVER:
        raise SetupError(
            f"the database server is PostgreSQL {version // 10000}",
            remedy=f"use PostgreSQL {OLDEST_SERVER // 10000} or newer",
        )
    row = connection.execute(_INSPECTION).fetchone()
    assert row is not None
    for name, value in zip(_DURABILITY, row, strict=False):
        if value == "off":
            raise SetupError(
                f"the database server runs with {name} off and could lose what it has confirmed",
                remedy=f"set {name} = on and reload the server",
            )
    return int(row[3])


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, PoolClosed) as error:
        raise StoreUnavailable(f"the database is not available ({type(error).__name__})") from error
