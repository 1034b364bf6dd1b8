"""From names of people and files to the ids that the API takes: readable, and never the same for two names.

An id holds letters, digits, `_`, `.`, `-` and, between its parts, `:`. A name that holds nothing else is its
own id. Any other is written without accents, with `_` for what cannot be in an id, and ends in `.` and eight
hexadecimal digits of its SHA-256, by which two names that would look alike stay apart.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

MOST_USER_ID: Final = 128
MOST_EXTERNAL_IMAGE_ID: Final = 255
EXTERNAL_IMAGE_ID: Final = re.compile(r"[a-zA-Z0-9_.\-:]{1,255}", re.ASCII)
USER_ID: Final = re.compile(r"[a-zA-Z0-9_.\-:]{1,128}", re.ASCII)
_PLAIN: Final = re.compile(r"[a-zA-Z0-9_.\-]+", re.ASCII)
_NOT_PLAIN: Final = re.compile(r"[^a-zA-Z0-9_.\-]+", re.ASCII)
_DIGITS: Final = 8


def to_user_id(person: str) -> str:
    """A person's name as an id."""
    return _to_part(person, most=MOST_USER_ID)


def to_external_image_id(parts: Sequence[str]) -> str:
    """A path's parts as an id, with `:` between them."""
    whole = ":".join(_to_part(part, most=MOST_EXTERNAL_IMAGE_ID) for part in parts)
    if len(whole) <= MOST_EXTERNAL_IMAGE_ID:
        return whole
    return f"{whole[: MOST_EXTERNAL_IMAGE_ID - _DIGITS - 1]}.{_digest('/'.join(parts))}"


def _to_part(name: str, *, most: int) -> str:
    if len(name) <= most and _PLAIN.fullmatch(name):
        return name
    bare = "".join(
        character for character in unicodedata.normalize("NFKD", name) if not unicodedata.combining(character)
    )
    readable = _NOT_PLAIN.sub("_", bare)[: most - _DIGITS - 1]
    return f"{readable}.{_digest(name)}"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:_DIGITS]
