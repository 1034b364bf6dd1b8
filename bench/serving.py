"""What the server adds to the vision it runs: signature, policy, event and HTTP against the bare call.

    python bench/serving.py [--photos DIR] [--pack standard] [--rounds 3]

DetectFaces and SearchFacesByImage in a collection of 1,000 faces, through `countenance serve` in a
process tree of its own, against decode + detect (+ embed) in a bare process on the same pictures. One
client: the two take turns picture by picture. Eight clients: the server as a user starts it against as
many threads as cores in the bare process, the same cores, series by series in turns; the load comes from
a process that sends requests signed beforehand and reports its own use of the processor.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bare_worker import BareVision
from countenance.cli.server_process import RunningServer, running_server
from countenance.settings import Settings
from generator import generate
from packs import bench_settings
from photographs import DEFAULT_PHOTOS, OUT, SIZES, load_data_set, one_photo_of_each, picture_of
from signed import Connection, ask, image_of, sign
from tables import print_table

COLLECTION = "bench"
FACES = 1000
CLIENTS = 8
OPERATIONS = ("DetectFaces", "SearchFacesByImage")
OFFICER = "Benchmark, engineer"


def members_of(operation: str, picture: Path) -> dict[str, Any]:
    image = {"Image": image_of(picture)}
    return image if operation == "DetectFaces" else {**image, "CollectionId": COLLECTION}


def silent(_line: str) -> None:
    """The server's lines at start are not part of the table."""


@contextmanager
def server_without(
    what: str, folder: Path, settings: Settings, *, options: Sequence[str] = ()
) -> Iterator[RunningServer]:
    """A server that lacks a part on purpose: `sitecustomize.py` of the folder bench/WHAT takes it out."""
    kept = os.environ.get("PYTHONPATH")
    found = [str(Path(__file__).resolve().parent / what), *([kept] if kept else [])]
    os.environ["PYTHONPATH"] = os.pathsep.join(found)
    try:
        with running_server(folder, settings, accept_terms=OFFICER, log=silent, options=options) as server:
            yield server
    finally:
        if kept is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = kept


def measure_start(settings: Settings, picture: Path, folder: Path) -> dict[str, float]:
    """Seconds from the command to the first answer of DetectFaces: fresh data directory, then again."""
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        with running_server(folder / "started", settings, accept_terms=OFFICER, log=silent) as server:
            ask(server, "DetectFaces", members_of("DetectFaces", picture))
            seconds.append(time.perf_counter() - started)
    return {"very_first": seconds[0], "again": statistics.median(seconds[1:])}


def fill_collection(server: RunningServer, photos: list[Path]) -> int:
    """Index the photos, one face each; how many faces the collection then holds."""
    ask(server, "CreateCollection", {"CollectionId": COLLECTION})
    requests = [
        sign(
            server,
            "IndexFaces",
            {"CollectionId": COLLECTION, "Image": image_of(photo), "MaxFaces": 1, "QualityFilter": "NONE"},
        )
        for photo in photos
    ]
    generate(server.endpoint, requests, clients=4, calls=len(requests))
    return int(ask(server, "DescribeCollection", {"CollectionId": COLLECTION})["FaceCount"])


def measure_one_client(
    server: RunningServer, bare: BareVision, pictures: list[Path], operation: str, *, rounds: int
) -> dict[str, float]:
    """Median latency over HTTP and of the bare call, taken in turns."""
    connection = Connection(server.endpoint)
    requests = [sign(server, operation, members_of(operation, picture)) for picture in pictures]
    connection.require(requests[0])
    bare.measure(operation, pictures[:1], calls=1)
    over_http, without = [], []
    for _ in range(rounds):
        for picture, request in zip(pictures, requests, strict=True):
            without += bare.measure(operation, [picture], calls=1)["latencies"]
            started = time.perf_counter()
            connection.require(request)
            over_http.append(time.perf_counter() - started)
    connection.close()
    http_p50, bare_p50 = statistics.median(over_http), statistics.median(without)
    return {
        "http_p50_ms": http_p50 * 1000,
        "bare_p50_ms": bare_p50 * 1000,
        "added_ms": (http_p50 - bare_p50) * 1000,
        "ratio": http_p50 / bare_p50,
        "calls": len(over_http),
    }


def measure_many_clients(
    server: RunningServer, bare: BareVision, pictures: list[Path], operation: str, *, rounds: int
) -> dict[str, float]:
    """Calls a second with eight clients over those of the bare process, series by series in turns."""
    requests = [sign(server, operation, members_of(operation, picture)) for picture in pictures]
    calls = 4 * len(pictures)
    http_s = bare_s = generator_s = 0.0
    latencies: list[float] = []
    for _ in range(rounds):
        bare_s += bare.measure(operation, pictures, calls=calls)["wall_seconds"]
        report = generate(server.endpoint, requests, clients=CLIENTS, calls=calls)
        http_s += report["wall_seconds"]
        generator_s += report["cpu_seconds"]
        latencies += report["latencies"]
    return {
        "http_per_second": rounds * calls / http_s,
        "bare_per_second": rounds * calls / bare_s,
        "ratio": bare_s / http_s,
        "http_p50_ms": statistics.median(latencies) * 1000,
        "generator_cores_used": generator_s / http_s,
        "calls": rounds * calls,
    }


def run(*, photos: Path, pack: str = "standard", rounds: int = 3, pictures: int = 12) -> dict[str, Any]:
    data = load_data_set(photos)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    settings = dataclasses.replace(bench_settings(), pack=pack, threads=0)  # as a user starts it
    result: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "pack": pack,
        "cores": cores,
        "threads": cores,
    }
    bare_alone, bare_many = BareVision(pack, threads=1), BareVision(pack, threads=cores)
    with tempfile.TemporaryDirectory(prefix="countenance-bench-") as name:
        folder = Path(name)
        made = _make_pictures(folder, one_photo_of_each(data, people=pictures))
        result["start_seconds"] = measure_start(settings, made["VGA"][0], folder)
        with running_server(folder / "served", settings, accept_terms=OFFICER, log=silent) as server:
            result["faces_in_collection"] = fill_collection(server, one_photo_of_each(data, people=FACES))
            result["one_client"] = _each(
                made, lambda at, op: measure_one_client(server, bare_alone, at, op, rounds=rounds)
            )
            result["eight_clients"] = _each(
                made, lambda at, op: measure_many_clients(server, bare_many, at, op, rounds=rounds)
            )
    for bare in (bare_alone, bare_many):
        bare.close()
    print_result(result)
    return result


def _make_pictures(folder: Path, photos: list[Path]) -> dict[str, list[Path]]:
    made: dict[str, list[Path]] = {}
    for label, size in SIZES.items():
        made[label] = [folder / f"{label}-{number}.jpg" for number in range(len(photos))]
        for path, photo in zip(made[label], photos, strict=True):
            path.write_bytes(picture_of(photo, size=size))
    return made


def _each(
    made: dict[str, list[Path]], measure: Callable[[list[Path], str], dict[str, float]]
) -> dict[str, Any]:
    return {f"{op}, {label}": measure(pictures, op) for op in OPERATIONS for label, pictures in made.items()}


def print_result(result: dict[str, Any]) -> None:
    print_table(
        f"one client, {result['pack']}, {result['faces_in_collection']} faces in the collection",
        ("call", "bare p50", "HTTP p50", "added", "ratio", "target"),
        [
            (
                call,
                f"{figures['bare_p50_ms']:.1f} ms",
                f"{figures['http_p50_ms']:.1f} ms",
                f"{figures['added_ms']:.1f} ms",
                f"{figures['ratio']:.2f} x",
                _verdict(figures["added_ms"] <= 8, "<= 8 ms")
                if "VGA" in call
                else _verdict(figures["ratio"] <= 1.3, "<= 1.3 x"),
            )
            for call, figures in result["one_client"].items()
        ],
    )
    print_table(
        f"{CLIENTS} clients, {result['cores']} cores, generator included",
        ("call", "bare", "HTTP", "ratio", "generator", "target"),
        [
            (
                call,
                f"{figures['bare_per_second']:.1f} /s",
                f"{figures['http_per_second']:.1f} /s",
                f"{figures['ratio']:.2f} x",
                f"{figures['generator_cores_used']:.2f} cores",
                _verdict(figures["ratio"] >= 0.8, ">= 0.8 x"),
            )
            for call, figures in result["eight_clients"].items()
        ],
    )
    start = result["start_seconds"]
    print_table(
        "from the command to the first answer of DetectFaces",
        ("start", "seconds", "target"),
        [
            (
                "very first, new data directory",
                f"{start['very_first']:.1f}",
                _verdict(start["very_first"] <= 10, "<= 10"),
            ),
            ("again", f"{start['again']:.1f}", _verdict(start["again"] <= 5, "<= 5")),
        ],
    )


def _verdict(reached: bool, target: str) -> str:
    return f"{'reached' if reached else 'MISSED'} ({target})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--photos", type=Path, default=DEFAULT_PHOTOS, help="a folder of folders, one a person"
    )
    parser.add_argument("--pack", default="standard")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=12, help="pictures of each size")
    result = run(**vars(parser.parse_args()))
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "http.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
