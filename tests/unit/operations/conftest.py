"""Operations on a real database with a real gallery; only the nets are stood in for (tests/fakes)."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field

import pytest

from countenance.accounts import Accounts, Governance
from countenance.assurance.calibrations import Calibrations
from countenance.assurance.independent_tests import IndependentTests
from countenance.audit import AuditLog
from countenance.audit.tree import LogTree
from countenance.casework import Casework
from countenance.conduct import Conduct
from countenance.errors import ServiceError
from countenance.gallery import Gallery
from countenance.gallery.merges import Merges
from countenance.gateway.obligations import DISCHARGES
from countenance.objects import ObjectStores
from countenance.operations.caller import Caller
from countenance.operations.deps import Deps
from countenance.operations.house import House
from countenance.operations.pagination import PageTokens
from countenance.operations.registry import OPERATIONS
from countenance.policy import PolicyEngine
from countenance.policy.register import FixedPolicies, PackRegister
from countenance.rights import Rights
from countenance.settings import Settings
from countenance.store import UnitOfWork
from countenance.store.jobs import Jobs
from countenance.wire.codec import to_body
from countenance.wire.model import load_models
from fakes.analyst import FakeAnalyst
from fakes.vision import FakeModels
from governed import open_conduct, open_governance

MODELS = load_models()
SERVICE_OF = {name: service for service, operations in OPERATIONS.items() for name in operations}


@dataclass
class Client:
    """Calls operations as the gateway does: one unit of work a call, committed if nothing is raised."""

    database: object
    caller: Caller
    gallery: Gallery
    objects: ObjectStores
    accounts: Accounts
    models: FakeModels
    analyst: FakeAnalyst
    audit: AuditLog
    log: LogTree
    governance: Governance
    conduct: Conduct
    rights: Rights
    casework: Casework
    tests: IndependentTests
    packs: PackRegister
    policies: FixedPolicies
    pipeline: str = field(default_factory=lambda: uuid.uuid4().hex * 2)
    page_tokens: PageTokens = field(default_factory=lambda: PageTokens(b"t" * 32))

    def __call__(self, operation, /, **request):
        """The response as it goes over the wire, parsed; every error must be declared in the model."""
        service = SERVICE_OF[operation]
        model = MODELS.services[service].operations[operation]
        with UnitOfWork(self.database) as uow:
            try:
                response = OPERATIONS[service][operation](request, self.deps(uow))
            except ServiceError as error:
                if error.code not in model.error_codes:
                    pytest.fail(f"{operation} raised {error.code}, which its model does not declare")
                raise
            uow.commit()
        return json.loads(to_body(response, model))

    def deps(self, uow):
        return Deps(
            caller=self.caller,
            uow=uow,
            gallery=self.gallery,
            merges=Merges(self.database, self.gallery._keys),
            objects=self.objects,
            accounts=self.accounts,
            audit=self.audit,
            log=self.log,
            page_tokens=self.page_tokens,
            models=self.models,
            analyst=self.analyst,
            calibrations=Calibrations(self.database, pipeline_digest=self.pipeline),
            governance=self.governance,
            conduct=self.conduct,
            rights=self.rights,
            casework=self.casework,
            tests=self.tests,
            packs=self.packs,
            policies=self.policies,
            house=House(self.database, Jobs(self.database)),
            fpir_budget=0.0,
        )


@pytest.fixture(scope="session")
def engine():
    """The rules over both models."""
    operations = {name: service.operations for name, service in MODELS.services.items()}
    return PolicyEngine.load(operations, discharges=DISCHARGES)


@pytest.fixture
def models():
    return FakeModels()


@pytest.fixture
def analyst():
    """Reads every attribute; a test may take some away."""
    return FakeAnalyst()


@pytest.fixture
def s3_root(tmp_path):
    root = tmp_path / "buckets"
    (root / "photos").mkdir(parents=True)
    return root


@pytest.fixture
def client_of(database, key_store, models, analyst, s3_root, engine):
    """Make a client of an account, in a region; all share one gallery, as in one server."""
    accounts = Accounts(database, key_store)
    gallery = Gallery(database, key_store)
    log = LogTree()
    governance = open_governance(database, key_store)
    conduct = open_conduct(database, key_store, governance)
    packs, policies = PackRegister(database), FixedPolicies(engine)
    objects = ObjectStores.from_settings(Settings(s3_root=s3_root, s3_buckets="*/photos"))

    def make(account, *, region="us-east-1", **caller_facts):
        caller_facts = {"purpose": "development"} | caller_facts
        key = accounts.create_access_key(account.account_id, operator="tester")
        caller = Caller(account.account_id, key.access_key_id, key.operator, region, **caller_facts)
        return Client(
            database,
            caller,
            gallery,
            objects,
            accounts,
            models,
            analyst,
            AuditLog(key_store),
            log,
            governance,
            conduct,
            Rights.open(database, key_store, gallery),
            Casework.open(database, key_store, least_view_s=0),
            IndependentTests(database, key_store),
            packs,
            policies,
        )

    make.accounts = accounts
    make.governance = governance
    return make


@pytest.fixture
def account(client_of):
    return client_of.accounts.create_account("Tester")


@pytest.fixture
def call(client_of, account):
    """A client of the test's own account."""
    return client_of(account)


@pytest.fixture
def other_call(client_of):
    """A client of somebody else on the same server."""
    return client_of(client_of.accounts.create_account("Other"))


@pytest.fixture
def collection(call):
    """An empty collection's name."""
    call("CreateCollection", CollectionId="friends")
    return "friends"


@pytest.fixture
def index(call, collection):
    """Index a picture; return the FaceIds, largest face first."""

    def index(data, **options):
        answer = call("IndexFaces", CollectionId=collection, Image={"Bytes": data}, **options)
        return [record["Face"]["FaceId"] for record in answer["FaceRecords"]]

    return index
