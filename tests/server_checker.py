"""A server that was killed, looked at through its own door and past it."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress

from countenance.errors import SetupError
from countenance.gallery import Gallery
from countenance.similarity import Calibration
from countenance.store import Database, EmbeddedPostgres, KeyStore, StoreUnavailable
from countenance.transparency.merkle import leaf_hash
from countenance.transparency.receipt import parse_receipt
from killed_server import Caller
from mixed_writes import Kept, settle

PATIENCE_S = 90.0
_ANY = Calibration((0.0, 0.5, 1.0), (1.0, 4.0, 7.0), trials=1, extrapolated_from=1.0)


class Checker:
    """Holds what is there against what clients were told."""

    def __init__(self, killed):
        self._killed = killed
        self.writers = []
        self._caller = Caller(killed)
        self._abandoned = set()
        self.receipts = 0
        self.faces = 0

    def hang_up(self):
        self._caller.hang_up()

    def check(self):
        """Everything; what is wrong, in words."""
        with self.database() as database:
            self._await_quiet(database)
            wrong = [problem for writer in self.writers for problem in writer.wrong]
            wrong += self._check_collections(database)
            wrong += self._check_rows(database)
            wrong += self._check_receipts(database)
        return wrong

    def database(self):
        """Our own way in, once it has recovered."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with suppress(SetupError, StoreUnavailable):
                url = EmbeddedPostgres.running_url(self._killed.data_dir)
                if url is not None:
                    return Database(url, max_connections=2)
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def _await_quiet(self, database):
        """Until whatever was under way for the dead has ended: a commit goes on without who asked for it."""
        deadline = time.monotonic() + PATIENCE_S
        ours = None
        while True:
            with suppress(StoreUnavailable), database.read() as connection:
                ours = ours or connection.execute("select pg_current_xact_id()::text").fetchone()[0]
                ended = "select pg_snapshot_xmin(pg_current_snapshot()) > %s::xid8"
                if connection.execute(ended, (ours,)).fetchone()[0]:
                    return
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def ask(self, operation, **request):
        """The answer, whoever dies or recovers meanwhile: to read once more does no harm."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            answer = self._caller.call(operation, request)
            if (
                answer is not None
                and answer.status < 500
                and answer.body.get("__type") != "ThrottlingException"
            ):
                return answer
            assert time.monotonic() < deadline, (operation, answer)
            time.sleep(0.1)

    def _check_collections(self, database):
        names = {held.name for writer in self.writers for held in writer.held.values()}
        wrong, doubted = [], 0
        for name in sorted(names):
            held = [writer.held[name] for writer in self.writers if name in writer.held]
            doubted += sum(doubt.operation.endswith("Collection") for each in held for doubt in each.doubts)
            kept, collection = self._rows(database, name)
            for each in held:
                wrong += settle(each, kept)
            wrong += self._check_door(database, name, kept, collection)
            known = {face for each in held for face in each.faces}
            wrong += [f"{name}: face {face} is nobody's" for face in set(kept.faces if kept else ()) - known]
        return wrong + self._check_keys(database, doubted)

    def _rows(self, database, name):
        """A collection as its rows have it, and its id."""
        with database.transaction() as connection:
            connection.execute("set transaction isolation level repeatable read, read only")
            row = connection.execute(
                "select collection_id from collection where name = %s", (name,)
            ).fetchone()
            if row is None:
                return None, None
            faces = connection.execute(
                "select face_id::text, external_image_id, user_id from face where collection_id = %s", row
            ).fetchall()
            users = connection.execute("select user_id from subject where collection_id = %s", row).fetchall()
        return Kept({face: rest for face, *rest in faces}, {user for (user,) in users}), row[0]

    def _check_door(self, database, name, kept, collection):
        """The server's lists, counts and searches, and those of a process that has just begun."""
        described = self.ask("DescribeCollection", CollectionId=name)
        if kept is None:
            return [] if described.status == 400 else [f"{name}: deleted, and described as {described.body}"]
        self.faces = max(self.faces, len(kept.faces))
        counts = described.body.get("FaceCount"), described.body.get("UserCount")
        wrong = [] if counts == (len(kept.faces), len(kept.users)) else [f"{name}: counted as {counts}"]
        listed = {
            face["FaceId"]: [face.get("ExternalImageId"), face.get("UserId")]
            for face in self.ask("ListFaces", CollectionId=name, MaxResults=4096).body["Faces"]
        }
        wrong += [] if listed == kept.faces else [f"{name}: ListFaces tells otherwise"]
        users = self.ask("ListUsers", CollectionId=name, MaxResults=500).body["Users"]
        wrong += (
            [] if {user["UserId"] for user in users} == kept.users else [f"{name}: ListUsers tells otherwise"]
        )
        if not kept.faces:
            return wrong
        probe = min(kept.faces)
        everything = {"CollectionId": name, "FaceId": probe}
        found = self.ask("SearchFaces", **everything, FaceMatchThreshold=0, MaxFaces=4096).body["FaceMatches"]
        matched = self.ask("SearchUsers", **everything, UserMatchThreshold=0, MaxUsers=500).body[
            "UserMatches"
        ]
        if {match["Face"]["FaceId"] for match in found} != set(kept.faces) - {probe}:
            wrong.append(f"{name}: SearchFaces tells otherwise")
        if {match["User"]["UserId"] for match in matched} != {user for _, user in kept.faces.values()} - {
            None
        }:
            wrong.append(f"{name}: SearchUsers tells otherwise")
        return wrong + self._check_anew(database, name, probe, kept)

    def _check_anew(self, database, name, probe, kept):
        """Every sealed row opens, with the keys that are there."""
        gallery = Gallery(database, KeyStore.open(self._killed.data_dir / "keys"))
        collection = gallery.require_collection(self.account(database), self._killed.running.region, name)
        found = gallery.search_by_face(
            collection, uuid.UUID(probe), calibration=_ANY, threshold=0.0, limit=4096
        )
        seen = {str(candidate.face.face_id) for candidate in found}
        return [] if seen == set(kept.faces) - {probe} else [f"{name}: read anew it tells otherwise"]

    def account(self, database):
        with database.read() as connection:
            return connection.execute(
                "select account_id from access_key where access_key_id = %s",
                (self._killed.running.access_key_id,),
            ).fetchone()[0]

    def _check_keys(self, database, doubted):
        """Keys that belong to no collection: of those at most whose making or deletion nobody confirmed."""
        keys = KeyStore.open(self._killed.data_dir / "keys")
        with database.read() as connection:
            known = {row[0] for row in connection.execute("select collection_id from collection").fetchall()}
        abandoned = set(keys.abandoned(known, older_than_s=-1.0))
        new, self._abandoned = abandoned - self._abandoned, abandoned
        return (
            [] if len(new) <= doubted else [f"{len(new)} deleted collections have keys, {doubted} in doubt"]
        )

    def _check_rows(self, database):
        """What belongs together was written together."""
        with database.read() as connection:
            counts = connection.execute(
                """
                select
                    (select count(*) from face as f where not exists (
                        select 1 from gallery_change as g
                        where g.collection_id = f.collection_id and g.face_id = f.face_id
                            and g.kind = 'enrolled')),
                    (select count(*) from face as f join gallery_change as g using (collection_id, face_id)
                     where g.kind = 'deleted'),
                    (select count(*) from collection where not exists (
                        select 1 from charter where charter.collection_id = collection.collection_id))
                """
            ).fetchone()
        told = (
            "faces without the change that enrolled them",
            "deleted faces with a row",
            "collections without a charter",
        )
        return [f"{count} {what}" for count, what in zip(counts, told, strict=True) if count]

    def _check_receipts(self, database):
        """Every acknowledged call is in the log, or durable and on its way into it, as it was promised."""
        promised = {}
        for writer in self.writers:
            for text in writer.receipts:
                receipt = parse_receipt(text)[0]
                promised[receipt.event_id] = receipt.leaf_hash
            writer.receipts = []
        with database.read() as connection:
            rows = connection.execute(
                "select event_id, entry from audit_event where event_id = any(%(ids)s)"
                " union all select event_id, entry from audit_entry where event_id = any(%(ids)s)",
                {"ids": list(promised)},
            ).fetchall()
        self.receipts += len(promised)
        found = {event: leaf_hash(bytes(entry)) for event, entry in rows}
        wrong = [
            f"event {event} has no entry as promised"
            for event in promised
            if found.get(event) != promised[event]
        ]
        return wrong if len(rows) == len(found) else [*wrong, "an event stands in the log twice"]
