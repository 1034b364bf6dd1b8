"""Whose signatures a verifier asks for, and who has cosigned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from countenance.transparency.note import COSIGNATURE, ED25519, Note, NoteInvalid, Signature, Verifier
from countenance.transparency.verify_report import Cosignature, Facts, Problems

_TIME_BYTES = 8
_END_OF_TIME_S = 253_402_300_800
"""The year 10000, which a time as entries write it cannot say."""


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


def check_cosignatures(
    note: Note, witnesses: Sequence[Verifier], quorum: int, *, problems: Problems, facts: Facts
) -> None:
    """Find who cosigned, into `facts`; a forged cosignature and a quorum that is not met are problems."""
    try:
        lines = {witness: _valid_lines(note, witness) for witness in witnesses}
    except NoteInvalid as error:
        problems.add("witnesses", "checkpoint", f"a cosignature is forged: {error}")
        return
    for witness, own in lines.items():
        said = [line.timestamp_s for line in own]
        possible = [at for at in said if at < _END_OF_TIME_S]
        if possible:
            facts.cosignatures.append(Cosignature(witness.name, datetime.fromtimestamp(max(possible), UTC)))
        elif said:
            facts.notes.append(
                f"`{witness.name}` cosigned the checkpoint with a time that cannot be, {said[0]} s after "
                "1970: its clock is wrong, and it is not counted"
            )
    count = len(facts.cosignatures)
    if count < quorum:
        problems.add(
            "witnesses",
            "checkpoint",
            f"{count} of {len(witnesses)} given witnesses cosigned it, and {quorum} must",
        )


def has_signed(note: Note, keys: Iterable[Verifier]) -> bool:
    """Whether one of the keys, a log's or a witness's, signed the note, at whatever time.

    Raises:
        NoteInvalid: a line of one of them is not its signature.
    """
    found = [_valid_lines(note, key) for key in keys]
    return any(found)


def _valid_lines(note: Note, key: Verifier) -> list[Signature]:
    """The key's lines; NoteInvalid if one does not verify.

    A cosignature may say a time that `Note.signed_by` does not allow: that is odd, and no forgery.
    """
    lines = [line for line in note.signatures if (line.name, line.key_hash) == (key.name, key.key_hash)]
    for line in lines:
        if key.algorithm == COSIGNATURE:
            told = f"cosignature/v1\ntime {line.timestamp_s}\n{note.text}"
            is_valid = key.verify_bytes(told.encode(), line.value[_TIME_BYTES:])
        else:
            is_valid = key.verify(note.text, line.value)
        if not is_valid:
            raise NoteInvalid(f"the signature of `{key.name}` is not over this text")
    return lines
