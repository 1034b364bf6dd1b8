"""The gallery: every collection of every account, what is enrolled in it, and how that changes.

Over 300 lines because the contract of every method stands here, in one place; the work is done beside:
catalog (collections, tags), faces, subjects, and searching.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from countenance.errors import (
    ConflictException,
)
from countenance.facts import Charter
from countenance.gallery import beside, catalog, charters, held, imports, one_to_one, rejections, subjects
from countenance.gallery import faces as face_rows
from countenance.gallery.activity import Activity
from countenance.gallery.basis import FIRST, MODELS_OWN
from countenance.gallery.changing import QUERIES, change, hold, hold_model, no_such_collection, switched
from countenance.gallery.charters import Chartered
from countenance.gallery.finality import Finality
from countenance.gallery.memory_broker import Memories
from countenance.gallery.quota import Quota
from countenance.gallery.ranking import Found, Question
from countenance.gallery.reading import open_seal
from countenance.gallery.records import (
    Associated,
    Beside,
    Collection,
    Deleted,
    Description,
    NewFace,
    Ranked,
    Rejection,
    StoredFace,
    Subject,
)
from countenance.gallery.reembeddings import Reembeddings
from countenance.gallery.rejections import Target
from countenance.gallery.residency import Residency
from countenance.gallery.resident import ResidentGallery
from countenance.gallery.scan import Accelerator
from countenance.gallery.seal import TemplateSeal
from countenance.gallery.searching import Sampled, Searches
from countenance.gallery.shadow_templates import ShadowTemplates
from countenance.gallery.two_models import read_models
from countenance.gallery.vaults import Vaults
from countenance.similarity import Calibration
from countenance.store import Connection, Database, KeyStore, Tombstones, UnitOfWork
from countenance.types import AccountId, FaceId, Similarity, Template, UserId

FACE_QUOTA = 20_000_000
USER_QUOTA = 10_000_000


class Gallery(Searches):
    """One process's door to the galleries in the database.

    Thread-safe. Writes take the unit of work and are part of its transaction: visible to every
    search of every process once it commits, gone when it rolls back; whoever called must roll
    back when a method raises. Reads take a connection of their own: do not read while a unit of
    work of the same thread is open, it would hold two connections.

    Attributes:
        finality: what makes deletions final.
        reembeddings: what changes the model of a collection.
        shadow_templates: its templates of the other model.
        vaults: pictures of enrolled faces, of collections that keep them.

    Errors: domain errors (`countenance.errors.ServiceError`) as each method says, and
    `StoreUnavailable`. A collection that was deleted since `require_collection` answered it gives
    ResourceNotFoundException from every method.
    """

    def __init__(
        self,
        database: Database,
        keys: KeyStore,
        *,
        max_resident_bytes: int = 4 << 30,
        face_quota: int = FACE_QUOTA,
        user_quota: int = USER_QUOTA,
        memories: Memories | None = None,
        activity: Activity | None = None,
        tombstones: Tombstones | None = None,
        accelerator: Accelerator | None = None,
        sampled: Sampled | None = None,
    ) -> None:
        """
        Args:
            max_resident_bytes: what copies of collections may take of memory.
            memories: where they lie; None for memory of this process alone.
            activity: where searches are counted.
            tombstones: where what is erased is written down before the unit of work's commit returns; None
                leaves it to the next process that writes there.
            accelerator: for searches over large collections; None for none.
            sampled: told cosines of each search over faces with some drawn at random; None: none are drawn.
        """
        residency = Residency(
            database,
            keys,
            max_bytes=max_resident_bytes,
            memories=memories,
            activity=activity,
            accelerator=accelerator,
        )
        super().__init__(database, residency, sampled=sampled)
        self._keys = keys
        self._tombstones = tombstones
        self.finality = Finality(database, keys)
        self.reembeddings = Reembeddings(database)
        self.shadow_templates = ShadowTemplates(database, keys)
        self.vaults = Vaults(database, keys)
        self._faces_quota = Quota(face_quota, noun="faces", query="count_faces", lock=1)
        self._users_quota = Quota(user_quota, noun="users", query="count_subjects", lock=2)

    # Collections

    def create_collection(
        self,
        uow: UnitOfWork,
        *,
        account_id: AccountId,
        name: str,
        region: str,
        face_model_version: str,
        dimensions: int,
        tags: Mapping[str, str],
        charter: Charter | None = None,
        has_own_basis: bool = False,
    ) -> Collection:
        """A new, empty collection with a key of its own. Without a charter policy lets nobody use it.

        Args:
            has_own_basis: its templates are kept in a basis of its own (docs/adr/0023).

        Raises:
            ResourceAlreadyExistsException: the account has a collection of that name in the region.
            ServiceQuotaExceededException: more than 50 tags.
        """

        def work(connection: Connection) -> Collection:
            collection = catalog.insert_collection(
                connection,
                account_id=account_id,
                name=name,
                region=region,
                face_model_version=face_model_version,
                dimensions=dimensions,
                basis=FIRST if has_own_basis else MODELS_OWN,
            )
            if charter is not None:
                charters.insert_charter(connection, collection, charter)
            if tags:
                catalog.put_tags(connection, collection, tags)
            return collection

        collection = change(uow, work)
        # Durable before the row is: a row without its key would be a collection that nobody can use.
        self._keys.create_collection_key(collection.collection_id)
        self._keys.create_template_key(collection.collection_id, 1)
        if has_own_basis:
            self._keys.create_basis(collection.collection_id, FIRST)
        return collection

    def require_collection(self, account_id: AccountId, region: str, name: str) -> Collection:
        """The account's collection of that name.

        Raises:
            ResourceNotFoundException: it has none; another account's is as if it were not there.
        """
        with self._database.read() as connection:
            found = catalog.find_collection(connection, account_id, region, name)
        if found is None:
            raise no_such_collection(name)
        return found

    def find_named(self, region: str, name: str) -> list[Collection]:
        """Collections of that name, whatever account's: for whoever keeps the server."""
        with self._database.read() as connection:
            return catalog.find_named(connection, region, name)

    def list_collections(
        self, account_id: AccountId, region: str, *, limit: int, after: str | None = None
    ) -> list[Collection]:
        """At most `limit` collections by name (byte order), those behind the name `after`."""
        with self._database.read() as connection:
            return catalog.list_collections(connection, account_id, region, limit=limit, after=after or "")

    def describe(self, collection: Collection) -> Description:
        """Counts of faces and users."""
        with self._database.read() as connection:
            return catalog.describe(connection, collection)

    # Charters

    def find_chartered(
        self, connection: Connection, account_id: str, region: str, name: str, *, counted: bool
    ) -> Chartered | None:
        """A collection as policy sees it; `counted`: with the number of its faces, if its cap is small."""
        return charters.find_chartered(connection, account_id, region, name, counted=counted)

    def count_faces(self, connection: Connection, collection_id: UUID, *, up_to: int) -> int:
        """How many faces the collection has, counted no further than `up_to`."""
        return charters.count_faces(connection, collection_id, up_to=up_to)

    def charter(self, collection: Collection) -> Charter | None:
        """What the collection is for; None for nothing."""
        with self._database.read() as connection:
            return charters.find_charter(connection, collection)

    def narrow_charter(self, uow: UnitOfWork, collection: Collection, charter: Charter) -> None:
        """Put a charter that allows no more than the one that is there.

        Raises:
            InvalidParameterException: it would allow more.
        """
        change(uow, lambda connection: charters.narrow(connection, collection, charter))

    def delete_collection(self, uow: UnitOfWork, collection: Collection) -> None:
        """Delete it with all that it holds; its key is destroyed once the unit of work has committed.

        Raises:
            AccessDeniedException: some of its faces are under a legal hold.
        """
        change(uow, lambda connection: catalog.delete_collection(connection, collection))
        uow.after_commit(lambda: self._forget(collection))
        self._write_down(uow)

    # Tags

    def tags(self, collection: Collection) -> dict[str, str]:
        """The collection's tags, by key."""
        with self._database.read() as connection:
            return catalog.list_tags(connection, collection)

    def put_tags(self, uow: UnitOfWork, collection: Collection, tags: Mapping[str, str]) -> None:
        """Add or replace tags.

        Raises:
            ServiceQuotaExceededException: the collection would have more than 50.
        """
        change(uow, lambda connection: catalog.put_tags(connection, collection, tags))

    def remove_tags(self, uow: UnitOfWork, collection: Collection, keys: Sequence[str]) -> None:
        """Remove tags; absent keys are no error."""
        change(uow, lambda connection: catalog.remove_tags(connection, collection, keys))

    # Faces

    def enrol(self, uow: UnitOfWork, collection: Collection, faces: Sequence[NewFace]) -> list[StoredFace]:
        """Store faces; the answer has one entry for each, in the order given.

        Templates of another model, and pictures, are kept of new ones as far as `beside` says.

        A face that is stored already (same image, external image id and box) is not stored again:
        its entry is the one stored first, with that FaceId.

        Raises:
            AccessDeniedException: the collection would have more faces than its charter allows.
            ThrottlingException: it was given another model since `collection` was read.
            ServiceQuotaExceededException: the collection would have more than 20,000,000 faces.
        """

        def work(connection: Connection) -> list[StoredFace]:
            sealing, cap = hold_model(connection, collection)
            seal = open_seal(connection, collection, self._keys, sealing)
            near_quota = self._faces_quota.begin(connection, collection, limit=cap)
            stored = face_rows.enrol(connection, collection, seal, faces)
            self._keep_beside(connection, collection, faces, stored)
            if near_quota:
                self._faces_quota.require(connection, collection, limit=cap)
            return stored

        return change(uow, work)

    def beside(self, collection: Collection) -> Beside:
        """What is wanted of new faces beside their templates, as of now.

        Raises:
            ThrottlingException: the collection was given another model since: a template of the one that it
                had would be the second one, and the call has no first.
        """
        with self._database.read() as connection:
            models = read_models(connection, collection)
        if models.in_use.version != collection.face_model_version:
            raise switched(collection.name)
        wanted = models.wanted
        return Beside(None if wanted is None else wanted.version, models.kept_days is not None)

    def _keep_beside(
        self,
        connection: Connection,
        collection: Collection,
        faces: Sequence[NewFace],
        stored: Sequence[StoredFace],
    ) -> None:
        there = {face.face_id for face in stored}  # one that was stored before has the FaceId of then
        new = [face for face in faces if face.face_id in there and (face.shadow or face.crop)]
        if new:
            beside.keep(connection, read_models(connection, collection), self._keys, new)

    def list_faces(
        self,
        collection: Collection,
        *,
        user_id: UserId | None = None,
        face_ids: Sequence[FaceId] | None = None,
        limit: int,
        after: FaceId | None = None,
    ) -> list[StoredFace]:
        """At most `limit` faces by FaceId, those behind `after`.

        Only those of `user_id` and among `face_ids`, where given; unknown ones are no error.
        """
        with self._database.read() as connection:
            return face_rows.list_faces(
                connection, collection, user_id=user_id, face_ids=face_ids, limit=limit, after=after
            )

    def delete_faces(self, uow: UnitOfWork, collection: Collection, face_ids: Sequence[FaceId]) -> Deleted:
        """Delete faces, but those of a user (ASSOCIATED_TO_AN_EXISTING_USER); unknown: FACE_NOT_FOUND.

        Raises:
            AccessDeniedException: one is under a legal hold; none was deleted.
        """

        def work(connection: Connection) -> Deleted:
            hold(connection, collection)
            return face_rows.delete_faces(connection, collection, face_ids)

        self._write_down(uow)
        return change(uow, work)

    def erase_faces(
        self, uow: UnitOfWork, collection: Collection, face_ids: Sequence[FaceId]
    ) -> list[FaceId]:
        """Delete faces, those of users as well: for the people whose faces they are. Which were there.

        Those under a legal hold are passed over (`find_held`).
        """

        def work(connection: Connection) -> list[FaceId]:
            hold(connection, collection)
            return face_rows.erase_faces(connection, collection, face_ids)

        self._write_down(uow)
        return change(uow, work)

    def find_held(self, uow: UnitOfWork, collection: Collection, face_ids: Sequence[FaceId]) -> list[FaceId]:
        """Those of them that are under a legal hold."""
        return change(uow, lambda connection: held.find_held(connection, collection, face_ids))

    def list_expiring(self) -> list[Collection]:
        """Collections with faces that are older than their charters allow."""
        with self._database.read() as connection:
            return charters.list_expiring(connection)

    def expire_faces(self, uow: UnitOfWork, collection: Collection, *, limit: int = 1000) -> list[FaceId]:
        """Delete at most `limit` faces that are older than the collection's charter allows; which."""

        def work(connection: Connection) -> list[FaceId]:
            hold(connection, collection)
            expired = charters.list_expired_faces(connection, collection, limit=limit)
            return face_rows.erase_faces(connection, collection, expired)

        self._write_down(uow)
        return change(uow, work)

    # Imports

    def import_face(
        self,
        uow: UnitOfWork,
        collection: Collection,
        face: NewFace,
        *,
        bounds: Callable[[int], imports.Bounds],
        is_trial: bool,
    ) -> imports.Judged:
        """Judge a face that an import brings, and enrol it with its user unless something is against it.

        The same call again is answered alike: what its origin has enrolled is enrolled, and no duplicate.

        Args:
            bounds: by what it is judged, for a search over so many faces.
            is_trial: judge only, and change nothing.

        Raises:
            AccessDeniedException, ServiceQuotaExceededException: as `enrol` and `create_user`.
            InvalidParameterException: the import has been taken back.
            ThrottlingException: the same faces kept changing under the call.
        """
        with self._database.read() as connection:
            row = connection.execute(QUERIES["read_present_moment"]).fetchone()
            assert row is not None
        over: list[imports.Bounds] = []

        def look(gallery: ResidentGallery) -> Ranked[Found]:
            over[:] = [bounds(gallery.face_count)]
            question = Question(over[0].calibration, over[0].look_alike, imports.MOST_RIVALS)
            return gallery.search(
                gallery.turned(face.template), question, apart_from=gallery.others_than_user(face.user_id)
            )

        rivals = self._candidates(collection, look)
        found = [each.face.face_id for each in rivals]

        def work(connection: Connection) -> imports.Judged:
            if not is_trial:
                imports.take_turns(connection, collection)
            sealing, cap = hold_model(connection, collection)
            if not is_trial:
                imports.require_not_undone(connection, collection, face)
            seal = open_seal(connection, collection, self._keys, sealing)
            judged = imports.judge(
                connection, collection, seal, face, found=found, since=row[0], bounds=over[0]
            )
            judged = replace(judged, rejected=judged.rejected + rivals.rejected)
            if is_trial:
                return judged
            return self._enrol_imported(connection, collection, seal, face, judged, cap=cap)

        if not is_trial:
            return change(uow, work)
        with UnitOfWork(self._database) as alone:
            return change(alone, work)

    def _enrol_imported(
        self,
        connection: Connection,
        collection: Collection,
        seal: TemplateSeal,
        face: NewFace,
        judged: imports.Judged,
        *,
        cap: int | None,
    ) -> imports.Judged:
        near_quota = self._faces_quota.begin(connection, collection, limit=cap)
        near_users = self._users_quota.begin(connection, collection)
        done = imports.enrol(connection, collection, seal, face, judged)
        self._keep_beside(connection, collection, [face], [done.face] if done.face else [])
        if near_quota:
            self._faces_quota.require(connection, collection, limit=cap)
        if near_users:
            self._users_quota.require(connection, collection)
        return done

    def undo_import(self, uow: UnitOfWork, collection: Collection, import_id: UUID) -> imports.Undone:
        """Delete up to a thousand of the faces that an import enrolled, those of users as well; when there
        are none, users that it made and that have no face.
        """

        def work(connection: Connection) -> imports.Undone:
            imports.take_turns(connection, collection)
            hold(connection, collection)
            return imports.undo(connection, collection, import_id)

        self._write_down(uow)
        return change(uow, work)

    # One to one

    def template_of(self, collection: Collection, face_id: FaceId) -> Template:
        """An enrolled face's template as the collection's model makes it, (D,) float32 of unit length.

        Raises: as `compare_with_face`.
        """
        with self._database.read() as connection:
            return one_to_one.template_of(connection, collection, self._keys, face_id)

    def compare_with_face(
        self, collection: Collection, face_id: FaceId, probe: Template, *, calibration: Calibration
    ) -> Similarity:
        """How similar a face is to an enrolled one, as of one moment. No search.

        Raises:
            InvalidParameterException: `faceId was not found in the collection`.
            InternalServerError: its template is damaged.
            ThrottlingException: the collection was just given another model.
        """
        with self._database.read() as connection:
            return one_to_one.compare_with_face(
                connection, collection, self._keys, face_id, probe, calibration=calibration
            )

    def compare_with_user(
        self, collection: Collection, user_id: UserId, probe: Template, *, calibration: Calibration
    ) -> Similarity:
        """How similar a face is to a user's template, the unit mean of its faces', as of one moment.

        Raises:
            ResourceNotFoundException: no such user.
            InvalidParameterException: the user has no faces.
            InternalServerError, ThrottlingException: as `compare_with_face`.
        """
        with self._database.read() as connection:
            return one_to_one.compare_with_user(
                connection, collection, self._keys, user_id, probe, calibration=calibration
            )

    # Users (subjects)

    def create_user(self, uow: UnitOfWork, collection: Collection, user_id: UserId) -> None:
        """A new user without faces (CREATED).

        Raises:
            ConflictException: the collection has a user of that id.
            ServiceQuotaExceededException: more than 10,000,000 users.
        """

        def work(connection: Connection) -> None:
            hold(connection, collection)
            near_quota = self._users_quota.begin(connection, collection)
            subjects.create_user(connection, collection, user_id)
            if near_quota:
                self._users_quota.require(connection, collection)

        change(uow, work)

    def delete_user(self, uow: UnitOfWork, collection: Collection, user_id: UserId) -> None:
        """Delete a user; its faces stay, associated with nobody.

        Raises:
            ResourceNotFoundException: no such user.
        """

        def work(connection: Connection) -> None:
            hold(connection, collection)
            subjects.delete_user(connection, collection, user_id)

        self._write_down(uow)
        change(uow, work, busy=ConflictException)

    def claim_user(self, uow: UnitOfWork, collection: Collection, user_id: UserId) -> bool:
        """Hold a user alone until the transaction ends: it gets and loses no face. Whether it is there.

        Raises:
            ResourceNotFoundException: the collection was deleted.
        """

        def work(connection: Connection) -> bool:
            hold(connection, collection)
            return subjects.claim_user(connection, collection, user_id)

        return change(uow, work, busy=ConflictException)

    def list_users(self, collection: Collection, *, limit: int, after: UserId | None = None) -> list[Subject]:
        """At most `limit` users by id (byte order), those behind `after`."""
        with self._database.read() as connection:
            return subjects.list_users(connection, collection, limit=limit, after=after)

    def associate(
        self,
        uow: UnitOfWork,
        collection: Collection,
        user_id: UserId,
        face_ids: Sequence[FaceId],
        *,
        calibration: Calibration,
        threshold: Similarity,
    ) -> Associated:
        """Give faces to a user.

        A face must be as similar as `threshold` to the user's template as it was before the call;
        the first faces of a user without any are not checked. One that was rejected for the user, or for
        a face of the user or of this call, is refused however similar (LOW_MATCH_CONFIDENCE).

        Raises:
            ResourceNotFoundException: no such user.
            ServiceQuotaExceededException: the user would have more than 100 faces.
            ConflictException: the same faces or user kept changing under the call.
        """

        def work(connection: Connection) -> Associated:
            seal = open_seal(connection, collection, self._keys, hold_model(connection, collection).sealing)
            return subjects.associate(
                connection,
                collection,
                seal,
                user_id,
                face_ids,
                calibration=calibration,
                threshold=threshold,
            )

        return change(uow, work, busy=ConflictException)

    def disassociate(
        self, uow: UnitOfWork, collection: Collection, user_id: UserId, face_ids: Sequence[FaceId]
    ) -> Associated:
        """Take faces from a user; without faces the user is CREATED again. Raises as `associate`."""

        def work(connection: Connection) -> Associated:
            hold(connection, collection)
            return subjects.disassociate(connection, collection, user_id, face_ids)

        return change(uow, work, busy=ConflictException)

    # Rejections

    def reject(
        self,
        uow: UnitOfWork,
        collection: Collection,
        face_id: FaceId,
        target: Target,
        *,
        rejected_by: str,
        reason: str | None = None,
    ) -> Rejection:
        """Note that the person of a face is not the target; searches heed it once the unit of work commits.

        One that stands already, of two faces whichever was named first, is answered as it stands.

        Raises:
            ConflictException: the face is the user's, or both faces are one user's.
            InvalidParameterException: it is one face.
            ResourceNotFoundException: no such face or user.
            ServiceQuotaExceededException: more than 100 of a face, or too many for the collection.
        """

        def work(connection: Connection) -> Rejection:
            # One at a time: of two that are the last to fit, one does.
            hold(connection, collection, how="lock_collection")
            return rejections.reject(
                connection, collection, face_id, target, rejected_by=rejected_by, reason=reason
            )

        return change(uow, work, busy=ConflictException)

    def withdraw_rejection(
        self, uow: UnitOfWork, collection: Collection, face_id: FaceId, target: Target
    ) -> Rejection:
        """Take one back; what stood.

        Raises:
            ResourceNotFoundException: there is none.
        """

        def work(connection: Connection) -> Rejection:
            hold(connection, collection, how="lock_collection")
            return rejections.withdraw(connection, collection, face_id, target)

        return change(uow, work, busy=ConflictException)

    def list_rejections(
        self,
        collection: Collection,
        *,
        face_id: FaceId | None = None,
        user_id: UserId | None = None,
        limit: int,
        after: int = 0,
    ) -> list[Rejection]:
        """At most `limit` in the order in which they were made, those behind `after` (`ordinal`).

        Only those that name `face_id`, and that name `user_id` or a face of that user, where given.
        """
        with self._database.read() as connection:
            return rejections.list_rejections(
                connection, collection, face_id=face_id, user_id=user_id, limit=limit, after=after
            )

    def write_down(self, uow: UnitOfWork) -> None:
        """Have what people take back in this unit of work stand on the list of what was erased, as its
        commit returns.
        """
        self._write_down(uow)

    def _write_down(self, uow: UnitOfWork) -> None:
        """No caller is told of an erasure that a restored backup could bring back."""
        if self._tombstones is not None:
            uow.after_commit(self._tombstones.write)

    def _forget(self, collection: Collection) -> None:
        self._residency.give_up(collection.collection_id)
        self._faces_quota.forget(collection.collection_id)
        self._users_quota.forget(collection.collection_id)
        self._keys.destroy_collection_key(collection.collection_id)
