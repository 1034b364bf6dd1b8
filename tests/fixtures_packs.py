"""The real packs, installed once into the cache that a person's own installation uses."""

from __future__ import annotations

import pytest

from countenance.errors import SetupError
from countenance.settings import Settings
from countenance.vision.install import PackStore
from countenance.vision.packs import InstalledPack
from paths import SHARED


@pytest.fixture(scope="session")
def pack_store() -> PackStore:
    """Weights from beside the checkout where they are there, else the cache, else the network."""
    return PackStore(Settings.from_env({}).cache_dir, SHARED / "models" if SHARED else None)


@pytest.fixture(scope="session")
def open_pack(pack_store) -> InstalledPack:
    """From the package index alone: every machine that can run `make test` can have it."""
    return pack_store.installed("open") or pack_store.install("open")


@pytest.fixture(scope="session")
def standard_pack(pack_store) -> InstalledPack:
    """Where its publishers or a models folder can be reached."""
    try:
        return pack_store.installed("standard") or pack_store.install("standard")
    except SetupError as error:
        pytest.skip(f"pack `standard` cannot be had here: {error.problem}")
