"""What commands print."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

from countenance.cli.tables import print_facts, print_rows, to_words

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)


def test_what_is_nothing_is_left_out_for_people_and_is_null_for_programs(capsys):
    facts = {"Name": "x", "Reason": None, "At": AT, "Is": True, "Some": ["a", "b"]}
    print_facts(facts, as_json=False)
    assert [row.split(None, 1) for row in capsys.readouterr().out.splitlines()] == [
        ["Name", "x"],
        ["At", "2026-11-26T12:00:00+00:00"],
        ["Is", "yes"],
        ["Some", "a, b"],
    ]
    print_facts(facts, as_json=True)
    assert json.loads(capsys.readouterr().out) == facts | {"At": "2026-11-26T12:00:00+00:00"}


def test_rows_are_a_table_of_chosen_columns_and_whole_for_programs(capsys):
    """An id is never broken into lines where output goes to a file: somebody copies it."""
    rows = [{"Id": str(UUID(int=5)), "Text": "[bold]word[/bold]", "More": 1}]
    print_rows(rows, as_json=False, columns=("Id", "Text"))
    said = capsys.readouterr().out
    assert str(UUID(int=5)) in said
    assert "[bold]word[/bold]" in said
    assert "More" not in said
    print_rows(rows, as_json=True, columns=("Id",))
    assert json.loads(capsys.readouterr().out) == rows


def test_no_rows_are_said_in_words_and_an_empty_list_for_programs(capsys):
    print_rows([], as_json=False, nothing="nobody yet", columns=("Id",))
    assert "nobody yet" in capsys.readouterr().out
    print_rows([], as_json=True)
    assert json.loads(capsys.readouterr().out) == []


def test_what_somebody_wrote_cannot_steer_the_terminal():
    assert to_words("a\x1b[31mb\nc") == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}c"
    assert to_words(["a", None, False]) == "a, -, no"
    assert to_words([]) == "-"
