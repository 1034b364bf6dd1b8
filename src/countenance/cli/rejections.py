"""`countenance rejections`: what reviewers said of faces that searches took for somebody's."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from countenance.audit import AuditLog, Touch
from countenance.cli.governed import Governed, machine_user, open_governed
from countenance.cli.one_collection import collection_argument, find_collection
from countenance.cli.options import settings_options
from countenance.cli.tables import as_json_option, print_facts, print_rows
from countenance.gallery import Collection, Gallery, Rejection, Target
from countenance.store import Connection, UnitOfWork
from countenance.types import FaceId, UserId

_Command = TypeVar("_Command", bound=Callable[..., Any])

_AT_ONCE = 1_000
_MOST_WORDS = 500
_where_region = settings_options("data_dir", "database_url", "terms", "region")


@click.group()
def rejections() -> None:
    """Corrections of matches ("not this person"), which every later search heeds.

    A rejection says that the person of an enrolled face is not a user, or not the person of another enrolled
    face. No search ranks them together any more, no import holds a face for them, and the face is not given
    to the user; each answer says how many were left out. It goes with the face or the user, and back with
    `withdraw`.

    \b
    countenance rejections list staff
    countenance rejections add staff FACE --user ada --reason "her sister"
    countenance rejections withdraw staff FACE --user ada
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are


def _pair(command: _Command) -> _Command:
    """COLLECTION, FACE, and who its person is not."""
    command = click.option(
        "--face", "other", type=click.UUID, metavar="FACE", help="the face of whose person it is not"
    )(command)
    command = click.option("--user", "user_id", metavar="USER", help="the user whom its person is not")(
        command
    )
    command = click.argument("face", type=click.UUID, metavar="FACE")(command)
    return collection_argument(_where_region(command))


@rejections.command("list")
@collection_argument
@click.option("--face", type=click.UUID, metavar="FACE", help="what names this face, on either side")
@click.option("--user", "user_id", metavar="USER", help="what names this user or a face of it")
@_where_region
@as_json_option
def list_(
    name: str,
    account_id: str | None,
    face: uuid.UUID | None,
    user_id: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """List what stands in COLLECTION, in the order in which it was rejected.

    Example: countenance rejections list staff --user ada --json
    """
    with _open(name, account_id, given) as opened:
        found = [
            *opened.all(None if face is None else FaceId(face), None if user_id is None else UserId(user_id))
        ]
    print_rows([_to_row(each) for each in found], as_json=as_json, nothing="nothing is rejected")


@rejections.command("add")
@_pair
@click.option("--reason", metavar="TEXT", help=f"why: one line of up to {_MOST_WORDS} characters")
@as_json_option
def add(
    name: str,
    account_id: str | None,
    face: uuid.UUID,
    *,
    user_id: str | None,
    other: uuid.UUID | None,
    reason: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Note that the person of FACE in COLLECTION is not a user, or not the person of another face.

    What stands already stays as it is. A face that is associated with the user is disassociated first
    (DisassociateFaces).

    Example: countenance rejections add staff cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --user ada
    """
    target, words = _target(user_id, other), _reason(reason)
    with _open(name, account_id, given) as opened, UnitOfWork(opened.governed.database) as uow:
        made = opened.gallery.reject(
            uow, opened.collection, FaceId(face), target, rejected_by=machine_user(), reason=words
        )
        opened.record(uow.connection, "RejectMatch", made)
        uow.commit()
    print_facts(_to_row(made), as_json=as_json)


@rejections.command("withdraw")
@_pair
@as_json_option
def withdraw(
    name: str,
    account_id: str | None,
    face: uuid.UUID,
    *,
    user_id: str | None,
    other: uuid.UUID | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Take back what was rejected of FACE in COLLECTION; searches rank the two together again.

    Example: countenance rejections withdraw staff cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --user ada
    """
    target = _target(user_id, other)
    with _open(name, account_id, given) as opened, UnitOfWork(opened.governed.database) as uow:
        stood = opened.gallery.withdraw_rejection(uow, opened.collection, FaceId(face), target)
        opened.record(uow.connection, "WithdrawRejection", stood)
        uow.commit()
    print_facts(_to_row(stood), as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Opened:
    governed: Governed
    gallery: Gallery
    collection: Collection

    def all(self, face_id: FaceId | None, user_id: UserId | None) -> Iterator[Rejection]:
        after = 0
        while page := self.gallery.list_rejections(
            self.collection, face_id=face_id, user_id=user_id, limit=_AT_ONCE, after=after
        ):
            yield from page
            after = page[-1].ordinal

    def record(self, connection: Connection, operation: str, rejection: Rejection) -> None:
        """An entry in the account's log, as the same call of the account's leaves one."""
        touched = [Touch(role="named", kind="face", id=str(rejection.face_id))]
        if rejection.user_id is not None:
            touched.append(Touch(role="named", kind="user", id=rejection.user_id))
        if rejection.rejected_face_id is not None:
            touched.append(Touch(role="named", kind="face", id=str(rejection.rejected_face_id)))
        AuditLog(self.governed.keys).record_change(
            connection,
            operation,
            account_id=self.collection.account_id,
            region=self.collection.region,
            collection=self.collection.name,
            touched=tuple(touched),
        )


@contextmanager
def _open(name: str, account_id: str | None, given: dict[str, Any]) -> Iterator[_Opened]:
    with open_governed(given) as governed:
        gallery = Gallery(governed.database, governed.keys)
        yield _Opened(
            governed, gallery, find_collection(gallery, name, account_id, region=governed.settings.region)
        )


def _target(user_id: str | None, other: uuid.UUID | None) -> Target:
    if (user_id is None) == (other is None):
        raise click.UsageError("say who the person is not: with --user, or with --face")
    return Target(None if user_id is None else UserId(user_id), None if other is None else FaceId(other))


def _reason(text: str | None) -> str | None:
    if text is None:
        return None
    if not text.strip() or len(text) > _MOST_WORDS or not text.isprintable():
        raise click.BadParameter(f"it is one line of 1 to {_MOST_WORDS} characters", param_hint="--reason")
    return text.strip()


def _to_row(rejection: Rejection) -> dict[str, Any]:
    return {
        "FaceId": str(rejection.face_id),
        "UserId": rejection.user_id,
        "RejectedFaceId": None if rejection.rejected_face_id is None else str(rejection.rejected_face_id),
        "Reason": rejection.reason,
        "RejectedBy": rejection.rejected_by,
        "RejectedAt": rejection.rejected_at.isoformat(timespec="seconds"),
    }
