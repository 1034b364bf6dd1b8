"""Reads a folder that somebody hostile may have made: no link is followed, no file read beyond its size."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from countenance.transparency.tiles import TILE_WIDTH

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not make us wait


class FileUnusable(Exception):  # says what is wrong with the file, not with us
    """A file is missing, is no regular file, or is longer than it can be."""


class FolderFiles:
    """The files below one folder, by relative path with `/` between the parts."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError if the folder cannot be opened."""
        self._root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        os.close(self._root)

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """The file's bytes.

        Raises:
            FileUnusable: it is missing, a link or no regular file, cannot be read, or has over `max_bytes`.
        """
        try:
            with self._parent(path) as (parent, name):
                return _read(os.open(name, _FILE, dir_fd=parent), max_bytes)
        except OSError as error:
            raise FileUnusable(_reason(error)) from error

    def exists(self, path: str) -> bool:
        """Whether anything at all has this name."""
        try:
            with self._parent(path) as (parent, name):
                os.stat(name, dir_fd=parent, follow_symlinks=False)
        except OSError:
            return False
        return True

    def widths(self, full_path: str) -> list[int]:
        """The widths, 1-255, of the partial tiles that lie beside or instead of a full one; unordered."""
        try:
            with self._parent(full_path) as (parent, name):
                opened = os.open(f"{name}.p", _DIRECTORY, dir_fd=parent)
                try:
                    with os.scandir(opened) as found:
                        names = [item.name for item in found if item.name in _WIDTHS]
                finally:
                    os.close(opened)
        except OSError:
            return []
        return [_WIDTHS[name] for name in names]

    @contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        """The directory that holds `path`, each part opened for itself so that none can be a link."""
        *parts, name = path.split("/")
        opened = os.dup(self._root)
        try:
            for part in parts:
                deeper = os.open(part, _DIRECTORY, dir_fd=opened)
                os.close(opened)
                opened = deeper
            yield opened, name
        finally:
            os.close(opened)


_WIDTHS = {str(width): width for width in range(1, TILE_WIDTH)}


def _read(descriptor: int, max_bytes: int) -> bytes:
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise FileUnusable("it is no regular file")
        if found.st_size > max_bytes:
            raise FileUnusable(f"it has {found.st_size} bytes, and cannot have more than {max_bytes}")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(max_bytes + 1)
    finally:
        os.close(descriptor)
    if len(content) > max_bytes:
        raise FileUnusable(f"it grew over {max_bytes} bytes while it was read")
    return content


def _reason(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "it is missing"
    if error.errno == errno.ELOOP:
        return "it is a link"
    if error.errno == errno.ENOTDIR:
        return "a part of its path is a link or no folder"
    return f"it cannot be read ({error.strerror})"
