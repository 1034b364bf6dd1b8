"""`countenance doctor`: what is wrong with a set-up, and how to mend it."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Any, Literal

import click
from rich.console import Console
from rich.table import Table

from countenance.accounts import Governance
from countenance.assurance.calibrations import Calibrations, left_behind
from countenance.cli.installation import open_accounts, open_store
from countenance.cli.options import settings_options
from countenance.cli.terms_at_start import wanted_documents
from countenance.errors import CountenanceError, SetupError
from countenance.gateway.obligations import DISCHARGES
from countenance.objects import ObjectStores
from countenance.policy.register import PackRegister, PoliciesInForce
from countenance.settings import Settings
from countenance.store import EmbeddedPostgres
from countenance.store.tombstones import find_copy
from countenance.terms import load_terms
from countenance.vision.attributes.attribute_pack import PACK_NAME, AttributeStore
from countenance.vision.attributes.description import ATTRIBUTES
from countenance.vision.install import PackStore
from countenance.vision.pipeline import Vision
from countenance.vision.pipeline_digest import pipeline_digest
from countenance.wire.model import load_models

State = Literal["ok", "note", "wrong"]

_ROOM_WANTED_BYTES = 2 * 1024**3
_RUNTIME = ("onnxruntime", "cv2", "numpy", "PIL", "botocore", "cedarpy", "psycopg", "cryptography", "uvicorn")
_SIGNS: dict[State, str] = {
    "ok": "[green]ok[/green]",
    "note": "[yellow]note[/yellow]",
    "wrong": "[red]wrong[/red]",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at.

    Attributes:
        remedy: what to do; empty where nothing needs doing.
    """

    subject: str
    state: State
    message: str
    remedy: str = ""


@click.command()
@settings_options()
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def doctor(as_json: bool, **given: Any) -> None:
    """Say what is wrong with a set-up and how to mend it.

    Looks at Python, packages, models, data directory, database, keys, network and object stores; starts
    the embedded database for a moment when no server runs. Exits 1 when something is wrong.
    """
    findings = list(_examine(given))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        table = Table("", "what", "finding", box=None, padding=(0, 2, 0, 0))
        for finding in findings:
            words = finding.message + (f"\n[bold]remedy:[/bold] {finding.remedy}" if finding.remedy else "")
            table.add_row(_SIGNS[finding.state], finding.subject, words)
        Console().print(table)
    if any(finding.state == "wrong" for finding in findings):
        sys.exit(1)


def _examine(given: dict[str, Any]) -> Iterator[Finding]:
    yield _python()
    yield _packages()
    try:
        settings = Settings.from_env(**given)
    except SetupError as error:
        yield Finding("settings", "wrong", error.problem, error.remedy)
        return
    checks: list[tuple[str, Callable[[Settings], Finding]]] = [
        ("models", _models),
        ("attributes", _attributes),
        ("data directory", _data_directory),
        ("database and keys", _database),
        ("erasures", _tombstones),
        ("terms", _terms),
        ("rule packs", _rule_packs),
        ("calibrations", _calibrations),
        ("network", _network),
        ("TLS", _tls),
        ("object stores", _objects),
    ]
    for subject, check in checks:
        try:
            yield check(settings)
        except SetupError as error:
            yield Finding(subject, "wrong", error.problem, error.remedy)
        except (CountenanceError, OSError) as error:
            yield Finding(subject, "wrong", str(error))


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", "ok", f"version {version}, {os.cpu_count()} cores")


def _packages() -> Finding:
    missing = []
    for name in _RUNTIME:
        try:
            importlib.import_module(name)
        except ImportError as error:
            missing.append(f"{name} ({error})")
    if missing:
        return Finding("packages", "wrong", f"cannot import {', '.join(missing)}", "make setup")
    return Finding("packages", "ok", f"onnxruntime {metadata.version('onnxruntime')} and the rest import")


def _models(settings: Settings) -> Finding:
    store = PackStore(settings.cache_dir, settings.models)
    pack = store.find_default_pack(settings.pack)
    if pack is None:
        return Finding(
            "models", "wrong", f"no pack is installed in `{settings.cache_dir}`", "countenance models install"
        )
    vision = Vision(pack)
    vision.warm_up()
    return Finding(
        "models",
        "ok",
        f"pack {vision.pack_name} (FaceModelVersion {vision.face_model_version}) loads and runs",
    )


def _attributes(settings: Settings) -> Finding:
    """What DetectFaces can say beside the default members."""
    store = AttributeStore(settings.cache_dir, settings.models)
    if changed := store.changed():
        return Finding(
            "attributes",
            "wrong",
            "; ".join(f"`{flaw.file}` is {flaw.problem}" for flaw in changed),
            f"countenance models install {PACK_NAME}",
        )
    installed = store.installed()
    missing = sorted(ATTRIBUTES - installed.supported)
    if not missing:
        return Finding("attributes", "ok", "all can be read")
    return Finding(
        "attributes",
        "note",
        f"not read here, and absent from answers: {', '.join(missing)}",
        f"countenance models install {PACK_NAME} --models DIR (docs/models/attributes.md says which files)",
    )


def _data_directory(settings: Settings) -> Finding:
    directory = settings.data_dir
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        return Finding(
            "data directory",
            "wrong",
            f"`{existing}` cannot be written",
            "choose another --data-dir or its owner",
        )
    free = shutil.disk_usage(existing).free
    words = f"`{directory}`, {free / 1024**3:.1f} GiB free"
    if free < _ROOM_WANTED_BYTES:
        return Finding("data directory", "wrong", words, "free some space: PostgreSQL stops on a full disk")
    return Finding("data directory", "ok", words)


def _database(settings: Settings) -> Finding:
    running = not settings.database_url and EmbeddedPostgres.running_url(settings.data_dir) is not None
    if not settings.database_url and not running and not (settings.data_dir / "postgres").exists():
        return Finding("database and keys", "note", "not made yet: the first `countenance serve` makes them")
    with open_accounts(settings) as register:
        accounts = register.list_accounts()
    where = (
        "of --database-url"
        if settings.database_url
        else "embedded, its server is running"
        if running
        else "embedded"
    )
    return Finding(
        "database and keys", "ok", f"{where}; durable, migrated, keys open; {len(accounts)} account(s)"
    )


def _tombstones(settings: Settings) -> Finding:
    if settings.tombstones or find_copy(settings.data_dir):
        return Finding("erasures", "ok", "what was erased is listed in two places")
    return Finding(
        "erasures",
        "note",
        "what was erased is listed in the data directory alone",
        "start the server with --tombstones FILE on another disk, so that a backup that is restored after"
        " this one was lost brings nothing back",
    )


def _terms(settings: Settings) -> Finding:
    """Whether the house may call, and somebody may decide."""
    if not _is_made(settings):
        return Finding("terms", "note", "not accepted yet: the first `countenance serve` asks")
    with open_store(settings) as (database, keys):
        governance = Governance.open(database, keys, load_terms(settings.terms))
        house = governance.officers.house()
        if house is None:
            return Finding("terms", "note", "there is no account yet: the first `countenance serve` makes it")
        wanted, officers = wanted_documents(governance, house), governance.officers.list()
    if wanted:
        names = ", ".join(map(str, wanted))
        return Finding(
            "terms",
            "wrong",
            f"account {house} has not accepted {names}: calls are refused",
            f'countenance terms accept {house} --officer "Name, role"',
        )
    if not officers:
        return Finding(
            "terms", "wrong", "nobody may decide for the house", "countenance officers add NAME --role ROLE"
        )
    words = f"accepted; officers: {', '.join(officer.name for officer in officers)}"
    if len(officers) == 1:
        words += " (purposes that take two officers cannot be approved by one)"
    return Finding("terms", "ok", words)


def _rule_packs(settings: Settings) -> Finding:
    """Whether the packs in use can be used: if not, every call fails."""
    if not _is_made(settings):
        return Finding("rule packs", "ok", "none in use yet")
    with open_store(settings) as (database, _):
        register = PackRegister(database, settings.data_dir / "packs")
        operations = {name: model.operations for name, model in load_models().services.items()}
        policies = PoliciesInForce(register, operations, discharges=DISCHARGES)
        engine = policies.engine(register.epoch(), datetime.now(UTC).date())
    in_use = ", ".join(sorted(engine.activations))
    return Finding("rule packs", "ok", f"in use: {in_use}; legal review: none")


def _calibrations(settings: Settings) -> Finding:
    """Whether a calibration of the operator's was left behind by an upgrade."""
    if not _is_made(settings):
        return Finding("calibrations", "ok", "every pack has its own")
    with open_store(settings) as (database, _):
        choices = Calibrations(database, pipeline_digest=pipeline_digest()).list()
    if behind := left_behind(choices, pipeline_digest()):
        return Finding(
            "calibrations",
            "note",
            f"the code that makes templates changed: {len(behind)} pack(s) have their own again, not yours",
            "calibrate anew: `countenance calibrate DATASET`",
        )
    return Finding(
        "calibrations", "ok", "what was decided is in force" if choices else "every pack has its own"
    )


def _is_made(settings: Settings) -> bool:
    if settings.database_url or EmbeddedPostgres.running_url(settings.data_dir) is not None:
        return True
    return (settings.data_dir / "postgres").exists()


def _network(settings: Settings) -> Finding:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            words = f"`{settings.host}` port {settings.port}: {error.strerror or error}"
            return Finding(
                "network", "note", words, "fine if that is Countenance; else choose another --port"
            )
    return Finding("network", "ok", f"`{settings.host}` port {settings.port} is free")


def _tls(settings: Settings) -> Finding:
    for path in (settings.tls_cert, settings.tls_key):
        if path is not None and not os.access(path, os.R_OK):
            return Finding("TLS", "wrong", f"`{path}` cannot be read", "check the path and its mode")
    if settings.tls_key is not None and settings.tls_key.stat().st_mode & 0o077:
        return Finding(
            "TLS", "note", f"`{settings.tls_key}` is open to other users", f"chmod 600 {settings.tls_key}"
        )
    return Finding("TLS", "ok", "on" if settings.tls_cert else "off: loopback only, or behind your proxy")


def _objects(settings: Settings) -> Finding:
    ObjectStores.from_settings(settings)
    if settings.s3_root is None and not settings.s3_endpoint:
        return Finding("object stores", "ok", "none: Image.S3Object is refused, Image.Bytes works")
    if not settings.s3_buckets:
        return Finding(
            "object stores",
            "wrong",
            "a store is set and no bucket is allowed",
            "give --s3-buckets ACCOUNT/BUCKET",
        )
    where = [str(place) for place in (settings.s3_root, settings.s3_endpoint) if place]
    return Finding("object stores", "ok", f"{', '.join(map(str, where))}; allowed: {settings.s3_buckets}")
