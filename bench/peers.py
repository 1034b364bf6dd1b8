"""Side by side with the PyPI package face_recognition (dlib): pictures a second and accuracy.

    python bench/peers.py [--photos DIR] [--pictures 12] [--rounds 3] [--pairs 2000]

Both run decode + detect + embed of the largest face, in a process each, one thread, pinned to the same
core; they take turns picture by picture, so that whatever else the machine does slows both. The peer
has an environment of its own, built here by pip (dlib-bin in place of dlib, which would be compiled).
Accuracy: the same pairs (a part of the pairs protocol of accuracy.py), each at its own best threshold
of the other nine folds, and the peer also at its documented tolerance of 0.6.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from countenance.evaluation.trials import NEVER, Pairs, draw_pairs
from countenance.evaluation.verification import balanced_accuracy
from embeddings import code_digest
from photographs import DEFAULT_PHOTOS, OUT, SIZES, DataSet, load_data_set, one_photo_of_each, picture_of
from tables import print_table

ENVIRONMENT = OUT / "peer-environment"
PINNED = ("setuptools==80.9.0", "numpy>=2", "pillow>=11", "click>=8", "dlib-bin==20.0.1.post1")
PINNED_ALONE = ("face_recognition==1.3.0", "face_recognition_models==0.3.0")  # they ask for dlib itself
TOLERANCE = 0.6  # of face_recognition.compare_faces
SEED = 2026
TARGET_RATIO = 7.0


class Peer:
    """One worker process; asked for one picture at a time."""

    def __init__(self, python: Path, *arguments: str) -> None:
        single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self._process = subprocess.Popen(
            [str(python), str(Path(__file__).with_name("peer_worker.py")), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **single},
        )
        if self._process.stdout.readline().strip() != "ready":
            raise SystemExit(f"the worker for {arguments[0]} did not start")

    def embed(self, path: Path) -> tuple[float, list[float] | None]:
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return answer["seconds"], answer["embedding"]

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


@contextmanager
def both_peers(pack: str) -> Iterator[dict[str, Peer]]:
    peers = {
        "countenance": Peer(Path(sys.executable), "countenance", pack),
        "face_recognition": Peer(_peer_python(), "face_recognition"),
    }
    try:
        yield peers
    finally:
        for peer in peers.values():
            peer.close()


def _peer_python() -> Path:
    """The interpreter of the peer's own environment, built on first use."""
    python = ENVIRONMENT / "bin" / "python"
    built = ENVIRONMENT / "built"
    if not built.is_file():
        print(f"building an environment for face_recognition in {ENVIRONMENT.relative_to(OUT.parent)}")
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, *PINNED], check=True)
        subprocess.run([*pip, "--no-deps", *PINNED_ALONE], check=True)
        built.write_text("\n".join([*PINNED, *PINNED_ALONE]))
    return python


def measure_speed(peers: dict[str, Peer], photos: list[Path], *, rounds: int) -> dict[str, Any]:
    """Median seconds a picture, by size and library, and the ratio of what each does in a second."""
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for label, size in SIZES.items():
            pictures = []
            for number, photo in enumerate(photos):
                picture = Path(folder, f"{label}-{number}.jpg")
                picture.write_bytes(picture_of(photo, size=size))
                pictures.append(picture)
            result[label] = _take_turns(peers, pictures, rounds=rounds)
    return result


def _take_turns(peers: dict[str, Peer], pictures: list[Path], *, rounds: int) -> dict[str, Any]:
    for peer in peers.values():
        peer.embed(pictures[0])  # the first call of a size allocates
    seconds: dict[str, list[float]] = {name: [] for name in peers}
    found: dict[str, int] = dict.fromkeys(peers, 0)
    for _ in range(rounds):
        for picture in pictures:
            for name, peer in peers.items():
                took, embedding = peer.embed(picture)
                seconds[name].append(took)
                found[name] += embedding is not None
    ours, theirs = seconds["countenance"], seconds["face_recognition"]
    return {
        "pictures": len(pictures),
        "rounds": rounds,
        "median_seconds": {name: statistics.median(values) for name, values in seconds.items()},
        "pictures_per_second": {name: len(values) / sum(values) for name, values in seconds.items()},
        "found_a_face": {name: count / (rounds * len(pictures)) for name, count in found.items()},
        "ratio": sum(theirs) / sum(ours),
        "ratio_by_picture": statistics.median(b / a for a, b in zip(ours, theirs, strict=True)),
    }


def measure_accuracy(peers: dict[str, Peer], data: DataSet, *, pairs: int, pack: str) -> dict[str, Any]:
    """Balanced accuracy of both on the same pairs."""
    drawn = _fewer(draw_pairs(data.subjects, seed=SEED), most=pairs)
    rows = np.unique(np.concatenate([drawn.first, drawn.second]))
    result: dict[str, Any] = {"pairs": len(drawn.first), "photos": len(rows)}
    for name, peer in peers.items():
        embeddings = _embed_all(name, peer, data, rows, pack=pack)
        scores = _scores(embeddings, drawn, euclidean=name == "face_recognition")
        result[name] = {
            **asdict(balanced_accuracy(scores, drawn)),
            "failures_to_enrol": len(rows) - len(embeddings),
        }
        if name == "face_recognition":
            matches = scores >= np.float32(-TOLERANCE)
            result[name]["at_tolerance_0.6"] = float(
                (np.mean(matches[drawn.mated]) + np.mean(~matches[~drawn.mated])) / 2
            )
    return result


def _fewer(pairs: Pairs, *, most: int) -> Pairs:
    """The same number of each fold and kind, drawn at random."""
    random = np.random.default_rng(SEED)
    kept = []
    for fold in np.unique(pairs.fold):
        for mated in (True, False):
            rows = np.flatnonzero((pairs.fold == fold) & (pairs.mated == mated))
            kept.append(random.permutation(rows)[: most // 20])
    chosen = np.sort(np.concatenate(kept))
    return Pairs(pairs.first[chosen], pairs.second[chosen], pairs.mated[chosen], pairs.fold[chosen])


def _embed_all(name: str, peer: Peer, data: DataSet, rows: np.ndarray, *, pack: str) -> dict[int, np.ndarray]:
    """Embedding of each row that has one, kept for the next run."""
    made_by = f"{pack} {code_digest()}" if name == "countenance" else " ".join([*PINNED, *PINNED_ALONE])
    digest = hashlib.sha256(f"{made_by} {data.digest}".encode() + rows.tobytes()).hexdigest()
    cached = OUT / "embeddings" / f"peer-{name}-{digest[:16]}.npz"
    if not cached.is_file():
        found = {int(row): peer.embed(data.root / data.files[row])[1] for row in rows}
        there = {row: embedding for row, embedding in found.items() if embedding is not None}
        cached.parent.mkdir(parents=True, exist_ok=True)
        part = cached.with_suffix(".part.npz")
        np.savez(part, rows=np.array(list(there)), embeddings=np.array(list(there.values())))
        part.replace(cached)
    with np.load(cached) as arrays:
        return dict(zip(arrays["rows"].tolist(), arrays["embeddings"], strict=True))


def _scores(embeddings: dict[int, np.ndarray], pairs: Pairs, *, euclidean: bool) -> np.ndarray:
    def score(first: int, second: int) -> float:
        if first not in embeddings or second not in embeddings:
            return float(NEVER)
        a, b = embeddings[first], embeddings[second]
        return -float(np.linalg.norm(a - b)) if euclidean else float(a @ b)

    return np.array(
        [score(int(a), int(b)) for a, b in zip(pairs.first, pairs.second, strict=True)], np.float32
    )


def print_result(result: dict[str, Any]) -> None:
    rows = []
    for label, figures in result["speed"].items():
        ours, theirs = (figures["pictures_per_second"][name] for name in ("countenance", "face_recognition"))
        verdict = "reached" if figures["ratio"] >= TARGET_RATIO else "MISSED"
        rows.append(
            (
                f"{label}, {figures['pictures']} pictures x {figures['rounds']}",
                f"{ours:.2f}",
                f"{theirs:.2f}",
                f"{figures['ratio']:.1f} x",
                f"{verdict} (>= {TARGET_RATIO:g} x)",
            )
        )
    print_table(
        "decode + detect + embed, pictures a second, one thread each on the same core, taking turns",
        ("pictures", f"countenance ({result['pack']})", "face_recognition", "ratio", "target"),
        rows,
    )
    accuracy = result["accuracy"]
    print_table(
        f"the same {accuracy['pairs']} pairs, 10 folds split by person",
        ("library", "balanced accuracy", "95 % interval", "failures to enrol"),
        [
            (
                name,
                f"{accuracy[name]['mean']:.2%}",
                f"{accuracy[name]['interval']['low']:.2%} - {accuracy[name]['interval']['high']:.2%}",
                f"{accuracy[name]['failures_to_enrol']} of {accuracy['photos']}",
            )
            for name in ("countenance", "face_recognition")
        ],
    )


def run(
    *, photos: Path, pack: str = "standard", pictures: int = 12, rounds: int = 3, pairs: int = 2000
) -> dict[str, Any]:
    data = load_data_set(photos)
    with both_peers(pack) as peers:
        result = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "pack": pack,
            "peer": list(PINNED_ALONE),
            "speed": measure_speed(peers, one_photo_of_each(data, people=pictures), rounds=rounds),
            "accuracy": measure_accuracy(peers, data, pairs=pairs, pack=pack),
        }
    print_result(result)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--photos", type=Path, default=DEFAULT_PHOTOS, help="a folder of folders, one a person"
    )
    parser.add_argument("--pack", default="standard")
    parser.add_argument("--pictures", type=int, default=12, help="pictures of each size")
    parser.add_argument("--rounds", type=int, default=3, help="times that each picture is taken")
    parser.add_argument("--pairs", type=int, default=2000, help="pairs for accuracy")
    given = vars(parser.parse_args())
    result = run(**given)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "peers.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
