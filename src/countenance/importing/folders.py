"""Photos in folders, one a person; a photo that lies loose is of the person whom its name names."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from countenance.errors import SetupError
from countenance.importing.records import Wanted
from countenance.importing.source_names import to_external_image_id, to_user_id

PHOTOS: Final = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png"})
OTHER_PHOTOS: Final = frozenset({".heic", ".heif", ".avif", ".gif", ".webp", ".bmp", ".tif", ".tiff"})
"""Of kinds that the API does not take: each is told, so that nobody misses it silently."""


@dataclass(slots=True)
class Listing:
    """What lies in a folder.

    Attributes:
        photos: paths relative to the folder, with `/`, in order.
        passed_over: how many other files there are, by the ending of their names. None is opened: a pickle of
            another program could run whatever its writer liked.
    """

    photos: list[str] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)


def list_folder(folder: Path) -> Listing:
    """All photos beneath a folder. What is hidden, and links that lead elsewhere, are passed over.

    Raises:
        SetupError: it, or a folder in it, cannot be read; a name is not text.
    """
    listing = Listing()
    _walk(folder, "", listing)
    listing.photos.sort()
    return listing


def photos_of_people(photos: list[str], *, with_users: bool) -> Iterator[Wanted]:
    """Each photo with its ids: the user is the person; without users the ExternalImageId is.

    Raises:
        SetupError: two people would have one id.
    """
    people: dict[str, str] = {}
    for path in photos:
        parts = path.split("/")
        person = parts[0] if len(parts) > 1 else Path(parts[0]).stem
        user_id = to_user_id(person)
        if people.setdefault(user_id, person) != person:
            raise SetupError(
                f"`{people[user_id]}` and `{person}` would have one id, `{user_id}`",
                remedy="rename one of them",
            )
        if with_users:
            yield Wanted(path, to_external_image_id(parts), user_id)
        else:
            yield Wanted(path, user_id)


def _walk(folder: Path, within: str, listing: Listing) -> None:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise SetupError(
            f"`{folder}` cannot be read ({error.strerror or error})", remedy="give the right to read it"
        ) from error
    for entry in entries:
        name = entry.name
        if name.startswith("."):
            listing.passed_over["hidden"] += 1
            continue
        _require_text(folder, name)
        if entry.is_symlink():
            listing.passed_over["link"] += 1
        elif entry.is_dir(follow_symlinks=False):
            _walk(folder / name, f"{within}{name}/", listing)
        elif entry.is_file(follow_symlinks=False):
            ending = Path(name).suffix.lower()
            if ending in PHOTOS | OTHER_PHOTOS:
                listing.photos.append(within + name)
            else:
                listing.passed_over[ending or "no ending"] += 1
        else:
            listing.passed_over["no file"] += 1


def _require_text(folder: Path, name: str) -> None:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise SetupError(
            f"in `{folder}` there is a name that is no text: {name.encode('utf-8', 'surrogateescape')!r}",
            remedy="rename it",
        ) from None
    if "\n" in name or "\r" in name or "\x00" in name:
        raise SetupError(f"in `{folder}` there is a name with a line break: {name!r}", remedy="rename it")
