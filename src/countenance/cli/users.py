"""`countenance users`: who is enrolled twice, whose faces do not fit, merged and made two again."""

from __future__ import annotations

import uuid
from typing import Any

import click

from countenance.cli.own_service import OwnService, server_options
from countenance.cli.tables import as_json_option, print_facts, print_json, print_rows

_collection = click.argument("name", metavar="COLLECTION")
_threshold = click.option(
    "--threshold", type=click.FloatRange(0, 100), metavar="PERCENT", help="the similarity to judge by"
)


@click.group()
def users() -> None:
    """People of a collection who are enrolled twice, and users with somebody else's face.

    Each command calls a server, with the key of your environment or --profile: one for a purpose of the
    collection. Nothing gets past its rules, and each call is in its log. `collisions` says who looks like
    whom and `outliers` whose faces do not fit; `merge` makes two users one, and with --dry-run says only what
    it would be of; `undo` makes them two again within 30 days.

    \b
    countenance users collisions staff
    countenance users merge staff ada-2 ada --dry-run
    countenance users merge staff ada-2 ada
    countenance users undo staff 0b7c51a4-5d0f-4c3e-9d7a-3f2c8f1f7a10
    """  # noqa: D301 - click reads the backspace as: leave the lines as they are


@users.command("merge")
@_collection
@click.argument("source", metavar="SOURCE")
@click.argument("target", metavar="TARGET")
@click.option("--dry-run", is_flag=True, help="say what it would be of, and change nothing")
@_threshold
@server_options
@as_json_option
def merge(
    name: str,
    source: str,
    target: str,
    *,
    dry_run: bool,
    threshold: float | None,
    as_json: bool,
    **where: Any,
) -> None:
    """Give the faces of the user SOURCE to TARGET, and delete SOURCE.

    Exit codes: 0 done, or nothing stands against it; 1 refused, or something does.

    Example: countenance users merge staff ada-2 ada --dry-run
    """
    answer = OwnService(**where).call(
        "merge_users",
        CollectionId=name,
        SourceUserId=source,
        TargetUserId=target,
        UserMatchThreshold=threshold,
        DryRun=dry_run,
        ClientRequestToken=None if dry_run else str(uuid.uuid4()),
    )
    if as_json:
        print_json(answer)
    else:
        print_facts(_to_facts(answer), as_json=False)
        if rejected := answer["Compared"]["Rejections"]:
            print_rows([_to_rejected(each) for each in rejected], as_json=False)
    if dry_run and answer["Compared"]["Obstacles"]:
        raise SystemExit(1)


@users.command("undo")
@_collection
@click.argument("merge_id", type=click.UUID, metavar="MERGE")
@server_options
@as_json_option
def undo(name: str, merge_id: uuid.UUID, *, as_json: bool, **where: Any) -> None:
    """Make two users again of what MERGE made one, as far as what is still there allows.

    Example: countenance users undo staff 0b7c51a4-5d0f-4c3e-9d7a-3f2c8f1f7a10
    """
    answer = OwnService(**where).call("undo_merge", CollectionId=name, MergeId=str(merge_id))
    if as_json:
        print_json(answer)
        return
    facts = {
        "User": answer["SourceUserId"],
        "Apart from": answer["TargetUserId"],
        "Faces back": len(answer["AssociatedFaces"]),
        "Elsewhere by now": len(answer["FacesElsewhere"]),
        "Deleted since": answer["FacesDeleted"],
    }
    print_facts(facts, as_json=False)


@users.command("merges")
@_collection
@click.option("--user", "user_id", metavar="USER", help="only merges of this user")
@server_options
@as_json_option
def merges(name: str, *, user_id: str | None, as_json: bool, **where: Any) -> None:
    """List the merges of the last 30 days, which can be undone.

    Example: countenance users merges staff --user ada
    """
    pages = OwnService(**where).pages("list_merges", CollectionId=name, UserId=user_id)
    rows = [
        {
            "MergeId": each["MergeId"],
            "SourceUserId": each["SourceUserId"],
            "TargetUserId": each["TargetUserId"],
            "Faces": each["Faces"],
            "FacesStillThere": each["FacesStillThere"],
            "MergedBy": each["MergedBy"],
            "MergedAt": each["MergedAt"],
            "UndoUntil": each["UndoUntil"],
            "UndoneAt": each.get("UndoneAt"),
        }
        for page in pages
        for each in page["Merges"]
    ]
    print_rows(rows, as_json=as_json, nothing="nobody was merged")


@users.command("outliers")
@_collection
@click.option("--user", "user_id", metavar="USER", help="only this user")
@_threshold
@server_options
@as_json_option
def outliers(name: str, *, user_id: str | None, threshold: float | None, as_json: bool, **where: Any) -> None:
    """List faces that do not look like their user's other faces.

    Example: countenance users outliers staff --user ada
    """
    pages = OwnService(**where).pages(
        "list_outliers", CollectionId=name, UserId=user_id, SimilarityThreshold=threshold
    )
    rows = [
        {
            "FaceId": each["FaceId"],
            "UserId": each.get("UserId"),
            "ExternalImageId": each.get("ExternalImageId"),
            "Similarity": each.get("Similarity"),
            "FacesOfUser": each["FacesOfUser"],
        }
        for page in pages
        for each in page["Outliers"]
    ]
    print_rows(rows, as_json=as_json, nothing="every face fits")


@users.command("collisions")
@_collection
@_threshold
@server_options
@as_json_option
def collisions(name: str, *, threshold: float | None, as_json: bool, **where: Any) -> None:
    """List people of COLLECTION who look alike: twins, and who was enrolled twice.

    Everybody is compared with everybody, in calls of about a second; each counts in the purpose's hour.

    Example: countenance users collisions staff --threshold 99
    """
    pages = OwnService(**where).pages("report_collisions", CollectionId=name, SimilarityThreshold=threshold)
    rows = [
        {
            "First": _person(each["First"]),
            "Second": _person(each["Second"]),
            "Similarity": each["Similarity"],
            "FirstFaceId": each["First"]["FaceId"],
            "SecondFaceId": each["Second"]["FaceId"],
        }
        for page in pages
        for each in page["Collisions"]
    ]
    rows.sort(key=lambda row: -row["Similarity"])
    print_rows(rows, as_json=as_json, nothing="nobody looks like anybody")


def _person(person: dict[str, Any]) -> str:
    """A user, or a face that is nobody's."""
    return str(person.get("UserId") or f"face {person['FaceId']}")


def _to_facts(answer: dict[str, Any]) -> dict[str, Any]:
    compared = answer["Compared"]
    weakest = compared["WeakestPair"]
    return {
        "Merge": answer.get("MergeId"),
        "Alike": compared.get("Similarity", "less than the purpose tells"),
        "False match rate": compared.get("EstimatedFalseMatchRate", {}).get("Rate"),
        "Asked for": compared["SimilarityThreshold"],
        "Least alike": f"{weakest['SourceFaceId']} {weakest['TargetFaceId']} {weakest.get('Similarity', '')}",
        "Faces": f"{len(compared['SourceFaces'])} and {len(compared['TargetFaces'])}: "
        f"{compared['FacesTogether']} of {compared['MostFaces']}",
        "Not compared": compared["FacesNotCompared"] or None,
        "Open requests": compared["OpenRequests"] or None,
        "Against it": ", ".join(compared["Obstacles"]) or None,
    }


def _to_rejected(rejection: dict[str, Any]) -> dict[str, Any]:
    return {
        "FaceId": rejection["FaceId"],
        "Is not": rejection.get("UserId") or rejection.get("RejectedFaceId"),
        "RejectedBy": rejection["RejectedBy"],
        "RejectedAt": rejection["RejectedAt"],
        "Reason": rejection.get("Reason"),
    }
