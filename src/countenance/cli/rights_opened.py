"""What the commands about people's rights work on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from countenance.cli.governed import Governed, open_governed
from countenance.cli.installation import open_tombstones
from countenance.cli.options import settings_options
from countenance.gallery import Gallery
from countenance.rights import Rights
from countenance.store import Database

where_region_options = settings_options("data_dir", "database_url", "terms", "region")


@dataclass(frozen=True, slots=True)
class OpenedRights:
    """An installation, as the commands about people's rights see it."""

    governed: Governed
    gallery: Gallery
    rights: Rights

    @property
    def database(self) -> Database:
        return self.governed.database

    @property
    def region(self) -> str:
        return self.governed.settings.region


@contextmanager
def open_rights(given: dict[str, Any]) -> Iterator[OpenedRights]:
    """The installation that the options name, beside its server or without one."""
    with open_governed(given) as governed:
        database, keys = governed.database, governed.keys
        gallery = Gallery(database, keys, tombstones=open_tombstones(database, keys, governed.settings))
        yield OpenedRights(governed, gallery, Rights.open(database, keys, gallery))
