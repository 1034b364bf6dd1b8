"""Lists of comparisons as Labeled Faces in the Wild has them (`pairs.txt`, `pairsDevTest.txt`).

A header of the number of folds and the mated pairs of each (`10 300`), or of the mated pairs of the only
fold (`500`). Then, for each fold, so many lines `name n1 n2` and as many `name1 n1 name2 n2`, the photo
being `name/name_0001.jpg`. Columns are parted by tabs, or by spaces where there is no tab.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import numpy as np

from countenance.errors import SetupError
from countenance.evaluation.trials import Pairs
from countenance.measuring.data_sets import DataSet, Photo, in_order
from countenance.measuring.folders import require_folder
from countenance.measuring.photos import is_within

_LARGEST_FILE: Final = 256 * 1024 * 1024
_MOST_DIGITS: Final = 7
_ENDINGS: Final = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")


@dataclass(frozen=True, slots=True)
class _Line:
    """One comparison of the list."""

    number: int
    first: Photo
    second: Photo

    @property
    def is_mated(self) -> bool:
        return self.first.subject == self.second.subject


def load_pairs(file: Path, folder: Path) -> DataSet:
    """The photographs that a list names, and the comparisons that it prescribes.

    A photo that is not in the folder stays in the list: it is a failure to enrol.

    Raises:
        SetupError: the list or the folder is not there, or a line is not what it must be; the message names
            it.
    """
    root = require_folder(folder)
    rows = [
        (number, _columns(line))
        for number, line in enumerate(read_text(file).splitlines(), 1)
        if line.strip()
    ]
    if not rows:
        _refuse(file, 1, "the list is empty", "it begins with the number of folds and of pairs")
    folds, mated = _header(file, *rows[0])
    lines = [_comparison(file, root, number, columns) for number, columns in rows[1:]]
    if len(lines) != 2 * folds * mated:
        _refuse(
            file,
            rows[0][0],
            f"{folds} folds of {mated} mated and {mated} non-mated pairs are {2 * folds * mated} lines, "
            f"and {len(lines)} follow",
            "complete the list, or correct its first line",
        )
    for place, line in enumerate(lines):
        if line.is_mated != (place % (2 * mated) < mated):
            kind = (
                "three columns, of one person"
                if place % (2 * mated) < mated
                else "four columns, of two people"
            )
            _refuse(
                file, line.number, f"a line of {kind}, is due here", "order the list as its first line says"
            )
    photos = in_order(
        tuple({photo.path: photo for line in lines for photo in (line.first, line.second)}.values())
    )
    row = {photo.path: index for index, photo in enumerate(photos)}
    pairs = Pairs(
        first=np.array([row[line.first.path] for line in lines], np.int64),
        second=np.array([row[line.second.path] for line in lines], np.int64),
        mated=np.array([line.is_mated for line in lines], np.bool_),
        fold=np.arange(len(lines), dtype=np.int64) // (2 * mated),
    )
    return DataSet(file.stem, "pairs", root, photos, pairs=pairs)


def read_text(file: Path) -> str:
    """A list or table that somebody wrote, with or without a byte order mark.

    Raises:
        SetupError: it is not there, cannot be read, is over 256 MiB or no UTF-8.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise SetupError(
            f"`{file}` cannot be read ({error.strerror})", remedy="give a file that is there"
        ) from None
    if len(content) > _LARGEST_FILE:
        raise SetupError(f"`{file}` is over 256 MiB", remedy="give it as Parquet, or in parts")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SetupError(f"`{file}` is no UTF-8 at byte {error.start}", remedy="save it as UTF-8") from None


def _columns(line: str) -> list[str]:
    return [part.strip() for part in (line.split("\t") if "\t" in line else line.split())]


def _header(file: Path, number: int, columns: list[str]) -> tuple[int, int]:
    """Folds, and mated pairs in each."""
    counts = [_whole(column) for column in columns]
    if len(counts) not in {1, 2} or None in counts:
        _refuse(
            file, number, "no header", "the first line has the folds and the mated pairs of each, as `10 300`"
        )
    folds, mated = [1, *counts][-2:]
    assert folds is not None
    assert mated is not None
    return folds, mated


def _comparison(file: Path, root: Path, number: int, columns: list[str]) -> _Line:
    if len(columns) == 3:
        columns = [columns[0], columns[1], columns[0], columns[2]]
    elif len(columns) != 4:
        _refuse(file, number, f"{len(columns)} columns", "write `name n1 n2` or `name1 n1 name2 n2`")
    elif columns[0] == columns[2]:
        _refuse(file, number, "two people of one name", "write a mated pair as `name n1 n2`")
    first, second = (_photo(file, root, number, *pair) for pair in (columns[:2], columns[2:]))
    if first.path == second.path:
        _refuse(file, number, "a photo against itself", "name two photos")
    return _Line(number, first, second)


def _photo(file: Path, root: Path, number: int, name: str, count: str) -> Photo:
    which = _whole(count)
    if which is None:
        _refuse(file, number, "a photo's number is none", "it is a whole number, from 1")
    if not name or name in {".", ".."} or "/" in name or "\\" in name:
        _refuse(file, number, "a name is no folder's", "names are those of folders in the data set")
    stem = f"{name}/{name}_{which:04d}"
    path = next((stem + ending for ending in _ENDINGS if (root / (stem + ending)).is_file()), stem + ".jpg")
    if not is_within(root, path):
        _refuse(
            file,
            number,
            "a photo lies outside the data set's folder",
            "copy it in: links out are not followed",
        )
    return Photo(path, subject=name)


def _whole(text: str) -> int | None:
    """A whole number from 1; None for anything else."""
    is_one = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and int(text) > 0
    return int(text) if is_one else None


def _refuse(file: Path, number: int, problem: str, remedy: str) -> NoReturn:
    raise SetupError(f"`{file}`, line {number}: {problem}", remedy=remedy)
