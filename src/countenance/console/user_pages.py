"""One user of a collection: its faces, what does not fit, and being made one with another, or two again."""

from __future__ import annotations

import uuid
from typing import Any, Final
from urllib.parse import quote, urlencode

from countenance.console.calls import OURS, CallRefused
from countenance.console.request import BadForm
from countenance.console.visit import Visit
from countenance.gateway.call import Answer
from countenance.policy.purposes import load_purposes

_MOST_FACES: Final = 100


def show(visit: Visit) -> Answer:
    """The user, and under a purpose that was chosen what its faces say of each other.

    Of one who is not there as of one without faces: where a user was merged, that can be undone.
    """
    name, user = visit.parts["collection"], visit.parts["user"]
    asked = visit.request.asked()
    purpose, other = asked.get("purpose", ""), asked.get("into", "").strip()
    faces, merges = visit.calls.together(
        lambda: visit.amazons("ListFaces", CollectionId=name, UserId=user, MaxResults=_MOST_FACES)["Faces"],
        lambda: visit.find("ListMerges", otherwise={"Merges": []}, CollectionId=name, UserId=user)["Merges"],
    )
    charter, purposes = charter_of(visit, name)
    outliers, against = _outliers(visit, name, user, purpose) if purpose else (None, "")
    compared, hindered = _compared(visit, name, user, other, purpose) if purpose and other else (None, "")
    return visit.page(
        "user.html",
        name=name,
        user=user,
        faces=faces,
        enrolled=_enrolled(visit, name, faces),
        kept_days=charter.get("PicturesKeptDays"),
        merges=list(reversed(merges)),
        purposes=purposes,
        purpose=purpose,
        other=other,
        outliers=outliers,
        against=against or hindered,
        compared=compared,
        may_look=may_look(visit),
        once=str(uuid.uuid4()),
        path=path_of(name, user),
        here=f"{path_of(name, user)}?{urlencode({'purpose': purpose, 'into': other})}",
    )


def take(visit: Visit) -> Answer:
    """Merge, undo a merge, take faces away, or delete the user."""
    name, user, form = visit.parts["collection"], visit.parts["user"], visit.form
    match form.one("do"):
        case "merge":
            other = form.one("into")
            visit.under(
                _purpose(visit),
                OURS,
                "MergeUsers",
                CollectionId=name,
                SourceUserId=user,
                TargetUserId=other,
                ClientRequestToken=form.one("once") or None,
            )
            return _told(visit, name, other, f"{user} is merged into {other}; it can be undone for 30 days.")
        case "undo":
            done = visit.under(
                _purpose(visit), OURS, "UndoMerge", CollectionId=name, MergeId=form.one("merge")
            ).response
            return _told(visit, name, user, _said_of(done))
        case "disassociate":
            chosen = form.many("face")
            if not chosen:
                raise BadForm("no face is chosen")
            done = visit.amazons("DisassociateFaces", CollectionId=name, UserId=user, FaceIds=chosen)
            gone, left = len(done["DisassociatedFaces"]), len(done["UnsuccessfulFaceDisassociations"])
            told = f"{gone} faces are this user's no more."
            return _told(visit, name, user, told + (f" {left} were not." if left else ""))
        case "delete":
            require_sure(visit)
            visit.amazons("DeleteUser", CollectionId=name, UserId=user)
            told = f"The user {user} is deleted; its faces are still there."
            return visit.goto(f"/console/collections/{quote(name)}", told=told)
        case _:
            raise BadForm("it does not say what is to be done")


def charter_of(visit: Visit, name: str) -> tuple[dict[str, Any], list[str]]:
    """The collection's charter, and those of its purposes that are approved for the account."""
    charter, purposes = visit.calls.together(
        lambda: visit.find("DescribeCharter", otherwise={"Charter": {}}, CollectionId=name)["Charter"],
        lambda: visit.find("ListPurposes", otherwise={"Purposes": []})["Purposes"],
    )
    approved = {each["Name"] for each in purposes if each.get("Status") == "approved"}
    return charter, [each for each in charter.get("Purposes", ()) if each in approved]


def may_look(visit: Visit) -> bool:
    """Whether the gateway would show somebody's face to whoever visits (LOOK-001)."""
    return visit.may("developer") and not visit.may("examiner")


def require_sure(visit: Visit) -> None:
    """Raises BadForm: nobody said that they are sure."""
    if visit.form.one("sure") != "yes":
        raise BadForm("nothing was deleted: it was not confirmed")


def path_of(name: str, user: str) -> str:
    """Of a user's page."""
    return f"/console/collections/{quote(name)}/users/{quote(user, safe='')}"


def _told(visit: Visit, name: str, user: str, told: str) -> Answer:
    return visit.goto(path_of(name, user), told=told)


def _purpose(visit: Visit) -> str:
    purpose = visit.form.one("purpose")
    if purpose not in load_purposes():
        raise BadForm("choose a purpose")
    return purpose


def _enrolled(visit: Visit, name: str, faces: list[dict[str, Any]]) -> dict[str, float]:
    if not faces:
        return {}
    ids = [face["FaceId"] for face in faces]
    found = visit.find("DescribeFaces", otherwise={"Faces": []}, CollectionId=name, FaceIds=ids)["Faces"]
    return {each["FaceId"]: each["EnrolledAt"] for each in found}


def _outliers(visit: Visit, name: str, user: str, purpose: str) -> tuple[dict[str, Any] | None, str]:
    """By FaceId; or why the gateway does not say."""
    if purpose not in load_purposes():
        return None, "there is no such purpose"
    try:
        called = visit.under(purpose, OURS, "ListOutliers", CollectionId=name, UserId=user)
    except CallRefused as error:
        return None, f"{error.code}: {error.message}"
    return {each["FaceId"]: each for each in called.response["Outliers"]}, ""


def _compared(
    visit: Visit, name: str, user: str, other: str, purpose: str
) -> tuple[dict[str, Any] | None, str]:
    """What merging with the other would be of; or why the gateway does not say."""
    asked: dict[str, Any] = {
        "CollectionId": name,
        "SourceUserId": user,
        "TargetUserId": other,
        "DryRun": True,
    }
    try:
        called = visit.under(purpose, OURS, "MergeUsers", **asked)
    except CallRefused as error:
        return None, f"{error.code}: {error.message}"
    found: dict[str, Any] = called.response["Compared"]
    return found, ""


def _said_of(done: dict[str, Any]) -> str:
    told = f"{done['SourceUserId']} is there again with {len(done['AssociatedFaces'])} faces."
    if done["FacesDeleted"]:
        told += f" {done['FacesDeleted']} were deleted since."
    if done["FacesElsewhere"]:
        told += f" {len(done['FacesElsewhere'])} are nobody's or another's by now, and stay so."
    return told
