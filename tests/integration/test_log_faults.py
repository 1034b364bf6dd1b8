"""Whatever is killed whenever: no gap, no duplicate, and nothing acknowledged without its entry.

COUNTENANCE_TEST_KILLS says how often (200 in `make bench-audit`), COUNTENANCE_TEST_SEED repeats an order.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import threading
import time
import uuid
from collections import Counter
from concurrent import futures
from contextlib import suppress

import psycopg
import pytest

from countenance.audit import open_log
from countenance.audit.mirror import mirror_log
from countenance.audit.reconcile import reconcile
from countenance.audit.sequencer import Sequencer
from countenance.audit.signed_head import SignedHead
from countenance.audit.signing import log_signers
from countenance.audit.tree import LogTree
from countenance.errors import SetupError
from countenance.gallery.activity import searches_ran
from countenance.store import Database, EmbeddedPostgres, KeyStore, StoreUnavailable, migrate
from countenance.transparency.merkle import leaf_hash, tree_root
from countenance.transparency.note import Note, Verifier
from countenance.transparency.receipt import parse_receipt, verify_receipt
from countenance.transparency.verify import verify_folder
from fixtures_gateway import header
from kept_processes import processes
from killed_server import SUPERVISOR_EVERY, Client, KilledServer
from log_rows import require_whole

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("log-faults")]

KILLS = int(os.environ.get("COUNTENANCE_TEST_KILLS", "40"))
SEED = int(os.environ.get("COUNTENANCE_TEST_SEED", secrets.randbelow(2**32)))
CALLERS = 8
SERVER_KILLS = int(os.environ.get("COUNTENANCE_TEST_KILLS", "12"))
CLIENTS = 4


def rounds(is_enough):
    """KILLS of them, and on a busy machine more, until enough has happened between them."""
    for done in range(4 * KILLS):
        if done >= KILLS and is_enough():
            return
        yield


def kill_at_random(chance, postgres, sequencer, writers, is_enough):
    for _ in rounds(is_enough):
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


def acknowledged_in(folder):
    """Events that writers were told are durable."""
    return [
        uuid.UUID(line)
        for file in folder.glob("acknowledged-*")
        for line in file.read_text().splitlines()
        if len(line) == 36  # the last of a life may be cut off
    ]


def checkpoints_of(url):
    """How many there are; 0 while the database recovers."""
    with suppress(psycopg.OperationalError), psycopg.connect(url) as connection:
        return connection.execute("select count(*) from audit_checkpoint").fetchone()[0]
    return 0


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
            kill_at_random(
                chance,
                postgres,
                sequencer,
                writers,
                lambda: len(acknowledged_in(tmp_path)) > 1000 and checkpoints_of(postgres.url) > 2,
            )
            starts = sequencer.starts
        acknowledged = acknowledged_in(tmp_path)
        with reopened(postgres.url) as database:
            last = Sequencer(
                database, lambda connection: log_signers(connection, keys), head=SignedHead(keys.directory)
            )
            while last.integrate():
                pass
            last.sign()
            with database.read() as connection:
                leaves = require_whole(connection)
                rows = connection.execute("select event_id from audit_entry").fetchall()
                signers = log_signers(connection, keys)
                signed = LogTree().signed(connection)
        checkpoints = checkpoints_of(postgres.url)
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


@pytest.fixture
def server(tmp_path):
    """A PostgreSQL of the test's own: to kill a backend of it interrupts all of them."""
    with EmbeddedPostgres(tmp_path / "data") as postgres:
        yield postgres


@pytest.fixture
def database(server):
    """What the gateway of this module works on."""
    with Database(server.url, max_connections=CALLERS) as opened:
        migrate(opened)
        yield opened


@pytest.fixture
def log_keys(database, tmp_path):
    keys = KeyStore.open(tmp_path / "data" / "keys")
    open_log(database, keys)
    return keys


def call_until(over, bench, number, broken):
    """What a client may do, over and over: how often each operation had which status; every receipt.

    What failed though it should not have is appended to `broken`.

    Goes on until enough was answered, however busy the machine is.
    """
    statuses, receipts = Counter(), []
    picture = {"Image": {"Bytes": "aGFsbG8="}}
    wanted = (("DetectFaces", 200), ("CreateCollection", 200), ("DescribeCollection", 400))
    while not over.is_set() or any(statuses[call] <= 100 // CALLERS for call in wanted):
        name = f"{number}-{uuid.uuid4()}"
        for operation, request, changes in (
            ("DetectFaces", picture, {}),
            ("CreateCollection", {"CollectionId": name}, {}),
            ("DescribeCollection", {"CollectionId": f"no-{name}"}, {}),  # refused, after it wrote something
            ("ListCollections", {}, {}),  # fails
            ("DetectFaces", picture, {"secret": "of somebody else"}),
        ):
            answer, _ = bench.call(operation, request, **changes)
            statuses[operation, answer.status] += 1
            if answer.status == 500 and operation != "ListCollections":
                broken.append(operation)
            receipt = header(answer, "x-countenance-receipt")
            assert receipt or answer.status != 200
            receipts += [receipt] if receipt else []
    return statuses, receipts


def break_at_random(chance, url, broken):
    """Connections are cut off by the server, and now and then a crash of one takes all of them."""
    for _ in rounds(lambda: len(broken) > KILLS // 8):
        time.sleep(chance.uniform(0.0, 0.5))
        with suppress(psycopg.OperationalError), psycopg.connect(url, autocommit=True) as connection:
            rows = connection.execute(
                "select pid from pg_stat_activity"
                " where backend_type = 'client backend' and pid <> pg_backend_pid()"
            ).fetchall()
            backends = [backend for (backend,) in rows]
            if not backends:
                continue
            if chance.random() < 0.2:
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(backends), signal.SIGKILL)
            else:
                cut = chance.sample(backends, chance.randint(1, len(backends)))
                connection.execute("select pg_terminate_backend(pid) from unnest(%s::int[]) as pid", (cut,))


def await_settled(database, sequencer=None):
    """Return when everything recorded is under a signed checkpoint, by nobody but the sequencer."""
    deadline = time.monotonic() + 60
    while True:
        assert sequencer is None or sequencer.is_alive
        assert time.monotonic() < deadline
        with suppress(StoreUnavailable), database.read() as connection:
            row = connection.execute(
                "select exists (select 1 from audit_event), unsigned_since from audit_log"
            ).fetchone()
            if row == (False, None):
                return
        time.sleep(0.1)


def test_every_receipt_is_kept_whatever_breaks_between_the_call_and_the_log(
    server, make_bench, database, log_keys, tmp_path
):
    """Answers, refusals and failures through the gateway itself, its connections cut at random moments."""
    print(f"seed {SEED}, {KILLS} breaks")
    bench, over, broken = make_bench(), threading.Event(), []
    with processes(server.url, tmp_path / "data", tmp_path, writing=0) as (sequencer, _):
        await_settled(database, sequencer)  # one that has not begun yet would end, as the supervisor's do
        with futures.ThreadPoolExecutor(CALLERS) as pool:
            callers = [pool.submit(call_until, over, bench, number, broken) for number in range(CALLERS)]
            try:
                break_at_random(random.Random(SEED), server.url, broken)
            finally:
                over.set()
            seen = [caller.result(120) for caller in callers]
        await_settled(database, sequencer)
        assert sequencer.starts == 1
    statuses = sum((found for found, _ in seen), Counter())
    with database.read() as connection:
        require_whole(connection)
        rows = connection.execute("select event_id, entry from audit_entry").fetchall()
        (aside,) = connection.execute("select count(*) from audit_set_aside").fetchone()
        (vkey,) = connection.execute("select vkey from audit_key where use = 'receipt'").fetchone()
    leaves = {event: leaf_hash(bytes(entry)) for event, entry in rows}
    receipts = [verify_receipt(text, [Verifier.parse(vkey)]) for _, found in seen for text in found]
    print(f"{dict(statuses)}, {len(receipts)} receipts, {len(rows)} entries, {aside} set aside")
    assert len(leaves) == len(rows)
    assert len({receipt.event_id for receipt in receipts}) == len(receipts)
    assert not [receipt for receipt in receipts if leaves.get(receipt.event_id) != receipt.leaf_hash]
    assert aside == 0
    assert statuses["DetectFaces", 200] > 100
    assert statuses["CreateCollection", 200] > 100
    assert statuses["DescribeCollection", 400] > 100
    assert len(broken) > KILLS // 8


def test_a_server_that_is_killed_at_random_moments_keeps_every_receipt_it_gave(tmp_path):
    """Workers, the sequencer, PostgreSQL and the supervisor of a real server, under load."""
    print(f"seed {SEED}, {SERVER_KILLS} kills")
    data_dir, over = tmp_path / "data", threading.Event()
    with KilledServer(data_dir) as killed:
        with futures.ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(Client(killed).call_until, over) for _ in range(CLIENTS)]
            try:
                killed.kill_at_random(random.Random(SEED), SERVER_KILLS)
            finally:
                over.set()
            seen = [client.result(120) for client in clients]
        with reopened(EmbeddedPostgres.running_url(data_dir)) as database:
            await_settled(database)
    answers = sum((each.answers for each in seen), Counter())
    receipts = [receipt for each in seen for receipt in each.receipts]
    print(f"{dict(killed.killed)}, {dict(answers)}, {sum(each.lost for each in seen)} calls lost")
    assert not [answer for answer in answers if answer[1] == 200 and not answer[2]]
    assert not [answer for answer in answers if answer[1] < 500 and not answer[2] and answer[0] != "stranger"]
    with EmbeddedPostgres(data_dir) as postgres, reopened(postgres.url) as database:
        require_kept(database, receipts)
        require_verified(database, receipts, tmp_path)
        found = reconcile(database, data_dir, lambda: searches_ran(data_dir), full=True)
    print(found.figures)
    assert not found.mismatches  # no search was made, and a receipt is noted behind its event's commit
    assert found.figures["receipts"]["compared"] >= len(receipts)
    assert killed.killed["supervisor"] == SERVER_KILLS // SUPERVISOR_EVERY
    for operation in ("CreateCollection", "ListCollections", "DeleteCollection"):
        assert answers[operation, 200, True] > SERVER_KILLS
    assert answers["DescribeCollection", 400, True] > SERVER_KILLS


def require_kept(database, receipts):
    """Every receipt's event stands in the log once, under its leaf hash; places are dense."""
    with database.read() as connection:
        rows = connection.execute("select log_index, event_id, entry from audit_entry").fetchall()
        (aside,) = connection.execute("select count(*) from audit_set_aside").fetchone()
    assert sorted(index for index, _, _ in rows) == list(range(len(rows)))
    leaves = {event: leaf_hash(bytes(entry)) for _, event, entry in rows}
    assert len(leaves) == len(rows)
    promised = [parse_receipt(receipt)[0] for receipt in receipts]
    assert len({receipt.event_id for receipt in promised}) == len(promised)
    assert not [receipt for receipt in promised if leaves.get(receipt.event_id) != receipt.leaf_hash]
    assert aside == 0


def require_verified(database, receipts, folder):
    """A mirror holds for whoever kept the receipts and every checkpoint that was ever signed."""
    with database.read() as connection:
        notes = connection.execute("select note from audit_checkpoint order by size").fetchall()
        (vkey,) = connection.execute("select vkey from audit_key where use = 'log'").fetchone()
    kept, heads = folder / "receipts", [folder / f"head-{number}" for number in range(len(notes))]
    kept.write_text("".join(f"{receipt}\n" for receipt in receipts))
    for path, (note,) in zip(heads, notes, strict=True):
        path.write_text(note)
    mirror_log(database, LogTree(), folder / "mirror")
    verified = verify_folder(
        folder / "mirror", log_verifiers=[Verifier.parse(vkey)], receipts=[kept], heads=heads
    )
    print(f"{verified.facts.entries} entries, {len(receipts)} receipts, {len(heads)} heads")
    assert verified.is_valid, verified.problems
    assert (verified.facts.receipts, verified.facts.heads) == (len(receipts), len(heads))
