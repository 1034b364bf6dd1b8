"""`countenance people`: what people ask for about their own faces, on the server's machine."""

from __future__ import annotations

import json
import uuid
from typing import Any, cast

import click

from countenance.accounts import Actor
from countenance.cli.governed import machine_user, parse_id, where_options
from countenance.cli.one_collection import collection_argument, find_collection
from countenance.cli.people_kept import COMMANDS
from countenance.cli.rights_opened import open_rights, where_region_options
from countenance.cli.tables import as_json_option, print_facts, print_rows
from countenance.errors import InvalidParameterException
from countenance.rights.access_report import to_text
from countenance.rights.records import RequestKind, RequestStatus, SubjectRequest
from countenance.rights.requests import Decision, days_left
from countenance.store import UnitOfWork

_KINDS = ("access", "erasure", "objection", "withdrawal")
_COLUMNS = ("RequestId", "AccountId", "CollectionId", "Kind", "Status", "DueAt", "DaysLeft", "IdentifiedBy")


@click.group()
def people() -> None:
    """Requests of the people whose faces are kept: access, erasure, objection, withdrawal of consent.

    Who asks is known by an enrolment code, which was given to them when they were enrolled, or by what you
    verified and attest. A photo is no proof: anybody with a photo of somebody could ask whether they are
    enrolled. A request is due in one calendar month.

    \b
    countenance people code staff --user ada
    countenance people requests --overdue
    countenance people open staff --user ada --kind erasure --attest "passport seen at the desk"
    countenance people grant REQUEST --reason "asked for"
    countenance people withdraw-consent "form 7"
    countenance people hold staff --face FACE --reason "court order 7 O 12/26"
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are


for _command in COMMANDS:
    people.add_command(_command)


@people.command("code")
@collection_argument
@click.option("--face", "faces", type=click.UUID, multiple=True, metavar="FACE", help="a face of theirs")
@click.option("--user", "user_id", metavar="USER", help="the user that they are")
@where_region_options
@as_json_option
def code(
    name: str,
    account_id: str | None,
    faces: tuple[uuid.UUID, ...],
    user_id: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Give a code for faces or a user of COLLECTION; every earlier one for them is no more.

    It is shown once and kept nowhere: give it to the person, and to nobody else.

    Example: countenance people code staff --user ada
    """
    if bool(faces) == (user_id is not None):
        raise click.UsageError("say whose: with --user, or with one --face or more")
    with open_rights(given) as opened:
        collection = find_collection(opened.gallery, name, account_id, region=opened.region)
        made = opened.rights.codes.issue(
            collection,
            face_ids=faces,
            user_id=user_id,
            issued_by=machine_user(),
            actor=Actor(machine_user()),
        )
    print_facts({"Code": made}, as_json=as_json)


@people.command("requests")
@click.option("--account", "account_id", metavar="ACCOUNT", help="to this account alone")
@click.option("--status", type=click.Choice(["open", "granted", "refused"]), help="of these alone")
@click.option("--overdue", is_flag=True, help="those that wait beyond their time")
@where_options
@as_json_option
def requests(account_id: str | None, status: str | None, overdue: bool, as_json: bool, **given: Any) -> None:
    """List requests, what is due first first.

    Example: countenance people requests --overdue
    """
    with open_rights(given) as opened:
        found = opened.rights.requests.list(
            account_id, status=cast("RequestStatus | None", status), only_overdue=overdue
        )
    rows = [_to_row(each) for each in found]
    print_rows(rows, as_json=as_json, nothing="nobody asks for anything", columns=_COLUMNS)


@people.command("open")
@collection_argument
@click.option("--face", "faces", type=click.UUID, multiple=True, metavar="FACE", help="a face of theirs")
@click.option("--user", "user_id", metavar="USER", help="the user that they are")
@click.option("--kind", type=click.Choice(_KINDS), required=True, help="what they ask for")
@click.option("--attest", required=True, metavar="TEXT", help="how you verified who asks; it is kept")
@where_region_options
@as_json_option
def open_(
    name: str,
    account_id: str | None,
    faces: tuple[uuid.UUID, ...],
    *,
    user_id: str | None,
    kind: str,
    attest: str,
    as_json: bool,
    **given: Any,
) -> None:
    """Open a request of somebody whose faces are in COLLECTION, whom you know without a code.

    Example: countenance people open staff --user ada --kind access --attest "passport seen at the desk"
    """
    with open_rights(given) as opened:
        made = opened.rights.requests.open_by_operator(
            find_collection(opened.gallery, name, account_id, region=opened.region),
            cast("RequestKind", kind),
            face_ids=faces,
            user_id=user_id,
            attestation=attest,
            opened_by=machine_user(),
            actor=Actor(machine_user()),
        )
    print_facts(_to_row(made), as_json=as_json)


@people.command("extend")
@click.argument("request_id", metavar="REQUEST")
@click.option("--months", type=click.IntRange(1, 2), required=True, help="calendar months")
@click.option("--reason", required=True, metavar="TEXT", help="why: the person is told")
@where_options
@as_json_option
def extend(request_id: str, months: int, reason: str, as_json: bool, **given: Any) -> None:
    """Put REQUEST off, once, before it is due, and tell the person.

    Example: countenance people extend cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --months 1 --reason "archived"
    """
    with open_rights(given) as opened:
        found = opened.rights.requests.require(parse_id(request_id, "a request"))
        made = opened.rights.requests.extend(found, months, reason=reason, actor=Actor(machine_user()))
    print_facts(_to_row(made), as_json=as_json)


@people.command("grant")
@click.argument("request_id", metavar="REQUEST")
@click.option("--reason", required=True, metavar="TEXT", help="why: the person is told")
@where_options
@as_json_option
def grant(request_id: str, reason: str, as_json: bool, **given: Any) -> None:
    """Grant REQUEST. An erasure, objection or withdrawal erases the faces now; the receipt is shown.

    Example: countenance people grant cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --reason "as asked"
    """
    _decide(request_id, "grant", reason, as_json=as_json, given=given)


@people.command("refuse")
@click.argument("request_id", metavar="REQUEST")
@click.option("--reason", required=True, metavar="TEXT", help="why: the person is told")
@where_options
@as_json_option
def refuse(request_id: str, reason: str, as_json: bool, **given: Any) -> None:
    """Refuse REQUEST. Tell the person why, and that they may complain to a supervisory authority.

    Example: countenance people refuse cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --reason "it is somebody else"
    """
    _decide(request_id, "refuse", reason, as_json=as_json, given=given)


@people.command("report")
@click.argument("request_id", metavar="REQUEST")
@where_options
@as_json_option
def report(request_id: str, as_json: bool, **given: Any) -> None:
    """Print what is held about who made REQUEST, for access, and which searches touched them.

    Example: countenance people report cc5a3315-c2c0-494c-bc0a-f82211d9ac08 > report.txt
    """
    with open_rights(given) as opened:
        found = opened.rights.requests.require(parse_id(request_id, "a request"))
        if found.kind != "access" or found.status == "refused":
            raise InvalidParameterException(f"the request is for {found.kind}, and {found.status}")
        made = opened.rights.reports.make(found)
    click.echo(json.dumps(made, indent=2) if as_json else to_text(made), nl=as_json)


@people.command("proof")
@click.argument("request_id", metavar="REQUEST")
@where_options
@as_json_option
def proof(request_id: str, as_json: bool, **given: Any) -> None:
    """Look for what was erased by REQUEST: in the database, in searches, on the tombstone list.

    Exit code 1 if anything of it was found.

    Example: countenance people proof cc5a3315-c2c0-494c-bc0a-f82211d9ac08
    """
    with open_rights(given) as opened:
        found = opened.rights.requests.require(parse_id(request_id, "a request"))
        made = opened.rights.erasing.prove(found)
    facts = {
        "Holds": made.holds,
        "LookedAt": made.looked_at,
        "RowsLeft": made.rows_left,
        "SearchedFaceIds": [str(each) for each in made.searched],
        "IsListed": made.listed,
        "IsFinal": made.is_final,
        "FinalBy": made.final_by,
        "Receipt": found.receipt,
    }
    print_facts(facts if as_json else {**facts, "Receipt": None}, as_json=as_json)
    if not as_json:
        click.echo(f"\n{found.receipt}", nl=False)
    if not made.holds:
        click.get_current_context().exit(1)


def _decide(
    request_id: str, decision: Decision, reason: str, *, as_json: bool, given: dict[str, Any]
) -> None:
    with open_rights(given) as opened:
        found = opened.rights.requests.require(parse_id(request_id, "a request"))
        with UnitOfWork(opened.database) as uow:
            made, _ = opened.rights.requests.decide(
                uow,
                found,
                decision,
                reason=reason,
                decided_by=machine_user(),
                actor=Actor(machine_user(), uow.connection),
            )
            uow.commit()
    print_facts(_to_row(made), as_json=as_json)


def _to_row(request: SubjectRequest) -> dict[str, Any]:
    return {
        "RequestId": str(request.request_id),
        "AccountId": request.account_id,
        "CollectionId": request.collection,
        "Kind": request.kind,
        "FaceIds": [str(each) for each in request.scope.face_ids],
        "UserId": request.scope.user_id,
        "IdentifiedBy": request.identified_by,
        "Attestation": request.attestation or None,
        "OpenedAt": request.opened_at,
        "DueAt": request.due_at,
        "DaysLeft": days_left(request) if request.status == "open" else None,
        "ExtensionReason": request.extension_reason,
        "Status": request.status,
        "Reason": request.reason,
        "ErasedFaceIds": None if request.erased_ids is None else [str(each) for each in request.erased_ids],
        "Receipt": request.receipt,
    }
