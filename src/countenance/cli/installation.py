"""A data directory made ready: locked, its database running and migrated, its keys open.

DATA_DIR/postgres/      the embedded database (none with --database-url)
DATA_DIR/keys/          master key and collection keys
DATA_DIR/credentials    the first account's key as an AWS profile, mode 600
"""

from __future__ import annotations

import configparser
import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from countenance.accounts import FIRST_PURPOSE, Accounts, Governance
from countenance.audit import open_log
from countenance.cli.progress import install_progress
from countenance.cli.terms_at_start import accept_at_start
from countenance.errors import SetupError
from countenance.policy.register import PackRegister
from countenance.settings import Settings
from countenance.store import (
    Database,
    EmbeddedPostgres,
    KeyService,
    KeyStore,
    StoreUnavailable,
    Tombstones,
    directory_lock,
    migrate,
    require_same_keys,
)
from countenance.store.files import make_private_directory, write_private
from countenance.store.tombstones import find_copy, remember_copy
from countenance.store.unfinished import require_finished, require_restored
from countenance.terms import load_terms
from countenance.vision.install import InstalledPack, PackStore

PROFILE = "countenance"
OFFICER_PROFILE = "countenance-officer"
_SETUP_CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class Installation:
    """What the supervisor and the administrative commands work on."""

    settings: Settings
    database_url: str
    database: Database
    keys: KeyStore
    accounts: Accounts
    governance: Governance
    default_pack: InstalledPack


@contextmanager
def open_installation(settings: Settings) -> Iterator[Installation]:
    """Own the data directory until the context ends: lock, PostgreSQL, schema, keys, models.

    Raises:
        SetupError: anything that keeps a server from starting, with the remedy.
    """
    require_finished(settings.data_dir)
    default_pack = _require_default_pack(settings)
    with ExitStack() as stack:
        make_private_directory(settings.data_dir)
        database_url = settings.database_url
        if not database_url:
            embedded = stack.enter_context(EmbeddedPostgres(settings.data_dir))
            database_url = embedded.url
        else:
            stack.enter_context(directory_lock(settings.data_dir))
        database = stack.enter_context(Database(database_url, max_connections=_SETUP_CONNECTIONS))
        keys = _ready(database, settings)
        remember_copy(settings.data_dir, settings.tombstones)
        _write_tombstones(database, keys, settings)  # what a crash kept from the list
        for name in PackRegister(database, settings.data_dir / "packs").renew_shipped():
            click.echo(f"the rule pack `{name}` is another version now: recorded")
        yield Installation(
            settings,
            database_url,
            database,
            keys,
            Accounts(database, keys),
            Governance.open(database, keys, load_terms(settings.terms)),
            default_pack,
        )


@contextmanager
def open_accounts(settings: Settings, *, may_create: bool = False) -> Iterator[Accounts]:
    """The register of a data directory, beside the server that runs on it or without one."""
    with open_store(settings, may_create=may_create) as (database, keys):
        yield Accounts(database, keys)


@contextmanager
def open_store(settings: Settings, *, may_create: bool = False) -> Iterator[tuple[Database, KeyStore]]:
    """Database and keys of a data directory, beside the server that runs on it or without one.

    Raises:
        SetupError: there is no installation, and none is to be made: else a mistyped path would be
            answered out of a new, empty one.
    """
    require_finished(settings.data_dir)
    if not may_create and not KeyStore.is_there(settings.data_dir / "keys"):
        raise SetupError(
            f"there is no installation in `{settings.data_dir}`",
            remedy="give the --data-dir of a server, or start one with `countenance serve`",
        )
    with ExitStack() as stack:
        database_url = settings.database_url or EmbeddedPostgres.running_url(settings.data_dir)
        if not database_url:
            make_private_directory(settings.data_dir)
            database_url = stack.enter_context(EmbeddedPostgres(settings.data_dir)).url
        database = stack.enter_context(Database(database_url, max_connections=_SETUP_CONNECTIONS))
        keys = _ready(database, settings)
        try:
            yield database, keys
        finally:
            _write_tombstones(database, keys, settings)


def open_tombstones(database: Database, keys: KeyStore, settings: Settings) -> Tombstones:
    """The list of what was erased, in the places that the settings name."""
    copy = settings.tombstones or find_copy(settings.data_dir)
    return Tombstones(database, keys, data_dir=settings.data_dir, copy=copy)


def _write_tombstones(database: Database, keys: KeyStore, settings: Settings) -> None:
    try:
        open_tombstones(database, keys, settings).flush()
    except StoreUnavailable as error:
        if not isinstance(error.__cause__, OSError | SetupError):
            return  # the database went while we worked: it has noted what was erased, and its server moves it
        raise SetupError(
            str(error), remedy="see that both places of the list can be written to, then run it again"
        ) from error


def _ready(database: Database, settings: Settings) -> KeyStore:
    require_restored(database)
    migrate(database)
    keys = KeyStore.open(settings.data_dir / "keys", KeyService.from_settings(settings))
    require_same_keys(database, keys)
    open_log(database, keys, origin=settings.log_origin)
    return keys


def first_credentials(installation: Installation, *, endpoint: str) -> Path:
    """Write DATA_DIR/credentials, making the first account and its keys when there are none; its path.

    The file keeps its keys over restarts; the endpoint in it follows the server. The first key is for the
    purpose `development`, which the house gets with the first acceptance of the terms; the first officer's
    key is in a profile of its own, so that nobody decides with the key that programs use.
    """
    settings, accounts = installation.settings, installation.accounts
    path = settings.data_dir / "credentials"
    profiles = configparser.ConfigParser()
    profiles.read(path)
    if PROFILE not in profiles or accounts.find_credential(profiles[PROFILE]["aws_access_key_id"]) is None:
        house = installation.governance.officers.house()
        account_id = house or accounts.create_account("first").account_id
        key = accounts.create_access_key(account_id, operator="first", purpose=FIRST_PURPOSE)
        profiles[PROFILE] = {
            "aws_access_key_id": key.access_key_id,
            "aws_secret_access_key": key.secret,
        }
    credential = accounts.find_credential(profiles[PROFILE]["aws_access_key_id"])
    assert credential is not None, "the key was just found or made"
    accounts.bind_key(credential.access_key_id, FIRST_PURPOSE)
    accept_at_start(settings, installation.governance, credential.account_id)
    _add_officer(installation, profiles, credential.account_id)
    for name in (PROFILE, OFFICER_PROFILE):
        if name in profiles:
            profiles[name].update(region=settings.region, endpoint_url=endpoint)
    text = io.StringIO()
    profiles.write(text)
    write_private(path, text.getvalue().encode(), replace=True)
    return path


def _add_officer(installation: Installation, profiles: configparser.ConfigParser, account_id: str) -> None:
    """A key of the first officer's, as soon as there is one and the account is the house's."""
    accounts, officers = installation.accounts, installation.governance.officers
    known = OFFICER_PROFILE in profiles and accounts.find_credential(
        profiles[OFFICER_PROFILE]["aws_access_key_id"]
    )
    present = officers.list()
    if (known and not known.revoked) or not present or officers.house() != account_id:
        return
    first = min(present, key=lambda officer: officer.added_at)
    key = accounts.create_access_key(account_id, operator=first.name, officer=first.name)
    profiles[OFFICER_PROFILE] = {
        "aws_access_key_id": key.access_key_id,
        "aws_secret_access_key": key.secret,
    }


def _require_default_pack(settings: Settings) -> InstalledPack:
    """The pack for new collections, installed now if it has to be."""
    store = PackStore(settings.cache_dir, settings.models)
    with install_progress() as progress:
        return store.default_pack(settings.pack, progress=progress)
