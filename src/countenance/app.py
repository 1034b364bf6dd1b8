"""The composition root: the only module that knows every layer.

`build` makes one server process out of settings and a database; nothing else in the package
constructs a layer from another one.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import cv2

from countenance.accounts import Accounts, Governance
from countenance.accounts.authenticators import Place
from countenance.accounts.sent_forms import SentForms
from countenance.assurance.calibrations import Calibrations
from countenance.assurance.drift import DriftTally
from countenance.assurance.evaluations import Evaluations
from countenance.assurance.independent_tests import IndependentTests
from countenance.audit import AuditLog, Promises, open_log
from countenance.audit.receipt_journal import ReceiptJournal
from countenance.audit.tree import LogTree
from countenance.casework import Casework
from countenance.conduct import Conduct
from countenance.console.calls import GatewayCalls
from countenance.console.door import Door
from countenance.console.openid import OpenIdProvider
from countenance.console.public_site import PublicSite
from countenance.console.site import ConsoleSite
from countenance.console.transparency_site import TransparencySite
from countenance.errors import InternalServerError
from countenance.facts import ModelFacts
from countenance.gallery import Gallery
from countenance.gallery.activity import Activity
from countenance.gallery.memory_broker import Memories
from countenance.gallery.merges import Merges
from countenance.gallery.scan import Accelerator, ScanDevice
from countenance.gallery.tidying import Tidying
from countenance.gateway.asgi import Gateway
from countenance.gateway.forwarded import TrustedProxies
from countenance.gateway.limits import Limits, rate_of
from countenance.gateway.obligations import DISCHARGES
from countenance.gateway.pipeline import Pipeline
from countenance.gateway.rates import Rates, create_rates
from countenance.gateway.record import record_uncounted
from countenance.gateway.room import RESERVE, connections_of, threads_in_company, threads_of
from countenance.gateway.services import GatewayServices
from countenance.gateway.site import Sites
from countenance.objects import ObjectStores
from countenance.operations.caller import Caller
from countenance.operations.deps import Deps
from countenance.operations.house import House
from countenance.operations.pagination import PageTokens
from countenance.operations.registry import OPERATIONS
from countenance.policy import load_purposes
from countenance.policy.register import PackRegister, PoliciesInForce
from countenance.rights import Rights
from countenance.settings import Settings
from countenance.store import (
    KEY_SERVICE_PATIENCE_S,
    Database,
    KeyService,
    KeyStore,
    StoreUnavailable,
    Tombstones,
    UnitOfWork,
    migrate,
)
from countenance.store.jobs import Jobs
from countenance.store.tombstones import find_copy
from countenance.telemetry import Telemetry, open_telemetry
from countenance.terms import load_terms
from countenance.vision.attributes.analyst import Analyst
from countenance.vision.attributes.attribute_pack import AttributeStore
from countenance.vision.install import PackStore
from countenance.vision.manifest_facts import model_facts
from countenance.vision.pipeline import Vision
from countenance.vision.pipeline_digest import pipeline_digest
from countenance.vision.pixel_budget import PixelBudget
from countenance.wire.model import load_models

_CALLS_PER_S_PER_CORE = 500
_DECODED_PX = 128_000_000
"""Pixels that a process holds decoded at once: about a gigabyte at worst, while they are decoded."""


@dataclass(frozen=True, slots=True)
class App:
    """One server process: an ASGI application and what has to be closed after it."""

    asgi: Gateway
    database: Database
    telemetry: Telemetry
    activity: Activity
    receipts: ReceiptJournal
    tidying: Tidying
    drift: DriftTally
    services: GatewayServices
    rates: Rates
    console_calls: GatewayCalls

    def close(self) -> None:
        """Close what `build` opened; calls are finished by the ASGI lifespan before."""
        self.tidying.close()
        self.console_calls.close()
        with contextlib.suppress(StoreUnavailable):  # the database may have gone before us
            record_uncounted(self.services)
            self.drift.write()
        self.rates.close()
        self.database.close()
        self.telemetry.close()
        self.activity.close()
        self.receipts.close()


def build(
    settings: Settings, *, database_url: str, memories: Memories | None = None, rates: int | None = None
) -> App:
    """Make a process that serves `settings` on the database at `database_url`.

    Args:
        memories: where galleries lie; None for memory of this process alone.
        rates: descriptor of the table of accounts' rates; None for one of this process alone.

    Raises:
        SetupError: database, keys, models or stores cannot be used, with the remedy.
    """
    cv2.setNumThreads(1)  # a process has its threads already: one a call
    threads = threads_of(settings)
    store = PackStore(settings.cache_dir, settings.models)
    models = InstalledModels(store, default_pack=settings.pack or store.default_pack().manifest.name)
    analyst = Analyst(AttributeStore(settings.cache_dir, settings.models).at_hand())
    objects = ObjectStores.from_settings(settings)
    keys = KeyStore.open(
        settings.data_dir / "keys", KeyService.from_settings(settings), patience_s=KEY_SERVICE_PATIENCE_S
    )
    service_models = load_models()
    operations = {name: model.operations for name, model in service_models.services.items()}
    telemetry = open_telemetry(settings, operations=operations)
    database = Database(database_url, max_connections=connections_of(settings), metrics=telemetry.metrics)
    migrate(database)
    origin = open_log(database, keys, origin=settings.log_origin)
    activity, receipts = Activity(settings.data_dir, at_once=threads), ReceiptJournal(settings.data_dir)
    accounts = Accounts(database, keys)
    copy = settings.tombstones or find_copy(settings.data_dir)
    tombstones = Tombstones(database, keys, data_dir=settings.data_dir, copy=copy)
    drift = DriftTally(database)
    gallery = Gallery(
        database,
        keys,
        max_resident_bytes=_gallery_bytes(settings, is_shared=memories is not None),
        memories=memories,
        activity=activity,
        tombstones=tombstones,
        accelerator=Accelerator.open(cast("ScanDevice", settings.scan_device)),
        sampled=drift.sampled,
    )
    merges = Merges(database, keys, tombstones)
    audit, log = AuditLog(keys), LogTree()
    page_tokens = PageTokens(keys.derive("page tokens"))
    governance = Governance.open(database, keys, load_terms(settings.terms))
    conduct = Conduct.open(database, keys, governance)
    rights = Rights.open(database, keys, gallery)
    casework = Casework.open(database, keys, least_view_s=settings.review_view_s)
    tests = IndependentTests(database, keys)
    packs = PackRegister(database, settings.data_dir / "packs")
    policies = PoliciesInForce(packs, operations, discharges=DISCHARGES)
    policies.engine(packs.epoch(), datetime.now(UTC).date())  # what cannot be built is told now
    calibrations = Calibrations(database, pipeline_digest=pipeline_digest())
    purposes, evaluations = load_purposes(), Evaluations()
    house = House(
        database,
        Jobs(database),
        data_dir=settings.data_dir,
        lists_erasures_twice=copy is not None,
        workers=settings.workers,
        gallery_bytes=gallery.held_bytes,
    )

    def make_deps(caller: Caller, uow: UnitOfWork) -> Deps:
        return Deps(
            caller=caller,
            uow=uow,
            gallery=gallery,
            merges=merges,
            objects=objects,
            accounts=accounts,
            audit=audit,
            log=log,
            page_tokens=page_tokens,
            models=models,
            analyst=analyst,
            calibrations=calibrations,
            governance=governance,
            conduct=conduct,
            rights=rights,
            casework=casework,
            tests=tests,
            packs=packs,
            policies=policies,
            house=house,
            evaluations=evaluations,
            fpir_budget=purpose.fpir_budget if (purpose := purposes.get(caller.purpose or "")) else 0.0,
        )

    calls_per_s = settings.account_calls_per_s or _CALLS_PER_S_PER_CORE * (os.cpu_count() or 1)
    table = Rates(create_rates() if rates is None else rates)
    services = GatewayServices(
        models=service_models,
        accounts=accounts,
        policies=policies,
        governance=governance,
        gallery=gallery,
        casework=casework,
        model_facts=models.facts,
        calibrations=calibrations,
        evaluations=evaluations,
        database=database,
        audit=audit,
        log=log,
        promises=Promises(keys, origin, journal=receipts),
        operations=OPERATIONS,
        make_deps=make_deps,
        limits=Limits(table, rate_of(calls_per_s, settings.account_burst)),
        region=settings.region,
        log_format="json" if settings.log_format == "json" else "text",
        telemetry=telemetry,
    )
    pipeline = Pipeline(services)
    console_calls = GatewayCalls(pipeline, service_models, region=settings.region)
    gateway = Gateway(
        pipeline,
        threads=threads,
        max_bytes_in_flight=settings.max_bytes_in_flight,
        origins=[origin.strip() for origin in settings.cors_origin.split(",") if origin.strip()],
        reserve=RESERVE,
        in_company=threads_in_company(settings),
        queue_patience_s=settings.queue_patience_s,
        metrics=telemetry.metrics,
        site=Sites(
            ConsoleSite(
                console_calls,
                Door(
                    governance.sign_ins,
                    governance.passkeys,
                    SentForms(database),
                    keys.derive("console sign-in attempts"),
                    _provider(settings),
                    Place.of(settings.console_origin) if settings.console_origin else None,
                ),
            ),
            PublicSite(rights, database),
            TransparencySite(database),
        ),
        proxies=TrustedProxies(settings.trusted_proxies),
    )

    def tidy() -> None:
        with contextlib.ExitStack() as each:  # all of them, though one fails
            each.callback(gallery.tidy)
            each.callback(drift.write)
            record_uncounted(services)

    return App(
        asgi=gateway,
        database=database,
        telemetry=telemetry,
        activity=activity,
        receipts=receipts,
        tidying=Tidying(tidy),
        drift=drift,
        services=services,
        rates=table,
        console_calls=console_calls,
    )


def _provider(settings: Settings) -> OpenIdProvider | None:
    """The OpenID provider that operators may sign in with. Raises SetupError: it cannot be one."""
    if not settings.oidc_issuer:
        return None
    return OpenIdProvider(
        settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
    )


def _gallery_bytes(settings: Settings, *, is_shared: bool) -> int:
    """What this process may hold of galleries: all of it where it is shared, its part where it is not."""
    whole = settings.gallery_bytes or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return whole if is_shared else whole // settings.workers


class InstalledModels:
    """The packs of this machine: the default one loaded and warm, the others when first asked for.

    Thread-safe. Fulfils `operations.deps.Models`. What is installed is read once, at the start.
    """

    def __init__(self, store: PackStore, *, default_pack: str) -> None:
        self._packs = {pack.manifest.face_model_version: pack for pack in store.installed_packs()}
        self._facts = {version: model_facts(pack.manifest) for version, pack in self._packs.items()}
        self._decoded = PixelBudget(_DECODED_PX)
        self._default = Vision(store.require(default_pack), decoded=self._decoded)
        self._default.warm_up()
        self._loaded = {self._default.face_model_version: self._default}
        self._lock = threading.Lock()

    @property
    def default(self) -> Vision:
        """The pack of new collections and of calls without a collection."""
        return self._default

    @property
    def packs(self) -> Mapping[str, str]:
        """FaceModelVersion → pack name, of every pack installed."""
        return {version: pack.manifest.name for version, pack in self._packs.items()}

    def facts(self, face_model_version: str | None) -> ModelFacts | None:
        """What policy needs to know of a pack, but for the evaluations on record."""
        return self._facts.get(face_model_version or self._default.face_model_version)

    def vision(self, face_model_version: str) -> Vision:
        """The pack of that version, loaded.

        Raises:
            InternalServerError: it is not installed on this machine any more.
        """
        with self._lock:
            if face_model_version not in self._loaded:
                if face_model_version not in self._packs:
                    raise InternalServerError(
                        f"face model {face_model_version} is not installed on this server"
                    )
                pack = self._packs[face_model_version]
                self._loaded[face_model_version] = Vision(pack, decoded=self._decoded)
            return self._loaded[face_model_version]
