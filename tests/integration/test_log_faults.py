"""Whatever is killed whenever: no gap, no duplicate, and nothing acknowledged without its entry.

COUNTENANCE_TEST_KILLS says how often (200 in `make bench-audit`), COUNTENANCE_TEST_SEED repeats an order.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

import log_writer
from countenance.audit import open_log
from countenance.audit.merkle import tree_root
from countenance.audit.note import Note
from countenance.audit.sequencer import Sequencer
from countenance.audit.signing import log_signers
from countenance.audit.tree import LogTree
from countenance.cli.orders import Orders
from countenance.errors import SetupError
from countenance.settings import Settings
from countenance.store import Database, EmbeddedPostgres, KeyStore, StoreUnavailable, migrate
from log_rows import require_whole

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("log-faults")]

KILLS = int(os.environ.get("COUNTENANCE_TEST_KILLS", "40"))
SEED = int(os.environ.get("COUNTENANCE_TEST_SEED", secrets.randbelow(2**32)))
WRITERS = 2


class Kept:
    """A process that is started again after each death, told the same on its standard input."""

    def __init__(self, command, line, *, log):
        self._command, self._line, self._log = command, line, log
        self._process = None
        self.starts = 0
        self.revive()

    def revive(self):
        if self._process is not None:
            if self._process.poll() is None:
                return
            self._process.stdin.close()
        environment = os.environ | {"PYTHONPATH": str(Path(log_writer.__file__).parent)}
        self._process = subprocess.Popen(
            [sys.executable, *self._command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
            env=environment,
        )
        self.starts += 1
        with suppress(BrokenPipeError):
            self._process.stdin.write(self._line)
            self._process.stdin.flush()

    def kill(self):
        self._process.kill()
        self._process.wait()

    def close(self):
        """End it as a supervisor's end does, or in half a minute."""
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            return self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@contextmanager
def processes(url, data_dir, folder):
    """Writers and a sequencer; none is left behind."""
    with ExitStack() as stack:
        told = stack.enter_context((folder / "stderr").open("ab"))
        orders = Orders(Settings(data_dir=data_dir), url, listener=-1).to_line()
        sequencer = Kept(["-m", "countenance.cli.sequencer"], orders, log=told)
        stack.callback(sequencer.close)
        writers = []
        for number in range(WRITERS):
            command = [log_writer.__file__, folder / f"acknowledged-{number}"]
            writers.append(Kept(command, f"{url}\n".encode(), log=told))
            stack.callback(writers[-1].close)
            stack.callback(writers[-1].kill)
        yield sequencer, writers


def kill_at_random(chance, postgres, sequencer, writers):
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.0, 1.2))
        drawn = chance.random()
        if drawn < 0.15:
            with suppress(ProcessLookupError):  # it may be between two lives
                os.kill(postgres._postmaster.pid, signal.SIGKILL)
        elif drawn < 0.65:
            sequencer.kill()
        else:
            chance.choice(writers).kill()
        for process in (sequencer, *writers):
            process.revive()


def reopened(url):
    """The database, once it has recovered."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return Database(url, max_connections=2)
        except (SetupError, StoreUnavailable):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_kill_9_at_random_moments_leaves_no_gap_and_loses_nothing(tmp_path):
    """Writers, the sequencer and PostgreSQL itself are killed; the log is whole and holds what it must."""
    print(f"seed {SEED}, {KILLS} kills")
    chance = random.Random(SEED)
    data_dir = tmp_path / "data"
    with EmbeddedPostgres(data_dir) as postgres:
        keys = KeyStore.open(data_dir / "keys")
        with Database(postgres.url, max_connections=2) as database:
            migrate(database)
            open_log(database, keys)
        with processes(postgres.url, data_dir, tmp_path) as (sequencer, writers):
            kill_at_random(chance, postgres, sequencer, writers)
            starts = sequencer.starts
        acknowledged = [
            uuid.UUID(line)
            for file in tmp_path.glob("acknowledged-*")
            for line in file.read_text().splitlines()
            if len(line) == 36  # the last of a life may be cut off
        ]
        with reopened(postgres.url) as database:
            last = Sequencer(database, lambda connection: log_signers(connection, keys))
            while last.integrate():
                pass
            last.sign()
            with database.read() as connection:
                leaves = require_whole(connection)
                rows = connection.execute("select event_id from audit_entry").fetchall()
                signers = log_signers(connection, keys)
                signed = LogTree().signed(connection)
                checkpoints = connection.execute("select count(*) from audit_checkpoint").fetchone()[0]
    placed = [event for (event,) in rows]
    print(
        f"{len(acknowledged)} acknowledged, {len(placed)} entries, {checkpoints} checkpoints,"
        f" {starts} sequencers"
    )
    assert len(placed) == len(set(placed))
    assert not set(acknowledged) - set(placed)
    assert (signed.size, signed.root) == (len(leaves), tree_root(leaves))
    assert Note.parse(signed.note).signed_by([signer.verifier for signer in signers])
    assert len(acknowledged) > 1000
    assert checkpoints > 2
