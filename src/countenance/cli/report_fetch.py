"""Fetches a log from its server into a folder that can be verified: the paths of tlog-tiles, and no more.

What comes is not trusted: no redirect is followed, no answer is read beyond what its path can have, and
whether it is the log is the verifier's to say.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from countenance.errors import SetupError
from countenance.transparency.canonical import MAX_ENTRY_BYTES
from countenance.transparency.checkpoint import Checkpoint, CheckpointInvalid
from countenance.transparency.merkle import HASH_BYTES
from countenance.transparency.note import Note, NoteInvalid
from countenance.transparency.tiles import TILE_HEIGHT, TILE_WIDTH, Level, tile_path
from countenance.transparency.verify import MAX_CHECKPOINT_BYTES

_TIMEOUT_S: Final = 30.0
_MOST_ENTRIES: Final = 1 << 30
_REMEDY: Final = (
    "give the prefix of the log (https://HOST/log), and an auditor's token in COUNTENANCE_AUDITOR_TOKEN"
)


def fetch_log(url: str, folder: Path, *, token: str, on_progress: Callable[[int, int], None]) -> None:
    """Write the log below `url` into `folder`, an empty one.

    Raises:
        SetupError: it cannot be fetched, or says that it has more entries than a log can have.
    """
    if not url.startswith(("http://", "https://")):
        raise SetupError(f"`{url}` is not a URL to ask", remedy=_REMEDY)
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
    opener.addheaders = [("Authorization", f"Bearer {token}")] if token else []

    def fetch(path: str, most: int) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(_get(opener, f"{url.rstrip('/')}/{path}", most))

    fetch("checkpoint", MAX_CHECKPOINT_BYTES)
    try:
        size = Checkpoint.parse(Note.parse((folder / "checkpoint").read_text("utf-8")).text).size
    except (UnicodeDecodeError, NoteInvalid, CheckpointInvalid) as error:
        raise SetupError(f"`{url}/checkpoint` is no checkpoint: {error}", remedy=_REMEDY) from None
    if size > _MOST_ENTRIES:
        raise SetupError(f"`{url}` says that it has {size} entries", remedy="ask its operator for a mirror")
    for level, number, width in tiles_of(size):
        each = MAX_ENTRY_BYTES + 2 if level == "entries" else HASH_BYTES
        fetch(tile_path(level, number, width if width < TILE_WIDTH else None), width * each)
        if level == "entries":
            on_progress(number * TILE_WIDTH + width, size)


def tiles_of(size: int) -> Iterator[tuple[Level, int, int]]:
    """(level, number, width) of each tile and bundle of a log of `size` entries."""
    rows: list[tuple[Level, int]] = [("entries", size)]
    level = 0
    while size >> (TILE_HEIGHT * level):
        rows.append((level, size >> (TILE_HEIGHT * level)))
        level += 1
    for name, count in rows:
        for start in range(0, count, TILE_WIDTH):
            yield name, start // TILE_WIDTH, min(TILE_WIDTH, count - start)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _get(opener: urllib.request.OpenerDirector, url: str, most: int) -> bytes:
    try:
        with opener.open(url, timeout=_TIMEOUT_S) as answer:
            content: bytes = answer.read(most + 1)
    except urllib.error.HTTPError as error:
        raise SetupError(f"`{url}` was answered with {error.code}", remedy=_REMEDY) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SetupError(f"`{url}` cannot be fetched: {error}", remedy=_REMEDY) from None
    if len(content) > most:
        raise SetupError(f"`{url}` is longer than it can be", remedy=_REMEDY)
    return content
