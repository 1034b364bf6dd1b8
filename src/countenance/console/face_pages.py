"""One face of a collection: what is known of it, its picture where one is kept, and its end."""

from __future__ import annotations

import base64
from typing import Final
from urllib.parse import quote

from countenance.console.calls import OURS, CallRefused
from countenance.console.render import picture
from countenance.console.request import BadForm
from countenance.console.user_pages import charter_of, may_look, require_sure
from countenance.console.visit import Visit
from countenance.gateway.call import Answer
from countenance.policy.purposes import load_purposes

_OF_A_USER: Final = "ASSOCIATED_TO_AN_EXISTING_USER"


def show(visit: Visit) -> Answer:
    """The face; its picture once a purpose is chosen that allows to look."""
    name, face_id = visit.parts["collection"], visit.parts["face"]
    listed = visit.amazons("ListFaces", CollectionId=name, FaceIds=[face_id])["Faces"]
    if not listed:
        raise CallRefused(
            code="ResourceNotFoundException",
            message=f"the collection has no face `{face_id}`; perhaps it was deleted",
            status=404,
            event_id="",
        )
    enrolled, rejections = visit.calls.together(
        lambda: visit.find("DescribeFaces", otherwise={"Faces": []}, CollectionId=name, FaceIds=[face_id]),
        lambda: visit.find(
            "ListRejectedMatches", otherwise={"Rejections": []}, CollectionId=name, FaceId=face_id
        ),
    )
    charter, purposes = charter_of(visit, name)
    return visit.page(
        "face.html",
        name=name,
        face=listed[0],
        enrolled=next((each for each in enrolled["Faces"]), None),
        kept_days=charter.get("PicturesKeptDays"),
        rejections=rejections["Rejections"],
        purposes=purposes,
        purpose=visit.request.asked().get("purpose", ""),
        may_look=may_look(visit),
        path=f"/console/collections/{quote(name)}/faces/{face_id}",
    )


def take(visit: Visit) -> Answer:
    """Delete it, if it is nobody's."""
    name, face_id = visit.parts["collection"], visit.parts["face"]
    if visit.form.one("do") != "delete":
        raise BadForm("it does not say what is to be done")
    require_sure(visit)
    done = visit.amazons("DeleteFaces", CollectionId=name, FaceIds=[face_id])
    if not done["DeletedFaces"]:
        reasons = {reason for each in done["UnsuccessfulFaceDeletions"] for reason in each.get("Reasons", ())}
        if _OF_A_USER in reasons:
            raise BadForm("nothing was deleted: the face is a user's; take it from the user first")
        raise BadForm("nothing was deleted: the face is not there any more")
    return visit.goto(f"/console/collections/{quote(name)}", told=f"The face {face_id} is deleted.")


def show_picture(visit: Visit) -> Answer:
    """The picture alone, for the pages: a call under the purpose, and in the log like any."""
    purpose = visit.request.asked().get("purpose", "")
    if purpose not in load_purposes():
        raise BadForm("no purpose is chosen")
    called = visit.under(
        purpose,
        OURS,
        "GetFaceImage",
        CollectionId=visit.parts["collection"],
        FaceId=visit.parts["face"],
    )
    return picture(base64.b64decode(called.response["Picture"]))
