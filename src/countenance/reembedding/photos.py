"""Where photographs lie that faces were enrolled from: a folder, searched by name and then by content.

A face's ImageId is made of its photograph's bytes, so that a photograph is either the one or it is not: one
that was scaled, recompressed or exchanged since is never taken for it, and one that was renamed is found.
"""

from __future__ import annotations

import hashlib
import string
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from countenance.errors import SetupError
from countenance.gallery import StoredFace
from countenance.operations.images import MAX_S3_OBJECT_BYTES, image_id_of
from countenance.reembedding.reasons import Reason
from countenance.types import ImageId

EXTENSIONS: Final = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")
PLACEHOLDERS: Final = ("external_image_id", "path", "image_id", "face_id")
"""`path` is the ExternalImageId with `/` for each `:`, which it may not contain itself."""
_DEFAULT_PATTERNS: Final = ("{path}", "{external_image_id}")


class PhotoFolder:
    """Photographs below a folder. Thread-safe; nothing is written, and nothing outside the folder is read."""

    def __init__(
        self, root: Path, *, pattern: str = "", notice: Callable[[str], None] = lambda _words: None
    ) -> None:
        """
        Args:
            pattern: a file's name, below the folder, with `{placeholders}`; without an extension the known
                ones are tried. The ExternalImageId as a path unless given.
            notice: told what takes long.

        Raises:
            SetupError: the folder is none, or the pattern cannot be.
        """
        if not root.is_dir():
            raise SetupError(f"`{root}` is no folder", remedy="name the folder that the photographs lie in")
        self._root = root
        self._patterns = (_require_pattern(pattern),) if pattern else _DEFAULT_PATTERNS
        self._notice = notice
        self._lock = threading.Lock()
        self._by_content: dict[ImageId, Path] | None = None

    def read(self, image_id: ImageId, faces: Sequence[StoredFace]) -> bytes | Reason:
        """The photograph that these faces were enrolled from, or why there is none."""
        is_other = False
        for path in self._named(faces):
            data = _read(path)
            if data is not None:
                if image_id_of(hashlib.sha256(data).hexdigest()) == image_id:
                    return data
                is_other = True
        found = self._contents().get(image_id)
        data = None if found is None else _read(found)
        if data is not None and image_id_of(hashlib.sha256(data).hexdigest()) == image_id:
            return data
        return Reason.CHANGED_PHOTO if is_other else Reason.NO_PHOTO

    def _named(self, faces: Sequence[StoredFace]) -> Iterator[Path]:
        names: dict[str, None] = {}
        for face in faces:
            external = face.external_image_id or ""
            values = {
                "external_image_id": external,
                "path": external.replace(":", "/"),
                "image_id": str(face.image_id),
                "face_id": str(face.face_id),
            }
            for pattern in self._patterns:
                if name := pattern.format_map(values).strip("/"):
                    names[name] = None
        for name in names:
            # An ExternalImageId is whatever a caller wrote: it does not lead out of the folder.
            if ".." in Path(name).parts or Path(name).is_absolute():
                continue
            yield self._root / name
            if not name.endswith(EXTENSIONS):
                yield from (self._root / (name + extension) for extension in EXTENSIONS)

    def _contents(self) -> dict[ImageId, Path]:
        """What every photograph below the folder is known by: looked at once, when a name did not do."""
        with self._lock:
            if self._by_content is None:
                self._notice("some photographs are not under their names: looking at all, by content")
                self._by_content = {}
                for path in sorted(self._root.rglob("*")):
                    if path.suffix in EXTENSIONS and (data := _read(path)) is not None:
                        self._by_content[image_id_of(hashlib.sha256(data).hexdigest())] = path
            return self._by_content


def _read(path: Path) -> bytes | None:
    """None for what is no file, cannot be read, or is larger than any photograph that is enrolled."""
    try:
        if not path.is_file() or path.stat().st_size > MAX_S3_OBJECT_BYTES:
            return None
        return path.read_bytes()
    except (OSError, ValueError):
        return None


def _require_pattern(pattern: str) -> str:
    remedy = f"use {', '.join('{' + name + '}' for name in PLACEHOLDERS)}, such as `{{path}}.jpg`"
    try:
        names = {name for _, name, form, _ in string.Formatter().parse(pattern) if name is not None or form}
    except ValueError as error:
        raise SetupError(f"the pattern `{pattern}` cannot be read: {error}", remedy=remedy) from None
    if not names or not names <= set(PLACEHOLDERS):
        raise SetupError(f"the pattern `{pattern}` names no placeholder that there is", remedy=remedy)
    return pattern
