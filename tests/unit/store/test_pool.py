from __future__ import annotations

import threading
import time
from pathlib import Path

import psycopg
import pytest

from countenance.errors import SetupError
from countenance.store import Database, EmbeddedPostgres, StoreUnavailable, postmaster
from countenance.telemetry import Metrics


def setting(database: Database, name: str) -> str:
    with database.read() as connection:
        return connection.execute("select current_setting(%s)", (name,)).fetchone()[0]


def test_a_read_is_no_transaction_and_a_transaction_is_one(database: Database):
    """Reads must not hold snapshots; changes must stand or fall together."""
    with database.read() as connection:
        assert connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
        connection.execute("select 1")
        assert connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
    with database.transaction() as connection:
        connection.execute("select 1")
        assert connection.info.transaction_status is psycopg.pq.TransactionStatus.INTRANS


def test_an_exception_undoes_the_transaction_and_passes_through(database: Database):
    """Whoever raised knows best what went wrong."""
    with pytest.raises(ZeroDivisionError), database.transaction() as connection:
        connection.execute("create table undone (n int)")
        1 / 0  # noqa: B018
    with database.read() as connection:
        assert connection.execute("select to_regclass('undone')").fetchone() == (None,)


def test_a_transaction_whose_failed_statement_was_passed_over_is_not_taken_for_committed(database: Database):
    """PostgreSQL answers its COMMIT with a quiet ROLLBACK: an acknowledged change would be lost."""
    with pytest.raises(StoreUnavailable, match="cannot be committed"), database.transaction() as connection:
        connection.execute("create table lost (n int)")
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("select 1 / 0")


def test_times_come_back_in_utc_whatever_the_server_thinks(database: Database):
    """Events of servers in two zones are compared."""
    assert setting(database, "TimeZone") == "UTC"


def test_both_ends_find_out_that_the_other_machine_was_lost(database: Database):
    """Within about a minute: its locks must not be held, nor its answers waited for, for hours."""
    with database.read() as connection:
        ours = connection.info.get_parameters()
        (is_local,) = connection.execute("select inet_server_addr() is null").fetchone()
    assert [ours[f"keepalives_{name}"] for name in ("idle", "interval", "count")] == ["30", "10", "3"]
    if not is_local:  # a socket of this machine has no such thing
        theirs = [setting(database, f"tcp_keepalives_{name}") for name in ("idle", "interval", "count")]
        assert theirs == ["30", "10", "3"]


def test_the_options_of_a_url_are_kept(database_url: str):
    """An operator may put Countenance into a schema of its own."""
    joint = "&" if "?" in database_url else "?"
    url = f"{database_url}{joint}options=-csearch_path%3Delsewhere"
    with Database(url, max_connections=1) as database:
        assert setting(database, "search_path") == "elsewhere"


@pytest.mark.parametrize("name", ["synchronous_commit"])
def test_a_server_that_could_lose_what_it_confirmed_is_refused(empty_database_url: str, name: str):
    """An answer that was given must survive a power cut."""
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(f"alter database {connection.info.dbname} set {name} = off")
    with pytest.raises(SetupError, match=f"{name} off.*set {name} = on"):
        Database(empty_database_url)


def test_a_connection_made_after_the_server_was_made_lossy_is_refused(empty_database_url: str):
    """The settings are looked at again for each connection: a reload must not open a hole."""
    with Database(empty_database_url, max_connections=1) as database:
        with database.read() as connection:
            connection.execute(f"alter database {connection.info.dbname} set synchronous_commit = off")
        database._pool._timeout = database._pool.timeout = 1.0
        with pytest.raises(StoreUnavailable), database.read() as connection:
            connection.close()
            raise psycopg.OperationalError
        with pytest.raises(StoreUnavailable), database.read():
            pass


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
def test_a_server_that_is_made_lossy_under_us_is_noticed_and_so_is_its_mending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, caplog: pytest.LogCaptureFixture
):
    """By connections that are there already: they would go on confirming what a power cut takes."""
    monkeypatch.delitem(postmaster._SETTINGS, name)  # so that it is the operator's to set
    now_s = [0.0]
    with (
        EmbeddedPostgres(tmp_path / "data") as server,
        Database(server.url, max_connections=1, clock=lambda: now_s[0]) as database,
        psycopg.connect(server.url, autocommit=True) as operator,
    ):
        assert setting(database, name) == "on"  # and we are connected
        operator.execute(f"alter system set {name} = off")
        operator.execute("select pg_reload_conf()")
        while setting(database, name) == "on":  # by this clock it is not looked at again
            time.sleep(0.01)
        now_s[0] += 5.0
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match=f"{name} off and could lose"), database.transaction():
                pass
        operator.execute(f"alter system reset {name}")
        operator.execute("select pg_reload_conf()")
        deadline = time.monotonic() + 10
        while True:
            try:
                assert setting(database, name) == "on"
            except StoreUnavailable:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            else:
                break
    told = [record.getMessage() for record in caplog.records if record.name == "countenance.store.pool"]
    assert [f"{name} off" in told[0], "again" in told[1], len(told)] == [True, True, 2]


@pytest.mark.parametrize(
    "url",
    ["postgresql://nobody@/none?host=/nonexistent", "postgresql://nobody:x@127.0.0.1:1/none"],
)
def test_an_unreachable_server_is_told_at_once_with_a_remedy(url: str):
    """Whoever starts the server must not wait for a pool's patience."""
    started = time.monotonic()
    with pytest.raises(SetupError, match=r"cannot connect.*check the database URL"):
        Database(url)
    assert time.monotonic() - started < 5


def test_the_password_is_in_no_message(database_url: str):
    """Messages are pasted into tickets."""
    with pytest.raises(SetupError) as told:
        Database(database_url.replace("@/", "-and-more@/").replace("/countenance_test_", "/none_"))
    assert "-and-more" not in str(told.value)
    for unescaped in ("hid/den", "hid@den", "hid#den", "hid%den", "hid den", "hid:den", "hid?den"):
        with pytest.raises(SetupError) as told:
            Database(f"postgresql://user:{unescaped}@127.0.0.1:1/database")
        assert "hid" not in str(told.value)
        assert "den" not in str(told.value)


def test_a_connection_that_the_server_ended_is_replaced_unseen(database_url: str):
    """After a restart of the database the next call works; nobody restarts Countenance."""
    with Database(database_url, max_connections=2) as database:
        with database.read() as connection:
            pid = connection.info.backend_pid
        with psycopg.connect(database_url, autocommit=True) as administrator:
            administrator.execute("select pg_terminate_backend(%s, 5000)", (pid,))
        with database.read() as connection:
            assert connection.execute("select 1").fetchone() == (1,)
            assert connection.info.backend_pid != pid


def test_a_connection_that_breaks_off_inside_a_transaction_is_named_so(database_url: str):
    """The layers above answer one error for it, whatever the driver called it."""
    with Database(database_url, max_connections=2) as database:
        with pytest.raises(StoreUnavailable), database.transaction() as connection:
            connection.execute("create table broken_off (n int)")
            with psycopg.connect(database_url, autocommit=True) as administrator:
                administrator.execute("select pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))
            connection.execute("select 1")
        with database.read() as connection:
            assert connection.execute("select to_regclass('broken_off')").fetchone() == (None,)


def test_when_no_connection_comes_free_the_call_ends_instead_of_waiting_for_ever(database_url: str):
    """A stuck call must not take the others with it without a word."""
    with Database(database_url, max_connections=1) as database:
        database._pool.timeout = 0.1
        with database.read(), pytest.raises(StoreUnavailable), database.read():
            pass


def test_a_closed_database_says_so(database_url: str):
    """A call that comes during the stop gets the store's own error."""
    database = Database(database_url, max_connections=1)
    database.close()
    with pytest.raises(StoreUnavailable), database.read():
        pass


def test_a_database_that_was_replaced_by_another_cluster_is_refused(database_url: str):
    """Snapshots that readers keep mean nothing there: changes would stay unseen."""
    with Database(database_url, max_connections=2) as database:
        database._system_identifier += 1
        with psycopg.connect(database_url) as connection, pytest.raises(StoreUnavailable, match="replaced"):
            database._configure(connection)


def test_sixty_four_threads_share_eight_connections(database: Database):
    """Workers have more threads than connections; each gets its turn and its own answer."""
    answers: dict[int, int] = {}

    def ask(number: int) -> None:
        for _ in range(5):
            with database.read() as connection:
                answers[number] = connection.execute("select %s::int", (number,)).fetchone()[0]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: number for number in range(64)}


def test_the_wait_for_a_connection_is_told_before_the_work_begins(database_url):
    """An operator sees a pool that is too small before calls fail for it."""

    class Listening(Metrics):
        def database_waited(self, seconds):
            heard.append(seconds)

    heard = []
    with Database(database_url, max_connections=1, metrics=Listening()) as database:
        with database.read():
            assert len(heard) == 1
        with database.transaction():
            assert len(heard) == 2
    assert all(0 <= seconds < 20 for seconds in heard)
