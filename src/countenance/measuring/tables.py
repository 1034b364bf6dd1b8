"""A table of photographs: CSV or Parquet with the columns `subject`, `path` and what else is known.

`path` is relative to the table's own folder. Optional: `box` (`left,top,width,height` in pixels of the
upright photograph), `attack` or `species` (what a presentation attack was made of; empty, `bona fide` and
`none` are none), `pad_score` (of a presentation attack detector, higher is more bona fide; empty where it
gave no answer), `session`, and cohort columns, which have to be asked for by name.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
from pyarrow import parquet

from countenance.errors import SetupError
from countenance.measuring.data_sets import DataSet, Photo, in_order
from countenance.measuring.folders import require_folder
from countenance.measuring.pad_scores import PAD_SCORE, SCORE_REMEDY, parse_pad_score
from countenance.measuring.pairs_files import read_text
from countenance.measuring.photos import is_within
from countenance.measuring.table_labels import refuse, require_few, require_one_label_each
from countenance.types import PixelBox

PARQUET: Final = frozenset({".parquet", ".pq"})
TABLES: Final = frozenset({".csv", ".tsv", *PARQUET})
_SPECIES_COLUMNS: Final = ("attack", "species")
_BONA_FIDE: Final = frozenset({"", "bona fide", "bona_fide", "bona-fide", "none"})
_LONGEST_TEXT: Final = 4096
_LONGEST_LABEL: Final = 200
_LARGEST_SIDE_PX: Final = 100_000.0


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the table; `number` counts as a spreadsheet shows it, the header being 1."""

    number: int
    values: Mapping[str, Any]


def load_table(file: Path, *, cohort_columns: Sequence[str] = (), labels_by: str = "") -> DataSet:
    """The photographs of a table, bona fide ones and attacks apart.

    Raises:
        SetupError: it cannot be read; a column is not there; a row is not what it must be: the message
            names row and column, and how to mend it.
    """
    root = require_folder(file.absolute().parent)
    columns, rows = _rows_of_parquet(file) if file.suffix.lower() in PARQUET else _rows_of_csv(file)
    _require_columns(file, columns, ("subject", "path", *cohort_columns))
    if any(len(name) > _LONGEST_LABEL for name in cohort_columns):
        raise SetupError(f"`{file}`: the name of a cohort column is too long", remedy="shorten it")
    to_photo = _Reader(file, root, tuple(cohort_columns), tuple(columns))
    photos: list[tuple[int, Photo]] = []
    earlier: dict[str, tuple[int, Photo]] = {}
    for row in rows:
        photo = to_photo(row)
        number, other = earlier.setdefault(photo.path, (row.number, photo))
        if other is not photo and (photo.box is None or other.box is None or photo.subject == other.subject):
            refuse(
                file,
                row.number,
                "path",
                f"the photo of row {number} once more",
                "name each once, or give the `box` of each person in it",
            )
        photos.append((row.number, photo))
    if not photos:
        raise SetupError(f"`{file}` has no rows", remedy="give one row a photo")
    require_one_label_each(file, photos, cohort_columns)
    require_few(file, "attack", {photo.species for _, photo in photos})
    return DataSet(
        file.stem,
        "table",
        root,
        photos=in_order([photo for _, photo in photos if not photo.species]),
        attacks=in_order([photo for _, photo in photos if photo.species]),
        cohort_columns=tuple(cohort_columns),
        labels_by=labels_by,
        has_pad_scores=PAD_SCORE in columns,
    )


class _Reader:
    """From a row to a photo."""

    def __init__(self, file: Path, root: Path, cohorts: tuple[str, ...], columns: tuple[str, ...]) -> None:
        self._file, self._root, self._cohorts = file, root, cohorts
        self._species = next((name for name in _SPECIES_COLUMNS if name in columns), None)

    def __call__(self, row: _Row) -> Photo:
        return Photo(
            path=self._path(row),
            subject=self._required(row, "subject"),
            box=self._box(row),
            species=self._species_of(row),
            session=self._text(row, "session"),
            labels=tuple(self._text(row, name, longest=_LONGEST_LABEL) for name in self._cohorts),
            pad_score=self._pad_score(row),
        )

    def _text(self, row: _Row, column: str, *, longest: int = _LONGEST_TEXT) -> str:
        value = row.values.get(column)
        is_nothing = value is None or (isinstance(value, float) and math.isnan(value))  # as pandas has it
        text = "" if is_nothing else str(value).strip()
        if len(text) > longest:
            refuse(self._file, row.number, column, f"over {longest} characters", "shorten it")
        if any(ord(character) < 32 or ord(character) == 127 for character in text):
            refuse(self._file, row.number, column, "control characters or line breaks", "remove them")
        return text

    def _required(self, row: _Row, column: str) -> str:
        text = self._text(row, column)
        if not text:
            refuse(self._file, row.number, column, "nothing", "fill it in, or leave the row out")
        return text

    def _path(self, row: _Row) -> str:
        text = self._required(row, "path")
        if Path(text).is_absolute() or ".." in Path(text).parts or not is_within(self._root, text):
            refuse(
                self._file,
                row.number,
                "path",
                "it leads out of the table's folder",
                "write paths relative to the table, of files beside or below it; links out are not followed",
            )
        return Path(text).as_posix()

    def _species_of(self, row: _Row) -> str:
        if self._species is None:
            return ""
        text = self._text(row, self._species, longest=_LONGEST_LABEL)
        return "" if text.lower() in _BONA_FIDE else text

    def _pad_score(self, row: _Row) -> float | None:
        try:
            return parse_pad_score(row.values.get(PAD_SCORE))
        except ValueError as error:
            refuse(self._file, row.number, PAD_SCORE, str(error), SCORE_REMEDY)

    def _box(self, row: _Row) -> PixelBox | None:
        value = row.values.get("box")
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        parts = value.replace(",", " ").split() if isinstance(value, str) else value
        try:
            left, top, width, height = map(float, parts)
        except (TypeError, ValueError):
            left = top = width = height = math.nan
        sides = (left, top, width, height)
        if not all(abs(side) <= _LARGEST_SIDE_PX for side in sides) or width <= 0 or height <= 0:
            refuse(
                self._file,
                row.number,
                "box",
                "no box",
                "write `left,top,width,height` in pixels of the upright photo, in quotes in a CSV",
            )
        return PixelBox(left, top, width, height)


def _rows_of_csv(file: Path) -> tuple[list[str], Iterator[_Row]]:
    """Column names, and rows; parted by commas, semicolons or tabs, whichever the header has most of."""
    text = read_text(file)
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header = [name.strip() for name in next(_guarded(file, reader, 1), [])]
    repeated = {name for name in header if header.count(name) > 1 and name}
    if repeated:
        raise SetupError(f"`{file}`: a column is there twice: `{min(repeated)}`", remedy="rename one")

    def rows() -> Iterator[_Row]:
        for number, values in enumerate(_guarded(file, reader, 2), 2):
            if not any(value.strip() for value in values):
                continue
            if len(values) != len(header):
                raise SetupError(
                    f"`{file}`, row {number}: {len(values)} values, and the header has {len(header)} columns",
                    remedy=f"put values that hold the character {delimiter!r} in quotes",
                )
            yield _Row(number, dict(zip(header, values, strict=True)))

    return header, rows()


def _guarded(file: Path, reader: Iterator[list[str]], number: int) -> Iterator[list[str]]:
    """The reader's rows from row `number` on; what it cannot read is said with the row."""
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise SetupError(
                f"`{file}`, row {number} or after: {error}", remedy="write it as a CSV with quotes that close"
            ) from None
        number += 1


def _rows_of_parquet(file: Path) -> tuple[list[str], Iterator[_Row]]:
    """Column names, and rows, numbered from 2 as if there were a header."""
    try:
        opened = parquet.ParquetFile(file, memory_map=False)
        columns = list(opened.schema_arrow.names)
    except FileNotFoundError:
        raise SetupError(f"`{file}` is not there", remedy="give a file that is there") from None
    except (OSError, pa.ArrowException) as error:
        raise SetupError(
            f"`{file}` is no Parquet file ({_first_line(error)})", remedy="write it anew"
        ) from None

    def rows() -> Iterator[_Row]:
        number = 2
        try:
            for batch in opened.iter_batches(batch_size=4096):
                for values in batch.to_pylist():
                    yield _Row(number, values)
                    number += 1
        except (OSError, pa.ArrowException) as error:
            raise SetupError(
                f"`{file}`, row {number} or after, cannot be read ({_first_line(error)})",
                remedy="write it anew",
            ) from None

    return columns, rows()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200]


def _require_columns(file: Path, there: Sequence[str], wanted: Sequence[str]) -> None:
    for name in wanted:
        if name not in there:
            has = ", ".join(f"`{column}`" for column in there[:20]) or "none"
            raise SetupError(
                f"`{file}` has no column `{name}`: it has {has}",
                remedy=f"name a column `{name}` in its first row"
                if name in {"subject", "path"}
                else "give --cohort a column that is there",
            )
