"""The transparency report as a page for people: tables with bars, what is withheld marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from countenance.reporting.pages import render_page

_BAR = 100.0
_GROUPS: Sequence[tuple[str, str, Sequence[tuple[str, str]]]] = (
    (
        "Calls",
        "Every call of the service, refused and failed ones as well.",
        (
            ("calls/outcome/", "By how they ended"),
            ("calls/purpose/", "By purpose"),
            ("calls/collection-kind/", "By kind of collection"),
            ("calls/model/", "By model"),
        ),
    ),
    (
        "Refusals",
        "A call may break several rules, so rules do not add up.",
        (
            ("refusals/rule/", "By the rule that refused"),
            ("refusals/error/", "By error"),
            ("refusals/without-entry/", "Refused before they had an entry of their own"),
            ("shadow/rule/", "By rules that are only watched"),
        ),
    ),
    ("Duties", "What had to be done before an answer, and was.", (("duties/", "Duties met"),)),
    (
        "Searches",
        "Searches that were answered. A candidate is a lead and no identification.",
        (
            ("searches/with", "With and without candidates"),
            ("searches/threshold/", "By threshold in force"),
            ("searches/decided/", "By what was told of one person"),
            ("searches/", "Candidates"),
        ),
    ),
    ("Enrolment and erasure", "", (("enrolments/", "Enrolled"), ("erasures/", "Erased"))),
    (
        "Findings, standing and appeals",
        "What accounts did against the terms, and what followed.",
        (
            ("findings/", "Findings"),
            ("standing/change/", "Changes of standing"),
            ("appeals/", "Appeals"),
        ),
    ),
    (
        "Review by people",
        "Searches whose candidates people looked at first. A search counts once under each of its steps.",
        (
            ("reviews/outcome/", "What was reported of cases"),
            ("reviews/operation/", "By operation"),
            ("reviews/", "Searches held for review, and what became of them"),
        ),
    ),
    (
        "People's own requests",
        "Of those whose faces are processed.",
        (
            ("people/asked/", "What was asked for"),
            ("people/decided/", "How requests were decided"),
            ("people/operation/", "By operation"),
        ),
    ),
    (
        "Every operation",
        "",
        (
            ("calls/operation/answered/", "Answered"),
            ("calls/operation/refused/", "Refused"),
            ("calls/operation/failed/", "Failed"),
            ("changes/operation/", "Changes by the operator"),
        ),
    ),
)
"""Sections: title, note, and tables by how the ids of their figures begin."""


@dataclass(frozen=True, slots=True)
class _Row:
    cells: tuple[str, ...]
    bar: str = ""


@dataclass(frozen=True, slots=True)
class _Table:
    caption: str
    headings: tuple[str, ...]
    rows: tuple[_Row, ...]
    is_counts: bool = True


@dataclass(frozen=True, slots=True)
class _Section:
    title: str
    note: str
    tables: tuple[_Table, ...]


def render_transparency(report: Mapping[str, Any]) -> str:
    """The page of a report as `public_report` computes it."""
    period = report["period"]
    return render_page(
        "transparency.html.j2",
        report=report,
        period=f"{period['from']} up to, and without, {period['to']}",
        sections=[*_counted(report), _system(report), _rates(report)],
    )


def _counted(report: Mapping[str, Any]) -> list[_Section]:
    told = [*report["figures"], *report["amounts"]]
    taken: set[str] = set()
    sections = []
    for title, note, tables in _GROUPS:
        made = []
        for prefix, caption in tables:
            chosen = [each for each in told if each["id"].startswith(prefix) and each["id"] not in taken]
            taken |= {each["id"] for each in chosen}
            if chosen:
                made.append(_bars(caption, prefix.rpartition("/")[0] + "/", chosen))
        sections.append(_Section(title, _note(report, title, note), tuple(made)))
    rest = [each for each in told if each["id"] not in taken]
    return [_Section("In all", "", (_bars("Totals", "", rest),)), *sections]


def _note(report: Mapping[str, Any], title: str, note: str) -> str:
    group = {"Review by people": "reviews", "People's own requests": "people"}.get(title)
    if group in report["not_offered"]:
        return "Not offered: no entry up to this checkpoint is of any."
    return f"{note} {_expected(report)}" if title == "Searches" else note


def _bars(caption: str, prefix: str, chosen: Sequence[Mapping[str, Any]]) -> _Table:
    numbers = [each.get("count", each.get("amount")) for each in chosen]
    most = max([number for number in numbers if number], default=0)
    rows = tuple(
        _Row(
            (
                each["id"].removeprefix(prefix),
                "withheld" if number is None else f"{number:,}",
            ),
            _bar(number, most),
        )
        for each, number in zip(chosen, numbers, strict=True)
    )
    return _Table(caption, ("figure", "number"), rows)


def _bar(number: int | None, most: int) -> str:
    """Length for number; the number itself stands beside it, for who does not see the bar."""
    if not number:
        return ""
    return Markup(
        '<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        '<rect x="0" y="1" width="{:.2f}" height="8" class="mark s0"/></svg>'
    ).format(max(_BAR * number / most, 0.5))


def _expected(report: Mapping[str, Any]) -> str:
    told = report["expected_false_candidates"]
    if told.get("withheld"):
        return "How many false candidates their thresholds let expect is withheld."
    if not told["searches"]:
        return "None says the size of its collection, so no number of expected false candidates follows."
    return (
        f"{told['searches']:,} of them say the size of their collection; their thresholds let expect "
        f"{told['expected']:g} false candidates among those, if every person searched for were not in it."
    )


def _system(report: Mapping[str, Any]) -> _Section:
    system = report["system"]
    counts = [{"id": name, "count": count} for name, count in system["counts"].items()]
    tables = [_bars("What the log says of itself in this period", "", counts)]
    for caption, name, headings, members in (
        (
            "Rule packs in use at its end",
            "rule_packs",
            ("pack", "version", "mode"),
            ("pack", "version", "mode"),
        ),
        ("Terms published until then", "terms", ("document", "version"), ("document", "version")),
        (
            "Evaluations in force at its end",
            "evaluations",
            ("evaluation", "of pack", "until", "by somebody else than the operator"),
            ("evaluation", "pack", "expires", "independent"),
        ),
    ):
        rows = tuple(_Row(tuple(_cell(each[member]) for member in members)) for each in system[name])
        if rows:
            tables.append(_Table(caption, headings, rows, is_counts=False))
    return _Section(
        "The system", "These are of the system and not of people: nothing is withheld.", tuple(tables)
    )


def _rates(report: Mapping[str, Any]) -> _Section:
    tables = []
    for each in report["rates"]:
        state = "in force in this log" if each["is_in_force"] else "not in force in this log"
        about = f"{each['pack']} on {each['data']}, {each['subjects']:,} people; {state}"
        rows = tuple(
            _Row((f"{row['similarity']:g}", _rate(row.get("fmr")), _rate(row.get("fnmr"))))
            for row in each["at_similarity"]
        )
        tables.append(_Table(about, ("similarity", "false matches", "missed matches"), rows, is_counts=False))
        for cohort in each["cohorts"]:
            lines = tuple(
                _Row(
                    (
                        str(rate["group"]),
                        f"{row['similarity']:g}",
                        _rate(row.get("fmr")),
                        _rate(row.get("fnmr")),
                    )
                )
                for rate in cohort["rates"]
                for row in rate.get("at_similarity", ())
            )
            if lines:
                caption = f"By {cohort['column']}, as labelled by {cohort['labels_by']}"
                headings = ("group", "similarity", "false matches", "missed matches")
                tables.append(_Table(caption, headings, lines, is_counts=False))
    note = (
        "As the evaluations state them; the log says which evaluations count, not what is in them."
        if tables
        else "No evaluation was given to this report. The log names those in force, not their figures."
    )
    return _Section("How often it errs", note, tuple(tables))


def _rate(told: Any) -> str:
    """A rate with its interval; in words where the data could not carry one."""
    if not isinstance(told, Mapping) or "rate" not in told:
        return "not measured: too few trials"
    interval = told.get("interval")
    between = f", between {interval['low']:.3g} and {interval['high']:.3g}" if interval else ""
    return (
        f"{told['rate']:.3g}{between} ({told['trials']:,} trials)"
        if "trials" in told
        else f"{told['rate']:.3g}"
    )


def _cell(value: Any) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
