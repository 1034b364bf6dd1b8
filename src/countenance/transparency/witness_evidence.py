"""Requests that a log signed and that do not fit its head, kept as files for the witness's operator.

Two kinds. A fork is another tree of the head's size: both bear the log's signature, which proves by itself
that the log shows two histories. "Unproven" is a larger tree whose proof does not verify: of a rewritten log,
or of a stranger who sent a log's checkpoint on with a wrong proof. Strangers can make many of the second
kind, so there the oldest gives way to the newest, and none outlasts the head that reaches it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

from countenance.transparency.checkpoint import Checkpoint
from countenance.transparency.note import Note
from countenance.transparency.witness_state import Head, write_durably

MAX_EVIDENCE = 100
MAX_UNPROVEN = 50
"""Of MAX_EVIDENCE."""
EvidenceKind = Literal["fork", "unproven"]

_ORIGIN_DIGITS = 16


class Evidence:
    """The folder DIR/evidence. Not for threads: the caller holds the lock that heads are moved under."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, kind: EvidenceKind, request: bytes, checkpoint: Checkpoint, head: Head) -> bool:
        """Keep a request together with the head that it does not fit; False where forks fill the folder.

        Raises:
            OSError: it could not be written, or what gives way not removed.
        """
        if checkpoint == head.checkpoint:  # the head itself, behind a proof where none belongs
            return True
        facts = {
            "kind": kind,
            "received": int(time.time()),
            "head": str(head.note) if head.note else "",
            "request": request.decode(),
        }
        return self._write(kind, checkpoint, facts)

    def settle_unproven(self, head: Head) -> None:
        """The head has moved: drop what its log is past, keep another tree of just its size as a fork.

        Raises:
            OSError: a file could not be read, written or removed.
        """
        origin = _origin_digest(head.checkpoint.origin)
        for path in self._unproven():
            _, whose, size, _ = path.name.split("-", 3)
            if whose == origin and size.isdecimal() and int(size) <= head.checkpoint.size:
                if int(size) == head.checkpoint.size:
                    self._keep_if_fork(path, head)
                path.unlink(missing_ok=True)

    def _keep_if_fork(self, path: Path, head: Head) -> None:
        with suppress(ValueError, KeyError, TypeError, AttributeError):  # what is no file of ours
            facts = json.loads(path.read_text("utf-8"))
            checkpoint = Checkpoint.parse(Note.parse(facts["request"].partition("\n\n")[2]).text)
            if checkpoint.root != head.checkpoint.root:
                self._write("fork", checkpoint, facts | {"kind": "fork", "head": str(head.note)})

    def _write(self, kind: EvidenceKind, checkpoint: Checkpoint, facts: Mapping[str, object]) -> bool:
        path = self._folder / _name(kind, checkpoint)
        if path.exists():
            return True
        unproven = list(self._unproven())
        is_full = sum(1 for _ in self._folder.iterdir()) >= MAX_EVIDENCE
        if is_full and not unproven:
            return False
        write_durably(path, json.dumps(dict(facts), ensure_ascii=False, indent=1).encode())
        if is_full or (kind == "unproven" and len(unproven) >= MAX_UNPROVEN):
            min(unproven, key=_written_at).unlink(missing_ok=True)
        return True

    def _unproven(self) -> Iterator[Path]:
        return self._folder.glob("unproven-*-*-*.json")


def _name(kind: EvidenceKind, checkpoint: Checkpoint) -> str:
    digest = hashlib.sha256(checkpoint.text.encode()).hexdigest()
    return f"{kind}-{_origin_digest(checkpoint.origin)}-{checkpoint.size}-{digest}.json"


def _origin_digest(origin: str) -> str:
    return hashlib.sha256(origin.encode()).hexdigest()[:_ORIGIN_DIGITS]


def _written_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:  # its operator has just moved it elsewhere
        return 0
