"""Write what the documents state of the code: operations in the README, and whole pages.

`python tools/generate_docs.py` writes; `--check` exits 1 when a document is out of date (a test runs it).
"""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import MISSING, fields
from pathlib import Path

from policy_pages import policy_page, purposes_page, refusals_page

from countenance.cli.options import setting_help
from countenance.errors import FrameworkError, ServiceError
from countenance.operations.registry import OPERATIONS
from countenance.settings import ENVIRONMENT_PREFIX, Settings
from countenance.telemetry.families import FAMILIES, Family
from countenance.telemetry.names import ATTRIBUTES, DECISIONS, JOB_STATES, LIMITS, OUTCOMES, STEPS, UNKNOWN
from countenance.wire.model import load_models

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = ROOT / "docs" / "operations"
MARKS = re.compile(r"(<!-- operations -->\n).*?(<!-- /operations -->)", re.DOTALL)


def operations_table() -> str:
    """All operations of Rekognition in three columns, offered ones in bold."""
    model = load_models().services["rekognition"]
    names = sorted(model.operations)
    offered = OPERATIONS["rekognition"]
    cells = [f"**{name}**" if name in offered else name for name in names]
    rows = -(-len(cells) // 3)
    columns = [cells[start : start + rows] for start in range(0, len(cells), rows)]
    lines = [f"{len(offered)} of {len(names)}; offered in bold:\n", "| | | |", "|---|---|---|"]
    lines += [
        "| " + " | ".join(column[row] if row < len(column) else "" for column in columns) + " |"
        for row in range(rows)
    ]
    own = ", ".join(sorted(OPERATIONS["countenance"]))
    return "\n".join(lines) + f"\n\nOur own service, `countenance`: {own}.\n"


def settings_page() -> str:
    """Every setting with option, variable, default and meaning."""
    described = setting_help()
    lines = [
        "# Settings",
        "",
        (
            "Each is an option of `countenance serve` and an environment variable; the option wins. "
            "This page is generated from `settings.py` (`python tools/generate_docs.py`)."
        ),
        "",
        "| option | environment | default | meaning |",
        "|---|---|---|---|",
    ]
    for setting in fields(Settings):
        default = "under the user's home" if setting.default is MISSING else setting.default
        shown = "" if default in {None, ""} else f"`{default}`" if setting.default is not MISSING else default
        option = "--" + setting.name.replace("_", "-")
        variable = ENVIRONMENT_PREFIX + setting.name.upper()
        lines.append(f"| `{option}` | `{variable}` | {shown} | {described[setting.name]} |")
    return "\n".join(lines) + "\n"


def errors_page() -> str:
    """Every error that a caller can get, with its HTTP status and what it means."""
    general = sorted(FrameworkError.__subclasses__(), key=lambda kind: kind.__name__)
    modeled = sorted(set(ServiceError.__subclasses__()) - {FrameworkError}, key=lambda kind: kind.__name__)
    lines = [
        "# Errors",
        "",
        (
            "The code is in the body's `__type` and in the header `x-amzn-errortype`. "
            "This page is generated from `errors.py` (`python tools/generate_docs.py`)."
        ),
        "",
        "## Declared by the operation's model",
        "",
        *_error_rows(modeled),
        "",
        "## About the request as such",
        "",
        "Any operation can answer these; clients know them by their code alone.",
        "",
        *_error_rows(general),
    ]
    return "\n".join(lines) + "\n"


def _error_rows(kinds: list[type[ServiceError]]) -> list[str]:
    """The table's lines; the first line of a class's docstring is its meaning."""
    rows = [
        f"| `{kind.__name__}` | {kind.status} | {inspect.getdoc(kind).partition(chr(10))[0].rstrip('.')} |"
        for kind in kinds
    ]
    return ["| code | HTTP status | meaning |", "|---|---|---|", *rows]


_LABELS = {
    "service": "the service model, or `unknown`",
    "operation": "an operation of that model, or `unknown`",
    "outcome": " ".join(f"`{name}`" for name in sorted(OUTCOMES)),
    "status": "the HTTP status of the answer",
    "error": "the code of an [error](errors.md)",
    "decision": " ".join(f"`{name}`" for name in sorted(DECISIONS)),
    "state": " ".join(f"`{name}`" for name in JOB_STATES) + ": see [jobs](jobs.md)",
    "limit": "; ".join(f"`{name}`: {meaning}" for name, meaning in LIMITS.items()) + " ([limits](limits.md))",
    "witness": "a witness, as the settings name it",
}


_METRICS_INTRO = f"""# Metrics and traces

Both are off until a setting asks for them. Numbers, names of our own and ids leave the server this way;
nothing of a request's body does, and a name that a caller sends is told as `{UNKNOWN}` unless it is one of
ours. They are no record: that is the audit log. This page is generated from `telemetry/`
(`python tools/generate_docs.py`).

## Metrics

`countenance serve --metrics-port 9464` serves `http://127.0.0.1:9464/metrics` in Prometheus's text format,
summed over all processes of the server; `--metrics-host` sets the address. The page has no password: do not
put it where strangers are. Counters begin at zero with each start. A process that ends takes its calls in
flight with it; what the log last told stays, so that its ages go on growing.
"""
_TRACES = f"""
## Traces

`countenance serve --otel-endpoint http://127.0.0.1:4318` sends a span for each call, by OTLP over HTTP, and
in it one for each step that it came to: {", ".join(f"`{step}`" for step in STEPS)}.
A step that ended the call has the status `ERROR`, a call with status 500 too; neither has a description. A
`traceparent` header of the caller is honoured, its sampling too; `tracestate` is not read. A collector that
is slow or gone slows no call: spans that do not fit the queue are dropped.
"""


def metrics_page() -> str:
    """Every metric with its labels, and what a trace holds."""
    labels = dict.fromkeys(label for family in FAMILIES for label in family.labels)
    lines = [
        _METRICS_INTRO,
        "| metric | type | labels | meaning |",
        "|---|---|---|---|",
        *(_metric_row(family) for family in FAMILIES),
        "",
        "| label | values |",
        "|---|---|",
        *(f"| `{label}` | {_LABELS[label]} |" for label in labels),
        _TRACES,
        "| attribute of a call | value |",
        "|---|---|",
        *(f"| `{name}` | {value} |" for name, value in ATTRIBUTES.items()),
    ]
    return "\n".join(lines) + "\n"


def _metric_row(family: Family) -> str:
    kind = family.kind if family.kind in {"counter", "histogram"} else "gauge"
    labels = " ".join(f"`{label}`" for label in family.labels)
    return f"| `{family.name}` | {kind} | {labels} | {family.meaning} |"


def documents() -> dict[Path, str]:
    """Path → what the document should say."""
    readme = README.read_text()
    table = operations_table()
    return {
        README: MARKS.sub(lambda marks: marks.group(1) + table + marks.group(2), readme),
        PAGES / "settings.md": settings_page(),
        PAGES / "errors.md": errors_page(),
        PAGES / "policy.md": policy_page(),
        PAGES / "refusals.md": refusals_page(),
        PAGES / "purposes.md": purposes_page(),
        PAGES / "metrics.md": metrics_page(),
    }


def main() -> int:
    """Write or check; return the exit status."""
    stale = [path for path, text in documents().items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        for path in stale:
            print(f"out of date: {path.relative_to(ROOT)} (run python tools/generate_docs.py)")  # noqa: T201 - its output
        return 1 if stale else 0
    for path in stale:
        path.write_text(documents()[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
