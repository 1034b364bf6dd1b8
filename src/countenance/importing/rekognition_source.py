"""What a Rekognition endpoint has, read with boto3: collections, faces and users. Nothing is changed there.

Templates cannot be had from it. A face is enrolled anew from the photo that its ExternalImageId names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from string import Formatter
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from countenance.errors import SetupError
from countenance.importing.records import Verdict, Wanted
from countenance.importing.source_names import EXTERNAL_IMAGE_ID, to_external_image_id

_FIELDS: Final = frozenset({"external_image_id", "face_id", "image_id", "user_id", "collection"})


@dataclass(frozen=True, slots=True)
class SourceFace:
    """A face as the endpoint lists it."""

    face_id: str
    image_id: str
    external_image_id: str | None
    user_id: str | None
    box: tuple[float, float, float, float]


@dataclass(slots=True)
class SourceCollection:
    """A collection there; `users_without_faces` cannot be brought: there is no photo of them."""

    name: str
    faces: list[SourceFace] = field(default_factory=list)
    users_without_faces: list[str] = field(default_factory=list)


class RekognitionSource:
    """A live endpoint: AWS's, or one that answers its API."""

    def __init__(self, *, endpoint_url: str | None, region: str | None, profile: str | None) -> None:
        """
        Raises:
            SetupError: there are no credentials for it.
        """
        try:
            session: Any = boto3.Session(profile_name=profile, region_name=region)
            self._client: Any = session.client(
                "rekognition",
                endpoint_url=endpoint_url,
                config=Config(retries={"mode": "adaptive", "total_max_attempts": 10}),
            )
        except BotoCoreError as error:
            raise SetupError(
                f"the source cannot be asked: {error}",
                remedy="give --source-profile and --source-region, as `aws configure` has them",
            ) from error

    def collections(self) -> list[str]:
        """Names of all of them."""
        return [name for page in self._pages("list_collections") for name in page["CollectionIds"]]

    def read(self, name: str, *, report: Callable[[int], None] = lambda _faces: None) -> SourceCollection:
        """All faces of a collection with their users.

        Raises:
            SetupError: it is not there, or the endpoint refuses.
        """
        found = SourceCollection(name)
        for page in self._pages("list_faces", CollectionId=name):
            found.faces += [_to_face(face) for face in page["Faces"]]
            report(len(found.faces))
        seen = {face.user_id for face in found.faces}
        for page in self._pages("list_users", CollectionId=name):
            for user in page["Users"]:
                if user["UserId"] not in seen and not self._add_user(found, user["UserId"]):
                    found.users_without_faces.append(user["UserId"])
        return found

    def _add_user(self, found: SourceCollection, user_id: str) -> bool:
        """Whether the user has faces: of an endpoint that does not say in its list whose a face is."""
        own = {
            face["FaceId"]
            for page in self._pages("list_faces", CollectionId=found.name, UserId=user_id)
            for face in page["Faces"]
        }
        found.faces = [
            SourceFace(face.face_id, face.image_id, face.external_image_id, user_id, face.box)
            if face.face_id in own
            else face
            for face in found.faces
        ]
        return bool(own)

    def _pages(self, operation: str, **members: Any) -> Iterator[Mapping[str, Any]]:
        try:
            yield from self._client.get_paginator(operation).paginate(**members)
        except (ClientError, BotoCoreError) as error:
            raise SetupError(
                f"the source does not answer {operation.replace('_', '-')}: {error}",
                remedy="see --source-endpoint-url, --source-region, --source-profile and --source-collection",
            ) from error


class PhotoFinder:
    """Which photo of a folder an ExternalImageId names.

    By a pattern, or else by the first of these that names one photo and no other: the id that an import of
    the folder would give it, its path with `:` for `/`, that without its ending, its name, its name without
    its ending.
    """

    def __init__(self, photos: Sequence[str], pattern: str | None) -> None:
        """`pattern`: a path with fields in braces, as `{user_id}/{external_image_id}.jpg`.

        Raises:
            SetupError: the pattern has a field that is none.
        """
        self._photos = frozenset(photos)
        self._pattern = pattern
        if pattern is not None:
            _require_fields(pattern)
        self._ways: list[dict[str, list[str]]] = [{} for _ in range(5)]
        for path in photos:
            pure = PurePosixPath(path)
            colons = ":".join(pure.parts)
            names = (
                *(to_external_image_id(pure.parts), colons, colons.removesuffix(pure.suffix)),
                *(pure.name, pure.stem),
            )
            for way, name in zip(self._ways, names, strict=True):
                way.setdefault(name, []).append(path)

    def find(self, face: SourceFace, collection: str) -> tuple[str, str]:
        """A path, or "" and why there is none."""
        if self._pattern is not None:
            path = self._pattern.format(
                external_image_id=face.external_image_id or "",
                face_id=face.face_id,
                image_id=face.image_id,
                user_id=face.user_id or "",
                collection=collection,
            )
            return (path, "") if path in self._photos else ("", f"there is no `{path}`")
        if face.external_image_id is None:
            return "", "it has no ExternalImageId"
        found: list[str] = []
        for way in self._ways:
            found = way.get(face.external_image_id, [])
            if len(found) == 1:
                return found[0], ""
            if found:
                break
        if found:
            return "", f"{len(found)} photos could be it, as `{found[0]}` and `{found[1]}`"
        return "", "no photo has this name"


def photos_of_faces(source: SourceCollection, finder: PhotoFinder) -> Iterator[Wanted]:
    """A photo for each face; of one whose photo cannot be found what is known of it."""
    for face in source.faces:
        path, problem = finder.find(face, source.name)
        name = face.external_image_id or f"face:{face.face_id}"
        if not EXTERNAL_IMAGE_ID.fullmatch(name):  # an endpoint that takes more than Rekognition does
            name = to_external_image_id(name.split(":"))
        was = f"face {face.face_id} there"
        yield Wanted(
            path or name,
            name,
            face.user_id,
            face.box,
            detail=was if path else f"{was}: {problem}",
            verdict=None if path else Verdict.MISSING,
        )


def _to_face(face: Mapping[str, Any]) -> SourceFace:
    box = face["BoundingBox"]
    return SourceFace(
        face["FaceId"],
        face.get("ImageId", ""),
        face.get("ExternalImageId"),
        face.get("UserId"),
        (box["Left"], box["Top"], box["Width"], box["Height"]),
    )


def _require_fields(pattern: str) -> None:
    try:
        fields = {name for _, name, _, _ in Formatter().parse(pattern) if name is not None}
    except ValueError as error:
        raise SetupError(f"the pattern `{pattern}` cannot be read: {error}") from None
    if unknown := fields - _FIELDS:
        raise SetupError(
            f"the pattern `{pattern}` has the field `{min(unknown)}`, which is none",
            remedy=f"there are {', '.join(sorted(_FIELDS))}",
        )
