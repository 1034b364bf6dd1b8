"""Which packs this server has, which of them are in use, and the engine that follows from that.

Packs come with the program and from DATA_DIR/packs. Those in use stand in the database, with a number that
every change of them raises: a process compares it before each decision and builds its engine anew.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Protocol

from countenance.audit import record_statement
from countenance.errors import (
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
    SetupError,
)
from countenance.policy.engine import PolicyEngine
from countenance.policy.packs import Activation, Pack, load_pack, load_packs, shipped_issuers, shipped_packs
from countenance.policy.simulation import engine_for
from countenance.store import Connection, Database, load_queries
from countenance.transparency.note import NoteInvalid, Verifier

_QUERIES = load_queries("countenance.policy", "queries.sql")
Mode = Literal["enforce", "shadow"]
_TOLD_OF_ACTIVATION = ("pack", "version", "digest", "mode")


@dataclass(frozen=True, slots=True)
class ActivePack:
    """A pack in use.

    Attributes:
        accounts: whom it is for; None for everybody whom it binds.
    """

    pack: str
    version: str
    digest: str
    mode: Mode
    accounts: tuple[str, ...] | None
    activated_by: str
    activated_at: datetime


class PackRegister:
    """Thread-safe. What is changed here is in force at the next decision of every process."""

    def __init__(self, database: Database, folder: Path | None = None) -> None:
        """`folder`: packs of this server's own."""
        self._database = database
        self._folder = folder

    def packs(self) -> dict[str, Pack]:
        """Every pack that is here and signed by somebody trusted, by id; what is not is among `refused`."""
        return self.look()[0]

    def refused(self) -> dict[str, SetupError]:
        """Folders of this server's own that are no packs to be used, by name, with the reason."""
        return self.look()[1]

    def look(self) -> tuple[dict[str, Pack], dict[str, SetupError]]:
        """`packs` and `refused` of one moment: every signature is verified anew.

        Raises:
            SetupError: the folder of packs cannot be read, or a key that is trusted here is damaged.
        """
        found, refused = dict(_shipped()), dict[str, SetupError]()
        folders, issuers = self._folders(), self.issuers()
        for folder in folders:
            try:
                pack = load_pack(folder, issuers)
            except SetupError as error:
                refused[folder.name] = error
                continue
            if folder.name in found:
                refused[folder.name] = SetupError(
                    f"the pack `{folder.name}` in `{self._folder}` has the name of one of ours",
                    remedy="give it another id, or remove it",
                )
            else:
                found[folder.name] = pack
        return found, refused

    def _folders(self) -> list[Path]:
        if self._folder is None:
            return []
        try:
            if not self._folder.is_dir():
                return []
            return sorted(each for each in self._folder.iterdir() if each.is_dir())
        except OSError as error:
            raise SetupError(
                f"the folder of packs `{self._folder}` cannot be read: {error.strerror}",
                remedy="let the user that the server runs as read it and what is in it",
            ) from error

    def renew_shipped(self) -> list[str]:
        """Go over to the present text of packs in use that came with the program; which those are.

        A new version of the program may bring a new version of a pack. That it is another one from now on is
        an entry of the log, as at every activation.
        """
        renewed = []
        with self._database.transaction() as connection:
            # INVARIANT: what an officer decides meanwhile is neither undone nor put down to somebody else.
            connection.execute(_QUERIES["lock_activations"])
            for active in self.active(connection):
                pack = _shipped().get(active.pack)
                if pack is None or pack.digest == active.digest:
                    continue
                values = {
                    "pack": active.pack,
                    "version": pack.manifest.version,
                    "digest": pack.digest,
                    "mode": active.mode,
                    "accounts": None if active.accounts is None else list(active.accounts),
                    "by": active.activated_by,
                }
                connection.execute(_QUERIES["activate"], values)
                record_statement(
                    connection, "pack.activated", {name: values[name] for name in _TOLD_OF_ACTIVATION}
                )
                renewed.append(active.pack)
        return renewed

    def issuers(self) -> list[Verifier]:
        """Whose signatures are trusted here.

        Raises:
            SetupError: one of the keys is damaged.
        """
        with self._database.read() as connection:
            rows = connection.execute(_QUERIES["list_issuers"]).fetchall()
        try:
            return [*shipped_issuers(), *(Verifier.parse(vkey) for (vkey,) in rows)]
        except NoteInvalid as error:
            raise SetupError(
                f"a key of an issuer that is trusted here is damaged: {error}",
                remedy="the table `pack_issuer` was changed by somebody else than Countenance: restore it",
            ) from error

    def active(self, connection: Connection | None = None) -> list[ActivePack]:
        """Those that were activated, by id; packs that are always in force are not among them."""
        if connection is None:
            with self._database.read() as reading:
                return self.active(reading)
        rows = connection.execute(_QUERIES["list_activations"]).fetchall()
        return [
            ActivePack(pack, version, digest, mode, None if accounts is None else tuple(accounts), by, at)
            for pack, version, digest, mode, accounts, by, at in rows
        ]

    def epoch(self) -> int:
        """The number of the present set."""
        with self._database.read() as connection:
            row = connection.execute(_QUERIES["read_epoch"]).fetchone()
        assert row is not None
        return int(row[0])

    def activate(
        self,
        name: str,
        *,
        mode: Mode,
        accounts: Collection[str] | None,
        by: str,
        build: Callable[[Iterable[Activation]], PolicyEngine],
        connection: Connection | None = None,
    ) -> Pack:
        """Use a pack from now on; an entry of the log says which, by its digest.

        Args:
            build: makes an engine of a set of activations: what cannot be built is not activated.

        Raises:
            ResourceNotFoundException: there is no such pack here.
            ConflictException: all of its rules have ended; or it is in force always.
            InvalidParameterException: its tests fail, or it does not go together with the others.
        """
        present, refused = self.look()
        if name in refused:
            raise InvalidParameterException(f"the pack `{name}` cannot be used: {refused[name]}")
        pack = present.get(name)
        if pack is None:
            known = ", ".join(sorted(present))
            raise ResourceNotFoundException(f"there is no pack `{name}` here; there are {known}")
        if pack.manifest.always:
            raise ConflictException(f"the pack `{name}` is always in force for whom it binds")
        chosen = Activation(name, mode, None if accounts is None else frozenset(accounts))
        values = {
            "pack": name,
            "version": pack.manifest.version,
            "digest": pack.digest,
            "mode": mode,
            "accounts": None if accounts is None else sorted(accounts),
            "by": by,
        }
        with self._within(connection) as changing:
            # In turn: two that cannot be built together must not be built one without the other.
            changing.execute(_QUERIES["lock_activations"])
            others = [to_activation(active) for active in self.active(changing) if active.pack != name]
            try:
                engine = build([*others, chosen])
            except SetupError as error:
                raise InvalidParameterException(f"the pack `{name}` cannot be used: {error}") from None
            if mode == "enforce" and pack.state(engine.today) == "ended":
                raise ConflictException(
                    f"the rules of the pack `{name}` have ended: it can only be watched (shadow)"
                )
            changing.execute(_QUERIES["activate"], values)
            record_statement(changing, "pack.activated", {told: values[told] for told in _TOLD_OF_ACTIVATION})
        return pack

    def deactivate(self, name: str, *, connection: Connection | None = None) -> None:
        """Use a pack no more.

        Raises:
            ResourceNotFoundException: it is not in use.
        """
        with self._within(connection) as changing:
            changing.execute(_QUERIES["lock_activations"])
            if changing.execute(_QUERIES["deactivate"], {"pack": name}).rowcount == 0:
                raise ResourceNotFoundException(f"the pack `{name}` is not in use")
            record_statement(changing, "pack.deactivated", {"pack": name})

    def trust(self, vkey: str, *, by: str) -> None:
        """Take packs from an issuer from now on.

        Raises:
            InvalidParameterException: that is no verifier key.
        """
        try:
            Verifier.parse(vkey)
        except NoteInvalid as error:
            raise InvalidParameterException(f"`{vkey}` is no verifier key: {error}") from None
        with self._database.transaction() as connection:
            if connection.execute(_QUERIES["trust_issuer"], {"vkey": vkey, "by": by}).rowcount:
                record_statement(connection, "pack.issuer_trusted", {"issuer": vkey})

    def _within(self, connection: Connection | None) -> AbstractContextManager[Connection]:
        return nullcontext(connection) if connection is not None else self._database.transaction()


class Policies(Protocol):
    """Where the gateway has its engine from."""

    def engine(self, epoch: int, today: date) -> PolicyEngine:
        """The engine of that number and day."""

    def core(self, today: date) -> PolicyEngine:
        """The core's rules alone: for what must stay open when a pack in use cannot be read."""

    def is_usable(self, today: date) -> bool:
        """Whether calls can be decided."""


class FixedPolicies:
    """One engine for ever: for tests and tools."""

    def __init__(self, engine: PolicyEngine) -> None:
        self._engine = engine

    def engine(self, epoch: int, today: date) -> PolicyEngine:
        del epoch, today
        return self._engine

    def core(self, today: date) -> PolicyEngine:
        del today
        return self._engine

    def is_usable(self, today: date) -> bool:
        del today
        return True


class PoliciesInForce:
    """Builds an engine when the packs in use, or the day, are others than before. Thread-safe.

    What cannot be built decides nothing: calls fail, and do not go on by the rules of before.
    """

    def __init__(
        self,
        register: PackRegister,
        operations: Mapping[str, Iterable[str]],
        *,
        discharges: Collection[str],
    ) -> None:
        self._register = register
        self._operations = {service: tuple(names) for service, names in operations.items()}
        self._discharges = discharges
        self._lock = threading.Lock()
        self._built: tuple[int, PolicyEngine] | None = None

    def engine(self, epoch: int, today: date) -> PolicyEngine:
        """As `Policies` says.

        Raises:
            SetupError: a pack in use is missing, damaged or changed.
        """
        built = self._built
        if built is None or built[0] != epoch or built[1].today != today:
            with self._lock:
                built = self._built
                if built is None or built[0] != epoch or built[1].today != today:
                    self._built = built = (epoch, self.build(today=today))
        return built[1]

    def is_usable(self, today: date) -> bool:
        """As `Policies` says."""
        try:
            self.engine(self._register.epoch(), today)
        except SetupError:
            return False
        return True

    def core(self, today: date) -> PolicyEngine:
        """As `Policies` says. Built for each call: this is for bad days."""
        return PolicyEngine.load(self._operations, packs={}, discharges=self._discharges, today=today)

    def build(
        self, activations: Iterable[Activation] | None = None, *, today: date | None = None
    ) -> PolicyEngine:
        """An engine of these activations, or of those in use."""
        packs, refused = self._register.look()
        if activations is None:
            active = self._register.active()
            for each in active:
                if each.pack in refused:
                    raise refused[each.pack]
                if each.pack in packs and packs[each.pack].digest != each.digest:
                    raise SetupError(
                        f"the pack `{each.pack}` is another one than was activated",
                        remedy=f"look at it, then `countenance policy activate {each.pack}`",
                    )
            activations = [to_activation(each) for each in active]
        return PolicyEngine.load(
            self._operations, packs=packs, activations=activations, discharges=self._discharges, today=today
        )

    def simulating(self, packs: Mapping[str, Pack]) -> PolicyEngine:
        """An engine of these packs and nothing else, whatever the days of their rules: for simulations."""
        return engine_for(packs, self._operations, discharges=self._discharges)


@functools.cache
def _shipped() -> Mapping[str, Pack]:
    """Those that come with the program: read and verified once."""
    return MappingProxyType(load_packs(shipped_packs(), shipped_issuers()))


def to_activation(active: ActivePack) -> Activation:
    """As the engine wants it."""
    accounts = None if active.accounts is None else frozenset(active.accounts)
    return Activation(active.pack, active.mode, accounts)
