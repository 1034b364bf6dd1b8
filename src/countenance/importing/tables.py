"""Photos in a table: CSV or Parquet with the columns path, ExternalImageId and UserId."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from countenance.errors import SetupError
from countenance.importing.records import Wanted
from countenance.importing.source_names import EXTERNAL_IMAGE_ID, USER_ID, to_external_image_id

_PATH, _NAME, _USER = "path", "externalimageid", "userid"
_KNOWN: Final = (_PATH, _NAME, _USER)
_MOST_TOLD = 10
_MOST_CELL = 10_000


@dataclass(slots=True)
class Table:
    """What a table holds.

    Attributes:
        ignored: columns that mean nothing here.
        bad: rows that cannot be, each as `line 7: why`.
    """

    photos: list[Wanted] = field(default_factory=list)
    ignored: Sequence[str] = ()
    bad: list[str] = field(default_factory=list)


def read_table(path: Path) -> Table:
    """All rows of a CSV or Parquet file; a path in it is relative to the folder that the table lies in.

    Nothing is guessed: a row without a path, or with an id that the API does not take, is bad. Without a
    column ExternalImageId the ids are made of the paths, as for folders.

    Raises:
        SetupError: it cannot be read; there is no column `path`, or one twice.
    """
    rows = _csv_rows(path) if path.suffix.lower() == ".csv" else _parquet_rows(path)
    header = next(rows)[1]
    places = _places(path, header)
    table = Table(ignored=[name for name in header if _plain(name) not in _KNOWN])
    for line, cells in rows:
        if not any(cells):
            continue
        wanted, problem = _to_wanted(cells, places, width=len(header))
        if wanted is not None:
            table.photos.append(wanted)
        else:
            table.bad.append(f"line {line}: {problem}")
    return table


def require_good(table: Table, path: Path) -> None:
    """
    Raises:
        SetupError: some rows are bad; which.
    """
    if table.bad:
        more = f" (and {len(table.bad) - _MOST_TOLD} more)" if len(table.bad) > _MOST_TOLD else ""
        raise SetupError(
            f"rows of `{path}` cannot be: {'; '.join(table.bad[:_MOST_TOLD])}{more}",
            remedy="mend them, or leave them out with --skip-bad-rows",
        )


def _places(path: Path, header: Sequence[str]) -> dict[str, int]:
    names = [_plain(name) for name in header]
    twice = [name for name in _KNOWN if names.count(name) > 1]
    if _PATH not in names or twice:
        problem = f"has the column `{twice[0]}` twice" if twice else "has no column `path`"
        raise SetupError(
            f"`{path}` {problem}; its columns are {', '.join(map(repr, header)) or 'none'}",
            remedy="name the columns path, ExternalImageId and UserId (the last two may be left out)",
        )
    return {name: names.index(name) for name in _KNOWN if name in names}


def _plain(name: str) -> str:
    return name.strip().lower()


def _to_wanted(cells: Sequence[str], places: Mapping[str, int], *, width: int) -> tuple[Wanted | None, str]:
    """The photo of a row, or None and why it is none."""
    if len(cells) != width:
        return None, f"it has {len(cells)} cells, and the header {width}"
    told = {name: cells[place].strip() for name, place in places.items()}
    path, user, name = told[_PATH], told.get(_USER) or None, told.get(_NAME)
    if name is None:
        name = to_external_image_id([part for part in PurePosixPath(path).parts if part != "/"])
    problem = _problem(path, name, user)
    return (None, problem) if problem else (Wanted(path, name, user), "")


def _problem(path: str, name: str, user: str | None) -> str:
    if not path:
        return "it has no path"
    if any(ord(character) < 32 for character in path):
        return "its path has a control character"
    if user is not None and not USER_ID.fullmatch(user):
        return f"`{user[:40]}` cannot be a UserId (letters, digits, _ . - : up to 128)"
    if not EXTERNAL_IMAGE_ID.fullmatch(name):
        shown = f"`{name[:40]}` cannot be an ExternalImageId" if name else "it has no ExternalImageId"
        return f"{shown} (letters, digits, _ . - : up to 255)"
    return ""


def _csv_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of each row; the header first."""
    csv.field_size_limit(_MOST_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            is_empty = True
            for cells in reader:
                is_empty = False
                yield reader.line_num, cells
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(path, error) from error
    if is_empty:
        raise _unreadable(path, ValueError("it is empty"))


def _parquet_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Likewise; a line is a row's number, from 1."""
    import pyarrow as pa  # type: ignore[import-untyped]  # it takes a third of a second
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        with pq.ParquetFile(path) as file:
            names: list[str] = file.schema_arrow.names
            yield 0, names
            line = 0
            for batch in file.iter_batches(batch_size=10_000):
                for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    line += 1
                    yield line, [_text(cell) for cell in cells]
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell)


def _unreadable(path: Path, error: Exception) -> SetupError:
    return SetupError(
        f"`{path}` cannot be read as a table: {getattr(error, 'strerror', None) or error}",
        remedy="give a CSV file in UTF-8 with a header, or a Parquet file",
    )
