"""The process that runs jobs: reads its orders from standard input, works until it is stopped.

Started by `cli.fleet`, never by hand.
"""

from __future__ import annotations

import logging
import signal
import sys

from countenance.cli.job_tasks import job_tasks, tell
from countenance.cli.main import main as run_command
from countenance.cli.orders import read_orders, say_ready, when_orphaned
from countenance.store import Database, KeyStore
from countenance.store.jobs import Stop, server_id
from countenance.store.jobs.worker import AT_ONCE, CONNECTIONS_PER_JOB, JobsWorker


def main(**_: object) -> None:
    """Work until SIGTERM or until the supervisor's pipe closes."""
    orders = read_orders()
    settings = orders.settings
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    stop = Stop()
    signal.signal(signal.SIGTERM, stop.set)
    keys = KeyStore.open(settings.data_dir / "keys")
    with Database(orders.database_url, max_connections=AT_ONCE * CONNECTIONS_PER_JOB + 1) as database:
        worker = JobsWorker(
            orders.database_url,
            database,
            job_tasks(settings, keys),
            server=server_id(settings.data_dir),
            tell=tell,
        )
        when_orphaned(stop.set)
        say_ready()
        worker.run(stop)


if __name__ == "__main__":
    run_command(main)
