"""Holds the log against what others have kept: the callers' receipts, and heads of the log."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from countenance.transparency.canonical import to_time
from countenance.transparency.checkpoint import Checkpoint, CheckpointInvalid
from countenance.transparency.note import Note, NoteInvalid, Verifier
from countenance.transparency.receipt import ReceiptInvalid, parse_receipt, verify_receipt
from countenance.transparency.verify_keys import has_signed
from countenance.transparency.verify_report import Facts, Kind, Problems

_MAX_LINE = 8192
_MAX_HEADS_BYTES = 4 * 1024 * 1024
_NOTE = re.compile(r"\n*(.*?\n\n(?:\N{EM DASH} [^\n]*\n)+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Head:
    """A checkpoint of the log that somebody else kept; `where` names the file."""

    where: str
    note: Note
    checkpoint: Checkpoint


def receipt_events(paths: Sequence[Path]) -> set[bytes]:
    """The events, 16 bytes each, that the files have receipts for; what is no receipt is left for later.

    Raises:
        OSError: a file cannot be read.
    """
    events = set()
    for _, header in _headers(paths):
        try:
            receipt, _ = parse_receipt(header)
        except ReceiptInvalid:
            continue
        events.add(receipt.event_id.bytes)
    return events


def check_receipts(
    paths: Sequence[Path],
    *,
    keys: Sequence[Verifier],
    found: Mapping[bytes, tuple[int, bytes]],
    now: datetime,
    problems: Problems,
    facts: Facts,
) -> None:
    """Hold the log to every receipt.

    Args:
        keys: the receipt keys that the log has had.
        found: event → (index, leaf hash), of the receipts' events that the log has.
        now: a promise that was to be kept by then must have been.
        facts: its cosignatures tell how old the folder's checkpoint is.
    """
    cosigned_at = max((each.at for each in facts.cosignatures), default=None)
    for path in paths:
        facts.receipts_read = facts.receipts_read or 0
        if next(_headers([path]), None) is None:
            facts.notes.append(f"{path.name} has no receipts: nothing of it was held against the log")
    for number, (where, header) in enumerate(_headers(paths), 1):
        facts.receipts_read = number
        try:
            receipt = verify_receipt(header, list(keys))
        except ReceiptInvalid as error:
            problems.add("receipts", where, f"it is no receipt of this log: {error}")
            continue
        place = found.get(receipt.event_id.bytes)
        event = f"event {receipt.event_id}"
        if place is not None:
            if place[1] == receipt.leaf_hash:
                facts.receipts += 1
            else:
                problems.add(
                    "receipts",
                    where,
                    f"{event} is entry {place[0]} of the log, and not as it was promised: it was altered",
                    kind="altered",
                )
        elif receipt.merge_by <= now:
            kind, what = _missing(receipt.merge_by, cosigned_at)
            problems.add("receipts", where, f"{event} {what}", kind=kind)
        else:
            facts.pending += 1


def _missing(merge_by: datetime, cosigned_at: datetime | None) -> tuple[Kind, str]:
    """Of a receipt that is due and whose event is not in the folder: a truncated log would look the same."""
    due = to_time(merge_by)
    if cosigned_at is None:
        return "broken", (
            f"was promised to be in the log by {due} and is not: the promise is broken (no witness says that "
            "the folder is older than that; if it is, fetch the log anew, or say when it was made)"
        )
    if cosigned_at < merge_by:
        return "outstanding", (
            f"is not shown to be kept: the folder's checkpoint was cosigned at {to_time(cosigned_at)}, "
            f"before the promise ran out at {due}: fetch the log anew; if it is missing then, the promise is "
            "broken"
        )
    return "broken", (
        f"was promised to be in the log by {due} and is not, and the folder's checkpoint was cosigned at "
        f"{to_time(cosigned_at)}, after that: the promise is broken"
    )


def read_heads(paths: Sequence[Path], origin: str, problems: Problems) -> list[Head]:
    """The heads of this origin in the files; a file without one is a problem.

    Raises:
        OSError: a file cannot be read.
    """
    heads = []
    for path in paths:
        with path.open("rb") as file:
            content = file.read(_MAX_HEADS_BYTES + 1)
        try:
            found = list(_parse_heads(path.name, content))
        except (ValueError, NoteInvalid, CheckpointInvalid) as error:
            problems.add("heads", path.name, f"it cannot be read as checkpoints: {error}")
            continue
        own = [head for head in found if head.checkpoint.origin == origin]
        if not own:
            problems.add("heads", path.name, f"it has no checkpoint of `{origin}`")
        heads += own
    return heads


def check_heads(
    heads: Sequence[Head],
    *,
    keys: Sequence[Verifier],
    size: int,
    roots: Mapping[int, bytes],
    problems: Problems,
    facts: Facts,
) -> None:
    """Hold the log against heads that others kept.

    Args:
        keys: the log's keys, old ones as well, and the witnesses'.
        size: of the log in the folder.
        roots: of the log at the heads' sizes; without those that could not be computed.
    """
    for head in heads:
        kept = head.checkpoint
        try:
            if not has_signed(head.note, keys):
                problems.add("heads", head.where, "neither the log nor a given witness has signed it")
                continue
        except NoteInvalid as error:
            problems.add("heads", head.where, f"it has a forged signature: {error}")
            continue
        if kept.size > size:
            problems.add(
                "heads",
                head.where,
                f"it has {kept.size} entries and the folder {size}: the log was truncated or rolled back (or "
                "the head is newer than the folder: fetch heads first, mirror then)",
            )
        elif kept.size not in roots:
            problems.add("heads", head.where, "its root cannot be computed: entries are missing")
        elif roots[kept.size] != kept.root:
            problems.add(
                "heads", head.where, f"the first {kept.size} entries have another root: the log was rewritten"
            )
        else:
            facts.heads += 1


def _headers(paths: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """(where, header value) of each receipt; a line too long for one is cut, and so none."""
    for path in paths:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(_MAX_LINE):
                number += 1
                while not line.endswith(b"\n") and (more := file.readline(_MAX_LINE)):
                    line = line[:_MAX_LINE] + more[-1:]
                header = line.strip()
                if header and not header.startswith(b"#"):
                    yield f"{path.name} line {number}", header.decode("ascii", "replace")


def _parse_heads(name: str, content: bytes) -> Iterator[Head]:
    if len(content) > _MAX_HEADS_BYTES:
        raise ValueError(f"it has over {_MAX_HEADS_BYTES} bytes")
    text = content.decode()
    at = number = 0
    while text[at:].strip("\n"):
        match = _NOTE.match(text, at)
        if match is None:
            raise ValueError("it is no sequence of signed notes")
        note = Note.parse(match[1])
        checkpoint = Checkpoint.parse(note.text)
        number += 1
        yield Head(f"{name} (head {number}, size {checkpoint.size})", note, checkpoint)
        at = match.end()
