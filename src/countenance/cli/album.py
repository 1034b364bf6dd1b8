"""The photos of a demo: people with enrolled and unseen photos, and a stranger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from countenance.cli.portraits import load_portraits
from countenance.errors import SetupError
from countenance.types import PixelBox, RatioBox

_PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png"}
_PEOPLE_AT_MOST = 12
_PHOTOS_AT_MOST = 4
_TILE_PX = 480
_SMALLEST_SIDE_PX = 80
_MOST_BYTES = 5 * 1024 * 1024
_SHRUNK_PX = 2048


@dataclass(frozen=True, slots=True)
class Person:
    """Someone known: photos to enrol, and photos that the collection has not seen."""

    name: str
    enrolled: Sequence[Path]
    unseen: Sequence[Path]


@dataclass(frozen=True, slots=True)
class Album:
    """What a demo runs on.

    Attributes:
        people: everyone enrolled; the first has at least one unseen photo.
        stranger: a photo of somebody who is not enrolled.
        origin: where the photos come from, in words.
        left_out: files that are no photos after all, with the reason.
    """

    people: Sequence[Person]
    stranger: Path
    origin: str
    left_out: Sequence[str] = ()


def portraits_album(cache_dir: Path) -> Album:
    """Public-domain portraits carried by two packages of the Python package index."""
    portraits = load_portraits(cache_dir)
    return Album(
        people=[_split(name, photos) for name, photos in portraits.known.items()],
        stranger=portraits.stranger,
        origin="public-domain portraits (official portraits; NASA's astronaut is the stranger)",
    )


def load_album(folder: Path, scratch: Path) -> Album:
    """The user's own photos, one folder a person.

    The person with the fewest photos is held out as the stranger, so at least two people are needed,
    one of them with two photos. Photos that are too large for the API are shrunk into `scratch`.

    Raises:
        SetupError: too few people or photos.
    """
    left_out: list[str] = []
    photos = {
        person.name: _usable(person, scratch / person.name, left_out)
        for person in sorted(folder.iterdir())
        if person.is_dir()
    }
    photos = {name: found for name, found in photos.items() if found}
    if len(photos) < 2 or max(len(found) for found in photos.values()) < 2:
        raise SetupError(
            f"`{folder}` needs at least two people, one folder each, and two photos of one of them",
            remedy="make FOLDER/Name/photo.jpg; one person is held out as the stranger",
        )
    held_out = min(photos, key=lambda name: (len(photos[name]), name))
    known = [name for name in photos if name != held_out]
    known.sort(key=lambda name: len(photos[name]) < 2)
    return Album(
        people=[_split(name, photos[name]) for name in known[:_PEOPLE_AT_MOST]],
        stranger=photos[held_out][0],
        origin=f"{folder} ({held_out} is the stranger)",
        left_out=left_out,
    )


def _usable(person: Path, scratch: Path, left_out: list[str]) -> list[Path]:
    """The first few photos of a person that open, in a size that the API takes."""
    usable: list[Path] = []
    for path in sorted(path for path in person.iterdir() if path.suffix.lower() in _PHOTO_SUFFIXES):
        if len(usable) == _PHOTOS_AT_MOST:
            break
        try:
            usable.append(_fitting(path, scratch))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            left_out.append(f"{person.name}/{path.name} ({error})")
    return usable


def _fitting(path: Path, scratch: Path) -> Path:
    with Image.open(path) as photo:
        if min(photo.size) < _SMALLEST_SIDE_PX:
            raise ValueError(f"{photo.width} x {photo.height} px, {_SMALLEST_SIDE_PX} needed")
        photo.load()
        if path.stat().st_size <= _MOST_BYTES:
            return path
        scratch.mkdir(parents=True, exist_ok=True)
        shrunk = ImageOps.contain(ImageOps.exif_transpose(photo).convert("RGB"), (_SHRUNK_PX, _SHRUNK_PX))
        shrunk.save(scratch / f"{path.stem}.jpg", quality=90)
        return scratch / f"{path.stem}.jpg"


def group_picture(album: Album, target: Path) -> list[RatioBox]:
    """Compose one picture from a photo of everyone at `target`; where in it each photo lies."""
    sources = [(person.unseen or person.enrolled)[0] for person in album.people] + [album.stranger]
    columns = min(4, len(sources))
    rows = -(-len(sources) // columns)
    sheet = Image.new("RGB", (columns * _TILE_PX, rows * _TILE_PX), (235, 235, 235))
    places = []
    for place, source in enumerate(sources):
        with Image.open(source) as photo:
            tile = ImageOps.contain(ImageOps.exif_transpose(photo).convert("RGB"), (_TILE_PX, _TILE_PX))
        left = (place % columns) * _TILE_PX + (_TILE_PX - tile.width) // 2
        top = (place // columns) * _TILE_PX + (_TILE_PX - tile.height) // 2
        sheet.paste(tile, (left, top))
        box = PixelBox(left, top, tile.width, tile.height)
        places.append(box.to_ratio(image_width=sheet.width, image_height=sheet.height))
    sheet.save(target, quality=92)
    return places


def _split(name: str, photos: Sequence[Path]) -> Person:
    """Half of the photos are enrolled, at least one; a single photo is enrolled and never searched."""
    enrolled = max(1, len(photos) // 2)
    return Person(name=name, enrolled=photos[:enrolled], unseen=photos[enrolled:])
