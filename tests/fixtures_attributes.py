"""The real attribute pack, and pictures of which it is known what should be said of them."""

from __future__ import annotations

import pytest

from countenance.settings import Settings
from countenance.vision.attributes.analyst import Analyst
from countenance.vision.attributes.attribute_pack import AttributeStore
from countenance.vision.decode import decode
from paths import SHARED


@pytest.fixture(scope="session")
def attribute_pack():
    """Whole: where the weights are beside the checkout or installed; else there is nothing to run."""
    store = AttributeStore(Settings.from_env({}).cache_dir, SHARED / "models" if SHARED else None)
    installed = store.at_hand()
    if installed.missing:
        pytest.skip("the attribute pack is not whole here: countenance models install attributes")
    return installed


@pytest.fixture(scope="session")
def analyst(attribute_pack):
    return Analyst(attribute_pack)


@pytest.fixture(scope="session")
def portrait_pixels(portraits):
    """A frontal portrait, about a thousand pixels high."""
    return decode(portraits.known["obama"][0].read_bytes())
