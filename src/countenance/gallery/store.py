"""The gallery: every collection of every account, what is enrolled in it, and the search over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from countenance.gallery.records import (
    Associated,
    Candidate,
    Collection,
    Deleted,
    Description,
    NewFace,
    StoredFace,
    Subject,
    UserCandidate,
)
from countenance.similarity import Calibration
from countenance.store import Database, KeyStore, UnitOfWork
from countenance.types import AccountId, FaceId, Similarity, Template, UserId


class Gallery:
    """One process's door to the galleries in the database.

    Thread-safe. Writes take the unit of work and are part of its transaction: visible to every
    search of every process once it commits, gone when it rolls back; whoever called must roll
    back when a method raises. Reads take a connection of their own: do not read while a unit of
    work of the same thread is open, it would hold two connections.

    Errors: domain errors (`countenance.errors.ServiceError`) as each method says, and
    `StoreUnavailable`. A collection that was deleted since `require_collection` answered it gives
    ResourceNotFoundException from every method.
    """

    def __init__(self, database: Database, keys: KeyStore, *, max_resident_bytes: int = 4 << 30) -> None:
        raise NotImplementedError

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
    ) -> Collection:
        """A new, empty collection with a key of its own.

        Raises:
            ResourceAlreadyExistsException: the account has a collection of that name in the region.
            ServiceQuotaExceededException: more than 50 tags.
        """
        raise NotImplementedError

    def require_collection(self, account_id: AccountId, region: str, name: str) -> Collection:
        """The account's collection of that name.

        Raises:
            ResourceNotFoundException: it has none; another account's is as if it were not there.
        """
        raise NotImplementedError

    def list_collections(
        self, account_id: AccountId, region: str, *, limit: int, after: str | None = None
    ) -> list[Collection]:
        """At most `limit` collections by name (byte order), those behind the name `after`."""
        raise NotImplementedError

    def describe(self, collection: Collection) -> Description:
        """Counts of faces and users."""
        raise NotImplementedError

    def delete_collection(self, uow: UnitOfWork, collection: Collection) -> None:
        """Delete it with all that it holds; its key is destroyed once the unit of work has committed."""
        raise NotImplementedError

    # Tags

    def tags(self, collection: Collection) -> dict[str, str]:
        """The collection's tags, by key."""
        raise NotImplementedError

    def put_tags(self, uow: UnitOfWork, collection: Collection, tags: Mapping[str, str]) -> None:
        """Add or replace tags.

        Raises:
            ServiceQuotaExceededException: the collection would have more than 50.
        """
        raise NotImplementedError

    def remove_tags(self, uow: UnitOfWork, collection: Collection, keys: Sequence[str]) -> None:
        """Remove tags; absent keys are no error."""
        raise NotImplementedError

    # Faces

    def enrol(self, uow: UnitOfWork, collection: Collection, faces: Sequence[NewFace]) -> list[StoredFace]:
        """Store faces; the answer has one entry for each, in the order given.

        A face that is stored already (same image, external image id and box) is not stored again:
        its entry is the one stored first, with that FaceId.

        Raises:
            ServiceQuotaExceededException: the collection would have more than 20,000,000 faces.
        """
        raise NotImplementedError

    def list_faces(
        self,
        collection: Collection,
        *,
        user_id: UserId | None = None,
        face_ids: Sequence[FaceId] | None = None,
        limit: int,
        after: FaceId | None = None,
    ) -> list[StoredFace]:
        """At most `limit` faces by FaceId, those behind `after`; of `user_id` and among `face_ids`, if given."""
        raise NotImplementedError

    def delete_faces(self, uow: UnitOfWork, collection: Collection, face_ids: Sequence[FaceId]) -> Deleted:
        """Delete faces, but those of a user (ASSOCIATED_TO_AN_EXISTING_USER); unknown: FACE_NOT_FOUND."""
        raise NotImplementedError

    # Search over faces

    def search(
        self,
        collection: Collection,
        probe: Template,
        *,
        calibration: Calibration,
        threshold: Similarity,
        limit: int,
    ) -> list[Candidate]:
        """The `limit` most similar faces with similarity >= threshold, best first; ties as enrolled.

        Exact, and over all that was committed before the call, by any process.
        """
        raise NotImplementedError

    def search_by_face(
        self,
        collection: Collection,
        face_id: FaceId,
        *,
        calibration: Calibration,
        threshold: Similarity,
        limit: int,
    ) -> list[Candidate]:
        """As `search`, with a stored face as probe; the face itself is not among the candidates.

        Raises:
            InvalidParameterException: `faceId was not found in the collection`.
        """
        raise NotImplementedError

    # Users (subjects)

    def create_user(self, uow: UnitOfWork, collection: Collection, user_id: UserId) -> None:
        """A new user without faces (CREATED).

        Raises:
            ConflictException: the collection has a user of that id.
            ServiceQuotaExceededException: more than 10,000,000 users.
        """
        raise NotImplementedError

    def delete_user(self, uow: UnitOfWork, collection: Collection, user_id: UserId) -> None:
        """Delete a user; its faces stay, associated with nobody.

        Raises:
            ResourceNotFoundException: no such user.
        """
        raise NotImplementedError

    def list_users(self, collection: Collection, *, limit: int, after: UserId | None = None) -> list[Subject]:
        """At most `limit` users by id (byte order), those behind `after`."""
        raise NotImplementedError

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
        the first faces of a user without any are not checked.

        Raises:
            ResourceNotFoundException: no such user.
            ServiceQuotaExceededException: the user would have more than 100 faces.
            ConflictException: the same faces or user kept changing under the call.
        """
        raise NotImplementedError

    def disassociate(
        self, uow: UnitOfWork, collection: Collection, user_id: UserId, face_ids: Sequence[FaceId]
    ) -> Associated:
        """Take faces from a user; without faces the user is CREATED again. Raises as `associate`."""
        raise NotImplementedError

    # Search over users

    def search_users(
        self,
        collection: Collection,
        probe: Template,
        *,
        calibration: Calibration,
        threshold: Similarity,
        limit: int,
    ) -> list[UserCandidate]:
        """As `search`, over users who have faces; a user's template is the unit mean of its faces'."""
        raise NotImplementedError

    def search_users_by_face(
        self,
        collection: Collection,
        face_id: FaceId,
        *,
        calibration: Calibration,
        threshold: Similarity,
        limit: int,
    ) -> list[UserCandidate]:
        """As `search_users`, with a stored face as probe; the face's own user may well be found.

        Raises:
            ResourceNotFoundException: no such face.
        """
        raise NotImplementedError

    def search_users_by_user(
        self,
        collection: Collection,
        user_id: UserId,
        *,
        calibration: Calibration,
        threshold: Similarity,
        limit: int,
    ) -> list[UserCandidate]:
        """As `search_users`, with a user's template as probe; the user itself is not among the candidates.

        A user without faces finds nobody.

        Raises:
            ResourceNotFoundException: no such user.
        """
        raise NotImplementedError
