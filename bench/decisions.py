"""What decisions cost, and how fast a suspension acts: `make bench-policy`."""

from __future__ import annotations

import configparser
import dataclasses
import os
import statistics
import tempfile
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from countenance.accounts import Accounts, Actor, Governance
from countenance.cli.server_process import RunningServer, running_server
from countenance.facts import Claims, ModelFacts
from countenance.gateway.obligations import DISCHARGES
from countenance.policy import AccessRequest, Decision, PolicyEngine, Resource, load_purposes
from countenance.policy.packs import Activation, load_packs, shipped_issuers, shipped_packs
from countenance.store import Database, EmbeddedPostgres, KeyStore, migrate
from countenance.terms import load_terms
from countenance.wire.model import data_path, load_models
from generator import generate
from packs import bench_settings
from photographs import SIZES, load_data_set, one_photo_of_each, picture_of
from serving import CLIENTS, OFFICER, server_without, silent
from signed import image_of, sign

_BLOCKS, _IN_A_BLOCK = 21, 150
"""A process has one engine: blocks of one, in turns, so that noise hits all alike."""
_SUSPENSION_CLIENTS = 64
_BEFORE_S, _AFTER_S = 3.0, 3.0
_OFFERED = {name: tuple(model.operations) for name, model in load_models().services.items()}


def run(*, photos: Path, pictures: int = 12, rounds: int = 30) -> dict[str, Any]:
    """Every figure of this bench."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "decision": measure_decisions(),
        "eight_clients": measure_throughput(photos, rounds=rounds, pictures=pictures),
        "suspension": measure_suspension(),
    }


def rows_of(figures: dict[str, Any]) -> list[tuple[str, str, str, bool]]:
    """Name, measured, target, reached."""
    decision, clients, suspension = (figures[name] for name in ("decision", "eight_clients", "suspension"))
    rows = []
    for name, words in (
        ("core", "one decision with its facts read from the database, SearchFacesByImage"),
        ("all_packs", "the same with every rule pack in use"),
        ("due_process", "the same of DescribeAccount"),
    ):
        of = decision[name]
        rows.append(
            (
                f"{words} (p50)",
                f"{of['p50_ms']:.2f} ms (p99 {of['p99_ms']:.2f})",
                "<= 1 ms",
                of["p50_ms"] <= 1.0,
            )
        )
    cost = 1 - clients["decided_per_second"] / clients["undecided_per_second"]
    rows.append(
        (
            "decisions cost 8 clients, DetectFaces VGA",
            f"{cost:.1%} ({clients['decided_per_second']:.1f} of {clients['undecided_per_second']:.1f} /s)",
            "<= 10 %",
            cost <= 0.10,
        )
    )
    rows.append(
        (
            f"suspension under {_SUSPENSION_CLIENTS} clients, 2 workers: last answer after it was told",
            f"{suspension['last_answer_ms']:.0f} ms ({int(suspension['answered']):,} calls answered before)",
            "<= 1 s",
            suspension["last_answer_ms"] <= 1000,
        )
    )
    behind = suspension["answered_behind_it_in_the_log"]
    rows.append(("calls answered behind the suspension in the log's order", str(behind), "0", behind == 0))
    return rows


def measure_decisions() -> dict[str, Any]:
    """Facts of one account out of a real database, then the engine."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="countenance-bench-")))
        url = stack.enter_context(EmbeddedPostgres(folder / "data")).url
        database = stack.enter_context(Database(url, max_connections=4))
        migrate(database)
        keys = KeyStore.open(folder / "keys")
        governance = Governance.open(database, keys, load_terms())
        account = _prepared(Accounts(database, keys), governance)
        packs = load_packs(shipped_packs(), shipped_issuers())
        engines = {
            "core": PolicyEngine.load(_OFFERED, discharges=DISCHARGES),
            "all_packs": PolicyEngine.load(
                _OFFERED,
                discharges=DISCHARGES,
                packs=packs,
                activations=[Activation(name) for name, pack in packs.items() if not pack.manifest.always],
            ),
        }
        engines["due_process"] = engines["core"]
        seconds: dict[str, list[float]] = {name: [] for name in engines}
        for turn in range(_BLOCKS):
            for name, engine in engines.items():
                took = [
                    _decide(database, governance, engine, account, due_process=name == "due_process")
                    for _ in range(_IN_A_BLOCK)
                ]
                if turn:  # the first block warms up
                    seconds[name] += took
    return {name: _quantiles(of) for name, of in seconds.items()}


def _decide(
    database: Database, governance: Governance, engine: PolicyEngine, account_id: str, *, due_process: bool
) -> float:
    began = time.perf_counter()
    with database.read() as connection:
        read = governance.facts.read(
            connection, account_id, operator="bench", beneficiary=None, now=datetime.now(UTC)
        )
        assert read is not None
        calls = 0 if due_process else governance.calls.calls_last_hour(connection, account_id, "development")
    resource = (
        Resource("Account", read.account.account_id, read.account.account_id)
        if due_process
        else Resource(
            "Collection", "c", read.account.account_id, charter=load_purposes()["development"].charter()
        )
    )
    request = AccessRequest(
        account=read.account,
        access_key_id="AKIAAAAAAAAAAAAAAAAA",
        operator="bench",
        service="countenance" if due_process else "rekognition",
        operation="DescribeAccount" if due_process else "SearchFacesByImage",
        resource=resource,
        purpose="development",
        claims=Claims(),
        threshold=None if due_process else 80.0,
        candidates=None if due_process else 10,
        model=None if due_process else ModelFacts("1.0", "any"),
        calls_last_hour=calls,
        now_s=int(time.time()),
    )
    verdict = engine.decide(request)
    took = time.perf_counter() - began
    if engine.activations.keys() <= {"law-enforcement", "identity-proofing"}:
        assert verdict.decision is Decision.ALLOW, verdict
    return took


def _prepared(accounts: Accounts, governance: Governance) -> str:
    account = accounts.create_account("bench")
    for document in governance.terms.documents:
        governance.acceptances.accept(
            account.account_id, document, officer="Bench", role="officer", actor=Actor("bench")
        )
    governance.begin(account.account_id, officer="Bench", role="officer", actor=Actor("bench"))
    return account.account_id


def measure_throughput(photos: Path, *, rounds: int, pictures: int) -> dict[str, float]:
    """DetectFaces on VGA from eight clients, with and without decisions: two servers in turns."""
    settings = dataclasses.replace(bench_settings(), threads=0)
    images = [
        picture_of(photo, size=SIZES["VGA"])
        for photo in one_photo_of_each(load_data_set(photos), people=pictures)
    ]
    with tempfile.TemporaryDirectory(prefix="countenance-bench-") as name:
        folder = Path(name)
        with (
            running_server(folder / "decided", settings, accept_terms=OFFICER, log=silent) as decided,
            server_without("undecided", folder / "undecided", settings) as undecided,
        ):
            servers = {"decided": decided, "undecided": undecided}
            requests = {
                which: [sign(server, "DetectFaces", {"Image": image_of(image)}) for image in images]
                for which, server in servers.items()
            }
            calls, elapsed = 4 * len(images), dict.fromkeys(servers, 0.0)
            for turn in range(rounds + 1):
                for which in sorted(servers, reverse=bool(turn % 2)):  # neither is always first
                    report = generate(servers[which].endpoint, requests[which], clients=CLIENTS, calls=calls)
                    if turn:  # the first turn warms up
                        elapsed[which] += report["wall_seconds"]
    return {f"{which}_per_second": rounds * calls / seconds for which, seconds in elapsed.items()}


def measure_suspension() -> dict[str, float]:
    """64 clients call without pause; an officer suspends their account; when was the last answered?"""
    os.environ["AWS_DATA_PATH"] = str(data_path())
    settings = dataclasses.replace(bench_settings(), threads=0)
    with tempfile.TemporaryDirectory(prefix="countenance-bench-") as name:
        folder = Path(name) / "data"
        with running_server(
            folder, settings, accept_terms=OFFICER, log=silent, options=("--workers", "2")
        ) as server:
            officer = _client(server, *_profile(folder, "countenance-officer"), service="countenance")
            made = officer.create_account(Name="customer")
            key = (made["AccessKeyId"], made["SecretAccessKey"])
            customer = _client(server, *key, service="countenance")
            terms = customer.get_terms()
            customer.accept_terms(
                Version=terms["Version"], Digest=terms["Digest"], OfficerName="C", OfficerRole="officer"
            )
            clients = [_client(server, *key, service="rekognition") for _ in range(_SUSPENSION_CLIENTS)]
            answered: list[float] = []
            stop = threading.Event()
            threads = [
                threading.Thread(target=_call_until, args=(client, stop, answered)) for client in clients
            ]
            for thread in threads:
                thread.start()
            time.sleep(_BEFORE_S)
            officer.change_standing(
                AccountId=made["AccountId"], Standing="suspended", Reason="measured by the bench"
            )
            told_at = time.perf_counter()
            time.sleep(_AFTER_S)
            stop.set()
            for thread in threads:
                thread.join()
            behind = _behind_in_log(customer)
    last = max(answered)
    return {
        "answered": float(len(answered)),
        "last_answer_ms": max(0.0, last - told_at) * 1000,
        "answered_behind_it_in_the_log": behind,
    }


def _behind_in_log(customer: Any) -> int:
    """Answered calls of the account, other than what is left to a suspended one, behind its suspension."""
    time.sleep(2.0)
    suspended, behind, token = False, 0, None
    while True:
        page = customer.list_audit_entries(**({"NextToken": token} if token else {}), MaxResults=1000)
        for entry in page["Entries"]:
            text = entry["Entry"]
            suspended = suspended or ('"operation":"ChangeStanding"' in text and '"to":"suspended"' in text)
            if suspended and '"operation":"ListCollections"' in text and '"outcome":"answered"' in text:
                behind += 1
        token = page.get("NextToken")
        if token is None:
            assert suspended, "the suspension stands in the account's own log"
            return behind


def _call_until(client: Any, stop: threading.Event, answered: list[float]) -> None:
    while not stop.is_set():
        try:
            client.list_collections()
            answered.append(time.perf_counter())
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise


def _client(server: RunningServer, key: str, secret: str, *, service: str) -> Any:
    session = boto3.Session(key, secret, region_name=server.region)
    return session.client(
        service, endpoint_url=server.endpoint, config=Config(retries={"total_max_attempts": 1})
    )


def _profile(folder: Path, name: str) -> tuple[str, str]:
    profiles = configparser.ConfigParser()
    profiles.read(folder / "credentials")
    return profiles[name]["aws_access_key_id"], profiles[name]["aws_secret_access_key"]


def _quantiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "p50_ms": statistics.median(ordered) * 1000,
        "p99_ms": ordered[int(len(ordered) * 0.99)] * 1000,
    }
