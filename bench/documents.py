"""Puts measured figures into the documents, between `<!-- measured: NAME -->` and `<!-- end -->`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import admission
import attributes
import audit
import decisions
import enrolling
import pages
import search
import steps
from accuracy import TARGETS, figures_of
from countenance.measuring.evaluation_file import canonical_evaluation
from countenance.measuring.model_card import measured_block
from peers import TARGET_RATIO
from photographs import REPOSITORY
from user_templates import user_table_of

CARDS = REPOSITORY / "docs" / "models"
_BENCHMARKS = REPOSITORY / "docs" / "benchmarks.md"


def write_documents(results: dict[str, Any]) -> list[str]:
    """Renew the blocks for which there are results; the documents that were written."""
    blocks: dict[str, Callable[[dict[str, Any]], str]] = {
        "accuracy": lambda found: _accuracy(found["accuracy"]),
        "peers": lambda found: _peers(found["peers"]),
        "http": lambda found: _http(found["http"]),
        "audit": lambda found: _judged_rows(audit.rows_of(found["audit"])),
        "policy": lambda found: _judged_rows(decisions.rows_of(found["policy"])),
        "admission": lambda found: _judged_rows(admission.rows_of(found["admission"])),
        "search": lambda found: _search(found["search"]),
        "enrolling": lambda found: _judged_rows(enrolling.rows_of(found["enrolling"])),
        "steps": lambda found: _steps(found["steps"]),
        "pages": lambda found: _table(pages.COLUMNS, pages.rows_of(found["pages"])),
        "soak": lambda found: _soak(found["soak"]),
    }
    text = _BENCHMARKS.read_text("utf-8")
    for name, render in blocks.items():
        if name in results:
            text = _replaced(text, name, f"{_when(results, name)}\n\n{render(results)}")
    _BENCHMARKS.write_text(text, "utf-8")
    written = [_BENCHMARKS.name]
    if "attributes" in results:
        found = results["attributes"]
        tables = (_table(*attributes.check_table(found)), _table(*attributes.geometry_table(found)))
        block = f"{_when(results, 'attributes')}\n\n" + "\n\n".join(tables)
        written.append(_write_block(CARDS / "attributes.md", "attributes", block))
    for pack in results.get("accuracy", {}).get("packs", []):
        block = f"{_when(results, 'accuracy')}\n\n{_pack_rates(pack)}\n\n{_similarities(pack)}"
        written.append(_write_block(CARDS / f"{pack['pack']}.md", "bench", block))
    return written


def write_card(evaluation: dict[str, Any], folder: Path = CARDS) -> list[str]:
    """Put an evaluation into its pack's card and keep it beside the card; the files that were written.

    Raises:
        InvalidEvaluation: it is none.
    """
    name = evaluation["pack"]["name"]
    kept = folder / f"{name}.evaluation.json"
    kept.write_bytes(canonical_evaluation(evaluation))
    return [_write_block(folder / f"{name}.md", "rates", measured_block(evaluation)), kept.name]


def _write_block(document: Path, name: str, block: str) -> str:
    document.write_text(_replaced(document.read_text("utf-8"), name, block), "utf-8")
    return document.name


def _replaced(text: str, name: str, block: str) -> str:
    pattern = re.compile(rf"(<!-- measured: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"no block `measured: {name}` to write to")
    return pattern.sub(lambda found: f"{found[1]}{block}\n{found[2]}", text)


def _when(results: dict[str, Any], name: str) -> str:
    machine = results["machine"]
    return (
        f"Measured {results[name]['measured_at'][:10]} on a {machine['cores']}-core {machine['processor']}"
        f" virtual machine, Python {machine['python']}, ONNX Runtime {machine['onnxruntime']}."
    )


def _steps(result: dict[str, Any]) -> str:
    users = user_table_of(result["user_templates"])
    return f"{_table(*steps.table_of(result))}\n\n{_table(*users)}"


def _judged_rows(rows: Iterable[tuple[str, str, str, bool]]) -> str:
    return _table(
        ("figure", "measured", "target"),
        [(name, _judged(measured, reached=reached), target) for name, measured, target, reached in rows],
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _judged(figure: str, *, reached: bool) -> str:
    return figure if reached else f"{figure} **missed**"


def _percent(interval: dict[str, float]) -> str:
    return f"{interval['low']:.2%} - {interval['high']:.2%}"


def _accuracy(accuracy: dict[str, Any]) -> str:
    packs = {pack["pack"]: pack for pack in accuracy["packs"]}
    figures = {name: {row[0]: row for row in figures_of(pack)} for name, pack in packs.items()}
    rows = []
    for figure in next(iter(figures.values())):
        row = [figure]
        for name in packs:
            _, share, interval = figures[name][figure]
            target = TARGETS.get((name, figure))
            wanted = (
                ""
                if target is None
                else f", target {target:.1%} {'reached' if share >= target else '**missed**'}"
            )
            row.append(f"{share:.2%} ({_percent(interval)}){wanted}")
        rows.append(row)
    rows.append(
        [
            "failures to enrol",
            *(f"{p['failures_to_enrol']} of {p['data']['photos']} photos" for p in packs.values()),
        ]
    )
    return _table(["figure (95 % interval)", *packs], rows)


def _pack_rates(pack: dict[str, Any]) -> str:
    rows = [[figure, f"{share:.2%}", _percent(interval)] for figure, share, interval in figures_of(pack)]
    rates, data = pack["largest"], pack["data"]
    trials, closed = rates["all_pairs"][0], rates["closed_set_capped"]
    said = (
        f"{data['name']}: {data['photos']:,} photos of {data['people']:,} people,"
        f" {pack['failures_to_enrol']} failures to enrol. All pairs: {trials['mated_trials']:,} mated and"
        f" {trials['non_mated_trials']:,} non-mated trials; balanced accuracy: {rates['pairs']['pairs']:,}"
        f" pairs a draw; rank-1 with at most 10 probes a person: {closed['probes']:,} searches of"
        f" {closed['gallery']:,} people. In {pack['labelled_is_not_largest']} photos somebody other than the"
        " labelled person has the largest face."
    )
    return f"{said}\n\n{_table(['figure', 'measured', '95 % interval'], rows)}"


def _similarities(pack: dict[str, Any]) -> str:
    rows = [["all people", *_checked(check)] for check in pack["calibration_in_use"]]
    for half in pack["calibration_check"]:
        rows += [
            [f"half not fitted to ({half['fitted_on']} fitted)", *_checked(check)] for check in half["at"]
        ]
    fitted = pack["calibration_fitted"]
    said = (
        f"The calibration is counted to FMR {fitted['counted_to_fmr']:.1e}"
        f" ({fitted['non_mated_trials']:,} non-mated trials, {fitted['effective_trials']:,.0f} effective"
        f" with pairs of people weighted equally). Beyond it is a model: {_tail(fitted['tail'])}."
    )
    columns = ["counted on", "Similarity", "stated FMR", "counted FMR", "95 % interval", "TAR"]
    return f"{said}\n\n{_table(columns, rows)}"


def _checked(check: dict[str, Any]) -> list[str]:
    interval = check["fmr_interval"]
    return [
        f"{check['similarity']:g}",
        f"{check['stated_fmr']:.1e}",
        f"{check['fmr']:.1e}",
        f"{interval['low']:.1e} - {interval['high']:.1e}",
        f"{check['tar']:.2%}",
    ]


def _tail(tail: dict[str, Any]) -> str:
    shape = "log-linear" if tail["shape"] == 0 else f"generalised Pareto of shape {tail['shape']:.2f}"
    return f"{shape}, fitted to the {tail['exceedances']:,} trials above cosine {tail['start']:.3f}"


def _peers(peers: dict[str, Any]) -> str:
    speed = _table(
        ["pictures", f"countenance ({peers['pack']})", "face_recognition", "ratio (target 7 x)"],
        [
            [
                label,
                f"{figures['pictures_per_second']['countenance']:.1f} /s",
                f"{figures['pictures_per_second']['face_recognition']:.1f} /s",
                _judged(f"{figures['ratio']:.1f} x", reached=figures["ratio"] >= TARGET_RATIO),
            ]
            for label, figures in peers["speed"].items()
        ],
    )
    accuracy = peers["accuracy"]
    better = _table(
        [f"the same {accuracy['pairs']:,} pairs", "balanced accuracy", "95 % interval", "failures to enrol"],
        [
            [
                name,
                f"{accuracy[name]['mean']:.2%}",
                _percent(accuracy[name]["interval"]),
                f"{accuracy[name]['failures_to_enrol']} of {accuracy['photos']} photos",
            ]
            for name in ("countenance", "face_recognition")
        ],
    )
    return f"{speed}\n\n{better}"


def _http(http: dict[str, Any]) -> str:
    one = _table(
        ["one client", "bare p50", "HTTP p50", "added (VGA target 8 ms)", "ratio (1080p target 1.3 x)"],
        [
            [
                call,
                f"{figures['bare_p50_ms']:.1f} ms",
                f"{figures['http_p50_ms']:.1f} ms",
                _judged(
                    f"{figures['added_ms']:.1f} ms", reached="VGA" not in call or figures["added_ms"] <= 8
                ),
                _judged(f"{figures['ratio']:.2f} x", reached="1080p" not in call or figures["ratio"] <= 1.3),
            ]
            for call, figures in http["one_client"].items()
        ],
    )
    many = _table(
        ["eight clients", "bare", "HTTP", "ratio (target 0.8 x)", "generator's cores"],
        [
            [
                call,
                f"{figures['bare_per_second']:.1f} /s",
                f"{figures['http_per_second']:.1f} /s",
                _judged(f"{figures['ratio']:.2f} x", reached=figures["ratio"] >= 0.8),
                f"{figures['generator_cores_used']:.2f}",
            ]
            for call, figures in http["eight_clients"].items()
        ],
    )
    start = http["start_seconds"]
    said = (
        f"From the command to the first answer of DetectFaces: {start['very_first']:.1f} s with a new data"
        f" directory (target 10 s), {start['again']:.1f} s afterwards (target 5 s)."
    )
    return f"{one}\n\n{many}\n\n{said}"


def _soak(soak: dict[str, Any]) -> str:
    first, last = soak["samples"][len(soak["samples"]) // 2], soak["samples"][-1]
    return (
        f"{soak['calls']:,} calls: {first['mib']:.0f} MiB (all server processes, PSS) after"
        f" {first['calls']:,} calls, {last['mib']:.0f} MiB at the end; slope"
        f" {soak['mib_a_thousand_calls']:+.3f} MiB for each thousand calls."
    )


def _search(found: dict[str, Any]) -> str:
    indexes = [
        (
            each["name"],
            f"{each['ms']['p50']:.1f} ms",
            f"{each['ms']['p99']:.1f} ms",
            *(f"{recall:.1%}" for recall in each["recall"].values()),
        )
        for each in found["indexes"]
    ]
    cosines = [f"mates at {cosine}" for cosine in found["indexes"][0]["recall"]]
    growth = [
        (
            f"{each['rows']:,}",
            f"{each['bytes'] / 1e9:.2f} GB",
            f"{each['filled_s']:.0f} s",
            f"{each['ms']['p50']:.1f} ms",
            f"{each['ms']['p99']:.1f} ms",
        )
        for each in found["growth"]
    ]
    batches = [
        (
            f"{scan['rows']:,} x {scan['dimensions']}-d",
            f"{scan['batch']['ms_each_alone']:.1f} ms",
            f"{scan['batch']['ms_each_together']:.1f} ms",
            f"{scan['bytes_per_row']:.0f}",
            f"{scan['filled_rows_per_second']:,.0f} /s",
        )
        for scan in found["scans"]
    ]
    columns = ("gallery", "probe alone", "one of 256 together", "bytes a row", "rows taken in, one thread")
    return "\n\n".join(
        (
            _judged_rows(search.rows_of_figures(found)),
            _table((f"{found['indexes'][0]['rows']:,} x 512-d", "p50", "p99", *cosines), indexes),
            _table(columns, batches),
            _path(found["path"]),
            _table(("rows x 256-d", "memory", "taken in", "p50, ten best", "p99"), growth),
        )
    )


def _path(path: dict[str, Any]) -> str:
    times = path["ms"]
    return _table(
        (f"{path['rows']:,} x {path['dimensions']}-d, the whole path", "measured"),
        [
            ("loaded by the first search of a machine", f"{path['loading_s']:.1f} s"),
            (
                "first search of a second process, which maps the same memory",
                f"{path['mapping_s'] * 1e3:.0f} ms",
            ),
            *(
                (f"{name} (p50)", f"{of['p50']:.1f} ms (p99 {of['p99']:.1f})")
                for name, of in (
                    ("a search", times["search"]),
                    ("a search after another process's enrolment", times["after a write"]),
                    ("a search after another process's deletion", times["after a deletion"]),
                )
            ),
            ("enrolled, 2,000 faces a commit, one connection", f"{path['enrolled_per_second']:,.0f} /s"),
            ("disk for a face, indexes included", f"{path['disk_bytes_per_row']:,.0f} bytes"),
        ],
    )
