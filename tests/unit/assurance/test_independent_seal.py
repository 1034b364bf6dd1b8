"""What is kept of an independent test is noise without its key, and nothing of it can be put elsewhere."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from countenance.assurance.independent_records import LabelledSample
from countenance.assurance.independent_seal import BrokenIndependentSeal, IndependentSeal

TEST = uuid.UUID("11111111-2222-4333-8444-555555555555")
KEY = b"k" * 32


@pytest.fixture
def seal():
    return IndependentSeal(KEY, TEST)


def sample(number=7, *, template=(0.6, 0.8)):
    made = None if template is None else np.array(template, np.float32)
    return LabelledSample(number, "subjeçt", {"group": "a"}, "0" * 64, is_boxed=True, template=made)


def test_a_sample_comes_back_to_the_last_bit(seal):
    """Figures are computed of what is kept: half precision would be another pipeline's."""
    found = seal.unseal_sample(7, seal.seal_sample(sample()))
    assert (found.number, found.subject, dict(found.cohorts)) == (7, "subjeçt", {"group": "a"})
    assert (found.image_digest, found.is_boxed) == ("0" * 64, True)
    assert found.template.dtype == np.float32
    assert found.template.tolist() == sample().template.tolist()


def test_a_sample_without_a_template_has_none(seal):
    assert seal.unseal_sample(7, seal.seal_sample(sample(template=None))).template is None


def test_declaration_and_figures_come_back(seal):
    assert seal.unseal_declaration(seal.seal_declaration({"name": "spring"})) == {"name": "spring"}
    assert seal.unseal_figures(seal.seal_figures({"fmr": 1e-4})) == {"fmr": 1e-4}


def test_nothing_opens_in_another_place(seal):
    """A row moved to another number, test or column would be a sample that nobody sent."""
    sealed = seal.seal_sample(sample())
    for open_it in (
        lambda: seal.unseal_sample(8, sealed),
        lambda: seal.unseal_figures(sealed),
        lambda: seal.unseal_declaration(seal.seal_figures({})),
        lambda: IndependentSeal(KEY, uuid.uuid4()).unseal_sample(7, sealed),
        lambda: IndependentSeal(b"o" * 32, TEST).unseal_sample(7, sealed),
        lambda: seal.unseal_sample(7, sealed[:-1] + bytes([sealed[-1] ^ 1])),
        lambda: seal.unseal_sample(7, b"\x02" + sealed[1:]),
        lambda: seal.unseal_sample(7, b""),
    ):
        with pytest.raises(BrokenIndependentSeal):
            open_it()


def test_what_is_sealed_holds_nothing_in_clear(seal):
    sealed = seal.seal_sample(sample())
    assert b"group" not in sealed
    assert sample().template.tobytes() not in sealed
