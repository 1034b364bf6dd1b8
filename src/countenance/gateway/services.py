"""What the gateway works with: one value, made by `app.build`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from countenance.accounts import Accounts, Governance
from countenance.assurance.evaluations import Evaluations
from countenance.audit import AuditLog, Promises
from countenance.audit.tree import LogTree
from countenance.casework import Casework
from countenance.facts import ModelFacts
from countenance.gallery import Gallery
from countenance.gateway.limits import Limits
from countenance.gateway.log import LogFormat
from countenance.gateway.rates import Rate
from countenance.gateway.strangers import Strangers, Throttled
from countenance.operations.caller import Caller
from countenance.operations.deps import CalibrationsInForce, Deps
from countenance.policy.register import Policies
from countenance.store import Database, UnitOfWork
from countenance.telemetry import Telemetry
from countenance.wire.model import Models

Operation = Callable[[Any, Deps], Any]
"""`request, deps → response`, each a TypedDict of its own, which a table of all cannot say."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayServices:
    """Thread-safe throughout; the gateway keeps no state of its own between calls.

    Attributes:
        models: the service models, by which requests are understood and responses written.
        policies: the rules, as of the packs in use.
        governance: what accounts accepted, may do and have on file, and how they stand.
        gallery: charters of collections.
        casework: cases, and searches that people review.
        model_facts: what policy needs to know of a pack, by its version; of the default one for None.
        calibrations: what an operator put in the place of the packs' own; None: nothing.
        evaluations: of models, that are on record.
        audit: what every call is recorded in.
        log: the tree over it, for the log's public pages.
        strangers: how many calls of nobody's key are recorded one by one.
        throttled: how many of an account that a limit refused are.
        limits: how often accounts may call.
        promises: receipts for what is recorded, as long as the log keeps up.
        operations: service → operation → function: what is offered.
        make_deps: what an operation may reach, for one caller and one unit of work.
        region: the region that signatures must be scoped to.
        clock: the time that signatures and tokens are judged by.
        telemetry: told of every call that is over.
    """

    models: Models
    accounts: Accounts
    policies: Policies
    governance: Governance
    gallery: Gallery
    casework: Casework
    model_facts: Callable[[str | None], ModelFacts | None]
    database: Database
    audit: AuditLog
    log: LogTree
    promises: Promises
    calibrations: CalibrationsInForce | None = None
    evaluations: Evaluations = field(default_factory=Evaluations)
    strangers: Strangers = field(default_factory=Strangers)
    throttled: Throttled = field(default_factory=Throttled)
    limits: Limits = field(default_factory=lambda: Limits(None, Rate(per_s=1, burst=1)))
    operations: Mapping[str, Mapping[str, Operation]]
    make_deps: Callable[[Caller, UnitOfWork], Deps]
    region: str
    clock: Callable[[], datetime] = utc_now
    log_format: LogFormat = "text"
    telemetry: Telemetry = field(default_factory=Telemetry)
