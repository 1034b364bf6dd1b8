from __future__ import annotations

import pytest

from countenance import __version__
from countenance.errors import InvalidParameterException
from countenance.operations.pipeline_binding import binding_of
from countenance.store import UnitOfWork
from countenance.vision.pipeline_digest import pipeline_digest


@pytest.fixture
def deps(call, database):
    with UnitOfWork(database) as uow:
        yield call.deps(uow)


def test_a_binding_names_all_that_decides_about_a_score(deps, models):
    """An evaluation holds for exactly this."""
    binding, vision = binding_of("2.0", deps), models.vision("2.0")
    assert binding.pack == {
        "name": "fake-2.0",
        "face_model_version": "2.0",
        "digest": vision.pack_digest,
        "licence": vision.licence,
        "use": "any",
    }
    assert binding.calibration == vision.calibration
    assert (binding.calibration_origin, binding.measured_on) == ("pack", vision.measured_on)
    assert (binding.pipeline_digest, binding.program) == (pipeline_digest(), __version__)


def test_without_a_version_it_is_the_pack_of_new_collections(deps, models):
    assert binding_of(None, deps).pack["face_model_version"] == "1.0"
    models.upgrade()
    assert binding_of(None, deps).pack["face_model_version"] == "2.0"


def test_a_pack_that_is_not_here_is_refused(deps):
    with pytest.raises(
        InvalidParameterException, match=r"there is no model `9\.9` here; there is 1\.0, 2\.0"
    ):
        binding_of("9.9", deps)


def test_a_transaction_may_be_open(deps):
    """It is made where the test is, in the call's own transaction."""
    assert deps.uow.connection is not None
    binding_of(None, deps)
