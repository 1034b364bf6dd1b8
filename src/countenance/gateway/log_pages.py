"""The log's pages (c2sp.org/tlog-tiles), plain HTTP for everybody: checkpoint, tiles, keys.

| path below /log/              | for      | cached    |
|-------------------------------|----------|-----------|
| checkpoint                    | everyone | asked for anew each time |
| tile/<L>/<N>[.p/<W>]          | everyone | for ever: it never changes |
| keys                          | everyone | asked for anew each time |
| tile/entries/<N>[.p/<W>]      | auditors, with their token | by nobody |

What no published checkpoint covers is not there, for an auditor either. That an auditor reads entries is an
entry in the log, once in ten minutes, and durable before the bundle leaves.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from countenance.audit import LogBehind
from countenance.audit.auditors import find_auditor, note_read
from countenance.audit.published import LogKey, find_checkpoint, list_keys
from countenance.audit.tree import LogDamaged
from countenance.gateway.call import Answer
from countenance.gateway.log import Fault
from countenance.gateway.services import GatewayServices
from countenance.store import Connection, StoreUnavailable
from countenance.transparency.canonical import to_time
from countenance.transparency.tiles import TILE_HEIGHT, TILE_WIDTH, TileInvalid, TileName, parse_tile_path

LOG_PREFIX: Final = "/log/"

_LOG = logging.getLogger(__name__)
_TEXT = ("content-type", "text/plain; charset=utf-8")
_BYTES = ("content-type", "application/octet-stream")
_ASK_ANEW = ("cache-control", "no-cache")
_KEEP = ("cache-control", "public, max-age=31536000, immutable")
_KEEP_NOTHING = ("cache-control", "private, no-store")
_ALLOWED = "GET, HEAD"
_ENTRIES: Final = "tile/entries"

_Page = Callable[[Connection], Answer]


class LogPages:
    """Answers what is asked of the log without a signature. Thread-safe, synchronous, never raises."""

    def __init__(self, services: GatewayServices) -> None:
        self._services = services

    def answer(self, method: str, path: str, authorization: str) -> Answer:
        """The page at `path`, which begins with LOG_PREFIX; `authorization` is that header, or empty."""
        page = self._find(path.removeprefix(LOG_PREFIX), authorization, is_read=method == "GET")
        if page is None:
            return _told(404, "there is nothing here")
        if method not in {"GET", "HEAD"}:
            return _told(405, f"use {_ALLOWED}", ("allow", _ALLOWED))
        try:
            # Committed before it is answered: the record of an auditor's reading is part of it.
            with self._services.database.transaction() as connection:
                return page(connection)
        except StoreUnavailable:
            return _told(503, "the database is not available")
        except LogBehind:
            return _told(503, "the log is behind: what is read could not be recorded in time")
        except BaseException as error:  # noqa: BLE001  # as for calls: every way to fail ends so
            fault = Fault.of(error)
            _LOG.error("a page of the log failed: fault=%s at=%s", fault.type_name, fault.place)
            return _told(500, "the page could not be made")

    def _find(self, name: str, authorization: str, *, is_read: bool) -> _Page | None:
        if name == "checkpoint":
            return _checkpoint
        if name == "keys":
            return _keys
        try:
            tile = parse_tile_path(name)
        except TileInvalid:
            return None
        if tile.level == "entries":
            return lambda connection: self._bundle(connection, tile, authorization, is_read=is_read)
        level = tile.level
        return lambda connection: self._tile(connection, tile, level)

    def _tile(self, connection: Connection, tile: TileName, level: int) -> Answer:
        if not _is_published(connection, tile, level):
            return _not_yet()
        hashes = self._services.log.tile(connection, level, tile.n, tile.width)
        return _whole(hashes, _KEEP)

    def _bundle(self, connection: Connection, tile: TileName, authorization: str, *, is_read: bool) -> Answer:
        auditor = _auditor(connection, authorization)
        if auditor is None:
            challenge = ("www-authenticate", 'Bearer realm="entries of the log"')
            return _told(401, "entries are for auditors: show a token", challenge)
        if not _is_published(connection, tile, 0):
            return _not_yet()
        if is_read:
            self._services.promises.require_current(connection)
            note_read(connection, auditor, _ENTRIES)
        entries = self._services.log.bundle(connection, tile.n, tile.width)
        return _whole(entries, _KEEP_NOTHING)


def _checkpoint(connection: Connection) -> Answer:
    newest = find_checkpoint(connection)
    if newest is None:
        return _not_yet()
    return Answer(status=200, headers=(_TEXT, _ASK_ANEW), body=newest.note.encode())


def _keys(connection: Connection) -> Answer:
    lines = [_to_line(key) for key in list_keys(connection)]
    return Answer(status=200, headers=(_TEXT, _ASK_ANEW), body="".join(lines).encode())


def _to_line(key: LogKey) -> str:
    """`log example.com/log+1a2b3c4d+AQ… since 2026-11-23T03:15:13.123Z[ retires …]`."""
    retires = "" if key.retires_at is None else f" retires {to_time(key.retires_at)}"
    return f"{key.use} {key.vkey} since {to_time(key.since)}{retires}\n"


def _auditor(connection: Connection, authorization: str) -> str | None:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    return find_auditor(connection, token.strip())


def _is_published(connection: Connection, tile: TileName, level: int) -> bool:
    """Whether the newest published checkpoint covers all of a tile."""
    newest = find_checkpoint(connection)
    if newest is None:
        return False
    return tile.n * TILE_WIDTH + tile.width <= newest.size >> (TILE_HEIGHT * level)


def _whole(content: bytes | None, cached: tuple[str, str]) -> Answer:
    if content is None:
        raise LogDamaged("a tile under a published checkpoint is not there")
    return Answer(status=200, headers=(_BYTES, cached), body=content)


def _not_yet() -> Answer:
    return _told(404, "no published checkpoint covers this yet")


def _told(status: int, line: str, *headers: tuple[str, str]) -> Answer:
    return Answer(status=status, headers=(_TEXT, _KEEP_NOTHING, *headers), body=f"{line}\n".encode())
