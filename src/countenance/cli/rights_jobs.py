"""What a server does of people's rights by itself: destroys keys that no kept template has any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from countenance.accounts.changing import Changing
from countenance.gallery import Gallery
from countenance.rights.objections import Objections
from countenance.store import KeyStore
from countenance.store.jobs import JobContext, Task

_HOUR_S: Final = 3600.0
_SETTLED_S: Final = 3600.0


def rights_tasks(keys: KeyStore) -> list[Task]:
    """All of them; nothing is opened or started."""
    return [
        Task(
            "destroy-abandoned-objection-keys",
            _Jobs(keys).destroy_abandoned_keys,
            every_s=_HOUR_S,
            is_local=True,
            meaning="destroy keys of templates of who objected that are not there",
        )
    ]


@dataclass(frozen=True, slots=True)
class _Jobs:
    keys: KeyStore

    def destroy_abandoned_keys(self, context: JobContext) -> None:
        changing, gallery = Changing(context.database, self.keys), Gallery(context.database, self.keys)
        swept = Objections(changing, self.keys, gallery).sweep(older_than_s=_SETTLED_S)
        context.report(swept, note="keys")
