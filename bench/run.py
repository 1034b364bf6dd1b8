"""`make bench`: every figure as tables, and as JSON in bench/out/bench.json.

python bench/run.py [WHICH | all] [--photos DIR]; WHICH is one of `BENCHES`
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import accuracy
import admission
import attributes
import audit
import decisions
import enrolling
import pages
import peers
import quality
import search
import serving
import soak
import steps
from documents import write_documents
from photographs import DEFAULT_PHOTOS, OUT

BENCHES = {
    "accuracy": lambda given: accuracy.run(
        ["standard", "open"], given.photos, write_calibration=given.write_calibration
    ),
    "peers": lambda given: peers.run(photos=given.photos),
    "http": lambda given: serving.run(photos=given.photos),
    "audit": lambda given: audit.run(photos=given.photos),
    "policy": lambda given: decisions.run(photos=given.photos),
    "admission": lambda given: admission.run(photos=given.photos),
    "attributes": lambda given: attributes.run(given.photos, write_fits=given.write_fits),
    "search": lambda given: search.run(rounds=given.rounds),
    "enrolling": lambda _: enrolling.run(),
    "quality": lambda given: quality.run(given.photos),
    "steps": lambda given: steps.run(given.photos),
    "pages": lambda _: pages.run(),
    "soak": lambda given: soak.run(photos=given.photos),
}
ORDER = ("http", "audit", "policy", "admission", "peers", "accuracy")
"""Timings first: accuracy makes itself nice for good."""


def machine() -> dict[str, Any]:
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "onnxruntime": version("onnxruntime"),
        "countenance": version("countenance"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("which", nargs="?", choices=[*BENCHES, "all"], default="all")
    parser.add_argument(
        "--photos", type=Path, default=DEFAULT_PHOTOS, help="a folder of folders, one a person"
    )
    parser.add_argument(
        "--write-calibration", action="store_true", help="put the fitted knots into the packs' manifests"
    )
    parser.add_argument(
        "--write-fits", action="store_true", help="put what `attributes` fitted into the code"
    )
    parser.add_argument("--rounds", type=int, default=40, help="of each search in `search`")
    parser.add_argument("--write-docs", action="store_true", help="put the figures into docs/")
    given = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    written = OUT / "bench.json"
    results = json.loads(written.read_text()) if written.is_file() else {}
    results["machine"] = machine()
    ran = ORDER if given.which == "all" else (given.which,)
    for name in ran:
        results[name] = BENCHES[name](given)
        written.write_text(json.dumps(results, indent=2) + "\n")
    if given.write_docs:
        written_to = write_documents({name: results[name] for name in (*ran, "machine")})
        if "quality" in ran:
            written_to += quality.write_documents(results)
        print(f"documents written: {', '.join(written_to)}")
    print(f"figures written to bench/out/{written.name}")


if __name__ == "__main__":
    main()
