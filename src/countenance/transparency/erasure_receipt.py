"""What a person is given when their faces were erased: a signed note of which, when, and in which entries."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from countenance.transparency.canonical import parse_time, to_time
from countenance.transparency.note import ED25519, Note, NoteInvalid, Signer, Verifier

_HEADER = "countenance-erasure/v1"


class ErasureReceiptInvalid(ValueError):
    """Not a receipt of an erasure, or not one of a known key."""


@dataclass(frozen=True, slots=True)
class ErasureReceipt:
    """That the keeper of the log `origin` erased these faces.

    Attributes:
        request_id: the request that was granted.
        at: when, with its time zone; kept in UTC, to the millisecond.
        event_ids: of the entries in the log that tell of it, each with the faces in its `touched`.
        face_ids: which, ascending.
    """

    origin: str
    request_id: uuid.UUID
    at: datetime
    event_ids: tuple[uuid.UUID, ...]
    face_ids: tuple[uuid.UUID, ...]

    @property
    def text(self) -> str:
        """The note's text: a line each for what it is, origin, request, time; then entries, then faces."""
        lines = (
            _HEADER,
            self.origin,
            str(self.request_id),
            to_time(self.at),
            *(f"event {each}" for each in self.event_ids),
            *(f"face {each}" for each in self.face_ids),
        )
        return "".join(f"{line}\n" for line in lines)

    @property
    def key_name(self) -> str:
        """The name of the keys whose receipts count for this log."""
        return f"{self.origin}/receipts"

    @classmethod
    def parse(cls, text: str) -> ErasureReceipt:
        """Read the note's text.

        Raises:
            ErasureReceiptInvalid: it is none.
        """
        try:
            _, origin, request_id, at, *rest = text.rstrip("\n").split("\n")
            found: dict[str, list[uuid.UUID]] = {"event": [], "face": []}
            for line in rest:
                kind, _, each = line.partition(" ")
                found[kind].append(uuid.UUID(each))
            receipt = cls(
                origin, uuid.UUID(request_id), parse_time(at), tuple(found["event"]), tuple(found["face"])
            )
        except (ValueError, KeyError):
            raise ErasureReceiptInvalid("a line of the receipt is malformed, missing or too many") from None
        if receipt.text != text:
            raise ErasureReceiptInvalid("this is not how a receipt of an erasure is written")
        return receipt


def sign_erasure(receipt: ErasureReceipt, signer: Signer) -> str:
    """The signed note.

    Raises:
        ErasureReceiptInvalid: the key is not one for receipts of this log.
    """
    if not _counts(signer.verifier, receipt):
        raise ErasureReceiptInvalid(
            f"a receipt is signed by `{receipt.key_name}`, not `{signer.verifier.name}`"
        )
    return f"{receipt.text}\n{signer.sign(receipt.text)}"


def verify_erasure(note: str, verifiers: Iterable[Verifier]) -> ErasureReceipt:
    """The receipt, if a known receipt key of its log signed it.

    Raises:
        ErasureReceiptInvalid: none did, or it is none.
    """
    try:
        parsed = Note.parse(note)
        receipt = ErasureReceipt.parse(parsed.text)
        signed = parsed.signed_by(verifiers)
    except (ValueError, NoteInvalid) as error:
        raise ErasureReceiptInvalid(f"no signed receipt of an erasure: {error}") from None
    if not any(_counts(verifier, receipt) for verifier in signed):
        raise ErasureReceiptInvalid(f"no known key of `{receipt.key_name}` signed this receipt")
    return receipt


def _counts(verifier: Verifier, receipt: ErasureReceipt) -> bool:
    return verifier.name == receipt.key_name and verifier.algorithm == ED25519
