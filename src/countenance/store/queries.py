"""Plain SQL in files: each statement under a line `-- name --`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from typing import LiteralString, cast

Queries = Mapping[str, LiteralString]
"""Statements by name, ready for `connection.execute`."""

_HEADING = re.compile(r"^-- ([a-z][a-z0-9_]*) --$")


def load_queries(package: str, file: str) -> Queries:
    """Read the annotated statements of one SQL file that belongs to `package`.

    Comments between the heading and the statement stay with it and reach the server's log.

    Raises:
        ValueError: a statement without a name, two of one name, or a name without a statement.
    """
    found: dict[str, list[str]] = {}
    name = ""
    for line in resources.files(package).joinpath(file).read_text("utf-8").splitlines():
        heading = _HEADING.match(line)
        if heading:
            name = heading.group(1)
            if name in found:
                raise ValueError(f"{file} has two statements named `{name}`")
            found[name] = []
        elif name:
            found[name].append(line)
        elif line.strip() and not line.startswith("--"):
            raise ValueError(f"{file} has a statement before the first name")
    queries = {name: "\n".join(lines).strip().rstrip(";") for name, lines in found.items()}
    for name, statement in queries.items():
        if not statement:
            raise ValueError(f"{file} has no statement under `{name}`")
    # The files are ours and part of the package: as literal as text in the source.
    return cast("Queries", queries)
