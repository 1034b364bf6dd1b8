"""A real gateway around operations of a few lines: what is tested is everything but the operations."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from countenance.accounts import Account, Accounts, NewAccessKey
from countenance.assurance.calibrations import PacksOwn
from countenance.assurance.independent_tests import IndependentTests
from countenance.audit import AuditLog, OwnEntry, Promises, open_log
from countenance.audit.tree import LogTree
from countenance.casework import Casework
from countenance.errors import ConflictException, ResourceNotFoundException
from countenance.facts import ModelFacts
from countenance.gallery import Gallery
from countenance.gateway.call import Head
from countenance.gateway.obligations import DISCHARGES
from countenance.gateway.pipeline import Pipeline
from countenance.gateway.services import GatewayServices
from countenance.operations.deps import Deps
from countenance.operations.house import House
from countenance.operations.pagination import PageTokens
from countenance.policy import PolicyEngine
from countenance.policy.register import FixedPolicies, PackRegister
from countenance.store import Database, KeyStore, UniqueViolation
from countenance.store.jobs import Jobs
from countenance.wire.model import Models, load_models
from governed import open_conduct, open_governance, ready_account, ready_key

HOST = "127.0.0.1:8080"
SECRET_WORDS = "what only the request may hold"


def create_collection(request: Mapping[str, Any], deps: Deps) -> dict[str, Any]:
    """One row and its charter, so that a test can see whether a change was committed."""
    collection_id = uuid.uuid4()
    deps.uow.connection.execute(
        "insert into collection (collection_id, account_id, name, region, face_model_version, dimensions)"
        " values (%s, %s, %s, %s, '1.0', 4)",
        (collection_id, deps.caller.account_id, request["CollectionId"], deps.caller.region),
    )
    deps.uow.connection.execute(
        "insert into charter (collection_id, purposes, kind, legal_basis, face_cap, minors_allowed)"
        " values (%s, '{development}', 'consented', 'a test', 250000, true)",
        (collection_id,),
    )
    return {"StatusCode": 200, "CollectionArn": "aws:rekognition", "FaceModelVersion": "1.0"}


def create_user(request: Mapping[str, Any], deps: Deps) -> dict[str, Any]:
    """One row under a client's token; a second one of the name is a conflict."""
    try:
        deps.uow.connection.execute(
            "insert into tag (collection_id, key, value)"
            " select collection_id, %s, '' from collection where account_id = %s and name = %s",
            (request["UserId"], deps.caller.account_id, request["CollectionId"]),
        )
    except UniqueViolation:
        raise ConflictException(f"user `{request['UserId']}` exists") from None
    return {}


def associate_faces(request: Mapping[str, Any], deps: Deps) -> dict[str, Any]:
    """An answer with members, for a token to repeat."""
    return {
        "AssociatedFaces": [{"FaceId": face_id} for face_id in request["FaceIds"]],
        "UnsuccessfulFaceAssociations": [],
        "UserStatus": "ACTIVE",
    }


def detect_faces(request: Mapping[str, Any], deps: Deps) -> dict[str, Any]:
    """The length of the picture, as a number that comes back unharmed."""
    return {"FaceDetails": [{"Confidence": len(request["Image"]["Bytes"])}]}


def search_faces(request: Mapping[str, Any], deps: Deps) -> dict[str, Any]:
    """Two candidates, for the event to count, and what was used to find them."""
    faces = ["00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"]
    deps.report.model_version, deps.report.model_digest = "1.0", "ab" * 32
    deps.threshold(85.0, default=80.0)
    matches = [
        {"Similarity": similarity, "Face": {"FaceId": face_id}}
        for similarity, face_id in zip((99.5, 90.25), faces, strict=True)
    ]
    return {"SearchedFaceId": request["FaceId"], "FaceMatches": matches, "FaceModelVersion": "1.0"}


def describe_collection(request: Mapping[str, Any], deps: Deps) -> dict[str, Any]:
    """Refuses, after having written something."""
    create_collection(request, deps)
    raise ResourceNotFoundException(f"The collection id: {request['CollectionId']} does not exist")


def list_collections(request: Mapping[str, Any], deps: Deps) -> dict[str, Any]:
    """Breaks, with a message that must not get out."""
    raise RuntimeError(SECRET_WORDS)


def delete_collection(request: Mapping[str, Any], deps: Deps) -> dict[str, Any]:
    """Answers what its model does not have, after having written something."""
    create_collection(request, deps)
    return {"NoSuchMember": 1}


def list_tags_for_resource(request: Mapping[str, Any], deps: Deps) -> dict[str, Any]:
    """Says nothing of the resource: whether it may be asked is the gateway's business."""
    return {"Tags": {}}


def get_caller_identity(request: Mapping[str, Any], deps: Deps) -> dict[str, Any]:
    """Who the gateway says calls."""
    caller = deps.caller
    return {
        "AccountId": caller.account_id,
        "AccessKeyId": caller.access_key_id,
        "Operator": caller.operator,
    }


def revoke_access_key(request: Mapping[str, Any], deps: Deps) -> dict[str, Any]:
    """The real thing: a key may revoke itself."""
    deps.accounts.revoke_access_key(
        deps.caller.account_id, request["AccessKeyId"], connection=deps.uow.connection
    )
    return {}


OPERATIONS: dict[str, dict[str, Callable[[Any, Deps], Any]]] = {
    "rekognition": {
        "AssociateFaces": associate_faces,
        "CreateCollection": create_collection,
        "CreateUser": create_user,
        "DeleteCollection": delete_collection,
        "DescribeCollection": describe_collection,
        "DetectFaces": detect_faces,
        "ListCollections": list_collections,
        "ListTagsForResource": list_tags_for_resource,
        "SearchFaces": search_faces,
    },
    "countenance": {"GetCallerIdentity": get_caller_identity, "RevokeAccessKey": revoke_access_key},
}


@dataclass
class Clock:
    """The time that the gateway goes by, which a test may move."""

    moment: datetime | None = None

    def __call__(self) -> datetime:
        return self.moment or datetime.now(UTC)


@dataclass
class Bench:
    """A pipeline, an account with a key, and what a test looks at."""

    services: GatewayServices
    account: Account
    key: NewAccessKey
    clock: Clock
    operations: dict[str, dict[str, Callable[[Any, Deps], Any]]]
    pipeline: Pipeline = field(init=False)

    def __post_init__(self) -> None:
        self.pipeline = Pipeline(self.services)

    @property
    def database(self) -> Database:
        return self.services.database

    def head(self, operation: str, body: bytes, *, service: str = "rekognition", **changes: Any) -> Head:
        """The signed head of a request, as boto3 would send it.

        `changes`: access_key_id, secret, token, region, signing_service, at, headers (added unsigned).
        """
        prefix = {"rekognition": "RekognitionService", "countenance": "CountenanceService"}[service]
        request = AWSRequest(
            method="POST",
            url=f"http://{HOST}/",
            data=body,
            headers={"X-Amz-Target": f"{prefix}.{operation}", "Content-Type": "application/x-amz-json-1.1"},
        )
        credentials = Credentials(
            changes.get("access_key_id", self.key.access_key_id),
            changes.get("secret", self.key.secret),
            changes.get("token"),
        )
        SigV4Auth(
            credentials, changes.get("signing_service", service), changes.get("region", "us-east-1")
        ).add_auth(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        headers |= {"host": HOST, "content-length": str(len(body))} | changes.get("headers", {})
        return Head(method="POST", path="/", query="", headers=headers, received_at=self.clock())

    def call(self, operation: str, request: Mapping[str, Any] | bytes, **changes: Any) -> tuple[Any, Any]:
        """Send a signed request through the pipeline: its answer, and the answer's body as JSON."""
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        admitted = self.pipeline.admit(self.head(operation, body, **changes))
        answer = self.pipeline.answer(admitted, body) if hasattr(admitted, "credential") else admitted
        return answer, json.loads(answer.body)

    def events(self) -> list[OwnEntry]:
        """The account's entries, newest first, of calls that policy decided."""
        with self.database.read() as connection:
            return [
                entry
                for entry in self.services.audit.list_latest(connection, self.account.account_id)
                if entry.members["decision"] != "none"
            ]

    def event(self, event_id: str) -> dict[str, Any] | None:
        """The members of one entry, whosoever it is; commitments of the account's own opened."""
        with self.database.read() as connection:
            row = connection.execute(
                "select entry from audit_event where event_id = %s", (event_id,)
            ).fetchone()
            own = self.services.audit.find_entry(connection, self.account.account_id, uuid.UUID(event_id))
        opened = {name: found[0].value for name, found in own.openings.items()} if own else {}
        return None if row is None else json.loads(row[0]) | opened

    def pseudonym(self, kind: str, value: str) -> str:
        """What stands for one of the account's names in the log."""
        return self.services.audit.keys.account(self.account.account_id).pseudonym(kind, value).hex()

    def collections(self) -> set[str]:
        """Names of the account's collections that were committed."""
        with self.database.read() as connection:
            rows = connection.execute(
                "select name from collection where account_id = %s", (self.account.account_id,)
            ).fetchall()
        return {name for (name,) in rows}


def header(answer: Any, name: str) -> str | None:
    """One header of an answer."""
    return {key.lower(): value for key, value in answer.headers}.get(name.lower())


@pytest.fixture(scope="session")
def models() -> Models:
    """Both service models."""
    return load_models()


@pytest.fixture(scope="session")
def policy(models: Models) -> PolicyEngine:
    """The core policies over both models."""
    operations = {name: service.operations for name, service in models.services.items()}
    return PolicyEngine.load(operations, discharges=DISCHARGES)


@pytest.fixture
def make_bench(
    database: Database, models: Models, policy: PolicyEngine, log_keys: KeyStore
) -> Callable[..., Bench]:
    """Makes gateways, each with an account of its own in the session's database."""

    def make(store: Database = database, **changes: Any) -> Bench:
        accounts, clock = Accounts(store, log_keys), Clock()
        governance = open_governance(store, log_keys)
        account = ready_account(accounts, governance, "Test")
        key = ready_key(accounts, account)
        operations = {service: dict(offered) for service, offered in OPERATIONS.items()}
        audit, log = AuditLog(log_keys), LogTree()
        casework = Casework.open(store, log_keys, least_view_s=0)
        services = GatewayServices(
            models=models,
            accounts=accounts,
            policies=FixedPolicies(policy),
            governance=governance,
            gallery=Gallery(store, log_keys),
            casework=casework,
            model_facts=lambda version: ModelFacts(version or "1.0", "any"),
            database=changes.pop("database", store),
            audit=audit,
            log=log,
            # No sequencer runs: events of tests long past wait for ever.
            promises=changes.pop("promises", None)
            or Promises(log_keys, open_log(store, log_keys), max_lag_s=math.inf),
            operations=operations,
            make_deps=lambda caller, uow: Deps(
                caller=caller,
                uow=uow,
                accounts=accounts,
                gallery=None,
                merges=None,
                objects=None,
                audit=audit,
                log=log,
                page_tokens=PageTokens(b"t" * 32),
                models=None,
                analyst=None,
                calibrations=PacksOwn(),
                governance=governance,
                conduct=open_conduct(store, log_keys, governance),
                rights=None,
                casework=casework,
                tests=IndependentTests(store, log_keys),
                packs=PackRegister(store),
                policies=FixedPolicies(policy),
                house=House(store, Jobs(store)),
                fpir_budget=0.0,
            ),
            region="us-east-1",
            clock=clock,
            **changes,
        )
        return Bench(services=services, account=account, key=key, clock=clock, operations=operations)

    return make


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """One gateway."""
    return make_bench()
