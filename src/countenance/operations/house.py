"""What operations may ask of the server itself: its jobs, its disk, how it was set up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from countenance.store import Database
from countenance.store.jobs import Jobs


@dataclass(frozen=True, slots=True)
class House:
    """One server, as its own operations see it.

    Attributes:
        database: for what is read outside the call's own transaction.
        jobs: the queue.
        data_dir: of this server; None for a gateway that has none, of tests.
        lists_erasures_twice: whether what was erased is written down on another disk as well.
        workers: processes that answer calls.
        gallery_bytes: what galleries take of memory now and may take at most; None where nobody counts.
        simulating: held by the one call of this process that judges a log anew: seconds of a core.
    """

    database: Database
    jobs: Jobs
    data_dir: Path | None = None
    lists_erasures_twice: bool = False
    workers: int = 1
    gallery_bytes: Callable[[], tuple[int, int]] | None = None
    simulating: threading.Lock = field(default_factory=threading.Lock)
