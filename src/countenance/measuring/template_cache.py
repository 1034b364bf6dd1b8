"""Templates of a data set's photographs, kept so that a photo is looked at once for each state of things.

INVARIANT: templates are personal data. The folder has mode 700 and its files 600, nothing in them names
anybody (photos are known by the SHA-256 of their bytes), and `forget` removes all.

One SQLite file for each pack, pipeline and set of libraries. Thread safety: one thread at a time.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from countenance.errors import SetupError
from countenance.measuring.photos import Amiss
from countenance.store.files import make_private_directory
from countenance.types import Template
from countenance.vision.pipeline_digest import pipeline_digest

_LAYOUT: Final = 1
_LIBRARIES: Final = ("numpy", "onnxruntime", "opencv-python-headless", "pillow")
FACE_COLUMNS: Final = ("left", "top", "width", "height", "confidence", "brightness", "sharpness")
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS looks (
    photo BLOB PRIMARY KEY,
    amiss TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    faces BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS templates (
    photo BLOB NOT NULL, face INTEGER NOT NULL, template BLOB NOT NULL, PRIMARY KEY (photo, face)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Look:
    """What the detector found in one photograph.

    Attributes:
        amiss: why it found nothing; None where it found a face.
        width: of the upright photograph, pixels; 0 where it could not be decoded.
        height: likewise.
        faces: (n, 7) float32, largest box first, columns as `FACE_COLUMNS`; pixels, and 0-100.
    """

    amiss: Amiss | None
    width: int
    height: int
    faces: NDArray[np.float32]


Seen = tuple[bytes, Look, Mapping[int, Template]]
"""SHA-256 of a photograph, what was seen in it, and templates of some of its faces by their place."""


class TemplateCache:
    """Looks and templates by the SHA-256 of the photograph's bytes."""

    def __init__(self, file: Path | None, *, dimensions: int) -> None:
        """Opened, made where it is not there, made anew where it is broken.

        Args:
            file: None keeps everything in memory, for as long as this lives.

        Raises:
            SetupError: the folder cannot be made or is open to others.
        """
        self._dimensions = dimensions
        if file is None:
            self._connection = _opened(":memory:")
            return
        make_private_directory(file.parent)
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            self._connection = _opened(str(file))
        except sqlite3.OperationalError as error:
            raise SetupError(
                f"the templates kept in `{file}` cannot be opened ({error})",
                remedy="give --no-cache, or `countenance evaluate --forget`",
            ) from error
        except sqlite3.DatabaseError:
            file.unlink()
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            self._connection = _opened(str(file))

    def find_look(self, photo: bytes) -> Look | None:
        """None where the photograph was never looked at.

        Raises:
            SetupError: the file is broken, like `find_template`.
        """
        row = self._row("SELECT amiss, width, height, faces FROM looks WHERE photo = ?", photo)
        if row is None:
            return None
        faces = np.frombuffer(row[3], np.float32).reshape(-1, len(FACE_COLUMNS))
        return Look(Amiss(row[0]) if row[0] else None, row[1], row[2], faces)

    def find_template(self, photo: bytes, face: int) -> Template | None:
        """(D,) float32, unit; None where there is none, or none that is whole."""
        row = self._row("SELECT template FROM templates WHERE photo = ? AND face = ?", photo, face)
        if row is None or len(row[0]) != 4 * self._dimensions:
            return None
        template = np.frombuffer(row[0], np.float32)
        return template if abs(float(template @ template) - 1.0) < 1e-3 else None

    def put(self, seen: Sequence[Seen]) -> None:
        """Keep looks and the templates of some of their faces; all are durable on return, or none.

        Raises:
            SetupError: the disk is full, another process writes for a minute, or the file is broken.
        """
        try:
            self._put(seen)
        except sqlite3.OperationalError as error:
            raise SetupError(
                f"templates cannot be kept ({error})",
                remedy="make space in the cache folder, or give --no-cache",
            ) from error
        except sqlite3.DatabaseError as error:
            raise _broken(error) from error

    def _row(self, query: str, *values: bytes | int) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
        except sqlite3.DatabaseError as error:
            raise _broken(error) from error
        return row

    def _put(self, seen: Sequence[Seen]) -> None:
        with self._connection:
            for photo, look, templates in seen:
                faces = np.ascontiguousarray(look.faces, np.float32).tobytes()
                self._connection.execute(
                    "INSERT OR REPLACE INTO looks VALUES (?, ?, ?, ?, ?)",
                    (photo, look.amiss.value if look.amiss else "", look.width, look.height, faces),
                )
                self._connection.executemany(
                    "INSERT OR REPLACE INTO templates VALUES (?, ?, ?)",
                    [
                        (photo, face, np.ascontiguousarray(template, np.float32).tobytes())
                        for face, template in templates.items()
                    ],
                )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()


def cache_folder(cache_dir: Path) -> Path:
    """Where templates of evaluations are kept."""
    return cache_dir / "evaluation"


def cache_file(cache_dir: Path, *, pack_digest: str) -> Path:
    """The file for a pack as this program, with these libraries, runs it."""
    made_by = {
        "layout": _LAYOUT,
        "pack": pack_digest,
        "pipeline": pipeline_digest(),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }
    key = hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()
    return cache_folder(cache_dir) / f"{key[:32]}.sqlite3"


def forget(cache_dir: Path) -> int:
    """Remove every template that evaluations kept; how many bytes they took.

    Raises:
        SetupError: something cannot be removed.
    """
    folder = cache_folder(cache_dir)
    if not folder.is_dir():
        return 0
    size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise SetupError(
            f"`{error.filename}` cannot be removed ({error.strerror})", remedy="give the right to remove it"
        ) from error
    return size


def _broken(error: sqlite3.DatabaseError) -> SetupError:
    return SetupError(
        f"the templates that evaluations kept cannot be read ({error})",
        remedy="remove them with `countenance evaluate --forget`, and run it again; or give --no-cache",
    )


def _opened(file: str) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=60.0)
    try:
        connection.executescript(_TABLES)
        connection.execute("SELECT count(*) FROM looks")
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection
