"""What recording costs a caller: two servers, one of which writes no event, on the same pictures in turns."""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from countenance.cli.server_process import RunningServer, running_server
from generator import generate
from packs import bench_settings
from photographs import SIZES, load_data_set, one_photo_of_each, picture_of
from serving import CLIENTS, OFFICER, server_without, silent
from signed import Connection, image_of, sign


def measure_cost(photos: Path, pack: str, *, rounds: int, pictures: int = 12) -> dict[str, Any]:
    """DetectFaces on VGA with and without its record: one client's latency, eight clients' throughput."""
    data = load_data_set(photos)
    settings = dataclasses.replace(bench_settings(), pack=pack, threads=0)
    images = [picture_of(photo, size=SIZES["VGA"]) for photo in one_photo_of_each(data, people=pictures)]
    with tempfile.TemporaryDirectory(prefix="countenance-bench-") as name:
        folder = Path(name)
        with (
            running_server(folder / "recorded", settings, accept_terms=OFFICER, log=silent) as recorded,
            server_without("unrecorded", folder / "unrecorded", settings) as unrecorded,
        ):
            servers = {"recorded": recorded, "unrecorded": unrecorded}
            signed = {
                which: [sign(server, "DetectFaces", {"Image": image_of(image)}) for image in images]
                for which, server in servers.items()
            }
            idle = {
                which: [sign(server, "ListCollections", {})] * len(images)
                for which, server in servers.items()
            }
            return {
                "DetectFaces VGA": _one_client(servers, signed, rounds=rounds),
                "ListCollections": _one_client(servers, idle, rounds=rounds),
                "eight_clients": _many_clients(servers, signed, rounds=rounds),
            }


def _one_client(
    servers: dict[str, RunningServer], requests: dict[str, list[bytes]], *, rounds: int
) -> dict[str, float]:
    seconds: dict[str, list[float]] = {which: [] for which in servers}
    connections = {which: Connection(server.endpoint) for which, server in servers.items()}
    for _ in range(rounds):
        for place in range(len(requests["recorded"])):
            for which, connection in connections.items():
                started = time.perf_counter()
                connection.require(requests[which][place])
                seconds[which].append(time.perf_counter() - started)
    for connection in connections.values():
        connection.close()
    found = {f"{which}_p50_ms": statistics.median(of) * 1000 for which, of in seconds.items()}
    return found | {"added_ms": found["recorded_p50_ms"] - found["unrecorded_p50_ms"]}


def _many_clients(
    servers: dict[str, RunningServer], requests: dict[str, list[bytes]], *, rounds: int
) -> dict[str, float]:
    calls, elapsed = 4 * len(requests["recorded"]), dict.fromkeys(servers, 0.0)
    for turn in range(rounds + 1):
        for which, server in servers.items():
            report = generate(server.endpoint, requests[which], clients=CLIENTS, calls=calls)
            if turn:  # the first turn warms up
                elapsed[which] += report["wall_seconds"]
    rate = {f"{which}_per_second": rounds * calls / seconds for which, seconds in elapsed.items()}
    return rate | {"ratio": elapsed["unrecorded"] / elapsed["recorded"]}
