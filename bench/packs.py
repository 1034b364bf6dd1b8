"""The packs that the benches run: installed where `countenance models install` would put them."""

from __future__ import annotations

from countenance.settings import Settings
from countenance.vision.install import PackStore
from countenance.vision.packs import InstalledPack
from photographs import REPOSITORY

_SHARED_MODELS = REPOSITORY.parent / "shared" / "models"


def bench_settings() -> Settings:
    """Settings of the environment; weights also from a folder beside the checkout where there is one."""
    models = _SHARED_MODELS if _SHARED_MODELS.is_dir() else None
    settings = Settings.from_env()
    return settings if settings.models else Settings.from_env(models=models)


def installed_pack(name: str) -> InstalledPack:
    settings = bench_settings()
    return PackStore(settings.cache_dir, settings.models).install(name, progress=None)
