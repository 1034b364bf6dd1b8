"""Try it: a photo, an operation, what comes back, and the boto3 call that does the same."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from countenance.console.boto3_code import boto3_code
from countenance.console.calls import AMAZONS, CallRefused
from countenance.console.preview import preview
from countenance.console.visit import Visit
from countenance.facts import AGES, SOURCES
from countenance.gateway.call import Answer
from countenance.policy.purposes import ATTRIBUTES, load_purposes

MOST_FACES: Final = 4096
MOST_BYTES: Final = 11 * 1024 * 1024
"""Two photos of 5 MiB, which is the most that the API takes of each, and the rest of the form."""
_CLAIMS: Final = {
    "case": "Case",
    "source": "Source",
    "age": "AgeAttestation",
    "consent": "ConsentReference",
    "authorization": "AuthorizationReference",
}
"""Fields that say with the purpose what it needs to be told: members of AssumePurpose."""
_FIELDS: Final = ("operation", "purpose", "collection", "threshold", "most", *_CLAIMS)
_HELD: Final = re.compile(r"OBL-REVIEW: .*review `([0-9a-f-]{36})`", re.DOTALL)
"""What a call is told whose candidates people look at first (gateway/review.py)."""
_OPERATIONS: Final = ("DetectFaces", "SearchFacesByImage", "CompareFaces")


def show(visit: Visit) -> Answer:
    """The empty form."""
    return _page(visit, asked={"operation": "DetectFaces"})


def take(visit: Visit) -> Answer:
    """Make the call, and show photo, boxes and answer."""
    form = visit.form
    asked = {name: form.one(name) for name in _FIELDS}
    claims = {member: asked[name] for name, member in _CLAIMS.items() if asked[name]}
    attributes = [each for each in form.many("attribute") if each in ATTRIBUTES]
    photo, target = form.files.get("photo", b""), form.files.get("target", b"")
    if asked["operation"] not in _OPERATIONS:
        asked["operation"] = "DetectFaces"
    try:
        request = _request(asked, attributes, photo, target)
    except ValueError as error:
        return _page(visit, asked=asked, attributes=attributes, wrong=str(error), status=400)
    try:
        called = visit.under(asked["purpose"], AMAZONS, asked["operation"], claims=claims, **request)
    except CallRefused as error:
        told = {"wrong": f"{error.code}: {error.message}"}
        if (held := _HELD.match(error.message)) is not None:
            code = _code(visit, asked, request, claims)
            told = {"held": held.group(1), "event": error.event_id, "code": code}
        return _page(visit, asked=asked, attributes=attributes, status=error.status, **told)
    shown = target if asked["operation"] == "CompareFaces" else photo
    return _page(
        visit,
        asked=asked,
        attributes=attributes,
        answer=json.dumps(called.response, indent=2, ensure_ascii=False),
        event=called.headers.get("x-countenance-event-id", ""),
        raised=called.headers.get("x-countenance-threshold", ""),
        code=_code(visit, asked, request, claims),
        picture=preview(shown),
        boxes=_boxes(asked["operation"], called.response),
        matches=_matches(called.response),
        faces=_described(called.response),
    )


def _page(visit: Visit, *, asked: dict[str, str], status: int = 200, **values: Any) -> Answer:
    given: dict[str, Any] = {
        "attributes": [], "wrong": "", "held": "", "answer": "", "event": "", "raised": "", "code": "",
        "picture": "", "boxes": [], "matches": [], "faces": [],
    }  # fmt: skip
    purposes = visit.ours("ListPurposes")["Purposes"]
    collections = visit.find(
        "ListCollections", otherwise={"CollectionIds": []}, service=AMAZONS, MaxResults=200
    )
    cases = visit.find("ListCases", otherwise={"Cases": []}, MaxResults=50)
    return visit.page(
        "try.html",
        status=status,
        asked=dict.fromkeys(_FIELDS, "") | asked,
        operations=_OPERATIONS,
        approved=[each for each in purposes if each.get("Status") == "approved"],
        known_attributes=sorted(ATTRIBUTES),
        collections=collections["CollectionIds"],
        cases=[each for each in cases["Cases"] if each["Open"]],
        sources=SOURCES[1:],
        ages=AGES[1:],
        **(given | values),
    )


def _code(visit: Visit, asked: dict[str, str], request: dict[str, Any], claims: dict[str, str]) -> str:
    return boto3_code(
        asked["operation"],
        request,
        purpose=asked["purpose"],
        claims=claims,
        endpoint=f"{visit.request.scheme}://{visit.request.host}",
        region=visit.calls.region,
    )


def _request(asked: dict[str, str], attributes: list[str], photo: bytes, target: bytes) -> dict[str, Any]:
    """Raises ValueError: what is missing, in words."""
    if asked["purpose"] not in load_purposes():
        raise ValueError("choose a purpose that is approved for this account")
    if not photo:
        raise ValueError("choose a photo")
    threshold = asked["threshold"] and _percent(asked["threshold"])
    match asked["operation"]:
        case "SearchFacesByImage":
            if not asked["collection"]:
                raise ValueError("choose a collection to search")
            found: dict[str, Any] = {"CollectionId": asked["collection"], "Image": {"Bytes": photo}}
            found |= {"FaceMatchThreshold": threshold} if threshold else {}
            return found | ({"MaxFaces": _count(asked["most"])} if asked["most"] else {})
        case "CompareFaces":
            if not target:
                raise ValueError("choose a second photo")
            found = {"SourceImage": {"Bytes": photo}, "TargetImage": {"Bytes": target}}
            return found | ({"SimilarityThreshold": threshold} if threshold else {})
        case _:
            return {"Image": {"Bytes": photo}, "Attributes": ["DEFAULT", *attributes]}


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:5]) <= MOST_FACES:
        raise ValueError(f"the most faces are a whole number from 1 to {MOST_FACES}")
    return int(text)


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("the threshold is a number from 0 to 100") from None
    if not 0 <= value <= 100:
        raise ValueError("the threshold is a number from 0 to 100")
    return value


def _boxes(operation: str, response: dict[str, Any]) -> list[dict[str, Any]]:
    """What is drawn over the photo, in shares of its sides, each with a word."""
    match operation:
        case "DetectFaces":
            return [
                each["BoundingBox"]
                | {"word": f"{each['Confidence']:.1f} %", "points": each.get("Landmarks", [])}
                for each in response["FaceDetails"]
            ]
        case "SearchFacesByImage":
            best = max((each["Similarity"] for each in response["FaceMatches"]), default=None)
            word = "nobody" if best is None else f"best {best:.1f}"
            return [response["SearchedFaceBoundingBox"] | {"word": word, "points": []}]
        case _:
            return [
                *(
                    each["Face"]["BoundingBox"] | {"word": f"{each['Similarity']:.1f}", "points": []}
                    for each in response["FaceMatches"]
                ),
                *(
                    each["BoundingBox"] | {"word": "below", "points": []}
                    for each in response["UnmatchedFaces"]
                ),
            ]


def _described(response: dict[str, Any]) -> list[list[tuple[str, str]]]:
    """Of each face that was detected: what was read from it, in words."""
    drawn = {"BoundingBox", "Landmarks"}
    return [
        [(name, _words(value)) for name, value in face.items() if name not in drawn]
        for face in response.get("FaceDetails", [])
    ]


def _words(value: Any) -> str:
    match value:
        case {"Value": found, "Confidence": confidence}:
            return f"{str(found).lower()} ({confidence:.0f} % sure)"
        case {"Low": low, "High": high}:
            return f"{low} to {high}"
        case dict():
            return ", ".join(f"{name} {_words(each)}" for name, each in value.items())
        case list():
            return ", ".join(f"{each['Type'].lower()} ({each['Confidence']:.0f} %)" for each in value[:3])
        case float():
            return f"{value:.1f}"
        case _:
            return str(value)


def _matches(response: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "similarity": each["Similarity"],
            "face": each["Face"].get("FaceId", ""),
            "external": each["Face"].get("ExternalImageId", ""),
        }
        for each in response.get("FaceMatches", [])
        if "FaceId" in each["Face"]
    ]
