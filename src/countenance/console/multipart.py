"""Forms with files (RFC 7578), split flat: no part holds parts, and the work is linear in the bytes."""

from __future__ import annotations

import re
from typing import Final

MOST_PARTS: Final = 40
_MOST_HEAD_BYTES: Final = 2048
_KIND: Final = re.compile(
    r"multipart/form-data *; *boundary=(\"?)([0-9A-Za-z'()+_,./:=?-]{1,70})\1", re.IGNORECASE
)
_DISPOSITION: Final = re.compile(
    rb'form-data; *name="([^"\r\n]{1,200})"(?:; *(filename)="[^"\r\n]*")?', re.IGNORECASE
)
_GAP: Final = b"\r\n\r\n"


class NotSplit(ValueError):
    """A body that no browser's form has."""


def split_form(kind: str, body: bytes) -> tuple[list[tuple[str, str]], dict[str, bytes]]:
    """The values and the files of a form, whose names are forgotten.

    Args:
        kind: the header `content-type`.

    Raises:
        NotSplit: it is no such form, has more than MOST_PARTS parts, or its values are no UTF-8.
    """
    match = _KIND.fullmatch(kind.strip())
    if match is None:
        raise NotSplit("no boundary")
    mark = b"\r\n--" + match.group(2).encode("ascii")
    whole = b"\r\n" + body
    if not 1 <= whole.count(mark) - 1 <= MOST_PARTS:  # counted before anything is copied
        raise NotSplit("no parts, or too many")
    before, *parts, end = whole.split(mark)
    if before or end.rstrip(b" \t\r\n") != b"--":
        raise NotSplit("it begins or ends with something else")
    values: list[tuple[str, str]] = []
    files: dict[str, bytes] = {}
    for part in parts:
        name, is_file, content = _read(part)
        if is_file:
            files[name] = content
        else:
            values.append((name, content.decode("utf-8")))
    return values, files


def _read(part: bytes) -> tuple[str, bool, bytes]:
    """Name, whether it is a file, and content of what stands between two boundaries."""
    gap = part.find(_GAP, 0, _MOST_HEAD_BYTES)
    if gap < 0 or not part.startswith(b"\r\n"):
        raise NotSplit("a part without a head, or with one that is too long")
    for line in part[2:gap].split(b"\r\n"):
        field, _, told = line.partition(b":")
        if field.strip().lower() == b"content-disposition":
            match = _DISPOSITION.fullmatch(told.strip())
            if match is None:
                break
            return match.group(1).decode("utf-8"), match.group(2) is not None, part[gap + len(_GAP) :]
    raise NotSplit("a part without a name")
