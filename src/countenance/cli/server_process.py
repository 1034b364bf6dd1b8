"""A server of one's own for a while: started as a user starts it, stopped when the context ends."""

from __future__ import annotations

import configparser
import os
import queue
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from countenance.errors import SetupError
from countenance.settings import Settings

_START_TIMEOUT_S = 900.0
_STOP_TIMEOUT_S = 60.0
_DRAIN_TIMEOUT_S = 10.0
_KEPT_LINES = 20_000
_SERVING = re.compile(r"serving at (https?://\S+)")


@dataclass(frozen=True, slots=True)
class RunningServer:
    """Where it listens, and credentials of its first account.

    Attributes:
        lines: the latest lines of its output, the newest last; another thread appends while it runs.
    """

    endpoint: str
    access_key_id: str
    secret_access_key: str
    region: str
    process_id: int
    lines: deque[str]


@contextmanager
def running_server(
    data_dir: Path,
    settings: Settings,
    *,
    accept_terms: str,
    log: Callable[[str], None] = print,
    options: Sequence[str] = (),
) -> Iterator[RunningServer]:
    """Run `countenance serve` on a free port with `data_dir`.

    Raises:
        SetupError: it ended before it served; its last lines are in the message.
    """
    command = [
        *(sys.executable, "-m", "countenance.cli", "serve", "--data-dir", str(data_dir), "--port", "0"),
        *("--host", "127.0.0.1", "--cache-dir", str(settings.cache_dir), "--accept-terms", accept_terms),
        *(("--models", str(settings.models)) if settings.models else ()),
        *(("--pack", settings.pack) if settings.pack else ()),
        *("--threads", str(settings.threads)),
        *options,
    ]
    log(f"$ countenance {shlex.join(command[3:])}")
    process = subprocess.Popen(  # noqa: S603 - our own program and arguments
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    said: queue.Queue[str | None] = queue.Queue()
    kept: deque[str] = deque(maxlen=_KEPT_LINES)
    drain = threading.Thread(target=_drain, args=(process, said, kept), daemon=True)
    drain.start()
    try:
        endpoint = _await_endpoint(said, log)
        profile = configparser.ConfigParser()
        profile.read(data_dir / "credentials")
        first = profile["countenance"]
        yield RunningServer(
            endpoint=endpoint,
            access_key_id=first["aws_access_key_id"],
            secret_access_key=first["aws_secret_access_key"],
            region=first["region"],
            process_id=process.pid,
            lines=kept,
        )
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        drain.join(_DRAIN_TIMEOUT_S)


def _await_endpoint(lines: queue.Queue[str | None], log: Callable[[str], None]) -> str:
    """Pass the server's lines on to `log` until it says where it serves."""
    last: list[str] = []
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            line = lines.get(timeout=1.0)
        except queue.Empty:
            continue
        if line is None:
            break
        if found := _SERVING.search(line):
            return found.group(1)
        last = [*last, line.rstrip()][-10:]
        log(f"  {line.rstrip()}")
    raise SetupError("the server did not start", remedy=" / ".join(last) or "run `countenance doctor`")


def _drain(process: subprocess.Popen[str], lines: queue.Queue[str | None], kept: deque[str]) -> None:
    """Keep the latest output; pass it on as well, up to the line that says where it serves."""
    assert process.stdout is not None
    is_starting = True
    with process.stdout as output:
        for line in output:
            kept.append(line.rstrip("\n"))
            if is_starting:
                lines.put(line)
                is_starting = _SERVING.search(line) is None
    lines.put(None)
