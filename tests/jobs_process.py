"""A process that runs jobs of toy tasks, to be killed, stopped and started again.

What its jobs do is noted in the table `step` of the database: job, number, process.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

from countenance.store import Database
from countenance.store.jobs import JobFailed, Stop, Task
from countenance.store.jobs.worker import JobsWorker
from job_runner import QUICK, SERVER

STEPS = 30


def walk(context):
    """Thirty steps, each noted once whoever takes it; it goes on behind the last that was."""
    with context.database.read() as connection:
        found = connection.execute(
            "select coalesce(max(number), 0) from step where job = %s", (context.job_id,)
        ).fetchone()
    for number in range(found[0] + 1, STEPS + 1):
        with context.database.transaction() as connection:
            connection.execute("insert into step values (%s, %s, %s)", (context.job_id, number, os.getpid()))
        context.report(number, STEPS, "steps")
        time.sleep(context.arguments.get("pause_s", 0.1))
        context.stop_if_asked()


def fail(context):
    raise JobFailed("as it was asked to")


def die(context):
    os.kill(os.getpid(), signal.SIGKILL)


TASKS = [
    Task("walk", walk),
    Task("fail", fail, tries=2, pause_s=0.2),
    Task("die", die),
]
WALK, FAIL, DIE = TASKS
CREATE = "create table step (job bigint, number int, process int, unique (job, number))"


def steps(database, job_id):
    """What was done of the job, in order: number, process."""
    with database.read() as connection:
        rows = connection.execute(
            "select number, process from step where job = %s order by number", (job_id,)
        )
        return rows.fetchall()


@contextmanager
def jobs_process(url, *, server=SERVER):
    """Such a process; killed at the end where it lives still."""
    process = subprocess.Popen(
        [sys.executable, __file__, url, server], stderr=subprocess.PIPE, text=True, env=_environment()
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
        process.stderr.close()


def _environment():
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def main(url, server):
    """Until SIGTERM."""
    stop = Stop()
    signal.signal(signal.SIGTERM, stop.set)
    with Database(url, max_connections=9) as database:
        JobsWorker(
            url, database, TASKS, server=server, tell=lambda line: print(line, file=sys.stderr), pace=QUICK
        ).run(stop)


if __name__ == "__main__":
    main(*sys.argv[1:])
