"""Do not enrol me: templates by which people who object are recognised, and for nothing else."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from threading import Lock
from typing import Final
from uuid import UUID, uuid4

import numpy as np

from countenance.accounts import Actor
from countenance.accounts.changing import Changing
from countenance.audit.keys import SealingKey
from countenance.errors import AccessDeniedException, InternalServerError, ResourceNotFoundException
from countenance.gallery import Gallery
from countenance.rights.enrolment_codes import QUERIES, faces_of
from countenance.rights.erasing import find_collection
from countenance.rights.records import KeptTemplates, SubjectRequest
from countenance.similarity import Calibration, meets
from countenance.store import Connection, KeyStore, UnitOfWork
from countenance.types import FaceId, Similarity, Template, Templates

BLOCKS_AT: Final = Similarity(99.0)
"""One comparison in a million takes somebody else for who objects: where a thousand object, one search in a
thousand is refused for nothing. A lower bar would shut out others too often."""
MOST_OF_A_REQUEST: Final = 10
_PREFIX: Final = "objection-"
_MOST_OPENED: Final = 10_000


@dataclass(frozen=True, slots=True)
class BlockTemplates:
    """Of who objects, read before their faces are erased, in the basis of the model."""

    face_model_version: str
    templates: tuple[Template, ...]


class Objections:
    """Thread-safe; any number of processes: each look reads which stand.

    # INVARIANT: whoever enrols holds the account's turn shared from their last look to the end of the
    transaction, and whoever keeps a template holds it alone: it is found, or waits for the enrolment. Both
    take it behind all other locks, so that nobody waits in a circle.
    """

    def __init__(self, changing: Changing, keys: KeyStore, gallery: Gallery) -> None:
        self._changing = changing
        self._keys = keys
        self._gallery = gallery
        self._opened: OrderedDict[UUID, Template] = OrderedDict()
        self._lock = Lock()

    def read(self, request: SubjectRequest) -> BlockTemplates:
        """What would be kept. No unit of work may be open: it reads by itself.

        Raises:
            ResourceNotFoundException: none of the faces is there any more.
        """
        with self._changing.database.read() as connection:
            collection = find_collection(connection, request.scope.collection_id)
            faces = [] if collection is None else faces_of(connection, request.scope)
        if collection is None or not faces:
            raise ResourceNotFoundException("none of the faces is there any more: nothing is kept of them")
        return BlockTemplates(
            collection.face_model_version,
            tuple(
                self._gallery.template_of(collection, FaceId(face_id))
                for face_id in faces[:MOST_OF_A_REQUEST]
            ),
        )

    def keep(
        self, connection: Connection, request: SubjectRequest, block: BlockTemplates, *, consent: str, by: str
    ) -> None:
        """In the caller's transaction, behind the erasure of the faces.

        Args:
            consent: the person's own and explicit one to this, in words or by reference.
        """
        connection.execute(QUERIES["take_objection_turn"], {"account_id": request.account_id})
        for template in block.templates:
            objection_id = uuid4()
            # The key before the row: a row without it would refuse everybody's calls.
            key = SealingKey(self._keys.create_secret(secret_name(objection_id)))
            place = _place(objection_id, request.account_id, block.face_model_version)
            values = {
                "objection_id": objection_id,
                "account_id": request.account_id,
                "request_id": request.request_id,
                "face_model_version": block.face_model_version,
                "sealed_template": key.seal(template.astype(np.float32).tobytes(), place=place),
                "consent": consent,
                "kept_by": by,
            }
            connection.execute(QUERIES["insert_objection"], values)

    def list(self, account_id: str | None = None) -> list[KeptTemplates]:
        """Of an account, or of all, the newest first; at most 1,000."""
        with self._changing.database.read() as connection:
            rows = connection.execute(QUERIES["list_kept"], {"account_id": account_id}).fetchall()
        return [KeptTemplates(*row) for row in rows]

    def withdraw(self, uow: UnitOfWork, request: SubjectRequest, *, actor: Actor) -> int:
        """Forget the templates that were kept by a request, and their keys after the commit; how many.

        Raises:
            ResourceNotFoundException: none is kept.
        """
        told = f"{request.request_id} objection"
        with self._changing("WithdrawObjection", request.account_id, actor, resource=told) as connection:
            values = {"request_id": request.request_id}
            gone = [each for (each,) in connection.execute(QUERIES["delete_objections"], values)]
            if not gone:
                raise ResourceNotFoundException(f"by the request `{request.request_id}` no template is kept")

        def forget() -> None:
            with self._lock:
                for each in gone:
                    self._opened.pop(each, None)
            for each in gone:
                self._keys.destroy_secret(secret_name(each))

        self._gallery.write_down(uow)
        uow.after_commit(forget)
        return len(gone)

    def sweep(self, *, older_than_s: float) -> int:
        """Destroy keys of templates that are not there, as their decision was rolled back; how many.

        Args:
            older_than_s: younger ones are passed over: their decision may be about to be committed.
        """
        # INVARIANT: first the keys, then the rows: one that is made in between is not taken for gone.
        names = self._keys.secrets_named(_PREFIX, older_than_s=older_than_s)
        with self._changing.database.read() as connection:
            kept = {secret_name(each) for (each,) in connection.execute(QUERIES["list_objection_ids"])}
        left = [name for name in names if name not in kept]
        for name in left:
            self._keys.destroy_secret(name)
        return len(left)

    def require_none(
        self,
        account_id: str,
        face_model_version: str,
        templates: Templates,
        *,
        calibration: Callable[[], Calibration],
        behind: Connection | None = None,
    ) -> None:
        """Of these faces, (N, D) unit rows as the model makes them, nobody objects.

        Args:
            calibration: what similarities mean; asked for only where somebody objects.
            behind: the transaction that enrols the faces, whose last step this is: nobody objects until it
                has ended. None for a look by itself, that somebody may object behind.

        Raises:
            AccessDeniedException: somebody does.
            InternalServerError: a template that is kept cannot be opened, so nobody can be said not to be it.
        """
        values = {"account_id": account_id, "face_model_version": face_model_version}
        with self._changing.database.read() if behind is None else nullcontext(behind) as connection:
            if behind is not None:
                behind.execute(QUERIES["hold_objections_off"], values)
            rows = connection.execute(QUERIES["list_objections"], values).fetchall()
        if not rows or not len(templates):
            return
        kept = np.stack(
            [self._open(each, bytes(sealed), account_id, face_model_version) for each, sealed in rows]
        )
        if meets(calibration().to_similarity((templates @ kept.T).ravel()), BLOCKS_AT).any():
            raise AccessDeniedException(
                "OBJ-001: a person in the picture has objected to being enrolled or searched here; use a "
                "picture without them, or have them take their objection back (WithdrawObjection)"
            )

    def _open(self, objection_id: UUID, sealed: bytes, account_id: str, version: str) -> Template:
        with self._lock:
            known = self._opened.get(objection_id)
        if known is not None:
            return known
        secret = self._keys.secret(secret_name(objection_id))
        place = _place(objection_id, account_id, version)
        opened = None if secret is None else SealingKey(secret).unseal(sealed, place=place)
        if opened is None:
            # INVARIANT: fail closed. Whoever cannot be compared with might be the person in the picture.
            raise InternalServerError("a template of an objection cannot be opened")
        template = np.frombuffer(opened, np.float32)
        with self._lock:
            self._opened[objection_id] = template
            while len(self._opened) > _MOST_OPENED:
                self._opened.popitem(last=False)
        return template


def to_probes(templates: Sequence[Template]) -> Templates:
    """(N, D) of N templates; at least one."""
    return np.stack(list(templates))


def secret_name(objection_id: UUID) -> str:
    """Of the key of a kept template."""
    return f"{_PREFIX}{objection_id}"


def _place(objection_id: UUID, account_id: str, version: str) -> bytes:
    """What a sealed template is bound to: whose it is, and which model's."""
    return b"objection" + objection_id.bytes + f"{account_id}/{version}".encode()
