"""The packs that commands work with: an installation's, or those of the program where there is none."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

from countenance.cli.installation import open_store
from countenance.cli.options import settings_options
from countenance.errors import SetupError
from countenance.gateway.obligations import DISCHARGES
from countenance.policy.engine import PolicyEngine
from countenance.policy.packs import Activation, Pack, load_packs, shipped_issuers, shipped_packs
from countenance.policy.register import ActivePack, PackRegister, PoliciesInForce, to_activation
from countenance.settings import Settings
from countenance.store import Database, KeyStore
from countenance.transparency.note import Verifier
from countenance.wire.model import load_models

database_options = settings_options("data_dir", "database_url")
pack_option = click.option(
    "--pack", "names", metavar="PACK", multiple=True, help="this pack as if it were in force; may be repeated"
)


class PolicySource:
    """Packs that are here, and those in use. Of use while the context that it comes from lasts.

    Attributes:
        active: those that were activated, by id.
        register: None without an installation.
    """

    def __init__(self, register: PackRegister | None = None) -> None:
        self.register = register
        self.active: Mapping[str, ActivePack] = (
            {} if register is None else {each.pack: each for each in register.active()}
        )

    @functools.cached_property
    def packs(self) -> Mapping[str, Pack]:
        """By id."""
        if self.register is None:
            return load_packs(shipped_packs(), shipped_issuers())
        return self.register.packs()

    @functools.cached_property
    def issuers(self) -> Sequence[Verifier]:
        """Whose signatures are trusted."""
        return shipped_issuers() if self.register is None else self.register.issuers()

    @functools.cached_property
    def refused(self) -> Mapping[str, SetupError]:
        """Folders of this server's own that are no packs to be used, by name."""
        return {} if self.register is None else self.register.refused()

    def require(self, names: Collection[str]) -> None:
        """Raises UsageError: a pack is named that is not here, or cannot be used."""
        for name in names:
            if name in self.refused:
                raise click.UsageError(f"{self.refused[name].problem}: {self.refused[name].remedy}")
            if name not in self.packs:
                known = ", ".join(sorted(self.packs)) or "none"
                raise click.UsageError(f"there is no pack `{name}` here; there are {known}")

    def engine(self, extra: Collection[str] = ()) -> PolicyEngine:
        """What is in use here, and these packs in force.

        Raises:
            SetupError: a pack in use is missing, damaged or changed.
        """
        if self.register is not None and not extra:
            return policies_of(self.register).build()
        kept = [to_activation(each) for name, each in self.active.items() if name not in extra]
        return PolicyEngine.load(
            operations_by_service(),
            packs=self.packs,
            activations=[*kept, *(Activation(name) for name in extra)],
            discharges=DISCHARGES,
        )


@contextmanager
def open_policies(given: dict[str, Any]) -> Iterator[PolicySource]:
    """The installation's; where none is named and there is none, the packs that come with the program."""
    settings = Settings.from_env(**given)
    is_default = settings.data_dir == Settings().data_dir and not settings.database_url
    if is_default and not KeyStore.is_there(settings.data_dir / "keys"):
        yield PolicySource()
        return
    with open_store(settings) as (database, _):
        yield PolicySource(register_of(database, settings))


def register_of(database: Database, settings: Settings) -> PackRegister:
    """As the server has it."""
    return PackRegister(database, settings.data_dir / "packs")


def policies_of(register: PackRegister) -> PoliciesInForce:
    """As the server builds them."""
    return PoliciesInForce(register, operations_by_service(), discharges=DISCHARGES)


def operations_by_service() -> dict[str, tuple[str, ...]]:
    """The operations that rules speak of, by service: those of the models, offered or not."""
    return {name: tuple(model.operations) for name, model in load_models().services.items()}
