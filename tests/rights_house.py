"""An installation where people are enrolled who ask for what is theirs: no server, a real database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from countenance.accounts import Accounts, Actor
from countenance.audit import open_log
from countenance.gallery import Gallery
from countenance.rights import Rights
from countenance.store import Database, KeyStore, Tombstones, UnitOfWork, migrate
from fakes.faces import CALIBRATION, DIMENSIONS, new_face, unit


class RightsHouse:
    """The collection `staff` with faces in it."""

    def __init__(self, database: Database, keys: KeyStore, data_dir, *, faces: int) -> None:
        self.database, self.keys = database, keys
        self.tombstones = Tombstones(database, keys, data_dir=data_dir)
        self.gallery = Gallery(database, keys, tombstones=self.tombstones)
        self.rights = Rights.open(database, keys, self.gallery)
        self.account = Accounts(database, keys).create_account("house").account_id
        with UnitOfWork(database) as uow:
            self.staff = self.gallery.create_collection(
                uow, account_id=self.account, name="staff", region="us-east-1",
                face_model_version="1", dimensions=DIMENSIONS, tags={},
            )  # fmt: skip
            uow.commit()
        self.faces = [self.enrol(position) for position in range(faces)]

    def enrol(self, position: int):
        with UnitOfWork(self.database) as uow:
            [face] = self.gallery.enrol(uow, self.staff, [new_face(unit([0] * position + [1]))])
            uow.commit()
        return face.face_id

    def give(self, user_id, *faces):
        """To a user, who is made unless there is one."""
        with UnitOfWork(self.database) as uow:
            if not self.gallery.list_users(self.staff, limit=10):
                self.gallery.create_user(uow, self.staff, user_id)
            self.gallery.associate(uow, self.staff, user_id, faces, calibration=CALIBRATION, threshold=0.0)
            uow.commit()

    def asked(self, kind, *faces, user_id=None):
        """A request of somebody whom the operator knows."""
        return self.rights.requests.open_by_operator(
            self.staff, kind, face_ids=faces, user_id=user_id,
            attestation="seen", opened_by="Olga", actor=Actor("Olga"),
        )  # fmt: skip

    def identified(self, *faces):
        """Somebody who shows a code for these."""
        code = self.rights.codes.issue(self.staff, face_ids=faces, issued_by="Olga", actor=Actor("Olga"))
        return self.rights.codes.identify(code, place="a test")

    def grant(self, request, *, before_commit=lambda: None, after_commit=None, commits=True, **more):
        """As DecideSubjectRequest does, with a chance to stop in between."""
        with UnitOfWork(self.database) as uow:
            if after_commit is not None:
                uow.after_commit(after_commit)
            decided, _ = self.rights.requests.decide(
                uow, request, "grant", reason="as asked", decided_by="Olga",
                actor=Actor("Olga", uow.connection), **more,
            )  # fmt: skip
            before_commit()
            if commits:
                uow.commit()
        return decided

    def look(self, *, behind=None):
        """At the first face, as IndexFaces does: OBJ-001 where its person has objected."""
        self.rights.objections.require_none(
            self.account, "1", unit([1])[None], calibration=lambda: CALIBRATION, behind=behind
        )

    def there(self):
        return {face.face_id for face in self.gallery.list_faces(self.staff, limit=100)}


@contextmanager
def rights_house(url: str, keys: KeyStore, data_dir, *, faces: int = 2) -> Iterator[RightsHouse]:
    """On an empty database."""
    with Database(url, max_connections=12) as database:
        migrate(database)
        open_log(database, keys)
        yield RightsHouse(database, keys, data_dir, faces=faces)
