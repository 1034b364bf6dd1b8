"""How a change is tried: inside the caller's transaction, twice where others stand in the way."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from countenance.errors import (
    InternalServerError,
    ResourceNotFoundException,
    ServiceError,
    ThrottlingException,
)
from countenance.gallery.basis import Sealing
from countenance.gallery.records import Collection
from countenance.store import (
    BROKEN,
    CONTENTION,
    Connection,
    KeyMissing,
    StoreUnavailable,
    UnitOfWork,
    load_queries,
)

_LOG = logging.getLogger(__name__)

QUERIES = load_queries("countenance.gallery", "queries.sql")

_Result = TypeVar("_Result")

_READ_ATTEMPTS = 3
_PAUSE_S = 0.02
"""Before the second attempt: whoever waited for our locks takes them now, or we would meet again."""


def change(
    uow: UnitOfWork,
    work: Callable[[Connection], _Result],
    *,
    busy: type[ServiceError] = ThrottlingException,
) -> _Result:
    """Run `work` in the unit of work, and once more after a deadlock.

    A savepoint keeps what the transaction did before and gives back the locks that stood in the way; where it
    did nothing before, it is begun anew instead, which spares a change that is the first two round trips.
    The order of locks (queries.sql) leaves no deadlock among galleries' own changes; this is for what
    shares the transaction or the database.

    Raises:
        StoreUnavailable: the connection broke off.
        InternalServerError: a key is missing that is needed.
        ServiceError: of class `busy`, when the second attempt met others as well.
    """
    attempt = _first if uow.is_untouched else _within
    try:
        try:
            return attempt(uow, work)
        except (
            *CONTENTION,
            KeyMissing,
        ):  # a key may be replaced between the reading of a row and its opening
            time.sleep(_PAUSE_S)
            return attempt(uow, work)
    except KeyMissing as error:
        raise InternalServerError from error
    except CONTENTION as error:
        raise busy("too many changes to the same faces at once; try again") from error
    except BROKEN as error:
        raise StoreUnavailable(f"the database is not available ({type(error).__name__})") from error


def hold(connection: Connection, collection: Collection, *, how: str = "hold_collection") -> int:
    """Make sure that the collection is there until the transaction ends; the generation of its key.

    # INVARIANT: the first lock of every change, so that a deletion waits for changes under way and
    # later changes find nothing; `how` is one of hold_collection, lock_collection, claim_collection.

    Raises:
        ResourceNotFoundException: it was deleted.
    """
    found = connection.execute(QUERIES[how], {"collection_id": collection.collection_id}).fetchone()
    if found is None:
        raise no_such_collection(collection.name)
    return int(found[0])


def despite_new_keys(collection: Collection, read: Callable[[], _Result]) -> _Result:
    """Read again where keys were replaced between the reading of a row and its opening: by then the row is
    sealed under another.

    Raises:
        InternalServerError: the key is missing for good.
    """
    for _ in range(_READ_ATTEMPTS):
        try:
            return read()
        except KeyMissing:
            continue
    raise key_missing(collection)


def key_missing(collection: Collection) -> InternalServerError:
    """What a call is answered, once the operator has been told more."""
    _LOG.error("key missing: collection=%s", collection.collection_id)
    return InternalServerError()


class Held(NamedTuple):
    """A held collection: its key and basis; the most faces it may have, None for any number."""

    sealing: Sealing
    face_cap: int | None


def hold_model(connection: Connection, collection: Collection) -> Held:
    """As `hold`, for changes that come with a template or compare one.

    # INVARIANT: templates of two models never meet: what was embedded for the model of before is not stored,
    and the caller, who tries again, begins with the collection as it is now.

    Raises:
        ResourceNotFoundException: it was deleted.
        ThrottlingException: it has been switched to another model since `collection` was read.
    """
    hold(connection, collection)
    # Asked again: whoever waited for a shared lock is answered what there was before it waited.
    found = connection.execute(QUERIES["read_held"], {"collection_id": collection.collection_id}).fetchone()
    assert found is not None, "it is held"
    *sealing, face_model_version, face_cap = found
    if face_model_version != collection.face_model_version:
        raise switched(collection.name)
    return Held(Sealing(*sealing), face_cap)


def switched(name: str) -> ThrottlingException:
    return ThrottlingException(f"The collection id: {name} has just been given another face model; try again")


def require_present(connection: Connection, collection: Collection) -> None:
    """Tell an empty answer from that of a deleted collection. Raises ResourceNotFoundException."""
    found = connection.execute(
        QUERIES["find_present_collections"], {"collection_ids": [collection.collection_id]}
    ).fetchone()
    if found is None:
        raise no_such_collection(collection.name)


def no_such_collection(name: str) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"The collection id: {name} does not exist")


def _within(uow: UnitOfWork, work: Callable[[Connection], _Result]) -> _Result:
    connection = uow.connection
    with connection.transaction():
        return work(connection)


def _first(uow: UnitOfWork, work: Callable[[Connection], _Result]) -> _Result:
    try:
        return work(uow.connection)
    except BaseException:
        uow.rollback()
        raise
