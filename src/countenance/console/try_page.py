"""Try it: a photo, an operation, what comes back, and the boto3 call that does the same."""

from __future__ import annotations

import json
from typing import Any, Final

from countenance.console.calls import AMAZONS, CallRefused
from countenance.console.preview import preview
from countenance.console.visit import Visit
from countenance.gateway.call import Answer
from countenance.policy.purposes import ATTRIBUTES, load_purposes

MOST_BYTES: Final = 11 * 1024 * 1024
"""Two photos of 5 MiB, which is the most that the API takes of each, and the rest of the form."""
_OPERATIONS: Final = ("DetectFaces", "SearchFacesByImage", "CompareFaces")


def show(visit: Visit) -> Answer:
    """The empty form."""
    return _page(visit, asked={"operation": "DetectFaces"})


def take(visit: Visit) -> Answer:
    """Make the call, and show photo, boxes and answer."""
    form = visit.form
    asked = {name: form.one(name) for name in ("operation", "purpose", "collection", "threshold")}
    attributes = [each for each in form.many("attribute") if each in ATTRIBUTES]
    photo, target = form.files.get("photo", b""), form.files.get("target", b"")
    if asked["operation"] not in _OPERATIONS:
        asked["operation"] = "DetectFaces"
    try:
        request = _request(asked, attributes, photo, target)
    except ValueError as error:
        return _page(visit, asked=asked, attributes=attributes, wrong=str(error), status=400)
    try:
        called = visit.under(asked["purpose"], AMAZONS, asked["operation"], **request)
    except CallRefused as error:
        return _page(
            visit,
            asked=asked,
            attributes=attributes,
            wrong=f"{error.code}: {error.message}",
            status=error.status,
        )
    shown = target if asked["operation"] == "CompareFaces" else photo
    return _page(
        visit,
        asked=asked,
        attributes=attributes,
        answer=json.dumps(called.response, indent=2, ensure_ascii=False),
        event=called.headers.get("x-countenance-event-id", ""),
        raised=called.headers.get("x-countenance-threshold", ""),
        code=_boto3(asked["operation"], request, f"{visit.request.scheme}://{visit.request.host}"),
        picture=preview(shown),
        boxes=_boxes(asked["operation"], called.response),
        matches=_matches(called.response),
        faces=_described(called.response),
    )


def _page(visit: Visit, *, asked: dict[str, str], status: int = 200, **values: Any) -> Answer:
    given: dict[str, Any] = {
        "attributes": [], "wrong": "", "answer": "", "event": "", "raised": "", "code": "", "picture": "",
        "boxes": [], "matches": [], "faces": [],
    }  # fmt: skip
    purposes = visit.ours("ListPurposes")["Purposes"]
    collections = visit.find(
        "ListCollections", otherwise={"CollectionIds": []}, service=AMAZONS, MaxResults=200
    )
    return visit.page(
        "try.html",
        status=status,
        asked={"operation": "", "purpose": "", "collection": "", "threshold": ""} | asked,
        operations=_OPERATIONS,
        approved=[each for each in purposes if each.get("Status") == "approved"],
        known_attributes=sorted(ATTRIBUTES),
        collections=collections["CollectionIds"],
        **(given | values),
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
            return found | ({"FaceMatchThreshold": threshold} if threshold else {})
        case "CompareFaces":
            if not target:
                raise ValueError("choose a second photo")
            found = {"SourceImage": {"Bytes": photo}, "TargetImage": {"Bytes": target}}
            return found | ({"SimilarityThreshold": threshold} if threshold else {})
        case _:
            return {"Image": {"Bytes": photo}, "Attributes": ["DEFAULT", *attributes]}


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


def _boto3(operation: str, request: dict[str, Any], endpoint: str) -> str:
    """The same call to the same address, for somebody's own program: bytes come from files there."""
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")
    files = {"Image": "photo.jpg", "SourceImage": "source.jpg", "TargetImage": "target.jpg"}
    lines = [
        "import pathlib, boto3",
        "",
        f'client = boto3.client("rekognition", endpoint_url={json.dumps(endpoint)})',
        f"answer = client.{name}(",
    ]
    for member, value in request.items():
        if member in files:
            shown = f'{{"Bytes": pathlib.Path("{files[member]}").read_bytes()}}'
        else:
            shown = json.dumps(value, ensure_ascii=False)
        lines.append(f"    {member}={shown},")
    return "\n".join([*lines, ")"])
