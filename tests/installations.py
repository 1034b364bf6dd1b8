"""An installation without a server: a database, a data directory, a collection with faces in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from countenance.accounts import Accounts
from countenance.audit import open_log
from countenance.audit.sequencer import Sequencer
from countenance.audit.signed_head import SignedHead
from countenance.audit.signing import log_signers
from countenance.backup.envelope import load_identities, make_identity
from countenance.backup.making import Source, make_backup
from countenance.backup.manifest import Manifest
from countenance.backup.reading import BackupFile
from countenance.gallery import Collection, Gallery, StoredFace
from countenance.store import Database, KeyStore, Tombstones, UnitOfWork, migrate, require_same_keys
from countenance.transparency.note import Verifier
from fakes.faces import DIMENSIONS, new_face, unit


@dataclass
class Installed:
    """What a data directory and its database hold."""

    database: Database
    data_dir: Path
    keys: KeyStore
    account_id: str

    @property
    def tombstones(self) -> Tombstones:
        return Tombstones(self.database, self.keys, data_dir=self.data_dir)

    @property
    def gallery(self) -> Gallery:
        return Gallery(self.database, self.keys, tombstones=self.tombstones)

    @property
    def source(self) -> Source:
        return Source(self.database, self.keys, self.data_dir, self.tombstones)

    @property
    def list(self) -> Path:
        return self.data_dir / "tombstones"

    def make_collection(self, name: str) -> Collection:
        with UnitOfWork(self.database) as uow:
            made = self.gallery.create_collection(
                uow,
                account_id=self.account_id,
                name=name,
                region="us-east-1",
                face_model_version="1",
                dimensions=DIMENSIONS,
                tags={"of": name},
            )
            uow.commit()
        return made

    def enrol(self, collection: Collection, count: int) -> Sequence[StoredFace]:
        with UnitOfWork(self.database) as uow:
            stored = self.gallery.enrol(uow, collection, [new_face(unit([1, n])) for n in range(count)])
            uow.commit()
        return stored

    def change(self, work) -> None:
        """Do something in a unit of work, and commit it."""
        with UnitOfWork(self.database) as uow:
            work(uow)
            uow.commit()

    def sign_log(self) -> str:
        """Place what was recorded and sign; the checkpoint's note."""
        sequencer = Sequencer(
            self.database,
            lambda connection: log_signers(connection, self.keys),
            head=SignedHead(self.keys.directory),
        )
        while sequencer.integrate():
            pass
        sequencer.sign()
        sequencer.publish()
        (note,) = self.one("select note from audit_checkpoint order by size desc limit 1")
        return note

    def one(self, query: str, *parameters):
        with self.database.read() as connection:
            return connection.execute(query, parameters).fetchone()

    def all(self, query: str, *parameters):
        with self.database.read() as connection:
            return connection.execute(query, parameters).fetchall()


@contextmanager
def installed(url: str, data_dir: Path) -> Iterator[Installed]:
    """A new one on an empty database."""
    with Database(url, max_connections=12) as database:
        migrate(database)
        keys = KeyStore.open(data_dir / "keys")
        require_same_keys(database, keys)
        open_log(database, keys)
        account = Accounts(database, keys).create_account("Museum")
        yield Installed(database, data_dir, keys, account.account_id)


@contextmanager
def reopened(url: str, data_dir: Path) -> Iterator[Installed]:
    """One that was restored."""
    with Database(url, max_connections=12) as database:
        keys = KeyStore.open(data_dir / "keys")
        require_same_keys(database, keys)
        with database.read() as connection:
            (account_id,) = connection.execute("select account_id from account").fetchone()
        yield Installed(database, data_dir, keys, account_id)


@dataclass
class Kept:
    """A backup, and what opens it."""

    path: Path
    manifest: Manifest
    identity: Path

    @property
    def log_key(self) -> str:
        return self.manifest.log_keys[-1]

    @property
    def file(self) -> BackupFile:
        return BackupFile(self.path, load_identities(self.identity), [Verifier.parse(self.log_key)])


def back_up(installation: Installed, folder: Path, **given) -> Kept:
    """A backup in the folder, under a new identity."""
    folder.mkdir(exist_ok=True)
    identity = folder / "identity"
    recipient = load_identities_of(identity)
    manifest = make_backup(installation.source, folder / "a.backup", recipient, **given)
    return Kept(folder / "a.backup", manifest, identity)


def load_identities_of(identity: Path):
    """Recipients of the identity in that file, made if there is none."""
    if not identity.exists():
        make_identity(identity)
    return [each.to_public() for each in load_identities(identity)]
