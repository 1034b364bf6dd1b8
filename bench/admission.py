"""What one account's flood costs another: photographs of 5 MiB from 128 clients, and one client beside them.

    python bench/admission.py [--photos DIR] [--seconds 25]

A server of two workers as a user starts it. One client of a second account calls DetectFaces on a VGA
picture with boto3's own retries: alone, under the flood, and under the same flood at a server that does not
tell accounts apart. Flooding clients pause after a refusal as SDKs do. And what the count of an account's
rate costs a call.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import numpy as np
from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image

from countenance.accounts import Accounts, Actor, Governance
from countenance.cli.installation import open_store
from countenance.cli.server_process import RunningServer, running_server
from countenance.gateway.rates import Rate, Rates, create_rates
from countenance.policy import load_purposes
from countenance.settings import Settings
from countenance.terms import load_terms
from flood import Flood
from packs import bench_settings
from photographs import DEFAULT_PHOTOS, OUT, SIZES, load_data_set, one_photo_of_each, picture_of
from serving import OFFICER, server_without, silent
from signed import image_of, sign
from soak import resident_mib
from tables import print_table

CLIENTS = 128
PAUSE_S = 0.5
LARGEST = 5 * 1024 * 1024
SIDE_PX = 3464  # 12 megapixels
TARGET = 15.0
COUNTS = 50_000


def largest_photo(photo: Path) -> bytes:
    """The photo at 12 megapixels, with comments up to the most bytes that the service takes."""
    with Image.open(photo) as opened:
        image = opened.convert("RGB").resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    jpeg = out.getvalue()
    comment = b"\xff\xfe" + (65_535).to_bytes(2, "big") + bytes(65_533)
    return jpeg[:2] + comment * ((LARGEST - len(jpeg)) // len(comment)) + jpeg[2:]


def second_account(folder: Path) -> dict[str, str]:
    """A key of another account that may detect faces."""
    with open_store(Settings.from_env({}, data_dir=folder)) as (database, keys):
        accounts, governance = Accounts(database, keys), Governance.open(database, keys, load_terms())
        account_id = accounts.create_account("beside").account_id
        for document in governance.terms.documents:
            governance.acceptances.accept(
                account_id, document, officer="Beside", role="owner", actor=Actor("bench")
            )
        wanted, officer = load_purposes()["development"], OFFICER.partition(",")[0]
        asked = governance.grants.request(account_id, wanted.name, "a bench", actor=Actor("bench"))
        governance.grants.decide(
            asked,
            "approve",
            officer=officer,
            reason="a bench",
            approvals=wanted.approvals,
            risk=wanted.risk,
            actor=Actor(officer),
        )
        key = accounts.create_access_key(account_id, operator="bench", purpose=wanted.name)
    return {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret}


class Beside:
    """The one client; its latencies, its retries and what went wrong in spite of them."""

    def __init__(self, server: RunningServer, keys: dict[str, str], picture: bytes) -> None:
        self._client = boto3.client(
            "rekognition", region_name=server.region, endpoint_url=server.endpoint, **keys
        )
        self._picture = picture

    def measure(self, seconds: float) -> dict[str, float]:
        latencies, retries, errors = [], 0, 0
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.perf_counter()
            try:
                answer = self._client.detect_faces(Image={"Bytes": self._picture})
                retries += answer["ResponseMetadata"]["RetryAttempts"]
            except (BotoCoreError, ClientError):
                errors += 1
            latencies.append(time.perf_counter() - began)
        return {
            "calls": len(latencies),
            "p50_ms": statistics.median(latencies) * 1000,
            "p95_ms": float(np.percentile(latencies, 95)) * 1000,
            "retries": retries,
            "errors": errors,
        }


@contextmanager
def most_memory(server: RunningServer) -> Iterator[dict[str, float]]:
    """The most that all processes of the server held while this lasts."""
    most, stop = {"mib": 0.0}, threading.Event()

    def look() -> None:
        while not stop.wait(0.5):
            most["mib"] = max(most["mib"], sum(resident_mib(server.process_id).values()))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield most
    finally:
        stop.set()
        looking.join()


def under_flood(
    server: RunningServer, folder: Path, large: list[bytes], small: bytes, seconds: float
) -> dict[str, Any]:
    """Alone first, then beside the flood."""
    beside = Beside(server, second_account(folder), small)
    beside.measure(2.0)
    alone = beside.measure(seconds / 2)
    requests = [sign(server, "DetectFaces", {"Image": image_of(photo)}) for photo in large]
    with most_memory(server) as most:
        flood = Flood(server.endpoint, requests, clients=CLIENTS, seconds=seconds, pause_s=PAUSE_S)
        time.sleep(3.0)  # all have called by then
        crowded = beside.measure(seconds - 3.0)
        told = flood.end()
    return {"alone": alone, "beside": crowded, "flood": told["codes"], "most_mib": most["mib"]}


def measure_count() -> float:
    """Microseconds that a call takes to be counted, in the shared table."""
    rates, rate = Rates(create_rates()), Rate(per_s=1e6, burst=10 * COUNTS)
    began = time.perf_counter()
    for _ in range(COUNTS):
        rates.take("123456789012/face", rate)
    taken = (time.perf_counter() - began) / COUNTS * 1e6
    rates.close()
    return taken


def run(*, photos: Path, seconds: float = 25.0) -> dict[str, Any]:
    chosen = one_photo_of_each(load_data_set(photos), people=5)
    large, small = [largest_photo(photo) for photo in chosen[:4]], picture_of(chosen[4], size=SIZES["VGA"])
    settings = dataclasses.replace(bench_settings(), pack="standard", threads=0)
    result: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "clients": CLIENTS,
        "count_us": measure_count(),
    }
    options = ["--workers", "2"]
    with tempfile.TemporaryDirectory(prefix="countenance-bench-") as name:
        told, untold = Path(name) / "told", Path(name) / "untold"
        with running_server(told, settings, accept_terms=OFFICER, log=silent, options=options) as server:
            result["in_turns"] = under_flood(server, told, large, small, seconds)
        with server_without("untold", untold, settings, options=options) as server:
            result["in_one_line"] = under_flood(server, untold, large, small, seconds)
    print_result(result)
    return result


def rows_of(figures: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """Name, measured, target, reached."""
    rows = []
    for name, words in (("in_turns", "as it is"), ("in_one_line", "accounts not told apart")):
        of = figures[name]
        times = of["beside"]["p95_ms"] / of["alone"]["p95_ms"]
        is_ours = name == "in_turns"
        alone, beside = of["alone"], of["beside"]
        rows += [
            (
                f"p95 of one client beside {figures['clients']} of another account, {words}",
                f"{times:.1f} x ({beside['p95_ms']:,.0f} ms; alone {alone['p95_ms']:,.0f} ms)",
                f"<= {TARGET:.0f} x" if is_ours else "",
                times <= TARGET or not is_ours,
            ),
            (
                f"its errors and retries, {words}",
                f"{beside['errors']} and {beside['retries']} in {beside['calls']} calls",
                "no error" if is_ours else "",
                not beside["errors"] or not is_ours,
            ),
            (f"what the flood was told, {words}", _codes(of["flood"]), "", True),
            (f"memory of all processes at most, {words}", f"{of['most_mib']:,.0f} MiB", "", True),
        ]
    count = figures["count_us"]
    rows.append(("counting a call against its account's rate", f"{count:.0f} µs", "<= 50 µs", count <= 50.0))
    return rows


def _codes(codes: dict[str, int]) -> str:
    return ", ".join(f"{code} {count}" for code, count in sorted(codes.items()))


def print_result(result: dict[str, Any]) -> None:
    print_table(
        "one account's flood and another's client",
        ("figure", "measured", "target"),
        [
            (name, measured if reached else f"{measured} MISSED", target)
            for name, measured, target, reached in rows_of(result)
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--photos", type=Path, default=DEFAULT_PHOTOS, help="a folder of folders, one a person"
    )
    parser.add_argument("--seconds", type=float, default=25.0, help="of each flood")
    result = run(**vars(parser.parse_args()))
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "admission.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
