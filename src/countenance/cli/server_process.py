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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from countenance.errors import SetupError
from countenance.settings import Settings

_START_TIMEOUT_S = 900.0
_STOP_TIMEOUT_S = 60.0
_DRAIN_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """Where it listens, and credentials of its first account."""

    endpoint: str
    access_key_id: str
    secret_access_key: str
    region: str
    process_id: int


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
    lines = threading.Thread(target=_drain, args=(process, said), daemon=True)
    lines.start()
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
        )
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        lines.join(_DRAIN_TIMEOUT_S)


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
        if found := re.search(r"serving at (https?://\S+)", line):
            return found.group(1)
        last = [*last, line.rstrip()][-10:]
        log(f"  {line.rstrip()}")
    raise SetupError("the server did not start", remedy=" / ".join(last) or "run `countenance doctor`")


def _drain(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    with process.stdout as output:
        for line in output:
            lines.put(line)
    lines.put(None)
