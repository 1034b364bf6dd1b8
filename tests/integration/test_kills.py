"""Whoever is killed whenever: what was confirmed is there, what was deleted is nowhere, nothing half done.

COUNTENANCE_TEST_KILLS says how often (100 in `make kills`), COUNTENANCE_TEST_SEED repeats an order. The log's
own kills are in test_log_faults.
"""

from __future__ import annotations

import configparser
import io
import itertools
import os
import random
import secrets
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from concurrent import futures
from contextlib import ExitStack, suppress

import pytest
from PIL import Image

from countenance.audit.reconcile import reconcile
from countenance.gallery.activity import searches_ran
from countenance.store import Database, EmbeddedPostgres, StoreUnavailable
from killed_server import MACHINE, SUPERVISOR, KilledServer
from log_rows import require_whole
from mixed_writes import SHARED, Doubt, Writer
from server_checker import PATIENCE_S, Checker

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kills")]

KILLS = int(os.environ.get("COUNTENANCE_TEST_KILLS", "6"))
SEED = int(os.environ.get("COUNTENANCE_TEST_SEED", secrets.randbelow(2**32)))
WRITERS = 4
FINISHER = "finisher"
TURNS = (
    *("worker", "postmaster", MACHINE, "backend", FINISHER),
    *(SUPERVISOR, "worker", "auxiliary", MACHINE, "sequencer"),
)
"""Who is killed, in turns; `finisher` is an `erasures finish` that runs beside."""
KINDS = sorted(set(TURNS))
OFTEN = ("IndexFaces", "DeleteFaces", "CreateUser", "AssociateFaces", "SearchFaces")
LONGEST_LIFE_S = 2.0
LONGEST_AFTERMATH_S = 0.4


class Finisher:
    """`countenance erasures finish`, again and again while the server lives."""

    def __init__(self, data_dir):
        self._command = [
            sys.executable,
            "-m",
            "countenance.cli",
            "erasures",
            "finish",
            "--data-dir",
            str(data_dir),
        ]
        self._process = None
        self.finished = 0

    def start(self):
        if self._process is not None and self._process.poll() is None:
            return
        self.finished += self._process is not None and self._process.returncode == 0
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )

    def kill(self):
        """Whether it was alive; with it dies whatever it started."""
        if self._process is None or self._process.poll() is not None:
            return False
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        return True


def photo_of(portraits):
    with Image.open(portraits.known[next(iter(portraits.known))][0]) as photo:
        small = photo.convert("RGB").resize((200, round(200 * photo.height / photo.width)))
    target = io.BytesIO()
    small.save(target, "JPEG", quality=90)
    return target.getvalue()


def officer_keys(data_dir):
    profiles = configparser.ConfigParser()
    profiles.read(data_dir / "credentials")
    key = profiles["countenance-officer"]
    return key["aws_access_key_id"], key["aws_secret_access_key"]


def write_and_kill(kind, killed, writers, finisher, chance):
    """Clients write, somebody is killed, clients go on for a moment; then all is quiet."""
    over = threading.Event()
    with futures.ThreadPoolExecutor(WRITERS) as pool:
        finisher.start()
        writing = [pool.submit(writer.write_until, over) for writer in writers]
        try:
            time.sleep(chance.uniform(0.0, LONGEST_LIFE_S))
            if kind == FINISHER:
                finisher.start()  # it may have been done, and is to be killed while it works
                killed.killed[FINISHER] += finisher.kill()
            else:
                killed.kill(kind, chance)
            if kind in {MACHINE, SUPERVISOR}:
                finisher.kill()  # or it takes the place of the server that is to come
            time.sleep(chance.uniform(0.0, LONGEST_AFTERMATH_S))
        finally:
            over.set()
        for each in writing:
            each.result(120)
    killed.revive()


def test_nothing_confirmed_is_lost_and_nothing_deleted_comes_back_whatever_is_killed(tmp_path, portraits):
    """IndexFaces, DeleteFaces, users, collections, erasures and searches of four clients on two workers."""
    print(f"seed {SEED}, {KILLS} kills")
    chance, data_dir, photo = random.Random(SEED), tmp_path / "data", photo_of(portraits)
    with ExitStack() as stack:
        killed = stack.enter_context(KilledServer(data_dir))
        finisher = Finisher(data_dir)
        stack.callback(finisher.kill)
        checker = Checker(killed)
        stack.callback(checker.hang_up)
        with checker.database() as database:
            account, officer = checker.account(database), officer_keys(data_dir)
        writers = checker.writers = [
            Writer(
                killed, number, random.Random(chance.random()), photo, account=account, officer_keys=officer
            )
            for number in range(WRITERS)
        ]
        assert checker.ask("CreateCollection", CollectionId=SHARED).status == 200
        for kind in itertools.islice(itertools.cycle(TURNS), 10 * KILLS):
            write_and_kill(kind, killed, writers, finisher, chance)
            wrong = checker.check()
            assert not wrong, (dict(killed.killed), kind, wrong)
            told = sum((writer.told for writer in writers), Counter())
            enough = sum(killed.killed[kind] for kind in KINDS) >= KILLS
            enough &= all(told[operation, 200] > KILLS for operation in OFTEN)
            enough &= bool(writers[0].held[SHARED].faces)  # `require_watchful` tells lies about one
            if enough and all(killed.killed[kind] for kind in TURNS[:KILLS]):
                break
        require_watchful(checker)
        with checker.database() as database:
            await_settled(database)
    with EmbeddedPostgres(data_dir) as postgres, Database(postgres.url, max_connections=2) as database:
        with database.read() as connection:
            entries = require_whole(connection)
        found = reconcile(database, data_dir, lambda: searches_ran(data_dir), full=True)
    acknowledged = sum((writer.acknowledged for writer in writers), Counter())
    print(f"{dict(killed.killed)}; {sum(acknowledged.values())} acknowledged writes: {dict(acknowledged)}")
    print(f"answers {dict(told)}; {checker.receipts} receipts, {len(entries)} entries;")
    print(f"at most {checker.faces} faces in a collection; deletions made final {finisher.finished} times")
    print(found.figures)
    assert not found.mismatches
    assert checker.receipts > sum(acknowledged.values())
    assert all(killed.killed[kind] for kind in TURNS[:KILLS])
    for operation in OFTEN:
        assert told[operation, 200] > KILLS


def require_watchful(checker):
    """A ledger that says otherwise than the server is noticed: in each of three ways."""
    held = checker.writers[0].held[SHARED]
    real, absent = next(iter(held.faces)), str(uuid.uuid4())
    held.faces[absent] = None
    held.doubts.append(Doubt("DeleteFaces", (real, absent)))
    told = "\n".join(checker.check())
    assert f"face {absent} is lost" in told
    assert f"half done: ['{real}'] are left" in told
    held.drop(real, absent)
    told = "\n".join(checker.check())
    assert f"deleted face {real} is there" in told
    assert f"face {real} is nobody's" in told


def await_settled(database):
    """Until everything recorded has its place under a signed checkpoint."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with suppress(StoreUnavailable), database.read() as connection:
            row = connection.execute(
                "select exists (select 1 from audit_event), unsigned_since from audit_log"
            ).fetchone()
            if row == (False, None):
                return
        assert time.monotonic() < deadline
        time.sleep(0.1)
