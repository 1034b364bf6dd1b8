"""Cosignatures are gathered beside the log's growth: witnesses are strangers, and some are slow or gone."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from countenance.audit import cosigners as module
from countenance.audit.tree import LogTree
from countenance.transparency.note import Note
from countenance.transparency.witness import Witness, WitnessAnswer
from countenance.transparency.witness_state import create_witness, load_key
from countenance.transparency.witnesses import WitnessClient
from log_rows import SIGNER, grow, insert_events, open_test_log, require_whole, sequencer_of


class Desk:
    """A witness on a port; `answer` may be replaced to misbehave."""

    def __init__(self, directory):
        create_witness(directory, f"w.example/{directory.name}")
        key = load_key(directory)
        self.witness = Witness(directory, key, [SIGNER.verifier])
        self.verifier = key.verifier
        self.answer = self.witness.add_checkpoint
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                answer = desk.answer(self.rfile.read(int(self.headers["content-length"])))
                with contextlib.suppress(OSError):  # who asked may have gone
                    self.send_response(answer.status)
                    self.send_header("content-length", str(len(answer.body)))
                    self.end_headers()
                    self.wfile.write(answer.body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.client = WitnessClient(
            f"http://127.0.0.1:{self.server.server_port}", self.verifier, timeout_s=2.0
        )

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.client.close()
        self.server.server_close()
        self.witness.close()


@pytest.fixture
def log(empty_database_url):
    with open_test_log(empty_database_url) as database:
        yield database


@pytest.fixture
def desks(tmp_path):
    """Three witnesses of the log."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(Desk(tmp_path / name))) for name in "abc"]


@contextlib.contextmanager
def running(database, desks, quorum):
    stop = threading.Event()
    sequencer = sequencer_of(database, witnesses=[desk.client for desk in desks], quorum=quorum)
    with futures.ThreadPoolExecutor(1) as pool:
        loop = pool.submit(sequencer.run, stop)
        try:
            yield
        finally:
            stop.set()
            loop.result(60)


def published(database):
    with database.read() as connection:
        return LogTree().published(connection)


def wait_until(condition, *, patience_s=30.0):
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.02)


def await_published(database, size):
    wait_until(lambda: (found := published(database)) is not None and found.size == size)
    return published(database)


def refuse(_body):
    return WitnessAnswer(503, "text/plain", b"")


def test_a_published_checkpoint_bears_the_quorum_it_waited_for(log, desks):
    """Anyone who has the note can check the log's key and the witnesses' at once."""
    grow(log, 3)
    with running(log, desks, 3):
        for size in (3, 300):
            grow_by_the_loop(log, size)
            found = await_published(log, size)
            keys = [SIGNER.verifier, *(desk.verifier for desk in desks)]
            assert set(Note.parse(found.note).signed_by(keys)) == set(keys)


def test_nothing_is_published_without_its_quorum_and_integration_goes_on(log, desks):
    """The log grows and is signed; what a quorum is asked for waits for it."""
    desks[1].answer = desks[2].answer = refuse
    with running(log, desks, 2):
        grow_by_the_loop(log, 5)
        wait_until(lambda: cosignatures(log) >= 1)
        grow_by_the_loop(log, 9)
        wait_until(lambda: signed_size(log) == 9)
        assert published(log) is None
        desks[1].answer = desks[1].witness.add_checkpoint
        await_published(log, 9)
    with log.read() as connection:
        require_whole(connection)


def test_a_witness_that_hangs_delays_nobody(log, desks):
    """Two of three are enough, and the third may take its time."""
    go_on = threading.Event()

    def hang(_body):
        go_on.wait(60)
        return refuse(_body)

    desks[0].answer = hang
    try:
        with running(log, desks, 2):
            for size in (1, 2, 3):
                grow_by_the_loop(log, size)
                await_published(log, size)
    finally:
        go_on.set()


def test_a_busy_log_meets_its_quorum_with_witnesses_of_unlike_speed(log, desks, monkeypatch):
    """All are asked about the same checkpoint: asked each about the newest they would never agree on one."""

    def slow(body):
        time.sleep(0.3)
        return desks[0].witness.add_checkpoint(body)

    desks[0].answer = slow
    monkeypatch.setattr("countenance.audit.sequencer._SIGN_EVERY_S", 0.0)
    with running(log, desks[:2], 2):
        for size in range(1, 15):
            with log.transaction() as connection:
                insert_events(connection, 1)
            wait_until(lambda size=size: signed_size(log) == size)
        await_published(log, 14)
    with log.read() as connection:
        row = connection.execute("select count(*) from audit_checkpoint where published_at is not null")
        assert row.fetchone()[0] > 1


def test_a_witness_that_was_gone_is_asked_again(log, desks, monkeypatch, caplog):
    """Also when the log has not grown meanwhile; that it was gone and that it is back are a line each."""
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.01)
    desks[0].answer = refuse
    with running(log, desks[:1], 1):
        grow_by_the_loop(log, 2)
        wait_until(lambda: any("no cosignature of w.example/a" in line for line in caplog.messages))
        desks[0].answer = desks[0].witness.add_checkpoint
        await_published(log, 2)
    assert sum("no cosignature" in line for line in caplog.messages) == 1


def test_an_error_that_nobody_thought_of_ends_no_thread(log, desks, monkeypatch, caplog):
    """A line for each kind of it, with where it comes from; then the witness is asked as ever."""
    monkeypatch.setattr(module, "_FIRST_PAUSE_S", 0.01)
    client, errors = desks[0].client, [KeyError("a"), KeyError("b"), RecursionError("c"), KeyError("d")]
    submit = client.submit

    def fail_first(*given):
        if errors:
            raise errors.pop(0)
        return submit(*given)

    monkeypatch.setattr(client, "submit", fail_first)
    with running(log, desks[:1], 1):
        grow_by_the_loop(log, 2)
        await_published(log, 2)
    told = [line for line in caplog.records if "no cosignature" in line.message]
    assert [line.exc_info[0] for line in told] == [KeyError, RecursionError]
    assert any("cosigns again" in line for line in caplog.messages)


def test_a_server_that_starts_again_goes_on_where_its_witnesses_are(log, desks):
    """It knows of no size until they tell; a checkpoint that was signed before is cosigned now."""
    with running(log, desks[:1], 1):
        grow_by_the_loop(log, 4)
        await_published(log, 4)
    grow(log, 3)
    sequencer_of(log).sign()
    with running(log, desks[:2], 2):
        await_published(log, 7)


def test_without_a_quorum_cosignatures_come_after_publication(log, desks):
    """They are worth having, and nobody waits for them."""
    with running(log, desks[:1], 0):
        grow_by_the_loop(log, 4)
        found = await_published(log, 4)
        wait_until(lambda: published(log).note != found.note or len(Note.parse(found.note).signatures) == 2)
    assert Note.parse(published(log).note).signed_by([desks[0].verifier]) == [desks[0].verifier]


def grow_by_the_loop(database, size):
    """Record until the log has `size` entries; the running sequencer does the rest."""
    with database.transaction() as connection:
        (now,) = connection.execute("select size from audit_log").fetchone()
        insert_events(connection, size - now)


def signed_size(database):
    with database.read() as connection:
        found = LogTree().signed(connection)
        return found.size if found else 0


def cosignatures(database):
    with database.read() as connection:
        return connection.execute("select count(*) from audit_cosignature").fetchone()[0]
