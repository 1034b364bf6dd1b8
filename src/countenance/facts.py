"""What a decision rests on: plain values that are read in one layer and judged in another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from countenance.types import AccountId

Standing = Literal["pending", "good", "restricted", "suspended", "terminated"]
Profile = Literal[
    "general",
    "business",
    "public_body",
    "research",
    "identity_proofing",
    "law_enforcement",
    "immigration_enforcement",
]
CharterKind = Literal["consented", "enrolled", "watch_list", "reference"]

PROFILES: Final[tuple[Profile, ...]] = (
    "general",
    "business",
    "public_body",
    "research",
    "identity_proofing",
    "law_enforcement",
    "immigration_enforcement",
)
CHARTER_KINDS: Final[tuple[CharterKind, ...]] = ("consented", "enrolled", "watch_list", "reference")
SOURCES: Final = (
    "undeclared",
    "own_camera",
    "subject",
    "document",
    "relative",
    "consented_dataset",
    "published_dataset",
    "published_by_subject",
    "record",
    "crime_scene",
    "cctv",
    "bodycam",
    "sketch",
    "edited",
    "scraped",
)
"""Where photos may be said to come from: a closed list, some of which rules refuse."""
AGES: Final = ("unknown", "adult", "minor")
RECORD_KINDS: Final[dict[str, str]] = {
    "notice": "a notice to the people whose faces are processed",
    "accountability_report": "an accountability report that names this service and its version",
    "notice_of_intent": "a notice of intent to the authority that has to have it",
    "operational_test": "a test of the system in the conditions of its use",
    "training_programme": "a programme of training for operators",
    "use_policy": "a published policy of use",
    "retention_policy": "a published schedule of retention and destruction",
    "written_release": "a form of written release that people sign before collection",
    "entrance_sign": "plain signs at every customer entrance",
    "impact_assessment": "a data protection impact assessment",
    "equality_assessment": "an assessment of bias by the user itself",
    "watch_list_policy": "who may be put on a watch list, by whom, for how long",
    "statutory_authority": "a statute that expressly allows the use",
    "court_order": "a warrant or court order",
    "independent_evaluation": "an evaluation of the algorithm by an independent laboratory",
    "article_9_ground": "the ground of Article 9(2) GDPR that is relied on",
    "consent_process": "explicit recorded consent, with public retention and deletion",
    "disclosure_procedure": "how a defendant is told before trial",
}
"""What an account may put on file, and what it is: a closed list that rules ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What temporary credentials say beside who calls: attestations, logged as such.

    Attributes:
        case: reference of the case.
        source: one of SOURCES.
        consent: reference to the consent of the people.
        age: one of AGES.
        live: the pictures come from a running camera.
        authorization: reference of a warrant, order or authorisation.
        exigent: danger that cannot wait for one.
        offence_facts: a first identification from facts tied to the offence.
        probable_cause: for the person to be an offender.
        beneficiary: the account that the calls are made for; its own account's id for nobody else.
    """

    case: str | None = None
    source: str = "undeclared"
    consent: str | None = None
    age: str = "unknown"
    live: bool = False
    authorization: str | None = None
    exigent: bool = False
    offence_facts: bool = False
    probable_cause: bool = False
    beneficiary: str | None = None

    def attested(self) -> dict[str, str | bool]:
        """What goes into the record as the caller's statement; the case stands there by itself."""
        members = {
            "source": self.source if self.source != "undeclared" else None,
            "consent": self.consent,
            "age": self.age if self.age != "unknown" else None,
            "live": self.live or None,
            "authorization": self.authorization,
            "exigent": self.exigent or None,
            "offence_facts": self.offence_facts or None,
            "probable_cause": self.probable_cause or None,
            "beneficiary": self.beneficiary,
        }
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Upstream:
    """An account that carries its suspension to the one that is asked about.

    Attributes:
        upstream: accounts directly upstream of it; each is in the same slice.
    """

    account_id: AccountId
    standing: Standing
    upstream: tuple[AccountId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """An account as of one statement of the database.

    Attributes:
        standing: its own; `effective_standing` as the register computed it, with what is upstream.
        terms_accepted: the current version of every document, or one of the last major version in its grace.
        terms_wanted: the documents and versions that are to be accepted, for messages.
        purposes: approved by a human and in force.
        records: kinds of records on file and in date.
        upstream: every account upstream, however far; `parents` are the direct ones.
        beneficiary_barred: the call is for an account that is suspended, terminated or may have none.
        beneficiaries: the accounts for whom the call is, or may be, but its own; `serves` are their profiles.
        operator_trained: the calling operator's training is on record and in date.
        tester: it is an independent tester's: it may test, and nothing else.
    """

    account_id: AccountId
    standing: Standing
    effective_standing: Standing
    profile: Profile = "general"
    terms_accepted: bool = False
    terms_wanted: str = ""
    purposes: frozenset[str] = frozenset()
    records: frozenset[str] = frozenset()
    parents: tuple[AccountId, ...] = ()
    upstream: tuple[Upstream, ...] = ()
    beneficiary_barred: bool = False
    beneficiaries: frozenset[AccountId] = frozenset()
    serves: frozenset[str] = frozenset()
    operator_trained: bool = False
    tester: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Charter:
    """What may be done with a collection. Purposes are never widened.

    Attributes:
        retention_days: a face is deleted when it is older; None: kept.
    """

    purposes: tuple[str, ...]
    kind: CharterKind
    legal_basis: str
    face_cap: int
    retention_days: int | None
    minors_allowed: bool


EvaluationStanding = Literal["in_force", "none", "expired", "withdrawn", "revoked", "damaged", "other"]
"""How it stands about a model's evaluation; `other`: there is one, of something else than what runs here."""


@dataclass(frozen=True, slots=True)
class ModelDigests:
    """What an evaluation is bound to: one of anything else says nothing of this.

    Attributes:
        pack: of all that templates depend on, but for the program.
        calibration: of what similarities mean, as it is in force.
        pipeline: of the program's code that makes templates.
    """

    pack: str
    calibration: str
    pipeline: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationFacts:
    """What an evaluation shows at a call's threshold, each figure rounded to the side of caution.

    Attributes:
        digest: SHA-256 of the evaluation's canonical form, hexadecimal; None of one that is only assumed.
        independent: signed by somebody who is not the operator.
        groups: the fewest of any cohort column of which anything was measured, but for people without a
            label; 0 where no cohorts were measured.
        smallest_group: subjects of the smallest group; 0 without cohorts.
        worst_group_tpr_bp: lower one-sided 95 % bound, basis points. None: not shown of every group.
        worst_group_fmr_ppm: upper bound, parts per million. None as above.
        worst_group_fpir_ppm: upper bound at `gallery`, parts per million. None as above.
        gallery: how large a gallery each group was searched in; None where none was.
        age_days: since it was made.
    """

    evaluation_id: UUID | None = None
    digest: str | None = None
    independent: bool = False
    groups: int = 0
    smallest_group: int = 0
    worst_group_tpr_bp: int | None = None
    worst_group_fmr_ppm: int | None = None
    worst_group_fpir_ppm: int | None = None
    gallery: int | None = None
    age_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """How a model stands by the evaluations on record, as of one statement of the database.

    Attributes:
        standing: `in_force` if one counts; else why none does.
        differs: of `other`: which of pack, calibration and pipeline are not the ones evaluated.
        decides: the newest that counts; None unless `in_force`.
        own_groups: `groups` of the newest that counts of those that the operator made; 0 for none.
        own_id: which that is.
    """

    standing: EvaluationStanding = "none"
    differs: tuple[str, ...] = ()
    decides: EvaluationFacts | None = None
    own_groups: int = 0
    own_id: UUID | None = None


NOT_EVALUATED: Final = Evaluated()


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A model pack as policy sees it.

    Attributes:
        use: what the licence of its weights allows: `any`, `research` or `unstated`.
        digests: what an evaluation of it must be of; None: none counts.
        evaluated: how it stands by the evaluations on record.
    """

    version: str
    use: str = "unstated"
    digests: ModelDigests | None = None
    evaluated: Evaluated = NOT_EVALUATED
