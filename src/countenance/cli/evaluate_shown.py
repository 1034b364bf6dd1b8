"""An evaluation on a terminal: what was measured, how sure it is, and what could not be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from countenance.cli.tables import to_words

_WIDTH_IN_FILES: Final = 120
_SMALL: Final = 0.001
"""Below it a share is written as a power of ten."""


def print_evaluation(evaluation: Mapping[str, Any]) -> None:
    """Tables on standard output; refusals are said, not left out."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH_IN_FILES)
    data, pack = evaluation["data"], evaluation["pack"]
    click.echo(
        f"{pack['name']} (version {pack['face_model_version']}) on {to_words(data['name'])}: "
        f"{data['samples']:,} photos of {data['subjects']:,} people, "
        f"{data['subjects_with_two']:,} of them with two or more"
    )
    for title, columns, rows in _tables(evaluation):
        _print_table(console, title, columns, rows)
    for note in evaluation["notes"]:
        click.echo(f"note: {to_words(note)}")


def _tables(evaluation: Mapping[str, Any]) -> Iterable[tuple[str, Sequence[str], list[Sequence[str]]]]:
    columns = ("figure", "measured", "95 % interval", "trials")
    yield "one against one", columns, _verification(evaluation)
    for found in evaluation.get("identification", []):
        yield f"one against {found['gallery']:,}", columns, _identification(found)
    for cohort in evaluation.get("cohorts", []):
        title = f"by {to_words(cohort['column'])}, as labelled by {to_words(cohort['labels_by'])}"
        yield title, ("group", "figure", "measured", "bound for all groups"), _cohort(cohort)
        yield f"{title}: how far apart", columns[:3], _differentials(cohort)
    if "attack_detection" in evaluation:
        found = evaluation["attack_detection"]
        title = f"attack detection at score {found['threshold']:g}, by the detector of the data set's scores"
        yield title, columns, _attacks(found)
    comparison = evaluation.get("comparison")
    if comparison is not None:
        names = (evaluation["pack"]["name"], comparison["with"]["pack"]["name"])
        yield (
            f"{names[0]} and {names[1]}",
            ("figure", *names, "difference, 95 %", "they differ"),
            _comparison(comparison),
        )


def _verification(evaluation: Mapping[str, Any]) -> list[Sequence[str]]:
    rows = [_row("failure to enrol", evaluation["failure_to_enrol"])]
    found = evaluation["verification"]
    if "refused" in found:
        return [*rows, ("error rates", *_refusal(found))]
    balanced = found["balanced"]
    if "refused" in balanced:
        rows.append(("balanced accuracy", *_refusal(balanced)))
    else:
        pairs = f"{balanced['pairs']:,}, {balanced['folds']} folds"
        rows.append(("balanced accuracy", _share(balanced["accuracy"]), _interval(balanced), pairs))
    for point in found["at_fmr"]:
        label = f"FNMR at FMR {point['max_fmr']:.0e}"
        if "refused" in point:
            rows.append((label, *_refusal(point)))
        else:
            rows.append(_row(f"{label}: Similarity {point['similarity']:g}", point["fnmr"]))
    for point in found["at_similarity"]:
        beyond = ", extrapolated" if point["extrapolated"] else ""
        rows += [
            _row(
                f"Similarity {point['similarity']:g}: FMR (stated {point['stated_fmr']:.0e}{beyond})",
                point["fmr"],
            ),
            _row(f"Similarity {point['similarity']:g}: FNMR", point["fnmr"]),
        ]
    return rows


def _identification(found: Mapping[str, Any]) -> list[Sequence[str]]:
    if "refused" in found:
        return [("searches", *_refusal(found))]
    rows = [_row(f"mate among the first {each['rank']}", each["hit"]) for each in found["rank"]]
    for point in found.get("open_set", []):
        label = f"FNIR at FPIR {point['max_fpir']:g}, list of {point['list_length']}"
        rows.append((label, *_refusal(point)) if "refused" in point else _row(label, point["fnir"]))
    for point in found.get("at_similarity", []):
        rows += [
            _row(f"Similarity {point['similarity']:g}: {name.upper()}", point[name])
            for name in ("fpir", "fnir")
        ]
    return rows


def _cohort(cohort: Mapping[str, Any]) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    for group in cohort["rates"]:
        name = f"{to_words(group['group'])} ({group['subjects']:,})"
        if "refused" in group:
            rows.append((name, *_refusal(group)[:2], ""))
            continue
        for point in group["at_similarity"]:
            for kind in ("fmr", "tpr"):
                rate = point[kind]
                figure = f"{kind.upper()} at Similarity {point['similarity']:g}"
                shown = (
                    _refusal(rate)[:2] if "refused" in rate else (_share(rate["rate"]), _bound(kind, rate))
                )
                rows.append((name, figure, *shown))
    return rows


def _differentials(cohort: Mapping[str, Any]) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    for each in cohort["differentials"]:
        label = f"{each['of'].upper()} at Similarity {each['similarity']:g}"
        if "refused" in each:
            rows.append((label, *_refusal(each)[:2]))
        else:
            ends = each["interval"]
            rows.append(
                (
                    f"{label}: {each['measure']}",
                    f"{each['value']:.3g}",
                    f"{ends['low']:.3g} - {ends['high']:.3g}",
                )
            )
    for test in cohort["tests"]:
        verdict = "they differ" if test["differ"] else "no difference seen"
        label = f"{test['of'].upper()} at Similarity {test['similarity']:g}: all groups alike?"
        rows.append((label, verdict, f"p = {test['p_value']:.2g}"))
    return rows


def _attacks(found: Mapping[str, Any]) -> list[Sequence[str]]:
    if "refused" in found:
        return [("APCER and BPCER", *_refusal(found))]
    rows: list[Sequence[str]] = []
    for each in found["apcer"]:
        label = f"APCER: {each['species']}"
        rows.append((label, *_refusal(each)) if "refused" in each else _row(label, each))
        rows.append(_row(f"APNRR: {each['species']}", each["apnrr"]))
    worst = f"at most {_share(found['apcer_worst_bound'])}"
    rows.append(("APCER of the worst species", _share(found["apcer_worst"]), worst, ""))
    return [*rows, _row("BPCER", found["bpcer"]), _row("BPNRR", found["bpnrr"])]


def _comparison(comparison: Mapping[str, Any]) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    for each in comparison["differences"]:
        if "refused" in each:
            rows.append((each["of"], *_refusal(each), ""))
            continue
        ends = each["interval"]
        between = f"{each['difference']:+.4f} ({ends['low']:+.4f} to {ends['high']:+.4f})"
        verdict = f"{'yes' if each['differ'] else 'not seen'}, p = {each['p_value']:.2g}"
        rows.append((each["of"], _share(each["first"]), _share(each["second"]), between, verdict))
    return rows


def _row(label: str, rate: Mapping[str, Any]) -> Sequence[str]:
    return (label, _share(rate["rate"]), _interval(rate), f"{rate['trials']:,}")


def _refusal(refused: Mapping[str, Any]) -> tuple[str, str, str]:
    needed = refused.get("trials_needed")
    return ("refused", refused["refused"], "" if needed is None else f"it takes {needed:,}")


def _bound(kind: str, rate: Mapping[str, Any]) -> str:
    return f"{'at most' if kind == 'fmr' else 'at least'} {_share(rate['bound'])}"


def _interval(rate: Mapping[str, Any]) -> str:
    return f"{_share(rate['interval']['low'])} - {_share(rate['interval']['high'])}"


def _share(value: float) -> str:
    return f"{value:.1e}" if 0.0 < value < _SMALL else f"{value:.2%}"


def _print_table(console: Console, title: str, columns: Sequence[str], rows: list[Sequence[str]]) -> None:
    table = Table(title=Text(to_words(title)), title_justify="left", title_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        # INVARIANT: names of groups are what somebody wrote, so they are text and never markup.
        table.add_row(*(Text(to_words(cell)) for cell in row))
    console.print(table)
