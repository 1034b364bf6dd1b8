"""Whose signatures a verifier asks for, and who has cosigned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from countenance.audit.note import COSIGNATURE, ED25519, Note, NoteInvalid, Verifier
from countenance.audit.verify_report import Cosignature


def require_keys(log: Sequence[Verifier], witnesses: Sequence[Verifier], quorum: int) -> None:
    """Raises ValueError unless the keys are one log's and different witnesses', and can make the quorum."""
    if not log or len({verifier.name for verifier in log}) != 1:
        raise ValueError("one log's key or keys are needed")
    if any(verifier.algorithm != ED25519 for verifier in log):
        raise ValueError("a witness's key is given for the log's")
    if any(witness.algorithm != COSIGNATURE for witness in witnesses):
        raise ValueError("a witness's key is one for cosignatures: a log's key is given for it")
    if len({witness.public_key for witness in witnesses}) != len(witnesses):
        raise ValueError("a witness is given twice: it would count twice")
    if not 0 <= quorum <= len(witnesses):
        raise ValueError(f"a quorum of {quorum} cannot be had from {len(witnesses)} witnesses")


def cosignatures(note: Note, witnesses: Sequence[Verifier]) -> list[Cosignature]:
    """Those that verify; NoteInvalid if one does not."""
    found = []
    for witness in note.signed_by(witnesses):
        signature = note.find_signature(witness)
        assert signature is not None
        found.append(Cosignature(witness.name, _to_time(signature.timestamp_s)))
    return found


def _to_time(timestamp_s: int) -> datetime:
    try:
        return datetime.fromtimestamp(timestamp_s, UTC)
    except (OverflowError, ValueError, OSError):
        raise NoteInvalid(f"a cosignature is of the impossible time {timestamp_s}") from None
