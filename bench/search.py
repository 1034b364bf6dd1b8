"""The search itself, side by side with what others use: `make bench-search`.

Galleries here are synthetic: random directions, so that a mate at a stated cosine is planted and everybody
else is a stranger. Times do not depend on what the vectors mean. What an index loses does a little: faces
cluster, random directions do not.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

import whole_path
from countenance.gallery.memory import PrivateMemory, SharedMemory, can_share, create_shared
from countenance.gallery.scan import Accelerator, CertifiedScan, Layout, NewRows, Rows
from countenance.gallery.stored import to_unit
from countenance.store import EmbeddedPostgres
from plots import write_growth
from tables import print_table

MILLION = 1_000_000
INDEXED = 200_000
PATH_ROWS = 2 * MILLION
MATES = (0.35, 0.45, 0.6)
FLOOR = 0.35
QUERIES_CHECKED = 10_000
SIZES = (10_000, 100_000, MILLION, 2 * MILLION, 5 * MILLION, 10 * MILLION, 20 * MILLION)
_AT_ONCE = 50_000


def run(*, queries_checked: int = QUERIES_CHECKED, rounds: int = 40) -> dict[str, Any]:
    """Every figure of this bench."""
    figures: dict[str, Any] = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds")}
    figures["scans"] = [measure_million(dimensions, rounds, queries_checked) for dimensions in (512, 256)]
    figures["indexes"] = measure_indexes(512)
    figures["path"] = measure_path(PATH_ROWS, 256)
    figures["growth"] = measure_growth(256)
    print_table("Search", ("figure", "measured", "target", ""), _printed(rows_of_figures(figures)))
    return figures


def rows_of_figures(figures: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """Name, measured, target, reached."""
    rows = []
    for scan in figures["scans"]:
        of, ms = f"{scan['rows']:,} x {scan['dimensions']}-d", scan["ms"]
        for threads in (1, 2):
            streamed = ms[f"stream, {threads}"]["p50"]
            for kind, words in (("threshold", f"cosine >= {FLOOR}"), ("top 10", "the ten best")):
                took = ms[f"{kind}, {threads}"]
                ratio = took["p50"] / streamed
                rows.append(
                    (
                        f"{of}, {words}, {_threads(threads)}: p50 beside streaming the bytes",
                        f"{ratio:.2f} x ({took['p50']:.1f} ms, p99 {took['p99']:.1f}; {streamed:.1f} ms)",
                        "<= 1.3 x",
                        ratio <= 1.3,
                    )
                )
            faster = ms[f"faiss, {threads}"]["p50"] / ms[f"top 10, {threads}"]["p50"]
            rows.append(
                (
                    f"{of}, {_threads(threads)}: faster than faiss IndexFlatIP",
                    f"{faster:.1f} x ({ms[f'faiss, {threads}']['p50']:.0f} ms)",
                    ">= 3 x",
                    faster >= 3,
                )
            )
        faster = ms["pgvector"]["p50"] / ms["top 10, 2"]["p50"]
        rows.append(
            (
                f"{of}: faster than pgvector's exact scan (halfvec)",
                f"{faster:.0f} x ({ms['pgvector']['p50']:.0f} ms)",
                ">= 30 x",
                faster >= 30,
            )
        )
        if (gpu := scan.get("gpu")) is not None:
            ratios = " and ".join(
                f"{ms[f'{kind}, 2']['p50'] / ms[f'{kind}, gpu']['p50']:.1f}"
                for kind in ("threshold", "top 10")
            )
            took = " and ".join(f"{ms[f'{kind}, gpu']['p50']:.2f}" for kind in ("threshold", "top 10"))
            together = f"{gpu['batch']['ms_each_together']:.3f} ms each of {gpu['batch']['probes']} together"
            rows.append(
                (
                    f"{of}, on {gpu['name']}: faster than 2 threads, threshold and ten best",
                    f"{ratios} x ({took} ms; {together}), {gpu['wrong']} answered otherwise",
                    "0 answered otherwise",
                    gpu["wrong"] == 0,
                )
            )
        checked = scan["checked"]
        rows.append(
            (
                f"{of}: answers missed in {checked['queries']:,} searches",
                f"{checked['missed']} of {checked['answers']:,}, {checked['wrong']} answered otherwise",
                "0",
                checked["missed"] == checked["wrong"] == 0,
            )
        )
    largest = figures["growth"][-1]
    gigabytes = largest["bytes"] / 1e9
    rows.append(
        (
            f"{largest['rows']:,} x 256-d in memory",
            f"{gigabytes:.1f} GB, p50 {largest['ms']['p50']:.0f} ms, p99 {largest['ms']['p99']:.0f} ms",
            "20,000,000 within 20 GB",
            largest["rows"] == SIZES[-1] and gigabytes <= 20,
        )
    )
    return rows


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _printed(rows: list[tuple[str, str, str, bool]]) -> list[tuple[str, str, str, str]]:
    return [(name, measured, target, "" if reached else "MISSED") for name, measured, target, reached in rows]


# Galleries


def rows_of(seed: int, start: int, count: int, dimensions: int) -> NDArray[np.float16]:
    """Rows `start` and on of the gallery of that seed, at stored precision; in steps of _AT_ONCE."""
    rng = np.random.default_rng((seed, start))
    rows = rng.standard_normal((count, dimensions), np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float16)


def parts(count: int) -> Iterator[tuple[int, int]]:
    for start in range(0, count, _AT_ONCE):
        yield start, min(_AT_ONCE, count - start)


class Searched:
    """Rows in memory as a server has them, and a scan over them."""

    def __init__(self, dimensions: int) -> None:
        layout = Layout(dimensions)
        most_bytes = -(-SIZES[-1] // layout.block_rows) * layout.block_bytes
        memory = SharedMemory(*create_shared(most_bytes)) if can_share() else PrivateMemory()
        self.rows = Rows(
            layout,
            lambda number: memory.map(number * layout.block_bytes, layout.block_bytes),
            np.zeros(1, np.int64),
        )
        self._scans = {threads: CertifiedScan(self.rows, threads=threads) for threads in (1, 2)}
        accelerator = Accelerator.open("auto")
        self.on_gpu = accelerator and CertifiedScan(self.rows, accelerator=accelerator)
        """None where there is no GPU."""
        self.gpu = accelerator and accelerator.name

    def scan(self, threads: int = 2) -> CertifiedScan:
        return self._scans[threads]

    def fill(self, count: int) -> float:
        """With the gallery of seed 1, up to `count` rows; the seconds that taking them in took."""
        took_s = 0.0
        for start, size in parts(count):
            if start < len(self.rows):
                continue
            places = np.arange(start, start + size)
            ids = np.stack([places, places], axis=1).astype(np.uint64)
            new = NewRows(
                rows_of(1, start, size, self.rows.layout.dimensions), places, ids, np.zeros(size, np.uint64)
            )
            begun = time.perf_counter()
            self.rows.extend(new)
            took_s += time.perf_counter() - begun
        return took_s


def mates_of(rows: NDArray[np.float16], cosine: float, seed: int) -> NDArray[np.float32]:
    """Probes at that cosine to their rows, otherwise in random directions."""
    units = to_unit(rows).astype(np.float64)
    noise = np.random.default_rng(seed).standard_normal(units.shape)
    noise -= (noise * units).sum(axis=1, keepdims=True) * units
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    probes = cosine * units + np.sqrt(1 - cosine**2) * noise
    return (probes / np.linalg.norm(probes, axis=1, keepdims=True)).astype(np.float32)


# One million rows


def measure_million(dimensions: int, rounds: int, queries_checked: int) -> dict[str, Any]:
    """Streams, searches and peers on the same rows, taking turns."""
    print(f"{MILLION:,} x {dimensions}-d: taking them in, here, in faiss and in PostgreSQL ...", flush=True)
    searched = Searched(dimensions)
    filling_s = searched.fill(MILLION)
    probes = mates_of(rows_of(1, 0, 500, dimensions), 0.45, seed=2)
    with faiss_flat(MILLION, dimensions) as flat, pgvector(MILLION, dimensions) as vectors:
        timed: dict[str, list[float]] = {}
        for number in range(rounds):
            probe = probes[number % len(probes)]
            for threads in (1, 2):
                scan = searched.scan(threads)
                for name, work in (
                    ("stream", lambda threads=threads: stream(searched.rows, threads)),
                    ("threshold", lambda probe=probe, scan=scan: scan.search(probe, floor=FLOOR, limit=4096)),
                    ("top 10", lambda probe=probe, scan=scan: scan.search(probe, floor=-1.0, limit=10)),
                    ("faiss", lambda probe=probe, threads=threads: flat(probe, threads)),
                ):
                    timed.setdefault(f"{name}, {threads}", []).append(_timed(work))
            if (on_gpu := searched.on_gpu) is not None:
                for name, asked in (("threshold", (FLOOR, 4096)), ("top 10", (-1.0, 10))):
                    took = _timed(
                        lambda probe=probe, asked=asked: on_gpu.search(probe, floor=asked[0], limit=asked[1])
                    )
                    # The first copies everything onto it.
                    timed.setdefault(f"{name}, gpu{'' if number else ' first'}", []).append(took)
            if number < 5:
                timed.setdefault("pgvector", []).append(_timed(lambda probe=probe: vectors.exact(probe)))
    return {
        "dimensions": dimensions,
        "rows": MILLION,
        "filled_rows_per_second": MILLION / filling_s,
        "bytes_per_row": searched.rows.layout.row_bytes,
        "ms": {name: _percentiles(seconds) for name, seconds in timed.items()},
        "batch": measure_batch(searched.scan(), probes),
        "checked": check(searched, dimensions, queries_checked),
        "gpu": None
        if searched.on_gpu is None
        else {
            "name": searched.gpu,
            "batch": measure_batch(searched.on_gpu, probes),
            "wrong": _differing(searched, probes),
        },
    }


def _differing(searched: Searched, probes: NDArray[np.float32]) -> int:
    """How many searches the GPU answers otherwise than the processor, which `check` looks at."""
    assert searched.on_gpu is not None
    wrong = 0
    for probe in probes:
        for floor, limit in ((FLOOR, 4096), (-1.0, 10)):
            one, other = (
                scan.search(probe, floor=floor, limit=limit) for scan in (searched.on_gpu, searched.scan())
            )
            wrong += not all(np.array_equal(*pair) for pair in zip(one, other, strict=True))
    return wrong


def stream(rows: Rows, threads: int) -> None:
    """Read every code once and do next to nothing with it."""
    words = [block.codes[part].view(np.int64) for block, _, part in rows.parts(rows.layout.block_rows)]
    if threads == 1:
        for each in words:
            each.max()
        return
    shares = [words[number::threads] for number in range(threads)]
    list(_POOL.map(lambda share: [each.max() for each in share], shares))


_POOL = ThreadPoolExecutor(os.cpu_count() or 1)


def measure_batch(scan: CertifiedScan, probes: NDArray[np.float32]) -> dict[str, float]:
    """Many probes in one pass against as many passes."""
    many = probes[:256]
    together_s = min(_timed(lambda: scan.search_many(many, floor=FLOOR, limit=10)) for _ in range(3))
    alone_s = _timed(lambda: [scan.search(probe, floor=FLOOR, limit=10) for probe in many[:32]])
    return {
        "probes": len(many),
        "ms_each_together": together_s / len(many) * 1e3,
        "ms_each_alone": alone_s / 32 * 1e3,
    }


def check(searched: Searched, dimensions: int, queries: int) -> dict[str, Any]:
    """Answers against those of comparing every row, half with a threshold and half the ten best."""
    print(f"comparing {queries:,} searches with every row ...", flush=True)
    begun = time.monotonic()
    rng = np.random.default_rng(3)
    missed = wrong = found = 0
    for _ in range(0, queries, 500):
        chosen = rng.integers(0, MILLION // _AT_ONCE) * _AT_ONCE
        source = rows_of(1, int(chosen), 500, dimensions)
        probes = np.concatenate(
            [
                mates_of(source[part::3], cosine, seed=int(rng.integers(1 << 30)))
                for part, cosine in enumerate(MATES)
            ]
        )[:500]
        limits = [(FLOOR, 4096) if number % 2 else (-1.0, 10) for number in range(len(probes))]
        for (floor, limit), probe, expected in zip(
            limits, probes, every_row(searched.rows, probes, limits), strict=True
        ):
            rows, cosines = searched.scan().search(probe, floor=floor, limit=limit)
            missed += len(set(expected[0]) - set(rows.tolist()))
            wrong += rows.tolist() != expected[0] or cosines.tolist() != expected[1]
            found += len(rows)
    return {
        "queries": queries,
        "answers": found,
        "missed": missed,
        "wrong": wrong,
        "minutes": (time.monotonic() - begun) / 60,
    }


def every_row(
    rows_in: Rows, probes: NDArray[np.float32], limits: list[tuple[float, int]]
) -> list[tuple[list[int], list[float]]]:
    """The oracle: every row as float32 times every probe, what comes near is then done in float64.

    Its own arithmetic, from the rows at stored precision alone: it sees no code and no bound.
    """
    slack = 1e-4
    near: list[list[NDArray[np.int64]]] = [[] for _ in probes]
    least = np.array([floor - slack for floor, _ in limits], np.float32)
    for block, start, part in rows_in.parts(rows_in.layout.block_rows):
        wide = block.stored[part].astype(np.float32)
        products = probes @ wide.T
        products /= np.sqrt(np.einsum("nd,nd->n", wide, wide))
        for column, (_, limit) in enumerate(limits):
            if limit < products.shape[1] and least[column] < 0:
                tenth = np.partition(products[column], -limit)[-limit]
                least[column] = max(least[column], tenth - slack)
            near[column].append(np.flatnonzero(products[column] >= least[column]) + start)
    answers = []
    for column, (floor, limit) in enumerate(limits):
        rows = np.concatenate(near[column])
        stored = np.empty((len(rows), probes.shape[1]))
        for block, here, offsets in rows_in.gather(rows):
            stored[here] = block.stored[offsets]
        exact = (stored @ probes[column].astype(np.float64)) / np.linalg.norm(stored, axis=1)
        cosines = np.clip(exact.astype(np.float32), -1, 1)
        kept = np.flatnonzero(cosines >= np.float64(floor))
        order = kept[np.lexsort((rows[kept], -cosines[kept]))][:limit]
        answers.append((rows[order].tolist(), cosines[order].tolist()))
    return answers


# Peers


@contextmanager
def faiss_flat(count: int, dimensions: int) -> Iterator[Callable[[NDArray[np.float32], int], Any]]:
    """faiss's exact index over the same rows, as float32."""
    import faiss

    index = faiss.IndexFlatIP(dimensions)
    for start, size in parts(count):
        index.add(to_unit(rows_of(1, start, size, dimensions)))

    def search(probe: NDArray[np.float32], threads: int) -> Any:
        faiss.omp_set_num_threads(threads)
        return index.search(probe[np.newaxis], 10)

    yield search


class Vectors:
    """A table of half vectors in the embedded PostgreSQL, with pgvector."""

    def __init__(self, connection: psycopg.Connection, count: int, dimensions: int) -> None:
        self._connection = connection
        connection.execute("create extension if not exists vector")
        connection.execute(f"create table v (id int, v halfvec({dimensions}))")
        with connection.cursor().copy("copy v from stdin (format binary)") as copy:
            copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
            for start, size in parts(count):
                rows = np.zeros(
                    size,
                    [
                        *(("fields", ">i2"), ("four", ">i4"), ("id", ">i4"), ("bytes", ">i4")),
                        *(("dimensions", ">i2"), ("unused", ">i2"), ("values", ">f2", dimensions)),
                    ],
                )
                rows["fields"], rows["four"], rows["bytes"] = 2, 4, 4 + 2 * dimensions
                rows["dimensions"], rows["id"] = dimensions, np.arange(start, start + size)
                rows["values"] = rows_of(1, start, size, dimensions)
                copy.write(rows.tobytes())
            copy.write(b"\xff\xff")
        connection.execute("vacuum analyze v")

    def exact(self, probe: NDArray[np.float32]) -> list[int]:
        return self._best(probe)

    def index(self) -> None:
        self._connection.execute("set maintenance_work_mem = '2GB'")
        self._connection.execute("create index on v using hnsw (v halfvec_ip_ops)")

    def _best(self, probe: NDArray[np.float32]) -> list[int]:
        text = "[" + ",".join(map(str, probe.tolist())) + "]"
        query = "select id from v order by v <#> %s::halfvec limit 10"
        return [row[0] for row in self._connection.execute(query, (text,))]


@contextmanager
def pgvector(count: int, dimensions: int) -> Iterator[Vectors]:
    with (
        tempfile.TemporaryDirectory() as directory,
        EmbeddedPostgres(Path(directory)) as server,
        psycopg.connect(server.url, autocommit=True) as connection,
    ):
        yield Vectors(connection, count, dimensions)


def measure_indexes(dimensions: int, mates: int = 500) -> list[dict[str, Any]]:
    """200,000 rows: what an index finds of the mates that are there, at its own default settings."""
    import faiss

    print(f"{INDEXED:,} x {dimensions}-d: building indexes ...", flush=True)
    searched = Searched(dimensions)
    searched.fill(INDEXED)
    scan = searched.scan(1)
    hnsw = faiss.IndexHNSWFlat(dimensions, 32, faiss.METRIC_INNER_PRODUCT)
    for start, size in parts(INDEXED):
        hnsw.add(to_unit(rows_of(1, start, size, dimensions)))
    faiss.omp_set_num_threads(1)
    with pgvector(INDEXED, dimensions) as vectors:
        vectors.index()
        ways: dict[str, Callable[[NDArray[np.float32]], list[int]]] = {
            "countenance, exact": lambda probe: scan.search(probe, floor=-1.0, limit=10)[0].tolist(),
            "faiss HNSW": lambda probe: hnsw.search(probe[np.newaxis], 10)[1][0].tolist(),
            "pgvector HNSW": vectors.exact,
        }
        found: dict[str, Any] = {name: {"ms": [], "recall": {}} for name in ways}
        for cosine in MATES:
            source = rows_of(1, 0, _AT_ONCE, dimensions)[:mates]
            hits = dict.fromkeys(ways, 0)
            for row, probe in enumerate(mates_of(source, cosine, seed=7)):
                for name, way in ways.items():
                    begun = time.perf_counter()
                    answer = way(probe)
                    found[name]["ms"].append(time.perf_counter() - begun)
                    hits[name] += row in answer
            for name, count in hits.items():
                found[name]["recall"][str(cosine)] = count / mates
    return [
        {"name": name, "rows": INDEXED, "mates": mates, "recall": of["recall"], "ms": _percentiles(of["ms"])}
        for name, of in found.items()
    ]


# The whole path


def measure_path(count: int, dimensions: int) -> dict[str, Any]:
    """Sealed rows in PostgreSQL, loaded and searched."""
    print(f"{count:,} x {dimensions}-d: the whole path ...", flush=True)
    gallery = (to_unit(rows_of(1, start, size, dimensions)) for start, size in parts(count))
    probes = mates_of(rows_of(1, 0, _AT_ONCE, dimensions)[:60], 0.6, seed=13)
    found = whole_path.measure(gallery, probes, dimensions=dimensions)
    return found | {"ms": {name: _percentiles(each) for name, each in found.pop("seconds").items()}}


# Growth


def measure_growth(dimensions: int) -> list[dict[str, Any]]:
    """One gallery that grows to twenty million, as far as memory reaches; the ten best of all."""
    searched, grown = Searched(dimensions), []
    row_bytes = searched.rows.layout.row_bytes
    filling_s = 0.0
    for count in SIZES:
        if count * row_bytes > _available_bytes() + len(searched.rows) * row_bytes:
            print(f"not enough memory for {count:,} rows")
            break
        filling_s += searched.fill(count)
        scan = searched.scan()
        probes = mates_of(rows_of(1, 0, 200, dimensions), 0.45, seed=11)
        rounds = 200 if count <= MILLION else 40
        timed = [
            _timed(lambda probe=probe, scan=scan: scan.search(probe, floor=-1.0, limit=10))
            for probe in probes[:rounds]
        ]
        grown.append(
            {
                "rows": count,
                "filled_s": filling_s,
                "bytes": count * row_bytes,
                "ms": _percentiles(timed),
            }
        )
        print(f"{count:,} rows: {grown[-1]['ms']['p50']:.1f} ms", flush=True)
    write_growth(grown)
    return grown


def _available_bytes() -> int:
    with Path("/proc/meminfo").open() as lines:
        for line in lines:
            if line.startswith("MemAvailable"):
                return int(line.split()[1]) * 1024
    return 0


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _percentiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "p50": statistics.median(ordered) * 1e3,
        "p99": ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))] * 1e3,
    }
