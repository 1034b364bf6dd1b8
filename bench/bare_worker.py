"""The vision calls behind an operation without a server, in a process of their own.

    python bare_worker.py PACK THREADS

A line in: {"operation": ..., "pictures": [...], "calls": n}. A line out: wall seconds and the seconds
of each call. THREADS calls run at once, each on one thread, as the server runs them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from countenance.vision.pipeline import Vision
from packs import installed_pack


class BareVision:
    """The worker process, asked for one series of calls at a time."""

    def __init__(self, pack: str, *, threads: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, pack, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def measure(self, operation: str, pictures: list[Path], *, calls: int) -> dict[str, Any]:
        order = {"operation": operation, "pictures": [str(picture) for picture in pictures], "calls": calls}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def _detect_faces(vision: Vision, data: bytes) -> None:
    vision.detect(vision.decode(data))


def _search_faces_by_image(vision: Vision, data: bytes) -> None:
    pixels = vision.decode(data)
    vision.embed(pixels, vision.detect(pixels).faces[:1])


OPERATIONS: dict[str, Callable[[Vision, bytes], None]] = {
    "DetectFaces": _detect_faces,
    "SearchFacesByImage": _search_faces_by_image,
}


def main() -> None:
    vision = Vision(installed_pack(sys.argv[1]), threads=1)
    with ThreadPoolExecutor(int(sys.argv[2])) as pool:
        for line in sys.stdin:
            order = json.loads(line)
            call = OPERATIONS[order["operation"]]
            pictures = [Path(picture).read_bytes() for picture in order["pictures"]]

            def timed(turn: int, call: Any = call, pictures: list[bytes] = pictures) -> float:
                started = time.perf_counter()
                call(vision, pictures[turn % len(pictures)])
                return time.perf_counter() - started

            started = time.perf_counter()
            latencies = list(pool.map(timed, range(order["calls"])))
            report = {"wall_seconds": time.perf_counter() - started, "latencies": latencies}
            print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
