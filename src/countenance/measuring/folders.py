"""A folder of folders, one a person."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Final

from countenance.errors import SetupError
from countenance.measuring.data_sets import DataSet, Photo, in_order
from countenance.measuring.photos import is_within

PICTURES: Final = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png"})
"""Endings of files that are taken; what they hold is judged by content, later."""


def load_folder(folder: Path) -> DataSet:
    """Every picture beneath a folder; the person is the folder at the top that it lies in.

    Hidden files are passed over, and so are other kinds and pictures that lie loose: `passed_over` tells.

    Raises:
        SetupError: there is no such folder, it cannot be read, links in it lead out of it, a name is not
            text, or it holds no photo of anybody.
    """
    root = require_folder(folder)
    photos: list[Photo] = []
    passed_over: Counter[str] = Counter()
    leading_out = 0
    for directory, folders, files in os.walk(root, onerror=_cannot_be_read):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        within = Path(directory).relative_to(root)
        links = [name for name in folders if (Path(directory) / name).is_symlink()]
        leading_out += sum(not is_within(root, str(within / name)) for name in links)
        passed_over.update(["link to a folder"] * len(links))
        for name in files:
            kind = _why_passed_over(within, name)
            if kind is not None:
                passed_over[kind] += 1
                continue
            path = (within / name).as_posix()
            leading_out += not is_within(root, path)
            photos.append(Photo(_as_text(path), subject=within.parts[0]))
    if leading_out:
        raise SetupError(
            f"`{folder}` holds {leading_out} links that lead out of it",
            remedy=f"copy what they lead to: `find {folder} -type l` lists them",
        )
    if not photos:
        raise SetupError(
            f"`{folder}` holds no photos",
            remedy="it must be a folder of folders, one a person, with JPEG or PNG files",
        )
    return DataSet(root.name, "folder", root, in_order(photos), passed_over=dict(passed_over))


def require_folder(folder: Path) -> Path:
    """The folder with links resolved.

    Raises:
        SetupError: it is not there.
    """
    if not folder.is_dir():
        raise SetupError(f"`{folder}` is not a folder", remedy="give the folder that the photos are in")
    return folder.resolve()


def _why_passed_over(within: Path, name: str) -> str | None:
    if name.startswith("."):
        return "hidden"
    if Path(name).suffix.lower() not in PICTURES:
        return Path(name).suffix.lower() or "no ending"
    return "lies loose, in no person's folder" if not within.parts else None


def _as_text(path: str) -> str:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        raise SetupError(
            f"a name in the data set is no text: {path.encode('utf-8', 'surrogateescape')!r}",
            remedy="rename it",
        ) from None
    return path


def _cannot_be_read(error: OSError) -> None:
    raise SetupError(
        f"`{error.filename}` cannot be read ({error.strerror})", remedy="give the right to read it"
    )
