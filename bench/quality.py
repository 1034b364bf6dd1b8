"""What makes a face hard to compare, and the bars of QualityFilter that follow.

python bench/run.py quality [--write-docs]

The first photo of a person is made worse step by step and compared with the person's others, at
Similarity 80. A bar is the value of a measure at which the misses of faces that were found pass a multiple
of those of the photo as it is (RULE), read off the line through the levels' medians, logarithmic in the
misses. A measure that does not move the misses so far has no bar at that level.

Over 350 lines because the steps, what is read off them and the documents that have it are one study.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from countenance.types import Confidence, Face, PixelBox, Pose, Quality
from countenance.vision.quality_filter import quality_rank, reasons_against
from photographs import DEFAULT_PHOTOS, REPOSITORY, load_data_set
from quality_plots import write_curves
from quality_probes import COLUMNS, WAYS, Probes, load_probes
from tables import print_table

KEPT = REPOSITORY / "docs" / "quality.json"
DOCUMENT = REPOSITORY / "docs" / "quality.md"
SIMILARITY = 80.0
RULE = {"LOW": 20.0, "AUTO": 10.0, "MEDIUM": 3.0, "HIGH": 1.5}
"""Level → how many times the misses of photos as they are."""
LEAST_PAIRS = 60
"""Fewer found faces than these pairs say nothing."""
BY_WAY = {
    "sharpness": ("blur", 1),
    "size_px": ("distance", 1),
    "eyes_px": ("distance", 1),
    "brightness": ("darkness", 1),
    "brightness_most": ("overexposure", -1),
}
"""Bar → the way that it is read off, and 1 where more is better."""
POSE_EDGES = (0, 8, 16, 24, 32, 42, 90)
DRAWS = 400
DISCARDS = np.linspace(0, 0.5, 26)

Rows = NDArray[np.float64]


def run(photos: Path = DEFAULT_PHOTOS) -> dict[str, Any]:
    data = load_data_set(photos)
    probes = load_probes(data)
    clean = missed(probes.rows["clean", 0.0])
    curves = {way: curve(probes, way) for way in WAYS}
    poses = {name: pose_curve(probes, name) for name in ("yaw", "pitch")}
    pool = np.concatenate([rows for rows in probes.rows.values() if len(rows)])
    result = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": data.name,
        "people": int(clean["people"]),
        "rule": RULE,
        "clean": clean | {"medians": medians(probes.rows["clean", 0.0])},
        "natural": missed(probes.rows["natural", 0.0]),
        "curves": curves,
        "poses": poses,
        "confidence": quantile_curve(pool, column(pool, "confidence")),
        "confidence_as_they_are": dict(
            zip(
                ("0.1 %", "1 %", "50 %"),
                np.quantile(column(probes.rows["natural", 0.0], "confidence"), (0.001, 0.01, 0.5)).tolist(),
                strict=True,
            )
        ),
        "rank": quantile_curve(pool, np.array([rank_of(row) for row in pool])),
        "ranks": error_discard(probes),
    }
    result["bars"] = bars(result)
    result["levels"] = [level_effect(probes, level) for level in RULE]
    print_table("quality: misses by what was done", *curve_table(result))
    print_table("quality: poses, as they are", *pose_table(result))
    print_table("quality: ranks", *rank_table(result))
    print_table("quality: bars", *bar_table(result))
    print_table("quality: what the levels in force keep out", *level_table(result))
    return result


def column(rows: Rows, name: str) -> Rows:
    return rows[:, COLUMNS.index(name)]


def missed(rows: Rows) -> dict[str, float]:
    """FNMR over pairs, with a 95 % interval over the draw of people."""
    if not len(rows):
        return {"pairs": 0, "people": 0, "fnmr": math.nan, "low": math.nan, "high": math.nan}
    miss, who = column(rows, "similarity") < SIMILARITY, column(rows, "subject")
    _, place = np.unique(who, return_inverse=True)
    misses, pairs = np.bincount(place, miss), np.bincount(place)
    drawn = np.random.default_rng(5).integers(0, len(pairs), (DRAWS, len(pairs)))
    rates = misses[drawn].sum(axis=1) / pairs[drawn].sum(axis=1)
    low, high = np.quantile(rates, (0.025, 0.975))
    if not miss.any():
        high = 3.84 / (len(pairs) + 3.84)  # Wilson's, as none that is drawn has any
    return {
        "pairs": len(rows),
        "people": len(pairs),
        "fnmr": float(miss.mean()),
        "low": float(low),
        "high": float(high),
    }


def medians(rows: Rows) -> dict[str, float]:
    return {name: round(float(np.median(np.abs(column(rows, name)))), 4) for name in COLUMNS[2:]} | {
        "rank": round(float(np.median([rank_of(row) for row in rows])), 2)
    }


def curve(probes: Probes, way: str) -> list[dict[str, Any]]:
    """Each level, from little to much."""
    told = []
    for level in WAYS[way][1]:
        rows, tried = probes.rows[way, level], probes.tried[way, level]
        found = len(np.unique(column(rows, "subject"))) if len(rows) else 0
        told.append(
            {"level": level, "tried": tried, "found": found}
            | missed(rows)
            | {"medians": medians(rows) if len(rows) else {}}
        )
    return told


def pose_curve(probes: Probes, name: str) -> list[dict[str, Any]]:
    """Photos as they are, by how far the head is turned."""
    rows = probes.rows["natural", 0.0]
    turned = np.abs(column(rows, name))
    told = []
    for low, high in itertools.pairwise(POSE_EDGES):
        part = rows[(turned >= low) & (turned < high)]
        if len(part):
            told.append(
                {"from": low, "to": high, "median": float(np.median(np.abs(column(part, name))))}
                | missed(part)
            )
    return told


def quantile_curve(pool: Rows, values: Rows) -> list[dict[str, Any]]:
    """All faces, clean and worse, in ten parts by a measure, best first."""
    order = np.argsort(-values, kind="stable")
    return [
        {"median": float(np.median(values[part]))} | missed(pool[part]) for part in np.array_split(order, 10)
    ]


def crossing(points: Sequence[tuple[float, float]], target: float) -> float | None:
    """Where on (measure, misses), from good to bad, misses pass `target`; None where they do not.

    Misses that fall again on the way to worse are taken as the worst before.
    """
    most = points[0]
    for value, rate in points[1:]:
        if rate <= most[1]:
            continue
        if rate > target:
            if most[1] >= target:
                return most[0]
            low, high = math.log(max(most[1], 1e-4)), math.log(rate)
            share = (math.log(target) - low) / (high - low)
            return most[0] + share * (value - most[0])
        most = (value, rate)
    return None


def bars(result: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Level → bar → value, rounded to the lenient side; what has no bar is not in it."""
    clean = result["clean"]
    found: dict[str, dict[str, float]] = {}
    for level, times in RULE.items():
        target = times * clean["fnmr"]
        row: dict[str, float] = {}
        for bar, (way, sign) in BY_WAY.items():
            measure = bar.removesuffix("_most")
            _put(row, bar, crossing(_points(result, way, measure), target), sign)
        ranks = [crossing(_points(result, way, "rank"), target) for way in WAYS]
        _put(row, "rank", min((each for each in ranks if each is not None), default=None), 1)
        found[level] = row
    return found


def _points(result: dict[str, Any], way: str, measure: str) -> list[tuple[float, float]]:
    """(measure, misses) of the photo as it is and of each level after it that has enough pairs."""
    worse = [each for each in result["curves"][way] if each["pairs"] >= LEAST_PAIRS]
    return [(each["medians"][measure], each["fnmr"]) for each in (result["clean"], *worse)]


def _put(row: dict[str, float], bar: str, value: float | None, sign: int) -> None:
    if value is not None:
        row[bar] = float(math.floor(value) if sign > 0 else math.ceil(value))


def to_face(row: Rows) -> Face:
    """What QualityFilter sees of a row; its landmarks are not asked for."""
    told = dict(zip(COLUMNS, row.tolist(), strict=True))
    return Face(
        box=PixelBox(left=0, top=0, width=told["size_px"], height=told["size_px"]),
        landmarks=np.zeros((5, 2), np.float32),
        confidence=Confidence(told["confidence"]),
        pose=Pose(roll_deg=0, yaw_deg=told["yaw"], pitch_deg=told["pitch"]),
        quality=Quality(brightness=told["brightness"], sharpness=told["sharpness"]),
    )


def rank_of(row: Rows) -> float:
    return quality_rank(to_face(row))


def _frontal(rows: Rows) -> Rows:
    return np.cos(np.radians(column(rows, "yaw"))) * np.maximum(0, np.cos(np.radians(column(rows, "pitch"))))


def _light(rows: Rows) -> Rows:
    return np.minimum(1.0, column(rows, "brightness") / 25)


def _unglared(rows: Rows) -> Rows:
    return np.clip((100 - column(rows, "brightness")) / 40, 0, 1)


def _size(rows: Rows) -> Rows:
    return np.minimum(1.0, column(rows, "size_px") / 112)


def _sharp(rows: Rows) -> Rows:
    return column(rows, "sharpness") / 100


def _sure(rows: Rows) -> Rows:
    return column(rows, "confidence") / 100


RANKS: dict[str, Callable[[Rows], Rows]] = {
    "until now: confidence x frontal x roots of size, light, sharpness": lambda r: (
        _sure(r) * _frontal(r) * np.sqrt(_size(r) * _light(r) * _sharp(r))
    ),
    "sharpness": _sharp,
    "confidence": _sure,
    "frontal": _frontal,
    "size": _size,
    "light": _light,
    "no glare": _unglared,
    "sharpness x no glare x confidence x frontal": lambda r: (
        _sharp(r) * _unglared(r) * _sure(r) * _frontal(r)
    ),
    "the same with roots of size and light": lambda r: (
        _sharp(r) * _unglared(r) * _sure(r) * _frontal(r) * np.sqrt(_size(r) * _light(r))
    ),
    "roots of sharpness, no glare and frontal x confidence^2": lambda r: _roots(r) * _sure(r) ** 2,
    "roots of sharpness, no glare and frontal x confidence^4": lambda r: _roots(r) * _sure(r) ** 4,
    "roots of sharpness, no glare and frontal x confidence^8": lambda r: _roots(r) * _sure(r) ** 8,
    "in force": lambda r: np.array([rank_of(row) for row in r]),
    "LightQNet (optional)": lambda r: column(r, "lightqnet"),
    "length of the template (only after embedding)": lambda r: column(r, "weight"),
}


def _roots(rows: Rows) -> Rows:
    return np.sqrt(_sharp(rows) * _unglared(rows) * np.maximum(0, _frontal(rows)))


def error_discard(probes: Probes) -> list[dict[str, Any]]:
    """Of each rank the mean of misses left over those of all, up to half of the faces discarded."""
    rows = np.concatenate([found for found in probes.rows.values() if len(found)])
    half = np.isin(column(rows, "subject"), np.unique(column(rows, "subject"))[::2])
    told = []
    for name, rank in RANKS.items():
        of = rank(rows)
        left = _left(rows, of)
        told.append(
            {
                "name": name,
                "area": float(np.mean(left)),
                "halves": [float(np.mean(_left(rows[part], of[part]))) for part in (half, ~half)],
                "at_20": left[10],
                "at_50": left[-1],
            }
        )
    return told


def _left(rows: Rows, rank: Rows) -> list[float]:
    """Misses left over misses of all, for each of DISCARDS."""
    miss = (column(rows, "similarity") < SIMILARITY)[np.argsort(rank, kind="stable")]  # poorest first
    return [float(miss[int(share * len(miss)) :].mean() / miss.mean()) for share in DISCARDS]


def level_effect(probes: Probes, level: str) -> dict[str, Any]:
    """Of photos as they are: who is kept out, and how many are missed of those and of the others."""
    rows = probes.rows["natural", 0.0]
    out = np.array(
        [bool(reasons_against(to_face(row), image_width=250, image_height=250, level=level)) for row in rows]
    )
    worse = np.concatenate([found for key, found in probes.rows.items() if key[0] in WAYS and len(found)])
    out_worse = np.array(
        [bool(reasons_against(to_face(row), image_width=250, image_height=250, level=level)) for row in worse]
    )
    return {
        "level": level,
        "kept_out": float(out.mean()),
        "missed_of_kept_out": missed(rows[out]) if out.any() else None,
        "missed_of_rest": missed(rows[~out]),
        "worse_kept_out": float(out_worse.mean()),
        "worse_missed": missed(worse)["fnmr"],
        "worse_missed_of_rest": missed(worse[~out_worse])["fnmr"],
    }


def _rate(each: dict[str, Any]) -> str:
    return f"{each['fnmr']:.1%} ({each['low']:.1%} - {each['high']:.1%})"


UNITS = {
    "blur": "sigma, of the distance of the eyes",
    "distance": "px between the eyes",
    "darkness": "of the light",
    "overexposure": "times the light",
    "noise": "sigma, of 255",
    "jpeg": "JPEG's quality",
}


def curve_table(result: dict[str, Any]) -> tuple[Sequence[str], list[Sequence[str]]]:
    columns = (
        "what was done",
        "found",
        "missed of found (95 %)",
        "eyes px",
        "box px",
        "sharp",
        "bright",
        "conf",
        "rank",
        "LightQNet",
    )
    rows = [("the photo as it is", "all", _rate(result["clean"]), *_medians(result["clean"]["medians"]))]
    for way, levels in result["curves"].items():
        for each in levels:
            told = _medians(each["medians"]) if each["medians"] else ("",) * 7
            rate = _rate(each) if each["pairs"] >= LEAST_PAIRS else "too few"
            rows.append(
                (f"{way} {each['level']:g} {UNITS[way]}", f"{each['found'] / each['tried']:.1%}", rate, *told)
            )
    return columns, rows


def _medians(found: dict[str, float]) -> tuple[str, ...]:
    names = ("eyes_px", "size_px", "sharpness", "brightness", "confidence", "rank")
    return (*(f"{found[name]:.0f}" for name in names), f"{found['lightqnet']:.2f}")


def pose_table(result: dict[str, Any]) -> tuple[Sequence[str], list[Sequence[str]]]:
    rows = [
        (f"{name} {each['from']} to {each['to']}", f"{each['pairs']:,}", f"{each['median']:.0f}", _rate(each))
        for name, found in result["poses"].items()
        for each in found
    ]
    return ("degrees", "pairs", "median", "missed (95 %)"), rows


def rank_table(result: dict[str, Any]) -> tuple[Sequence[str], list[Sequence[str]]]:
    rows = [
        (
            each["name"],
            f"{each['area']:.3f}",
            "{:.3f}, {:.3f}".format(*each["halves"]),
            f"{each['at_20']:.1%}",
            f"{each['at_50']:.1%}",
        )
        for each in sorted(result["ranks"], key=lambda each: each["area"])
    ]
    return (
        "rank",
        "area (lower is better)",
        "of two halves of the people",
        "misses left at 20 % discarded",
        "at 50 %",
    ), rows


BAR_NAMES = (
    "size_px",
    "eyes_px",
    "brightness",
    "brightness_most",
    "sharpness",
    "rank",
)


def bar_table(result: dict[str, Any]) -> tuple[Sequence[str], list[Sequence[str]]]:
    rows = [
        (level, f"{RULE[level]:g} x", *(f"{row[name]:g}" if name in row else "none" for name in BAR_NAMES))
        for level, row in result["bars"].items()
    ]
    return ("level", "misses", *BAR_NAMES), rows


def level_table(result: dict[str, Any]) -> tuple[Sequence[str], list[Sequence[str]]]:
    columns = (
        "level",
        "photos as they are, kept out",
        "missed of these",
        "missed of the rest",
        "made worse, kept out",
        "missed of the rest",
    )
    rows = [
        (
            each["level"],
            f"{each['kept_out']:.1%}",
            "" if each["missed_of_kept_out"] is None else _rate(each["missed_of_kept_out"]),
            _rate(each["missed_of_rest"]),
            f"{each['worse_kept_out']:.1%}",
            f"{each['worse_missed_of_rest']:.1%} (of all {each['worse_missed']:.1%})",
        )
        for each in result["levels"]
    ]
    return columns, rows


def write_documents(results: dict[str, Any]) -> list[str]:
    """Figures as JSON, the drawing, and the blocks of docs/quality.md."""
    result, machine = results["quality"], results["machine"]
    KEPT.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", "utf-8")
    clean = result["clean"]
    said = (
        f"Measured {result['measured_at'][:10]} on a {machine['cores']}-core {machine['processor']}"
        f" virtual machine, Python {machine['python']}, ONNX Runtime {machine['onnxruntime']}:"
        f" {result['people']} people of {result['data']}, {clean['pairs']:,} pairs of a photo that is made"
        f" worse, {result['natural']['pairs']:,} of photos as they are."
    )
    blocks = {
        "bars": f"{said}\n\n{_block(bar_table(result))}",
        "curves": _block(curve_table(result)),
        "poses": _block(pose_table(result)),
        "ranks": _block(rank_table(result)),
        "levels": _block(level_table(result)),
    }
    text = DOCUMENT.read_text("utf-8")
    for name, block in blocks.items():
        begin, end = f"<!-- measured: quality-{name} -->\n", "<!-- end -->"
        before, found, after = text.partition(begin)
        if not found:
            raise SystemExit(f"no block `measured: quality-{name}` to write to")
        text = before + begin + block + "\n" + end + after.partition(end)[2]
    DOCUMENT.write_text(text, "utf-8")
    return [KEPT.name, DOCUMENT.name, write_curves(result).name]


def _block(table: tuple[Sequence[str], list[Sequence[str]]]) -> str:
    columns, rows = table
    return "\n".join(f"| {' | '.join(line)} |" for line in (columns, ["---"] * len(columns), *rows))
