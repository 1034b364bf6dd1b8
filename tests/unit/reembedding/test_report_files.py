"""The report as text, table and document."""

from __future__ import annotations

import csv
import io
import json
import uuid

import numpy as np
import pytest

from countenance.gallery.reembedding_records import TemplatesOfAll
from countenance.reembedding.differences import Side, compare
from countenance.reembedding.report_files import COLUMNS, to_csv, to_json, to_text
from countenance.types import Similarity
from fakes.faces import CALIBRATION


@pytest.fixture
def found():
    east, north, up = np.eye(3)

    def side(version, rows):
        ids = [uuid.UUID(int=number + 1) for number in range(4)]
        users = ["ada", "ada", "bob", None]
        names = ["a1.jpg", "a2.jpg", "b.jpg", "=e.jpg"]
        return Side(version, TemplatesOfAll(ids, users, names, np.array(rows, np.float16)), CALIBRATION)

    return compare(
        side("1.0", [east, east, north, up]), side("2.0", [east, north, up, up]), threshold=Similarity(80.0)
    )


def test_text_counts_and_names_the_first_few(found):
    text = to_text(found)
    assert "From face model 1.0 to 2.0, at similarity 80" in text
    assert "4 faces compared, each with every other; 2 users" in text
    assert "  ada: 1 of 1 pairs, then 0" in text
    assert "bob and =e.jpg" in text


def test_the_table_has_a_row_for_each_difference(found):
    rows = list(csv.DictReader(io.StringIO(to_csv(found))))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(found.face_changes) + len(found.user_pair_changes) + len(found.best_changes)
    lost = [row for row in rows if row["kind"] == "same person"]
    assert [(row["change"], row["one_user"], row["one_name"], row["other_name"]) for row in lost] == [
        ("stops", "ada", "a1.jpg", "a2.jpg")
    ]


def test_the_document_has_all_of_it_as_plain_values(found):
    told = json.loads(json.dumps(to_json(found), default=str))
    assert told["pairs"] == [
        {"kind": "not known", "what": "begins", "pairs": 1},
        {"kind": "same person", "what": "stops", "pairs": 1},
    ]
    assert told["best"] == {"lost": 2, "found": 2}
    assert (told["is_exact"], told["is_whole"], told["probes"]) == (True, True, 4)
    assert {each["change"] for each in told["best_changes"]} == {"lost", "found"}
