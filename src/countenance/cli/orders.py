"""What the supervisor tells its processes, and how they know that it is there: one pipe, standard input.

Environment and arguments are readable by others, a pipe is not; and it closes when the supervisor dies,
however it dies.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from countenance.settings import Settings

READY = b"ready\n"
"""What a process answers on its standard output, once."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a process works on; one line of JSON on its standard input.

    Attributes:
        listener: descriptor of the socket to accept from, which workers inherit.
        memories: of the socket to ask for galleries' memory through, inherited as well; None for none.
        endpoint: where clients on this machine find the server.
        rates: of the table of accounts' rates, inherited as well; None for none.
    """

    settings: Settings
    database_url: str
    listener: int
    memories: int | None = None
    endpoint: str = ""
    rates: int | None = None

    def to_line(self) -> bytes:
        plain = {
            name: str(value) if isinstance(value, Path) else value
            for name, value in asdict(self.settings).items()
        }
        told = {
            "settings": plain,
            "database_url": self.database_url,
            "listener": self.listener,
            "memories": self.memories,
            "endpoint": self.endpoint,
            "rates": self.rates,
        }
        return json.dumps(told).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        told = json.loads(line)
        paths = {setting.name for setting in fields(Settings) if str(setting.type).startswith("Path")}
        given: dict[str, Any] = {
            name: Path(value) if name in paths and value else value
            for name, value in told["settings"].items()
        }
        return cls(
            Settings(**given),
            told["database_url"],
            told["listener"],
            told["memories"],
            told["endpoint"],
            told["rates"],
        )


def read_orders() -> Orders:
    """Wait for the supervisor's line."""
    return Orders.from_line(sys.stdin.buffer.readline())


def when_orphaned(stop: Callable[[], None]) -> None:
    """Call `stop`, from a thread of ours, when the supervisor has closed the pipe or died."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        stop()

    threading.Thread(target=wait, name="orphaned", daemon=True).start()


def say_ready() -> None:
    """Tell the supervisor that work has begun."""
    os.write(sys.stdout.fileno(), READY)
