"""What an operation may reach: one value, made for each call by `app.build` and the gateway.

An operation is `def name(request: NameRequest, deps: Deps) -> NameResponse`: a plain synchronous
function. It raises `countenance.errors.ServiceError`; it neither commits nor records, the gateway
does both, in one transaction, once the operation has returned.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from countenance.assurance.evaluations import Evaluations
from countenance.errors import AccessDeniedException, ResourceNotFoundException, ThrottlingException
from countenance.facts import ModelDigests, ModelFacts
from countenance.operations.call_report import Report, Shown
from countenance.operations.caller import Caller
from countenance.operations.pagination import PageTokens
from countenance.policy.purposes import Purpose, load_purposes
from countenance.similarity import similarity_at_fmr
from countenance.types import Similarity

if TYPE_CHECKING:  # names for readers and mypy; the inference runtime loads when a pack is first used
    from countenance.accounts import Accounts, Actor, Governance
    from countenance.assurance.independent_tests import IndependentTests
    from countenance.audit import AuditLog
    from countenance.audit.tree import LogTree
    from countenance.casework import Casework
    from countenance.conduct import Conduct
    from countenance.gallery import Collection, Gallery
    from countenance.gallery.merges import Merges
    from countenance.objects import ObjectStores
    from countenance.operations.house import House
    from countenance.policy.register import PackRegister, PoliciesInForce
    from countenance.rights import Rights
    from countenance.similarity import Calibration
    from countenance.store import Connection, UnitOfWork
    from countenance.vision.attributes.analyst import Analyst
    from countenance.vision.pipeline import Vision


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

    def facts(self, face_model_version: str | None) -> ModelFacts | None:
        """What policy needs to know of a pack, the default one without a version; None if it is not there."""


class CalibrationsInForce(Protocol):
    """Which calibration of a pack is in force, as the record says at this moment."""

    def find(self, pack_digest: str, *, connection: Connection | None = None) -> Calibration | None:
        """The operator's; None for the pack's own.

        Raises:
            StoreUnavailable: the record cannot be read.
            InternalServerError: it is damaged.
        """


@dataclass(frozen=True, slots=True)
class Deps:
    """Everything an operation works with.

    Attributes:
        caller: verified identity; `gallery` and `objects` see nothing of any other account.
        uow: the call's unit of work. What is written through it becomes durable together with the
            call's event, after the operation has returned, or not at all.
        gallery: collections, faces and subjects of the caller's account and region.
        merges: of subjects.
        objects: allow-listed stores behind `Image.S3Object`.
        accounts: accounts and credentials.
        audit: entries of the log, each readable by the account that it is about.
        log: the log's tree, for proofs.
        page_tokens: issues and reads NextToken, with a key that all processes of the server share.
        models: model packs; operations reach nets through `vision` and `default_vision`.
        analyst: says what is asked of faces beside the default members, with what is installed.
        calibrations: what an operator put in the place of the packs' own.
        governance: terms, purposes, officers, relations and standing of accounts.
        conduct: findings and appeals.
        casework: cases, and searches that people review.
        tests: of independent testers.
        packs: rule packs of this server; `policies` the engine that follows from them.
        house: the server itself: jobs, disk, how it was set up.
        fpir_budget: most expected false candidates a search, of the call's purpose; 0 for no bound.
        evaluations: of models, that are on record.
        judged: of a call that uses a face, the collection whose charter policy has judged; None for any.
        judged_model: likewise, the pack and calibration that policy has judged; None for any.
        shown: of a call whose candidates people will look at: the faces of its photos that were compared, a
            list for each time that some were; None of any other.
        least: of such a call, the similarity that it looks from, whatever is asked.
        report: what the call used, for its event.
    """

    caller: Caller
    uow: UnitOfWork
    gallery: Gallery
    merges: Merges
    objects: ObjectStores
    accounts: Accounts
    audit: AuditLog
    log: LogTree
    page_tokens: PageTokens
    models: Models
    analyst: Analyst
    calibrations: CalibrationsInForce
    governance: Governance
    conduct: Conduct
    rights: Rights
    casework: Casework
    tests: IndependentTests
    packs: PackRegister
    policies: PoliciesInForce
    house: House
    fpir_budget: float
    judged: frozenset[uuid.UUID | None] | None = None
    judged_model: ModelDigests | None = None
    evaluations: Evaluations = field(default_factory=Evaluations)
    shown: list[list[Shown]] | None = None
    least: float | None = None
    report: Report = field(default_factory=Report)

    def actor(self) -> Actor:
        """Whoever calls, for changes of accounts in the call's own transaction."""
        from countenance.accounts import Actor  # the register loads when an account changes

        caller = self.caller
        return Actor(
            caller.officer or caller.operator,
            self.uow.connection,
            caller.event_id,
            caller.account_id,
            self.report.changes,
            caller.operator_id,
        )

    def purpose(self) -> Purpose:
        """What the call is for: policy has seen to it that it is in the catalogue."""
        purpose = load_purposes().get(self.caller.purpose or "")
        if purpose is None:
            raise AccessDeniedException("PUR-003: the access key has no purpose")
        return purpose

    def require_candidates(self, count: int) -> None:
        """One face against so many is a search, whatever the operation is called.

        Raises:
            AccessDeniedException: they are more than a search under the call's purpose may ask for.
        """
        purpose = self.purpose()
        if count > purpose.maximum_candidates:
            raise AccessDeniedException(
                f"PUR-006: the target has {count} faces, and the purpose `{purpose.name}` allows "
                f"{purpose.maximum_candidates} candidates; send a picture with fewer faces (acceptable use "
                "policy, 2.1)"
            )

    def collection(self, name: str) -> Collection:
        """The caller's collection of that name.

        Raises:
            ResourceNotFoundException: there is none in the caller's account and region.
        """
        found = self.gallery.require_collection(self.caller.account_id, self.caller.region, name)
        if self.judged is not None and found.collection_id not in self.judged:
            # INVARIANT: no face is used in a collection that was made, or exchanged, since policy looked.
            raise ResourceNotFoundException(f"The collection id: {name} does not exist")
        return found

    @property
    def is_reviewed(self) -> bool:
        """Whether people will look at the candidates: who is one is for them to say, and for no rejection."""
        return self.shown is not None

    def searched(self, collection: Collection, *, rejected: int) -> None:
        """Behind a search: note what it left out, which its caller is told.

        Args:
            rejected: candidates, because of rejections.
        """
        self.report.rejected = rejected
        self.report.left_out = self.gallery.left_out(collection)

    def calibration(self, face_model_version: str) -> Calibration:
        """What similarities of a collection's pack mean; no net runs, so a transaction may be open."""
        return self.calibration_of(self.report.uses(self.models.vision(face_model_version)))

    def calibration_of(self, vision: Vision) -> Calibration:
        """What similarities of a pack mean in this call: to be asked once, and then kept.

        Raises:
            ServiceError: which calibration is in force cannot be read; so nothing is decided.
            ThrottlingException: it, or the collection's model, is another one than policy has judged.
        """
        connection = self.uow.connection if self.uow.is_open else None
        found = self.calibrations.find(vision.pack_digest, connection=connection)
        self.report.calibration = None if found is None else found.digest
        calibration = found or vision.calibration
        used = vision.pack_digest, calibration.digest
        # INVARIANT: the evaluation that let the call pass is of the calibration that decides it.
        if (judged := self.judged_model) and (judged.pack, judged.calibration) != used:
            raise ThrottlingException("what similarities mean was changed during the call; try again")
        return calibration

    def threshold(self, asked: float | None, *, default: float) -> Similarity:
        """The similarity threshold in force: a face at or above it is a match.

        Where people look first it is the call's `least`; what was asked for bounds what they release.
        """
        wanted = default if asked is None else asked
        if self.least is not None:
            if self.least > wanted:
                self.report.raised = f"{self.least:g} (raised from {wanted:g}: people look first)"
            wanted = self.least
        self.report.threshold = wanted
        return Similarity(wanted)

    def search_threshold(
        self, asked: float | None, *, default: float, budget: float = 0.0
    ) -> Callable[[int], Similarity]:
        """The threshold in force for a search over a number of references.

        Over N of them a search at a false match rate has about N times as many false candidates: the
        threshold is raised until they keep within the purpose's budget. That it was is recorded, and told.

        Args:
            budget: of the operation itself, where the purpose has none or a larger one; 0 for none.
        """
        wanted = self.threshold(asked, default=default)
        most = min((each for each in (self.fpir_budget, budget) if each), default=0.0)

        def over(size: int) -> Similarity:
            self.report.discharged.add("fpir_budget")
            if not most or size <= most:
                return wanted
            needed = similarity_at_fmr(most / size)
            if needed <= wanted:
                return wanted
            self.report.threshold = float(needed)
            was = default if asked is None else asked
            if needed > was:
                self.report.raised = (
                    f"{needed:g} (raised from {was:g}: {size} references, "
                    f"budget of {most:g} false candidates)"
                )
            return needed

        return over

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
