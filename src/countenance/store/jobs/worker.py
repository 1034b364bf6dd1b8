"""Runs jobs: a loop of procrastinate's that outlives its database, with periodic tasks and deserted jobs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from procrastinate import App, exceptions, worker
from procrastinate.job_context import JobContext as TheirContext
from procrastinate.psycopg_connector import PsycopgConnector
from psycopg_pool import PoolTimeout

from countenance.store.errors import StoreUnavailable
from countenance.store.jobs.deserted import PATIENCE_S, take_up_deserted
from countenance.store.jobs.fence import FencedManager
from countenance.store.jobs.queue import Jobs
from countenance.store.jobs.running import Again, Runner
from countenance.store.jobs.schema import SCHEMA
from countenance.store.jobs.servers import lock_of, queue_of, queues_of
from countenance.store.jobs.task import Stop, Task
from countenance.store.pool import Database

AT_ONCE = 4
"""Jobs of one worker at a time: an import, of which one runs at a time, and three that tidy up."""
CONNECTIONS_PER_JOB = 2
_POOL = 2
_DAY_S = 86_400
_AWAY = (
    *(StoreUnavailable, exceptions.ConnectorException, psycopg.Error),
    *(PoolTimeout, OSError),
)
_FOREVER_S = 10 * 365 * 86_400.0
"""procrastinate forgets silent workers by itself; ours are forgotten when their lock has gone as well."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a worker does what it does, s."""

    poll_s: float = 5.0
    heartbeat_s: float = 5.0
    deserted_s: float = 5.0
    patience_s: float = PATIENCE_S
    pause_s: float = 1.0


class JobsWorker:
    """Works for one database, in the thread that calls `run`.

    Args:
        url: of the database, for procrastinate's own connections: five at most.
        database: for the jobs: CONNECTIONS_PER_JOB for each that runs at once, and one.
        server: whose local jobs it runs as well.
        tell: told in a line what happens that an operator should know.
    """

    def __init__(
        self,
        url: str,
        database: Database,
        tasks: Sequence[Task],
        *,
        server: str,
        tell: Callable[[str], None],
        at_once: int = AT_ONCE,
        pace: Pace | None = None,
    ) -> None:
        self._url = url
        self._database = database
        self._tasks = tasks
        self._server = server
        self._tell = tell
        self._at_once = at_once
        self._pace = pace or Pace()
        self._is_waiting = False

    def run(self, stop: Stop) -> None:
        """Run jobs until `stop` is set; those under way are told to end, and waited for.

        A database that does not answer is waited for.
        """
        # INVARIANT: procrastinate's log lines carry arguments, and whatever a task stumbled over.
        logging.getLogger("procrastinate").setLevel(logging.CRITICAL + 1)
        while not stop.is_set:
            try:
                asyncio.run(self._work(stop))
            except _AWAY as error:
                self._tell_waiting(error)
            stop.wait(self._pace.pause_s)

    def _tell_waiting(self, error: BaseException | None) -> None:
        """One line when it begins and one when it works again."""
        if error is not None and not self._is_waiting:
            self._tell(f"jobs wait: the database is not available ({type(error).__name__})")
        elif error is None and self._is_waiting:
            self._tell("jobs go on")
        self._is_waiting = error is not None

    async def _work(self, stop: Stop) -> None:
        asyncio.get_running_loop().set_exception_handler(self._tell_unexpected)
        ending = Stop()
        await asyncio.to_thread(take_up_deserted, self._database, patience_s=self._pace.patience_s)
        async with self._opened(ending) as app:
            working = _Worker(app, self._pace, self._at_once, queues_of(self._server), ending)
            self._tell_waiting(None)
            beside = [
                asyncio.create_task(_stop_when(stop, ending, working)),
                asyncio.create_task(self._look_for_deserted(working)),
            ]
            try:
                await working.run()  # type: ignore[no-untyped-call]
            finally:
                for each in beside:
                    each.cancel()
                await asyncio.gather(*beside, return_exceptions=True)
        if not stop.is_set:
            raise StoreUnavailable("the worker's session with the database ended")

    @asynccontextmanager
    async def _opened(self, ending: Stop) -> AsyncIterator[App]:
        """What procrastinate calls an application, for as long as one session with the database lasts."""
        kwargs = {"application_name": "countenance jobs", "connect_timeout": 10}
        connector = PsycopgConnector(
            conninfo=self._url,
            kwargs=kwargs,
            configure=_find_names,
            min_size=1,
            max_size=_POOL,
            name="countenance jobs",
        )
        session = await psycopg.AsyncConnection.connect(self._url, autocommit=True, **kwargs)  # type: ignore[arg-type]
        async with session:
            await _find_names(session)
            app = App(connector=connector, periodic_defaults={"max_delay": _DAY_S + 3600})
            known = {task.name for task in self._tasks}
            app.job_manager = FencedManager(connector, session, ending=ending, known=known)
            runner = Runner(
                self._database,
                Jobs(self._database, server=self._server),
                lambda: ending.is_set,
                self._tell,
            )
            for task in self._tasks:
                _register(app, task, runner, self._server)
            async with app.open_async():
                yield app

    async def _look_for_deserted(self, working: _Worker) -> None:
        while True:
            await asyncio.sleep(self._pace.deserted_s)
            try:
                await asyncio.to_thread(take_up_deserted, self._database, patience_s=self._pace.patience_s)
            except _AWAY:
                working.stop()
                return

    def _tell_unexpected(self, _loop: object, met: dict[str, Any]) -> None:
        """What nobody waits for in the loop: in a word, as the message may quote anything."""
        self._tell(f"jobs met {type(met.get('exception')).__name__}")


class _Worker(worker.Worker):
    """The one of procrastinate, which tells the jobs that run when it stops, for whatever reason it does."""

    def __init__(self, app: App, pace: Pace, at_once: int, queues: list[str], ending: Stop) -> None:
        super().__init__(
            app,
            queues=queues,
            concurrency=at_once,
            fetch_job_polling_interval=pace.poll_s,
            abort_job_polling_interval=pace.poll_s,
            update_heartbeat_interval=pace.heartbeat_s,
            stalled_worker_timeout=_FOREVER_S,
            install_signal_handlers=False,
        )
        self._ending = ending

    def stop(self) -> None:
        self._ending.set()
        super().stop()  # type: ignore[no-untyped-call]


async def _stop_when(stop: Stop, ending: Stop, working: _Worker) -> None:
    """Not left to procrastinate: it looks after its own parts only until one of them has nothing to do."""
    while not (stop.is_set or ending.is_set):  # noqa: ASYNC110  # set by signals and threads
        await asyncio.sleep(0.1)
    working.stop()


async def _find_names(connection: psycopg.AsyncConnection[Any]) -> None:
    """Where procrastinate's tables are; in autocommit, as its statements stand alone."""
    await connection.set_autocommit(True)
    await connection.execute(f"set search_path to {SCHEMA}".encode())


def _register(app: App, task: Task, runner: Runner, server: str) -> None:
    def run(context: TheirContext, /, **arguments: Any) -> None:
        arguments.pop("timestamp", None)
        runner.run(task, context, arguments)

    lock = lock_of(task, server) if task.every_s is not None else None
    registered = app.task(
        name=task.name,
        retry=Again(),
        pass_context=True,
        queue=queue_of(task, server),
        lock=lock,
        queueing_lock=lock,
    )(run)
    if task.every_s is not None:
        periodic_id = server if task.is_local else ""
        app.periodic(cron=cron(task.every_s), periodic_id=periodic_id)(registered)  # type: ignore[arg-type]


def cron(every_s: float) -> str:
    """The same moments for every server: from midnight on, in UTC.

    Raises:
        ValueError: neither hours that divide a day, nor minutes that divide an hour, nor seconds a minute.
    """
    for unit_s, units, form in ((1, 60, "* * * * * {}"), (60, 60, "{} * * * *"), (3600, 24, "0 {} * * *")):
        count, rest = divmod(every_s, unit_s)
        if not rest and 1 <= count < units and units % count == 0:
            return form.format(f"*/{count:.0f}")
    if every_s == _DAY_S:
        return "0 0 * * *"
    raise ValueError(f"a day is not divided by {every_s} s")
