"""What an operation may reach: one value, made for each call by `app.build` and the gateway.

An operation is `def name(request: NameRequest, deps: Deps) -> NameResponse`: a plain synchronous
function. It raises `countenance.errors.ServiceError`; it neither commits nor records, the gateway
does both, in one transaction, once the operation has returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from countenance.operations.pagination import PageTokens
from countenance.types import AccountId, Similarity

if TYPE_CHECKING:  # names for readers and mypy; the inference runtime loads when a pack is first used
    from countenance.accounts import Accounts
    from countenance.audit import AuditLog
    from countenance.audit.tree import LogTree
    from countenance.gallery import Collection, Gallery
    from countenance.objects import ObjectStores
    from countenance.similarity import Calibration
    from countenance.store import UnitOfWork
    from countenance.vision.pipeline import Vision


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as the verified signature says; nothing in it comes from the request's body."""

    account_id: AccountId
    access_key_id: str
    operator: str
    region: str


@dataclass(slots=True)
class Report:
    """What an operation used, for the record: filled while it runs, by the doors it goes through.

    Attributes:
        model_version: FaceModelVersion of the pack that was asked.
        model_digest: SHA-256 of that pack, hexadecimal.
        threshold: similarity threshold in force, 0-100.
        inputs: SHA-256 of each photograph that was read, hexadecimal.
        marker: what the caller wants to find again in the log.
    """

    model_version: str | None = None
    model_digest: str | None = None
    threshold: float | None = None
    inputs: list[str] = field(default_factory=list)
    marker: str | None = None

    def uses(self, vision: Vision) -> Vision:
        """Note the pack."""
        self.model_version, self.model_digest = vision.face_model_version, vision.pack_digest
        return vision


class Models(Protocol):
    """The packs that this server can run, by the FaceModelVersion that collections are bound to."""

    @property
    def default(self) -> Vision:
        """The pack of new collections and of calls without a collection."""

    @property
    def packs(self) -> Mapping[str, str]:
        """FaceModelVersion → pack name, of every pack installed on this server."""

    def vision(self, face_model_version: str) -> Vision:
        """The pack that a collection is bound to.

        Raises:
            ServiceError: the pack is not installed on this server (any more).
        """


@dataclass(frozen=True, slots=True)
class Deps:
    """Everything an operation works with.

    Attributes:
        caller: verified identity; `gallery` and `objects` see nothing of any other account.
        uow: the call's unit of work. What is written through it becomes durable together with the
            call's event, after the operation has returned, or not at all.
        gallery: collections, faces and subjects of the caller's account and region.
        objects: allow-listed stores behind `Image.S3Object`.
        accounts: accounts and credentials.
        audit: entries of the log, each readable by the account that it is about.
        log: the log's tree, for proofs.
        page_tokens: issues and reads NextToken, with a key that all processes of the server share.
        models: model packs; operations reach nets through `vision` and `default_vision`.
        report: what the call used, for its event.
    """

    caller: Caller
    uow: UnitOfWork
    gallery: Gallery
    objects: ObjectStores
    accounts: Accounts
    audit: AuditLog
    log: LogTree
    page_tokens: PageTokens
    models: Models
    report: Report = field(default_factory=Report)

    def collection(self, name: str) -> Collection:
        """The caller's collection of that name.

        Raises:
            ResourceNotFoundException: there is none in the caller's account and region.
        """
        return self.gallery.require_collection(self.caller.account_id, self.caller.region, name)

    def calibration(self, face_model_version: str) -> Calibration:
        """What similarities of a collection's pack mean; no net runs, so a transaction may be open."""
        return self.report.uses(self.models.vision(face_model_version)).calibration

    def threshold(self, asked: float | None, *, default: float) -> Similarity:
        """The similarity threshold in force: a face at or above it is a match."""
        self.report.threshold = default if asked is None else asked
        return Similarity(self.report.threshold)

    def vision(self, face_model_version: str) -> Vision:
        """The pack that a collection is bound to."""
        self._require_no_transaction()
        return self.report.uses(self.models.vision(face_model_version))

    def default_vision(self) -> Vision:
        """The pack of new collections and of calls without a collection."""
        self._require_no_transaction()
        return self.report.uses(self.models.default)

    def _require_no_transaction(self) -> None:
        # INVARIANT: no transaction is open while pixels are decoded or nets run; a slow picture
        # must not hold locks or snapshots that other calls wait for.
        assert not self.uow.is_open, "vision was asked for inside a transaction"
