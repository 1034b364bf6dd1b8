"""`countenance drift`."""

from __future__ import annotations

import json

import numpy as np
import pytest

from countenance.assurance.drift import DriftTally
from countenance.cli.installation import open_store
from countenance.gallery import Gallery
from countenance.settings import Settings
from countenance.store import UnitOfWork
from fakes.faces import CALIBRATION, DIMENSIONS


@pytest.fixture
def searched(cli, house):
    """`searched(searches, exponent)`: so many over `door`, whose comparisons all reach the exponent."""

    def run(searches, exponent):
        with open_store(Settings.from_env(cli.environment)) as (database, keys):
            with UnitOfWork(database) as uow:
                collection = Gallery(database, keys).create_collection(
                    uow,
                    account_id=house,
                    name="door",
                    region="us-east-1",
                    face_model_version="1",
                    dimensions=DIMENSIONS,
                    tags={},
                )
                uow.commit()
            cosine = np.interp(exponent, CALIBRATION.neg_log10_fmr, CALIBRATION.cosine)
            tally = DriftTally(database)
            for _ in range(searches):
                tally.sampled(collection.collection_id, CALIBRATION, np.full(24, cosine, np.float32))
            tally.write()

    return run


def test_without_searches_it_says_so(cli, house):
    assert "no search over 500 faces or more was counted yet" in cli.says("drift")


def test_what_does_not_hold_is_shown_and_ends_with_1(cli, searched):
    searched(600, 2.5)
    shown, told = cli.run("drift"), cli.run("drift", "--json")
    assert (shown.exit_code, told.exit_code) == (1, 1)
    assert "higher" in shown.stdout
    assert "does not hold" in shown.stderr
    [told] = json.loads(told.stdout)
    assert (told["CollectionId"], told["Searches"], told["Comparisons"]) == ("door", 600, 14_400)
    assert told["CalibrationDigest"] == CALIBRATION.digest
    assert [each["Verdict"] for each in told["Judgements"]] == ["higher", "higher", "lower"]
    assert [each["Comparisons"] for each in told["Histogram"]] == [0, 0, 0, 0, 0, 14_400, 0, 0, 0]


def test_too_few_searches_are_no_alarm_and_it_says_how_many_it_takes(cli, searched):
    searched(10, 2.5)
    assert "too few: 500 searches say" in cli.says("drift")
