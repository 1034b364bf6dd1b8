"""What stands for or against keeping faces, on the machine: consents, holds, templates of who objected."""

from __future__ import annotations

import uuid
from typing import Any, Final

import click

from countenance.accounts import Actor
from countenance.cli.governed import deciding_officer, machine_user, officer_option, parse_id, where_options
from countenance.cli.one_collection import collection_argument, find_collection
from countenance.cli.rights_opened import open_rights, where_region_options
from countenance.cli.tables import as_json_option, print_facts, print_rows
from countenance.store import UnitOfWork

_MOST_AT_ONCE: Final = 1_000
_of_account = click.option("--account", "account_id", metavar="ACCOUNT", help="of this account alone")
_house_or = click.option(
    "--account", "account_id", metavar="ACCOUNT", help="whose  [default: the account that runs this server]"
)
_reason = click.option("--reason", required=True, metavar="TEXT", help="why, and who ordered it: it is kept")


@click.command()
@_house_or
@where_options
@as_json_option
def consents(account_id: str | None, *, as_json: bool, **given: Any) -> None:
    """List consents by which faces are kept, and those that were withdrawn.

    Each is one reference that an account gave with an enrolment (ConsentReference) or put later (PutConsent).

    Example: countenance people consents --account 123456789012
    """
    rows: list[dict[str, Any]] = []
    with open_rights(given) as opened:
        whose = account_id or opened.governed.require_house()
        after: str | None = None
        while found := opened.rights.consents.list(whose, limit=_MOST_AT_ONCE, after=after):
            after = found[-1].consent_id
            rows += [
                {
                    "Reference": each.reference,
                    "Faces": each.faces,
                    "RecordedAt": each.recorded_at,
                    "RecordedBy": each.recorded_by,
                    "WithdrawnAt": each.withdrawn_at,
                    "WithdrawnBy": each.withdrawn_by,
                    "ConsentId": each.consent_id,
                }
                for each in found
            ]
    columns = ("Reference", "Faces", "RecordedAt", "RecordedBy", "WithdrawnAt")
    print_rows(rows, as_json=as_json, nothing="no consent is known", columns=columns)


@click.command("withdraw-consent")
@click.argument("reference", metavar="REFERENCE")
@_house_or
@where_options
@as_json_option
def withdraw_consent(reference: str, *, account_id: str | None, as_json: bool, **given: Any) -> None:
    """Withdraw the consent REFERENCE for good, and erase every face that is there by it, all or none.

    Whoever enrols under that reference afterwards is refused (CON-002). Faces under a legal hold stop it:
    nothing is erased then, and the consent stands.

    Example: countenance people withdraw-consent "form 7"
    """
    with open_rights(given) as opened:
        whose = account_id or opened.governed.require_house()
        with UnitOfWork(opened.database) as uow:
            erased = opened.rights.consents.withdraw(
                uow,
                whose,
                reference,
                withdrawn_by=machine_user(),
                actor=Actor(machine_user(), uow.connection),
            )
            uow.commit()
    facts = {"Reference": reference, "Status": "withdrawn", "ErasedFaceIds": [str(each) for each in erased]}
    print_facts(facts, as_json=as_json)


@click.command()
@_of_account
@where_options
@as_json_option
def holds(account_id: str | None, *, as_json: bool, **given: Any) -> None:
    """List legal holds, those that stand first: faces that nothing deletes.

    Example: countenance people holds
    """
    with open_rights(given) as opened:
        found = opened.rights.holds.list(account_id)
    rows = [
        {
            "HoldId": str(each.hold_id),
            "AccountId": each.account_id,
            "CollectionId": each.collection,
            "Faces": len(each.face_ids),
            "PutBy": each.put_by,
            "PutAt": each.put_at,
            "Reason": each.reason,
            "ReleasedAt": each.released_at,
            "ReleasedBy": each.released_by,
            "ReleaseReason": each.release_reason,
            "FaceIds": [str(face_id) for face_id in each.face_ids],
        }
        for each in found
    ]
    columns = ("HoldId", "AccountId", "CollectionId", "Faces", "PutBy", "PutAt", "ReleasedAt", "Reason")
    print_rows(rows, as_json=as_json, nothing="nothing is held", columns=columns)


@click.command()
@collection_argument
@click.option(
    "--face", "faces", type=click.UUID, multiple=True, required=True, metavar="FACE", help="a face to keep"
)
@_reason
@officer_option
@where_region_options
@as_json_option
def hold(
    name: str,
    *,
    account_id: str | None,
    faces: tuple[uuid.UUID, ...],
    reason: str,
    officer: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Keep faces of COLLECTION until the hold is released, whatever would delete them; an officer decides.

    Example: countenance people hold staff --face FACE --reason "court order 7 O 12/26"

    Example: countenance people hold staff --face cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --reason "court"
    """
    with open_rights(given) as opened:
        by = deciding_officer(opened.governed.governance.officers, officer)
        collection = find_collection(opened.gallery, name, account_id, region=opened.region)
        made = opened.rights.holds.put(collection, faces, officer=by, reason=reason, actor=Actor(by))
    print_facts({"HoldId": str(made), "Faces": len(faces), "PutBy": by}, as_json=as_json)


@click.command("release-hold")
@click.argument("hold_id", metavar="HOLD")
@_reason
@officer_option
@where_options
@as_json_option
def release_hold(hold_id: str, *, reason: str, officer: str | None, as_json: bool, **given: Any) -> None:
    """End HOLD; what waited for it, retention among it, may delete the faces from now on. An officer decides.

    Example: countenance people release-hold cc5a3315-c2c0-494c-bc0a-f82211d9ac08 --reason "it is over"
    """
    found = parse_id(hold_id, "a legal hold")
    with open_rights(given) as opened:
        by = deciding_officer(opened.governed.governance.officers, officer)
        opened.rights.holds.release(found, officer=by, reason=reason, actor=Actor(by))
    print_facts({"HoldId": str(found), "Status": "released", "ReleasedBy": by}, as_json=as_json)


@click.command()
@_of_account
@where_options
@as_json_option
def kept(account_id: str | None, *, as_json: bool, **given: Any) -> None:
    """List templates that are kept of people who objected, by their own consent, so that they are left alone.

    Example: countenance people kept
    """
    with open_rights(given) as opened:
        found = opened.rights.objections.list(account_id)
    rows = [
        {
            "RequestId": str(each.request_id),
            "AccountId": each.account_id,
            "FaceModelVersion": each.face_model_version,
            "Templates": each.templates,
            "KeptAt": each.kept_at,
            "KeptBy": each.kept_by,
            "Consent": each.consent,
        }
        for each in found
    ]
    print_rows(rows, as_json=as_json, nothing="no template is kept of anybody who objected")


@click.command("forget-kept")
@click.argument("request_id", metavar="REQUEST")
@where_options
@as_json_option
def forget_kept(request_id: str, *, as_json: bool, **given: Any) -> None:
    """Forget the templates that are kept by the objection REQUEST, when the person takes their consent back.

    Rows and keys are gone for good; whoever shows a picture of the person is refused no more.

    Example: countenance people forget-kept cc5a3315-c2c0-494c-bc0a-f82211d9ac08
    """
    with open_rights(given) as opened:
        found = opened.rights.requests.require(parse_id(request_id, "a request"))
        with UnitOfWork(opened.database) as uow:
            gone = opened.rights.objections.withdraw(uow, found, actor=Actor(machine_user(), uow.connection))
            uow.commit()
    print_facts({"RequestId": str(found.request_id), "Forgotten": gone}, as_json=as_json)


COMMANDS: Final = (consents, withdraw_consent, holds, hold, release_hold, kept, forget_kept)
