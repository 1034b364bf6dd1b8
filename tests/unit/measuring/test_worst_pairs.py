"""The pairs that went most wrong."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import numpy as np
import pytest

from countenance.errors import SetupError
from countenance.evaluation.trials import Pairs, Samples
from countenance.measuring import worst_pairs as module
from countenance.measuring.data_sets import DataSet, Photo
from countenance.measuring.worst_pairs import worst_pairs, write_worst_pairs
from fakes.vision import FAKE_CALIBRATION


def samples(people=9, photos=4, *, failed=(5,), seed=1):
    random = np.random.default_rng(seed)
    templates = random.standard_normal((people * photos, 6)).astype(np.float32)
    templates /= np.linalg.norm(templates, axis=1, keepdims=True)
    enrolled = np.ones(len(templates), bool)
    enrolled[list(failed)] = False
    return Samples(templates, np.repeat(np.arange(people), photos), enrolled)


def by_force(found, *, is_mated, doubles=()):
    """Every pair, one by one, the worst first."""
    pairs = []
    for a in range(len(found.subjects)):
        for b in range(a + 1, len(found.subjects)):
            who = tuple(sorted((int(found.subjects[a]), int(found.subjects[b]))))
            if (
                (who[0] == who[1]) == is_mated
                and found.enrolled[a]
                and found.enrolled[b]
                and who not in doubles
            ):
                pairs.append((float(found.templates[a] @ found.templates[b]), a, b))
    return sorted(pairs, reverse=not is_mated)


@pytest.mark.parametrize("rows_at_once", [7, 1024])
@pytest.mark.parametrize("is_mated", [True, False])
@pytest.mark.parametrize("most", [1, 10, 10_000])
def test_they_are_those_of_all_pairs_whatever_the_blocks(monkeypatch, is_mated, rows_at_once, most):
    monkeypatch.setattr(module, "_ROWS_AT_ONCE", rows_at_once)
    found = samples()
    rows, scores = worst_pairs(found, is_mated=is_mated, most=most)
    expected = by_force(found, is_mated=is_mated)[:most]
    assert rows.tolist() == [[a, b] for _, a, b in expected]
    assert scores == pytest.approx([score for score, _, _ in expected], abs=1e-6)


def test_people_known_to_be_one_are_no_error_of_the_pack():
    found, doubles = samples(), ((8, 0), (2, 3))
    rows, _ = worst_pairs(found, is_mated=False, most=20, doubles=doubles)
    expected = by_force(found, is_mated=False, doubles=((0, 8), (2, 3)))[:20]
    assert rows.tolist() == [[a, b] for _, a, b in expected]


def test_of_prescribed_comparisons_only_these():
    found = samples()
    pairs = Pairs(
        np.array([0, 0, 4, 8]), np.array([1, 2, 5, 30]), np.array([True, True, True, False]), np.zeros(4)
    )
    rows, _ = worst_pairs(found, is_mated=True, pairs=pairs)
    assert sorted(map(tuple, rows.tolist())) == [(0, 1), (0, 2)]
    assert worst_pairs(found, is_mated=False, pairs=pairs)[0].tolist() == [[8, 30]]


def test_the_file_is_for_nobody_else_and_says_who_may_see_it(tmp_path):
    found = samples()
    photos = tuple(Photo(f"{who}/{row}.jpg", str(who)) for row, who in enumerate(found.subjects))
    data = DataSet("set", "folder", Path("/nowhere"), photos)
    file = tmp_path / "worst.json"
    write_worst_pairs(file, data, found, calibration=FAKE_CALIBRATION, most=3)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = json.loads(file.read_text())
    assert "may see these photographs" in content["who_may_see_it"]
    score, a, b = by_force(found, is_mated=True)[0]
    first = content["mated_least_alike"][0]
    assert first["photos"] == [photos[a].path, photos[b].path]
    assert first["similarity"] == pytest.approx(float(FAKE_CALIBRATION.similarity_of(score)), abs=0.011)
    with pytest.raises(SetupError, match="there already"):
        write_worst_pairs(file, data, found, calibration=FAKE_CALIBRATION)
    with pytest.raises(SetupError, match="cannot be written"):
        write_worst_pairs(tmp_path / "none/x.json", data, found, calibration=FAKE_CALIBRATION)
