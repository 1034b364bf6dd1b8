"""The specification of the log names every kind of entry that is written."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from countenance.transparency.verify_members import KINDS

ROOT = Path(__file__).resolve().parents[2]
KIND_AT = {"record_statement": 1, "draft_statement": 0}
"""Function that writes an entry of the log's own → which of its arguments is the kind."""


def kinds_written():
    """(place, the argument) of every call of these functions in the sources."""
    for path in sorted(ROOT.glob("src/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                if name in KIND_AT:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.args[KIND_AT[name]]


def test_every_kind_that_is_written_is_verified_and_specified():
    """And no other; a kind is a literal where it is written, or is handed on from there."""
    written = {"call", "change"}  # of Event.kind
    for place, kind in kinds_written():
        if isinstance(kind, ast.Constant):
            written.add(kind.value)
        else:
            assert place.startswith("src/countenance/audit/log.py"), place
    assert len(written) > 8
    assert written == KINDS
    section = (ROOT / "docs/spec/audit-log.md").read_text().partition("## 2.")[0]
    headings = re.findall(r"^### `(\w+)` and `(\w+)`", section, re.MULTILINE)
    rows = re.findall(r"^\| (`[^|]+`) \|", section.partition("What the log says of itself")[2], re.MULTILINE)
    specified = {kind for pair in headings for kind in pair}
    specified |= {kind for row in rows for kind in re.findall(r"`([^`]+)`", row)}
    assert specified == written
