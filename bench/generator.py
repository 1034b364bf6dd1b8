"""Load from a process of its own: pre-signed requests over kept-alive connections.

Reads one pickled {"endpoint", "requests", "clients", "calls"} from standard input and writes one JSON
line: wall seconds, its own CPU seconds, calls, latencies in seconds, statuses that were not 200.
"""

from __future__ import annotations

import itertools
import json
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from signed import Connection


def generate(endpoint: str, requests: Sequence[bytes], *, clients: int, calls: int) -> dict[str, Any]:
    """Run this module as a process and wait for its report.

    Raises:
        SystemExit: the process failed, or an answer was not 200.
    """
    plan = {"endpoint": endpoint, "requests": list(requests), "clients": clients, "calls": calls}
    done = subprocess.run(
        [sys.executable, str(Path(__file__))], input=pickle.dumps(plan), stdout=subprocess.PIPE, check=True
    )
    report = json.loads(done.stdout)
    if report["failures"]:
        raise SystemExit(f"{len(report['failures'])} calls failed: {report['failures'][:3]}")
    return report


def _run(plan: dict[str, Any]) -> dict[str, Any]:
    turns = itertools.count()  # next() is atomic under the interpreter lock
    latencies: list[float] = []
    failures: list[str] = []

    def client() -> None:
        connection = Connection(plan["endpoint"])
        while (turn := next(turns)) < plan["calls"]:
            started = time.perf_counter()
            status, body = connection.call(plan["requests"][turn % len(plan["requests"])])
            latencies.append(time.perf_counter() - started)
            if status != 200:
                failures.append(f"{status} {body[:200].decode('utf-8', 'replace')}")
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(plan["clients"])]
    started, used = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "wall_seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - used,
        "calls": len(latencies),
        "latencies": latencies,
        "failures": failures,
    }


if __name__ == "__main__":
    print(json.dumps(_run(pickle.load(sys.stdin.buffer))))
