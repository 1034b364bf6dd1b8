"""A `countenance serve` whose processes are killed, and clients who keep what it answered before it was."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
import uuid
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from countenance.cli.server_process import running_server
from fixtures_server import server_settings

SUPERVISOR = "supervisor"
MACHINE = "machine"
"""Everything at once, as when the power fails; but what was written is with the kernel."""
WEIGHTS = {"worker": 4, "sequencer": 3, "jobs_worker": 1, "backend": 2, "auxiliary": 1, "postmaster": 1}
"""How often each kind is drawn, of those that live; the supervisor has turns of its own."""
SUPERVISOR_EVERY = 10
LONGEST_PAUSE_S = 1.6
_GONE_WITHIN_S = 30.0


@dataclass(frozen=True)
class _Process:
    """As /proc tells of it; a number may come again, with another start time never."""

    process_id: int
    parent: int
    started: int
    command: str


def _processes():
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            told = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has just ended
            continue
        if told[0] != "Z":
            yield _Process(int(entry.name), int(told[1]), int(told[19]), command)


def _descendants(process_id):
    children = {}
    for process in _processes():
        children.setdefault(process.parent, []).append(process)
    found, parents = [], [process_id]
    while parents:
        below = children.get(parents.pop(), [])
        found += below
        parents += [process.process_id for process in below]
    return found


def _kind(process, postmasters):
    if process.process_id in postmasters:
        return "postmaster"
    if process.parent in postmasters:
        return "backend" if "postgres: countenance countenance" in process.command else "auxiliary"
    kinds = ("worker", "sequencer", "jobs_worker")
    return next((kind for kind in kinds if f"countenance.cli.{kind}" in process.command), "")


class KilledServer:
    """A server on a data directory; after a death of all of it, another one on the same.

    Attributes:
        running: the one that clients should talk to; it changes.
        killed: how often each kind was; `gave up` counts supervisors that ended by themselves.
    """

    def __init__(self, data_dir):
        self.data_dir = data_dir
        self.killed = Counter()
        self._lives = ExitStack()
        self._seen = set()
        self.running = None

    def __enter__(self):
        self._start()
        return self

    def __exit__(self, *_):
        self._seen |= set(_descendants(self.running.process_id))
        try:
            self._lives.close()
            self._require_gone()
        finally:
            for process in self._left():
                with suppress(ProcessLookupError):
                    os.kill(process.process_id, signal.SIGKILL)

    def kill_at_random(self, chance, kills):
        """So many kills, at random moments."""
        for number in range(1, kills + 1):
            time.sleep(chance.uniform(0.0, LONGEST_PAUSE_S))
            if self._has_ended():  # workers that die young five times in a row end it: so it is meant
                self._note("gave up")
                self._start()
            if number % SUPERVISOR_EVERY == 0:
                self._kill(self.running.process_id, SUPERVISOR)
                self._start()  # beside what is left of the one before
            else:
                self._kill_one(chance)

    def _kill_one(self, chance):
        kinds = self._kinds()
        drawable = [kind for kind in WEIGHTS if kind in kinds]
        if drawable:
            (kind,) = chance.choices(drawable, [WEIGHTS[kind] for kind in drawable])
            self._kill(chance.choice(kinds[kind]), kind)

    def kill(self, kind, chance):
        """One process of a kind, the supervisor, or the `machine`: all of them at once."""
        if self._has_ended():
            self._note("gave up")
        elif kind == SUPERVISOR:
            self._kill(self.running.process_id, SUPERVISOR)
            self._await_end()
        elif kind == MACHINE:
            self._note(MACHINE)
            everything = [process for process_ids in self._kinds().values() for process in process_ids]
            for process_id in (self.running.process_id, *everything):
                with suppress(ProcessLookupError):
                    os.kill(process_id, signal.SIGKILL)
            self._await_end()
        elif kind in (kinds := self._kinds()):
            self._kill(chance.choice(kinds[kind]), kind)

    def revive(self):
        """Start another if the supervisor is dead."""
        if self._has_ended():
            self._start()

    def _kinds(self):
        """Kind → the numbers of its processes, of those that live."""
        living = _descendants(self.running.process_id)
        self._seen |= set(living)
        postgres = {process.process_id for process in living if "postgres" in process.command.split(" ")[0]}
        postmasters = {
            process.process_id
            for process in living
            if process.process_id in postgres and process.parent not in postgres
        }
        kinds = {}
        for process in sorted(living, key=lambda process: process.process_id):
            kinds.setdefault(_kind(process, postmasters), []).append(process.process_id)
        return kinds

    def _kill(self, process_id, kind):
        if kind == SUPERVISOR:
            self._seen |= set(_descendants(process_id))
        with suppress(ProcessLookupError):  # it ended since it was drawn
            os.kill(process_id, signal.SIGKILL)
            self._note(kind)

    def _note(self, kind):
        self.killed[kind] += 1

    def _start(self):
        self.running = self._lives.enter_context(
            running_server(
                self.data_dir,
                server_settings(),
                accept_terms="Test, suite",
                log=str,
                options=["--workers", "2"],
            )
        )

    def _has_ended(self):
        """Whether the supervisor is dead; who waits for it afterwards still can."""
        return os.waitid(os.P_PID, self.running.process_id, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _await_end(self):
        os.waitid(os.P_PID, self.running.process_id, os.WEXITED | os.WNOWAIT)

    def _left(self):
        return self._seen & set(_processes())

    def _require_gone(self):
        deadline = time.monotonic() + _GONE_WITHIN_S
        while left := self._left():
            assert time.monotonic() < deadline, left
            time.sleep(0.1)


@dataclass
class Seen:
    """What one client was answered.

    Attributes:
        answers: (operation, status, whether a receipt came) → how often.
        lost: calls that got no answer.
    """

    answers: Counter = field(default_factory=Counter)
    receipts: list[str] = field(default_factory=list)
    lost: int = 0


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        receipt: the promise that the call is recorded; None if none came.
    """

    status: int
    body: dict
    receipt: str | None


class Caller:
    """Signs and sends, to whatever server there is; a call is never sent twice."""

    def __init__(self, server):
        self._server = server
        self._connection = None

    def call(self, operation, request, *, service="rekognition", keys=None):
        """The answer; None when none came, and then nobody knows whether it was done.

        Args:
            keys: (access key id, secret), by default the first account's.
        """
        running = self._server.running
        body = json.dumps(request).encode()
        signed = AWSRequest(
            method="POST",
            url=f"{running.endpoint}/",
            data=body,
            headers={
                "X-Amz-Target": f"{service.capitalize()}Service.{operation}",
                "Content-Type": "application/x-amz-json-1.1",
            },
        )
        credentials = Credentials(*(keys or (running.access_key_id, running.secret_access_key)))
        SigV4Auth(credentials, service, running.region).add_auth(signed)
        try:
            if self._connection is None:
                host = running.endpoint.removeprefix("http://")
                self._connection = http.client.HTTPConnection(host, timeout=60)
            self._connection.request("POST", "/", body, dict(signed.headers.items()))
            answer = self._connection.getresponse()
            return Answer(answer.status, json.loads(answer.read()), answer.headers["x-countenance-receipt"])
        except (OSError, http.client.HTTPException, ValueError):
            self.hang_up()
            time.sleep(0.05)
            return None

    def hang_up(self):
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class Client:
    """Cheap calls of each kind, and what came of them."""

    def __init__(self, server):
        self._server = server
        self._caller = Caller(server)
        self.seen = Seen()

    def call_until(self, over):
        """Over and over."""
        while not over.is_set():
            name = f"c-{uuid.uuid4()}"
            self._call("CreateCollection", {"CollectionId": name})
            self._call("ListCollections", {})
            self._call("DescribeCollection", {"CollectionId": f"no-{name}"})  # refused
            self._call("DeleteCollection", {"CollectionId": name})
            self._call("ListCollections", {}, secret="of somebody else")
        self._caller.hang_up()
        return self.seen

    def _call(self, operation, request, *, secret=None):
        keys = (self._server.running.access_key_id, secret) if secret else None
        answer = self._caller.call(operation, request, keys=keys)
        if answer is None:
            self.seen.lost += 1
            return
        name = "stranger" if secret else operation
        self.seen.answers[name, answer.status, answer.receipt is not None] += 1
        self.seen.receipts += [answer.receipt] if answer.receipt else []
