"""Thumbnails beside a report: only for who asks, of photos that somebody should look at, and not for long."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

from countenance.importing.ledger import Ledger
from countenance.importing.photos import NotSent, load_photo_file
from countenance.importing.records import Run, Told, Verdict
from countenance.importing.report import Pictures
from countenance.store.files import make_private_directory, write_private

FOLDER: Final = "thumbnails"
_ENDING: Final = ".thumbnail.jpg"
_SIDE_PX: Final = 160
MOST: Final = 2000
"""Photos that need a look and have a thumbnail; the report says how many more there are."""
_LOOKED_AT: Final = frozenset({
    *(Verdict.LOOKS_LIKE_ANOTHER, Verdict.UNLIKE_THE_PERSON, Verdict.NO_FACE, Verdict.TOO_SMALL),
    *(Verdict.BLURRED, Verdict.LOW_QUALITY, Verdict.DUPLICATE),
})  # fmt: skip


def write_thumbnails(
    folder: Path, run: Run, told: Iterable[Told], ledger: Ledger, *, until: datetime, most: int = MOST
) -> Pictures:
    """Write them into `folder`/thumbnails (mode 700, files 600), to be removed at `until`.

    Of the first `most` photos that need a look, and of those that they look like.

    # INVARIANT: when they go is in the ledger before the first is there.

    Raises:
        SetupError: the folder cannot be made, or is open to others.
    """
    place = folder / FOLDER
    make_private_directory(folder)
    make_private_directory(place)
    ledger.note_thumbnails(run.import_id, place.absolute(), until)
    files: dict[str, str] = {}
    chosen, left_out = _chosen(told, most)
    for path in chosen:
        small = _small(Path(run.request.root), path)
        if small is not None:
            name = hashlib.sha256(path.encode()).hexdigest()[:24] + _ENDING
            write_private(place / name, small, replace=True)
            files[path] = f"{FOLDER}/{name}"
    return Pictures(files, until.isoformat(sep=" ", timespec="minutes"), left_out)


def remove_old_thumbnails(ledger: Ledger) -> int:
    """Remove those whose time has come; how many. What else lies in the folders stays."""
    removed = 0
    for import_id, place in ledger.old_thumbnails():
        for file in place.glob(f"*{_ENDING}"):
            file.unlink(missing_ok=True)
            removed += 1
        if place.name == FOLDER and place.is_dir() and not any(place.iterdir()):
            place.rmdir()
        ledger.forget_thumbnails(import_id)
    return removed


def _chosen(told: Iterable[Told], most: int) -> tuple[list[str], int]:
    """Paths of photos that need a look, and of those that they look like; how many were too many."""
    left_out = 0
    chosen: dict[str, None] = {}
    wanted: set[str] = set()
    places: dict[str, str] = {}
    for each in told:
        if each.outcome is None or not each.wanted.path:
            continue
        if each.outcome.face_id is not None:
            places[str(each.outcome.face_id)] = each.wanted.path
        if each.outcome.verdict not in _LOOKED_AT:
            continue
        if len(chosen) >= most and each.wanted.path not in chosen:
            left_out += 1
            continue
        chosen[each.wanted.path] = None
        if each.outcome.other is not None:
            wanted.add(str(each.outcome.other.face_id))
    chosen |= dict.fromkeys(places[face_id] for face_id in sorted(wanted & places.keys()))
    return list(chosen), left_out


def _small(root: Path, path: str) -> bytes | None:
    try:
        photo = load_photo_file(root, path)
        with Image.open(BytesIO(photo.data)) as opened:
            opened.draft("RGB", (2 * _SIDE_PX, 2 * _SIDE_PX))
            upright = ImageOps.exif_transpose(opened).convert("RGB")
        upright.thumbnail((_SIDE_PX, _SIDE_PX))
        target = BytesIO()
        upright.save(target, "JPEG", quality=80)
    except (NotSent, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return target.getvalue()
