"""Does memory stay flat? Twenty thousand calls, and the resident memory of every server process.

    python bench/soak.py [--calls 20000] [--photos DIR] [--pack standard]

DetectFaces, SearchFacesByImage and IndexFaces + DeleteFaces on small photos, eight clients. Memory is
the sum over `countenance serve` and all its children (PostgreSQL included), read between batches; the
slope is fitted to the second half of the calls: caches, pools and PostgreSQL's buffers fill first.
Fails over 1 MiB for each thousand calls, which would be a leak, not noise.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from countenance.cli.server_process import RunningServer, running_server
from generator import generate
from packs import bench_settings
from photographs import DEFAULT_PHOTOS, OUT, load_data_set, one_photo_of_each
from serving import COLLECTION, OFFICER, fill_collection, members_of, silent
from signed import ask, image_of, sign
from tables import print_table

BATCH = 500
MOST_MIB_A_THOUSAND_CALLS = 1.0


def resident_mib(process_id: int) -> dict[str, float]:
    """Resident memory, private and shared halves weighed (PSS), of a process tree by process name."""
    total: dict[str, float] = {}
    for member in _tree(process_id):
        try:
            rollup = Path(f"/proc/{member}/smaps_rollup").read_text()
            name = Path(f"/proc/{member}/comm").read_text().strip()
        except OSError:  # ended meanwhile, or another user's
            continue
        pss_kib = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        total[name] = total.get(name, 0.0) + pss_kib / 1024
    return total


def _tree(process_id: int) -> list[int]:
    found = [process_id]
    for task in Path(f"/proc/{process_id}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            found += _tree(int(child))
    return found


def _requests(server: RunningServer, photos: list[Path]) -> list[bytes]:
    """A batch's distinct requests, signed now: the signature must outlive the batch only."""
    requests = []
    for photo in photos:
        requests += [sign(server, op, members_of(op, photo)) for op in ("DetectFaces", "SearchFacesByImage")]
        index = {"CollectionId": COLLECTION, "Image": image_of(photo), "MaxFaces": 1}
        requests.append(
            sign(server, "IndexFaces", {**index, "ExternalImageId": f"soak-{time.monotonic_ns()}"})
        )
    return requests


def _forget_indexed(server: RunningServer) -> int:
    """Delete what a batch indexed, so that the collection does not grow; how many faces went."""
    listed = ask(server, "ListFaces", {"CollectionId": COLLECTION, "MaxResults": 4096})
    ids = [face["FaceId"] for face in listed["Faces"] if face.get("ExternalImageId", "").startswith("soak-")]
    if ids:
        ask(server, "DeleteFaces", {"CollectionId": COLLECTION, "FaceIds": ids})
    return len(ids)


def run(*, photos: Path, pack: str = "standard", calls: int = 20_000) -> dict[str, Any]:
    data = load_data_set(photos)
    settings = dataclasses.replace(bench_settings(), pack=pack)
    chosen = one_photo_of_each(data, people=220)
    samples: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="countenance-soak-") as folder:  # noqa: SIM117 - the folder outlives it
        with running_server(Path(folder), settings, accept_terms=OFFICER, log=silent) as server:
            fill_collection(server, chosen[:200])
            done = 0
            while done < calls:
                report = generate(server.endpoint, _requests(server, chosen[200:]), clients=8, calls=BATCH)
                done += report["calls"] + 2
                _forget_indexed(server)
                by_name = resident_mib(server.process_id)
                samples.append({"calls": done, "mib": sum(by_name.values()), "by_name": by_name})
                print(f"  {done} calls, {samples[-1]['mib']:.0f} MiB", file=sys.stderr)
    result = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "calls": done,
        "samples": samples,
        "mib_a_thousand_calls": slope([sample["mib"] for sample in samples], samples),
        "by_name": {
            name: slope([sample["by_name"].get(name, 0.0) for sample in samples], samples)
            for name in sorted({name for sample in samples for name in sample["by_name"]})
        },
    }
    print_result(result)
    return result


def print_result(result: dict[str, Any]) -> None:
    steps = result["samples"][:: max(1, len(result["samples"]) // 10)]
    names = sorted({name for sample in steps for name in sample["by_name"]})
    print_table(
        f"memory over {result['calls']} calls, MiB",
        ("calls", "all server processes", *names),
        [
            (
                str(sample["calls"]),
                f"{sample['mib']:.0f}",
                *(f"{sample['by_name'].get(name, 0.0):.0f}" for name in names),
            )
            for sample in steps
        ],
    )
    of_each = ", ".join(f"{name} {value:+.2f}" for name, value in result["by_name"].items())
    print(f"slope {result['mib_a_thousand_calls']:+.2f} MiB for each thousand calls ({of_each})")


def slope(mib: list[float], samples: list[dict[str, Any]]) -> float:
    """MiB for each thousand calls, least squares over the second half."""
    half = len(samples) // 2
    counts = np.array([sample["calls"] for sample in samples[half:]]) / 1000
    return float(np.polyfit(counts, mib[half:], 1)[0]) if len(counts) > 1 else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--photos", type=Path, default=DEFAULT_PHOTOS, help="a folder of folders, one a person"
    )
    parser.add_argument("--pack", default="standard")
    parser.add_argument("--calls", type=int, default=20_000)
    result = run(**vars(parser.parse_args()))
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "soak.json").write_text(json.dumps(result, indent=2) + "\n")
    if result["mib_a_thousand_calls"] > MOST_MIB_A_THOUSAND_CALLS:
        raise SystemExit("memory grows")


if __name__ == "__main__":
    main()
