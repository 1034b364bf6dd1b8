"""What a server holds about itself, read once for a paper: plain values, no face, no template, no secret."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from countenance.accounts import Account, Accounts, Governance
from countenance.accounts.acceptance import Accepted
from countenance.accounts.grants import PurposeRequest
from countenance.accounts.officers import Officer
from countenance.accounts.on_file import RecordOnFile
from countenance.accounts.relations import Relation
from countenance.accounts.standing import StandingChange
from countenance.assurance.calibrations import Calibrations, Choice
from countenance.assurance.evaluation_records import EvaluationOnRecord
from countenance.assurance.evaluations import Evaluations
from countenance.audit.standing import Standing, read_standing
from countenance.casework.examinations import Examinations, Figures
from countenance.casework.reviews import Reviews
from countenance.casework.tally import CaseworkTally, tally_casework
from countenance.conduct import Conduct, Finding
from countenance.conduct.records import Appeal
from countenance.facts import Charter
from countenance.gallery import Collection, Gallery
from countenance.policy.packs import Pack
from countenance.policy.purposes import Purpose, load_purposes
from countenance.policy.register import ActivePack, PackRegister
from countenance.rights.tally import RightsTally, tally_rights
from countenance.settings import Settings
from countenance.store import Database, KeyStore
from countenance.store.directory_lock import is_owned
from countenance.store.tombstones import find_copy
from countenance.terms.documents_in_force import Document
from countenance.transparency.witnesses import parse_witnesses
from countenance.vision.install import PackStore
from countenance.vision.manifest import PackManifest
from countenance.vision.pipeline_digest import pipeline_digest

_PAGE = 500


@dataclass(frozen=True, slots=True)
class AccountFacts:
    account: Account
    accepted: tuple[Accepted, ...]
    on_file: tuple[RecordOnFile, ...]
    standing: tuple[StandingChange, ...]


@dataclass(frozen=True, slots=True)
class CollectionFacts:
    """A collection with what it holds.

    Attributes:
        charter: None for a collection that has none: nothing may be assumed of it.
        kept_days: how long pictures of its faces are kept; None where none are.
    """

    collection: Collection
    charter: Charter | None
    faces: int
    users: int
    kept_days: int | None = None


@dataclass(frozen=True, slots=True)
class PackFacts:
    """A rule pack in force; `active` is None for one that is in force always."""

    pack: Pack
    active: ActivePack | None


@dataclass(frozen=True, slots=True)
class EvaluationFacts:
    """`document` is the evaluation itself."""

    record: EvaluationOnRecord
    status: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Everything that papers are drafted from.

    Attributes:
        is_served: a server runs on the data directory now.
        purposes: those that an account may use now or a collection is for, in the catalogue's order.
        models: the packs that are installed.
        given: evaluations that whoever makes a paper adds; checked to be such, signed by nobody.
        examiners: who examined, with their account, and what is measured of them.
        masters: of each master key whether it is in a file or a service, and since when.
        copy_of_erasures: the second place of the list of what was erased; None for none.
    """

    at: datetime
    settings: Settings
    is_served: bool
    documents: tuple[Document, ...]
    officers: tuple[Officer, ...]
    house: str | None
    accounts: tuple[AccountFacts, ...]
    relations: tuple[Relation, ...]
    grants: tuple[PurposeRequest, ...]
    purposes: tuple[Purpose, ...]
    collections: tuple[CollectionFacts, ...]
    packs: tuple[PackFacts, ...]
    models: tuple[PackManifest, ...]
    calibrations: tuple[Choice, ...]
    evaluations: tuple[EvaluationFacts, ...]
    given: tuple[Mapping[str, Any], ...] = ()
    findings: tuple[Finding, ...]
    appeals: tuple[Appeal, ...]
    log: Standing
    masters: tuple[tuple[str, datetime], ...]
    unfinished_erasures: int
    copy_of_erasures: str | None
    rights: RightsTally
    casework: CaseworkTally
    examiners: tuple[tuple[str, Figures], ...]


def read_house(
    database: Database,
    keys: KeyStore,
    governance: Governance,
    settings: Settings,
    *,
    now: datetime,
    given: Sequence[Mapping[str, Any]] = (),
) -> House:
    """Look at the server, each part in a transaction of its own.

    Raises:
        SetupError: a pack or the catalogue cannot be read.
        StoreUnavailable: the database cannot be reached.
    """
    accounts = Accounts(database, keys).list_accounts()
    gallery = Gallery(database, keys)
    conduct = Conduct.open(database, keys, governance)
    collections = [each for account in accounts for each in _collections(gallery, account, settings.region)]
    grants = governance.grants.list()
    asked = [str(client.verifier) for client in parse_witnesses(settings.witnesses)]
    with database.read() as connection:
        log, evaluations = read_standing(connection, witnesses=asked), _evaluations(connection, now)
        rights, casework = tally_rights(connection), tally_casework(connection)
    ring = keys.ring.read()
    copy = settings.tombstones or find_copy(settings.data_dir)
    return House(
        at=now,
        settings=settings,
        is_served=is_owned(settings.data_dir),
        documents=governance.terms.in_force(now),
        officers=tuple(governance.officers.list()),
        house=governance.officers.house(),
        accounts=tuple(_account(governance, account) for account in accounts),
        relations=tuple(governance.relations.list()),
        grants=tuple(grants),
        purposes=_purposes_in_use(grants, collections, now),
        collections=tuple(collections),
        packs=_packs(PackRegister(database, settings.data_dir / "packs")),
        models=tuple(
            each.manifest for each in PackStore(settings.cache_dir, settings.models).installed_packs()
        ),
        calibrations=tuple(
            each for each in Calibrations(database, pipeline_digest=pipeline_digest()).list() if each.is_last
        ),
        evaluations=evaluations,
        given=tuple(given),
        findings=tuple(conduct.findings.list()),
        appeals=tuple(conduct.appeals.list()),
        log=log,
        masters=tuple((place.kind, place.since) for place in ring.places),
        unfinished_erasures=sum(each.faces for each in gallery.finality.pending()),
        copy_of_erasures=str(copy) if copy else None,
        rights=rights,
        casework=casework,
        examiners=tuple(
            (account.account_id, each)
            for account in accounts
            for each in Examinations(database, keys, Reviews(database, keys), least_view_s=0).figures(
                account.account_id
            )
        ),
    )


def may_use(request: PurposeRequest, now: datetime) -> bool:
    """Whether an approval of a purpose holds."""
    return request.status == "approved" and (request.expires_at is None or request.expires_at > now)


def _account(governance: Governance, account: Account) -> AccountFacts:
    return AccountFacts(
        account,
        tuple(governance.acceptances.list(account.account_id)),
        tuple(governance.on_file.list(account.account_id)),
        tuple(governance.standings.history(account.account_id)),
    )


def _collections(gallery: Gallery, account: Account, region: str) -> list[CollectionFacts]:
    found: list[CollectionFacts] = []
    after: str | None = None
    while True:
        page = gallery.list_collections(account.account_id, region, limit=_PAGE, after=after)
        for each in page:
            counts, vault = gallery.describe(each), gallery.vaults.find(each)
            kept_days = vault.kept_days if vault else None
            charter = gallery.charter(each)
            found.append(CollectionFacts(each, charter, counts.face_count, counts.user_count, kept_days))
        if len(page) < _PAGE:
            return found
        after = page[-1].name


def _purposes_in_use(
    grants: list[PurposeRequest], collections: list[CollectionFacts], now: datetime
) -> tuple[Purpose, ...]:
    used = {request.purpose for request in grants if may_use(request, now)}
    used |= {name for each in collections if each.charter for name in each.charter.purposes}
    return tuple(purpose for name, purpose in load_purposes().items() if name in used)


def _packs(register: PackRegister) -> tuple[PackFacts, ...]:
    packs, active = register.packs(), {each.pack: each for each in register.active()}
    return tuple(
        PackFacts(pack, active.get(name))
        for name, pack in sorted(packs.items())
        if name in active or pack.manifest.always
    )


def _evaluations(connection: Any, now: datetime) -> tuple[EvaluationFacts, ...]:
    evaluations = Evaluations()
    found = []
    for record in evaluations.on_record(connection):
        _, document, _ = evaluations.require(connection, record.evaluation_id)
        found.append(EvaluationFacts(record, record.status(now), json.loads(document)))
    return tuple(found)
