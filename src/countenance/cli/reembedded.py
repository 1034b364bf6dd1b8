"""What the commands about re-embedding work on: a collection, its re-embedding, the packs of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from countenance.assurance.calibrations import Calibrations
from countenance.audit import AuditLog
from countenance.cli.governed import Governed, open_governed
from countenance.cli.one_collection import collection_argument, find_collection
from countenance.cli.options import settings_options
from countenance.cli.policy_sources import policies_of, register_of
from countenance.errors import SetupError
from countenance.facts import ModelFacts
from countenance.gallery import Collection, Gallery
from countenance.gallery.two_models import Model
from countenance.reembedding.allowed import require_allowed
from countenance.store import Connection
from countenance.vision.install import InstalledPack, PackStore
from countenance.vision.manifest_facts import model_facts
from countenance.vision.pipeline import Vision
from countenance.vision.pipeline_digest import pipeline_digest

_Command = TypeVar("_Command", bound=Callable[..., Any])


def collection_options(command: _Command) -> _Command:
    """COLLECTION, and where it is to be found."""
    command = settings_options("data_dir", "database_url", "terms", "region", "cache_dir", "models")(command)
    return collection_argument(command)


@dataclass(frozen=True, slots=True)
class Reembedded:
    """One collection on this machine."""

    governed: Governed
    gallery: Gallery
    audit: AuditLog
    collection: Collection
    packs: PackStore

    def require_pack(self, model: Model) -> InstalledPack:
        """The pack of a model.

        Raises:
            SetupError: it is not installed, or makes other templates.
        """
        for pack in self.packs.installed_packs():
            if pack.manifest.face_model_version == model.version:
                if pack.manifest.embedder.dimensions != model.dimensions:
                    raise SetupError(
                        f"pack `{pack.manifest.name}` makes templates of {pack.manifest.embedder.dimensions} "
                        f"dimensions, and face model `{model.version}` has {model.dimensions}",
                        remedy="install the pack that the re-embedding was started with",
                    )
                return pack
        raise SetupError(
            f"no pack of face model `{model.version}` is installed here",
            remedy="see `countenance models list`, then `countenance models install NAME`",
        )

    def vision(self, model: Model) -> Vision:
        """The pack of a model, loaded. Raises SetupError."""
        return Vision(self.require_pack(model))

    def require_allowed(self, model: Model) -> None:
        """See that policy lets the collection have this model.

        Raises:
            AccessDeniedException: a rule forbids it.
            SetupError: rules that are in use cannot be read, or the pack is not installed.
        """
        governed = self.governed
        register = register_of(governed.database, governed.settings)
        engine = policies_of(register).engine(register.epoch(), datetime.now(UTC).date())
        installed = {pack.manifest.face_model_version: pack for pack in self.packs.installed_packs()}
        before = installed.get(self.collection.face_model_version)
        require_allowed(
            governed.database,
            governed.governance,
            self.gallery,
            engine,
            self.collection,
            before=None if before is None else _facts(before),
            after=_facts(self.require_pack(model)),
            calibrations=Calibrations(governed.database, pipeline_digest=pipeline_digest()),
        )

    def record(self, connection: Connection, operation: str, resource: str) -> None:
        """An entry in the account's log: what was done, without the name of anybody."""
        self.audit.record_change(
            connection,
            operation,
            account_id=self.collection.account_id,
            region=self.collection.region,
            collection=self.collection.name,
            resource=resource,
        )


@contextmanager
def open_reembedded(name: str, account_id: str | None, given: dict[str, Any]) -> Iterator[Reembedded]:
    """The collection of that name in the region of the settings.

    Raises:
        ResourceNotFoundException: there is none.
        UsageError: several accounts have one.
    """
    with open_governed(given) as governed:
        settings = governed.settings
        gallery = Gallery(governed.database, governed.keys)
        collection = find_collection(gallery, name, account_id, region=settings.region)
        packs = PackStore(settings.cache_dir, settings.models)
        yield Reembedded(governed, gallery, AuditLog(governed.keys), collection, packs)


def _facts(pack: InstalledPack) -> ModelFacts:
    return model_facts(pack.manifest)
