from __future__ import annotations

import dataclasses
import json

import pytest

from countenance.assurance.independent_records import Binding
from fakes.bindings import BINDING


def test_a_binding_comes_back_from_the_database_as_it_was():
    """It is what samples are compared with for a month."""
    kept = json.loads(json.dumps(BINDING.to_json()))
    assert Binding.from_json(kept) == BINDING
    assert Binding.from_json(kept).calibration.digest == BINDING.calibration.digest


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pack": dict(BINDING.pack) | {"digest": "c" * 64}}, "the model pack was aaaaaaaaaaaa and is cccc"),
        ({"pipeline_digest": "c" * 64}, "the pipeline was bbbbbbbbbbbb and is cccc"),
        ({"calibration": dataclasses.replace(BINDING.calibration, trials=4)}, "the calibration was"),
    ],
)
def test_whatever_decides_about_scores_makes_a_difference(change, said):
    assert said in BINDING.difference(dataclasses.replace(BINDING, **change))


def test_what_decides_nothing_makes_none():
    other = dataclasses.replace(BINDING, machine="64-core", program="0.6.1")
    assert BINDING.difference(other) == ""
