"""A server without nets and processes: real operations, gallery, gateway, log and data directory."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from countenance.accounts import Accounts
from countenance.assurance.calibrations import Calibrations
from countenance.assurance.independent_tests import IndependentTests
from countenance.audit import AuditLog, Promises, open_log
from countenance.audit.receipt_journal import ReceiptJournal
from countenance.audit.reconcile import Reconciliation, reconcile
from countenance.audit.sequencer import Sequencer
from countenance.audit.signing import log_signers
from countenance.audit.tree import LogDamaged, LogTree
from countenance.casework import Casework
from countenance.gallery import Gallery
from countenance.gallery.activity import Activity, searches_ran
from countenance.gallery.merges import Merges
from countenance.gateway.services import GatewayServices
from countenance.objects import ObjectStores
from countenance.operations.deps import Deps
from countenance.operations.house import House
from countenance.operations.pagination import PageTokens
from countenance.operations.registry import OPERATIONS
from countenance.policy import load_purposes
from countenance.policy.register import FixedPolicies, PackRegister
from countenance.rights import Rights
from countenance.settings import Settings
from countenance.store import Database, KeyStore, migrate
from countenance.store.jobs import Jobs
from fakes.analyst import FakeAnalyst
from fakes.vision import FakeModels, person, picture
from fixtures_gateway import Bench, Clock
from governed import open_conduct, open_governance, ready_account, ready_key

PIPELINE = "cd" * 32
"""Digest of the code that makes templates, as far as calibrations are concerned."""


class SmallServer:
    """One account's gateway, the log behind it, and what reconciliation compares with it."""

    def __init__(self, database: Database, data_dir: Path, *, models: Any, policy: Any) -> None:
        self.database, self.data_dir = database, data_dir
        self.keys = KeyStore.open(data_dir / "keys")
        origin = open_log(database, self.keys)
        self.activity = Activity(data_dir, at_once=2)
        self.journal = ReceiptJournal(data_dir)
        accounts, gallery = (
            Accounts(database, self.keys),
            Gallery(database, self.keys, activity=self.activity),
        )
        governance = open_governance(database, self.keys)
        audit, log, packs, purposes = AuditLog(self.keys), LogTree(), FakeModels(), load_purposes()
        casework = Casework.open(database, self.keys, least_view_s=0)
        services = GatewayServices(
            models=models,
            accounts=accounts,
            policies=FixedPolicies(policy),
            governance=governance,
            gallery=gallery,
            casework=casework,
            model_facts=packs.facts,
            database=database,
            audit=audit,
            log=log,
            promises=Promises(self.keys, origin, max_lag_s=math.inf, journal=self.journal),
            operations=OPERATIONS,
            make_deps=lambda caller, uow: Deps(
                caller=caller,
                uow=uow,
                accounts=accounts,
                gallery=gallery,
                merges=Merges(database, self.keys),
                objects=ObjectStores.from_settings(Settings()),
                audit=audit,
                log=log,
                page_tokens=PageTokens(b"t" * 32),
                models=packs,
                analyst=FakeAnalyst(),
                calibrations=Calibrations(database, pipeline_digest=PIPELINE),
                governance=governance,
                conduct=open_conduct(database, self.keys, governance),
                rights=Rights.open(database, self.keys, gallery),
                casework=casework,
                tests=IndependentTests(database, self.keys),
                packs=PackRegister(database),
                policies=FixedPolicies(policy),
                house=House(database, Jobs(database)),
                fpir_budget=purpose.fpir_budget if (purpose := purposes.get(caller.purpose or "")) else 0.0,
            ),
            region="us-east-1",
        )
        account = ready_account(accounts, governance, "Test")
        key = ready_key(accounts, account)
        self.bench = Bench(
            services=services, account=account, key=key, clock=Clock(), operations=dict(OPERATIONS)
        )
        self.sequencer = Sequencer(database, lambda connection: log_signers(connection, self.keys))

    def call(self, operation: str, /, **request: Any) -> Any:
        """The answer's body; a picture is given as `picture=`."""
        if "picture" in request:
            request["Image"] = {"Bytes": base64.b64encode(request.pop("picture")).decode()}
        answer, told = self.bench.call(operation, request)
        assert answer.status in {200, 400}, told
        return told

    def work(self) -> str:
        """Some of everything: changes, searches of each kind, refusals; a face that stays."""
        self.call("CreateCollection", CollectionId="friends")
        enrolled = [self.index(name) for name in ("ada", "bob", "eve")]
        self.call("CreateUser", CollectionId="friends", UserId="bob")
        self.call("CreateUser", CollectionId="friends", UserId="nobody")
        self.call("AssociateFaces", CollectionId="friends", UserId="bob", FaceIds=[enrolled[1]])
        self.call("DeleteFaces", CollectionId="friends", FaceIds=[enrolled[2]])
        self.search(enrolled[0])
        self.call("SearchFaces", CollectionId="friends", FaceId="00000000-0000-4000-8000-000000000000")
        self.call("SearchFaces", CollectionId="strangers", FaceId=enrolled[0])
        self.call("SearchFacesByImage", CollectionId="friends", picture=picture(person("ada")))
        self.call("SearchFacesByImage", CollectionId="friends", picture=picture())
        self.call("SearchUsers", CollectionId="friends", UserId="nobody")
        self.call("SearchUsers", CollectionId="friends", FaceId=enrolled[0])
        self.call("SearchUsersByImage", CollectionId="friends", picture=picture(person("bob")))
        self.call("SearchUsersByImage", CollectionId="friends", picture=picture())
        return enrolled[0]

    def index(self, name: str) -> str:
        told = self.call("IndexFaces", CollectionId="friends", picture=picture(person(name)))
        return told["FaceRecords"][0]["Face"]["FaceId"]

    def search(self, face_id: str) -> Any:
        return self.call("SearchFaces", CollectionId="friends", FaceId=face_id)

    def merge(self) -> None:
        """Give all events their places, and sign, as long as the log is one that can be."""
        with suppress(LogDamaged):
            while self.sequencer.integrate():
                pass
            self.sequencer.sign()

    def reconcile(self, **given: Any) -> Reconciliation:
        found = reconcile(
            self.database, self.data_dir, lambda: searches_ran(self.data_dir), **{"patience_s": 0.0} | given
        )
        self.merge()
        return found

    def execute(self, statement: str, *values: Any) -> None:
        """Whoever owns the database: no trigger stops them."""
        with self.database.transaction() as connection:
            connection.execute("set local session_replication_role = replica")
            connection.execute(statement, values)

    def kinds(self) -> list[str]:
        """The kinds of all entries, in order."""
        with self.database.read() as connection:
            rows = connection.execute(
                "select convert_from(entry, 'UTF8')::jsonb->>'kind' from audit_entry order by log_index"
            ).fetchall()
        return [kind for (kind,) in rows]


@contextmanager
def small_server(database_url: str, data_dir: Path, *, models: Any, policy: Any) -> Iterator[SmallServer]:
    """On an empty database."""
    with ExitStack() as stack:
        database = stack.enter_context(Database(database_url, max_connections=12))
        migrate(database)
        server = SmallServer(database, data_dir, models=models, policy=policy)
        stack.callback(server.journal.close)
        stack.callback(server.activity.close)
        yield server
