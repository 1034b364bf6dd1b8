from __future__ import annotations

import sys
from pathlib import Path

import pytest

from countenance.store import load_queries


@pytest.fixture
def sql(tmp_path: Path, monkeypatch):
    """Writes a package with one SQL file and loads it."""

    def load(text: str):
        package = tmp_path / "sqlpackage"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").touch()
        (package / "q.sql").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        sys.modules.pop("sqlpackage", None)
        return load_queries("sqlpackage", "q.sql")

    return load


def test_statements_are_found_by_name_without_their_semicolon(sql):
    """Drivers want one statement; files want semicolons for editors and for readers."""
    queries = sql("-- about the file\n\n-- first --\nselect 1;\n\n-- second --\n-- why\nselect\n  2;\n")
    assert queries == {"first": "select 1", "second": "-- why\nselect\n  2"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("select 1;", "before the first name"),
        ("-- a --\nselect 1;\n-- a --\nselect 2;", "two statements named `a`"),
        ("-- a --\n\n-- b --\nselect 1;", "no statement under `a`"),
    ],
)
def test_a_file_that_would_lose_a_statement_is_refused(sql, text: str, problem: str):
    """A statement that vanishes in silence is found in production."""
    with pytest.raises(ValueError, match=problem):
        sql(text)
