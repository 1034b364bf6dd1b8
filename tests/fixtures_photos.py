"""Real photos and real weights for the tests that need them."""

from __future__ import annotations

import pytest

from countenance.cli.portraits import Portraits, load_portraits
from countenance.settings import Settings
from countenance.vision.install import InstalledPack, PackStore
from countenance.vision.pipeline import Vision


@pytest.fixture(scope="session")
def portraits() -> Portraits:
    """Public-domain portraits: three of one man, one of another, one stranger."""
    return load_portraits(Settings.from_env({}).cache_dir)


@pytest.fixture(scope="session")
def default_pack(pack_store: PackStore) -> InstalledPack:
    """The pack that a server would take here: `standard`, or `open` where that cannot be had."""
    return pack_store.default_pack()


@pytest.fixture(scope="session")
def vision(default_pack: InstalledPack) -> Vision:
    """The default pack, loaded."""
    return Vision(default_pack)
