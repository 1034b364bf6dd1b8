"""A real server for the tests that talk to one: `countenance serve` on a free port, two workers."""

from __future__ import annotations

import configparser
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

import countenance.wire.model
from countenance.accounts import Accounts, Actor
from countenance.accounts.testers import Allowance
from countenance.assurance.evaluators import trust_evaluator
from countenance.cli.installation import open_store
from countenance.cli.server_process import RunningServer, running_server
from countenance.facts import ModelDigests
from countenance.settings import Settings
from countenance.transparency.note import Signer
from countenance.vision.attributes.attribute_pack import AttributeStore
from fixtures_store import fresh_database
from governed import OFFICERS, open_governance, ready_account, ready_key
from paths import SHARED
from signed_evaluations import an_evaluation, signed

CLIENT_CONFIG = Config(
    retries={"total_max_attempts": 1},
    connect_timeout=10,
    read_timeout=120,
    parameter_validation=False,  # the server's validation is what is tested
    max_pool_connections=64,
)


@dataclass(frozen=True)
class Service:
    """A running server as its clients see it."""

    running: RunningServer
    data_dir: Path
    settings: Settings
    database_options: tuple[str, ...] = ()

    @property
    def endpoint(self) -> str:
        return self.running.endpoint

    def log_lines(self) -> list[str]:
        """The latest lines that the server wrote, workers' and supervisor's, the newest last."""
        return list(self.running.lines)

    def make_account(self, name: str, *purposes: str, suspended: bool = False) -> dict[str, str]:
        """An account on this server that may call: its id and a key for its first purpose."""
        where = {"database_url": self.database_options[1]} if self.database_options else {}
        with open_store(Settings.from_env({}, data_dir=self.data_dir, **where)) as (database, keys):
            accounts, governance = Accounts(database, keys), open_governance(database, keys)
            account = ready_account(accounts, governance, name, *purposes)
            key = ready_key(accounts, account, *purposes[:1])
            if suspended:
                governance.standings.change(
                    account.account_id,
                    "suspended",
                    reason="a test",
                    decided_by=OFFICERS[0],
                    actor=Actor("test"),
                )
        return {
            "account": account.account_id,
            "aws_access_key_id": key.access_key_id,
            "aws_secret_access_key": key.secret,
        }

    def make_tester(self) -> dict[str, str]:
        """An independent tester who may use much of this server: its id and its key."""
        where = {"database_url": self.database_options[1]} if self.database_options else {}
        with open_store(Settings.from_env({}, data_dir=self.data_dir, **where)) as (database, keys):
            key = open_governance(database, keys).testers.add(
                "Ada Auditor",
                "State University",
                officer=OFFICERS[0],
                expires_at=datetime.now(UTC) + timedelta(days=1),
                limits=Allowance(tests_at_once=1_000),
                actor=Actor("test"),
            )
        return {
            "account": key.account_id,
            "aws_access_key_id": key.access_key_id,
            "aws_secret_access_key": key.secret,
        }

    def make_operator(self, account: str, name: str, *roles: str) -> dict[str, str]:
        """Somebody who works for an account, with a personal key."""
        where = {"database_url": self.database_options[1]} if self.database_options else {}
        with open_store(Settings.from_env({}, data_dir=self.data_dir, **where)) as (database, keys):
            operators = open_governance(database, keys).operators
            operators.put(account, name, roles, actor=Actor("test"))
            key = operators.create_key(account, name, actor=Actor("test"))
        return {
            "account": key.account_id,
            "aws_access_key_id": key.access_key_id,
            "aws_secret_access_key": key.secret,
        }

    def make_evaluation(self, document: dict[str, Any] | None = None) -> str:
        """An evaluation, signed by an evaluator who is trusted from now on; of a model that is nowhere."""
        where = {"database_url": self.database_options[1]} if self.database_options else {}
        signer = Signer.generate(f"{uuid.uuid4()}/key")
        with (
            open_store(Settings.from_env({}, data_dir=self.data_dir, **where)) as (database, _),
            database.transaction() as connection,
        ):
            trust_evaluator(
                connection,
                str(signer.verifier),
                name=signer.verifier.name,
                independent=False,
                reason="a test",
                by=OFFICERS[0],
            )
        digests = ModelDigests(*(uuid.uuid4().hex * 2 for _ in range(3)))
        return signed(document or an_evaluation(digests, version="0.0"), signer).to_bytes().decode()

    def client(self, service: str = "rekognition", **credentials: str) -> Any:
        """A boto3 client; with the first account's key unless `credentials` says otherwise."""
        session = boto3.Session(region_name=self.running.region)
        session._loader.search_paths.append(str(countenance.wire.model.data_path()))
        keys = {
            "aws_access_key_id": self.running.access_key_id,
            "aws_secret_access_key": self.running.secret_access_key,
        } | {name: value for name, value in credentials.items() if name != "account"}
        return session.client(service, endpoint_url=self.endpoint, config=CLIENT_CONFIG, **keys)

    def officer(self) -> Any:
        """A client of our own service under the first officer's key."""
        profiles = configparser.ConfigParser()
        profiles.read(self.data_dir / "credentials")
        key = profiles["countenance-officer"]
        return self.client(
            "countenance",
            aws_access_key_id=key["aws_access_key_id"],
            aws_secret_access_key=key["aws_secret_access_key"],
        )

    @property
    def environment(self) -> dict[str, str]:
        """What the AWS CLI and other SDKs need to find this server."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "COUNTENANCE_"))
        }
        return kept | {
            "AWS_ACCESS_KEY_ID": self.running.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.running.secret_access_key,
            "AWS_REGION": self.running.region,
            "AWS_DEFAULT_REGION": self.running.region,
            "AWS_ENDPOINT_URL_REKOGNITION": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
        }


def server_settings() -> Settings:
    """Settings of a test server: weights from beside the checkout where they are there, else the cache."""
    models = SHARED / "models" if SHARED else None
    return Settings.from_env({}, models=models, threads=2)


def supported_attributes() -> frozenset[str]:
    """What the test server can read with the weights of this machine."""
    settings = server_settings()
    return AttributeStore(settings.cache_dir, settings.models).at_hand().supported


@pytest.fixture(scope="session")
def s3_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of buckets; `photos` may be read by every account of the test server."""
    root = tmp_path_factory.mktemp("s3")
    (root / "photos").mkdir()
    (root / "private").mkdir()
    return root


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, s3_root: Path) -> Iterator[Service]:
    """Two workers on one truth, for every test of a session that does not need a server of its own.

    On the embedded PostgreSQL, or on a fresh database of the server that COUNTENANCE_TEST_DATABASE_URL names.
    """
    data_dir = tmp_path_factory.mktemp("server") / "data"
    settings = server_settings()
    options = ["--workers", "2", "--s3-root", str(s3_root), "--s3-buckets", "*/photos"]
    with ExitStack() as stack:
        where: tuple[str, ...] = ()
        if given := os.environ.get("COUNTENANCE_TEST_DATABASE_URL", ""):
            where = ("--database-url", stack.enter_context(fresh_database(given)))
        serving = running_server(data_dir, settings, accept_terms="Test, suite", options=[*options, *where])
        yield Service(stack.enter_context(serving), data_dir, settings, where)


@pytest.fixture
def rekognition(service: Service) -> Any:
    """A boto3 client of the first account."""
    return service.client()


@pytest.fixture
def collection(rekognition: Any) -> Iterator[str]:
    """An empty collection, deleted afterwards."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    rekognition.create_collection(CollectionId=name)
    yield name
    try:
        rekognition.delete_collection(CollectionId=name)
    except rekognition.exceptions.ResourceNotFoundException:
        return


@pytest.fixture
def refusal() -> Callable[..., Any]:
    """Call an operation that must be refused; return (code, message, HTTP status)."""
    from botocore.exceptions import ClientError

    def call(operation: Callable[..., Any], **parameters: Any) -> tuple[str, str, int]:
        with pytest.raises(ClientError) as caught:
            operation(**parameters)
        answer = caught.value.response
        return (
            answer["Error"]["Code"],
            answer["Error"]["Message"],
            answer["ResponseMetadata"]["HTTPStatusCode"],
        )

    return call
