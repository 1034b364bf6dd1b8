"""Receipts: the signed promise, given with every answer, that its entry will be in the log in time."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from countenance.transparency.canonical import parse_time, to_time
from countenance.transparency.merkle import HASH_BYTES
from countenance.transparency.note import (
    ED25519,
    Note,
    NoteInvalid,
    Signer,
    Verifier,
    decode_base64,
    encode_base64,
)

LONGEST_PROMISE = timedelta(seconds=5)

_HEADER = "countenance-receipt/v1"


class ReceiptInvalid(ValueError):
    """Not a receipt, or not one of a known key."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """That the log `origin` will hold an entry of this leaf hash by `merge_by`.

    Attributes:
        event_id: the entry's `event`.
        leaf_hash: 32 bytes.
        at: when the event was durable, with its time zone; kept in UTC, to the millisecond.
        merge_by: likewise; at most LONGEST_PROMISE after `at`, and not before it.

    Raises:
        ReceiptInvalid: one of them is not that.
    """

    origin: str
    event_id: uuid.UUID
    leaf_hash: bytes
    at: datetime
    merge_by: datetime

    def __post_init__(self) -> None:
        if not self.origin or any(character < " " for character in self.origin):
            raise ReceiptInvalid("an origin is one line without control characters")
        if len(self.leaf_hash) != HASH_BYTES:
            raise ReceiptInvalid("a leaf hash is 32 bytes")
        for name in ("at", "merge_by"):
            moment = getattr(self, name)
            if moment.tzinfo is None:
                raise ReceiptInvalid("a receipt's time needs a time zone")
            object.__setattr__(self, name, parse_time(to_time(moment)))
        if not timedelta() <= self.merge_by - self.at <= LONGEST_PROMISE:
            raise ReceiptInvalid(
                f"a receipt promises an entry within {LONGEST_PROMISE.seconds} s of its time"
            )

    @classmethod
    def parse(cls, text: str) -> Receipt:
        """Read the text of a receipt's note.

        Raises:
            ReceiptInvalid: it is none.
        """
        try:
            _, origin, event_id, leaf_hash, at, merge_by, _ = text.split("\n")
            receipt = cls(
                origin, uuid.UUID(event_id), decode_base64(leaf_hash), parse_time(at), parse_time(merge_by)
            )
        except ReceiptInvalid:
            raise
        except (ValueError, OverflowError):
            raise ReceiptInvalid("a line of the receipt is malformed, missing or too many") from None
        if receipt.text != text:
            raise ReceiptInvalid("this is not how a receipt is written")
        return receipt

    @property
    def text(self) -> str:
        lines = (
            _HEADER,
            self.origin,
            str(self.event_id),
            encode_base64(self.leaf_hash),
            to_time(self.at),
            to_time(self.merge_by),
        )
        return "".join(f"{line}\n" for line in lines)

    @property
    def key_name(self) -> str:
        """The name of the keys whose receipts count for this log."""
        return f"{self.origin}/receipts"


def sign_receipt(receipt: Receipt, signer: Signer) -> str:
    """The value of the header `x-countenance-receipt`: the base64 of the signed note.

    Raises:
        ReceiptInvalid: the key is not one for receipts of this log.
    """
    if not _counts(signer.verifier, receipt):
        raise ReceiptInvalid(f"a receipt is signed by `{receipt.key_name}`, not `{signer.verifier.name}`")
    return encode_base64(f"{receipt.text}\n{signer.sign(receipt.text)}".encode())


def parse_receipt(header: str) -> tuple[Receipt, Note]:
    """The receipt and its note, neither of them verified.

    Raises:
        ReceiptInvalid: it is none.
    """
    try:
        note = Note.parse(decode_base64(header).decode())
    except ValueError as error:
        raise ReceiptInvalid(f"no signed receipt: {error}") from None
    return Receipt.parse(note.text), note


def verify_receipt(header: str, verifiers: Iterable[Verifier]) -> Receipt:
    """The receipt, if a known receipt key of its log signed it.

    Raises:
        ReceiptInvalid: none did, or it is none.
    """
    receipt, note = parse_receipt(header)
    try:
        signed = note.signed_by(verifiers)
    except NoteInvalid as error:
        raise ReceiptInvalid(str(error)) from None
    if not any(_counts(verifier, receipt) for verifier in signed):
        raise ReceiptInvalid(f"no known key of `{receipt.key_name}` signed this receipt")
    return receipt


def _counts(verifier: Verifier, receipt: Receipt) -> bool:
    return verifier.name == receipt.key_name and verifier.algorithm == ED25519
