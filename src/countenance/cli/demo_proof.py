"""The end of the demo: every answer's receipt, and the proof that its entry is in the log."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from countenance.transparency.merkle import ProofInvalid, leaf_hash
from countenance.transparency.note import Verifier
from countenance.transparency.proof import InclusionProof
from countenance.transparency.receipt import Receipt, ReceiptInvalid, verify_receipt

_PATIENCE_S = 15.0
_PAUSE_S = 0.25


@dataclass(slots=True)
class Receipts:
    """Keeps the receipt of every answer of a boto3 client."""

    headers: list[str] = field(default_factory=list)

    def collect_from(self, client: Any) -> None:
        client.meta.events.register("after-call.rekognition", self._keep)

    def _keep(self, http_response: Any, **_: Any) -> None:
        receipt = http_response.headers.get("x-countenance-receipt")
        if receipt:
            self.headers.append(receipt)


def prove(countenance: Any, receipts: Receipts) -> tuple[list[str], list[str]]:
    """What to show, and what is not as it should be.

    Args:
        countenance: a boto3 client of our own service.
    """
    checkpoint = countenance.get_checkpoint()
    key = Verifier.parse(checkpoint["ReceiptKey"])
    log_key = Verifier.parse(checkpoint["LogKey"])
    failures, size = [], 0
    for header in receipts.headers:
        try:
            receipt = verify_receipt(header, [key])
            size = max(size, _proven_size(countenance, receipt, log_key))
        except (ReceiptInvalid, ProofInvalid, TimeoutError) as error:
            failures.append(f"a receipt is not kept: {error}")
    lines = [
        f"{len(receipts.headers)} answers, {len(receipts.headers) - len(failures)} signed receipts kept",
        f"each entry is in the log of {size} entries: checked here, without the server's word",
    ]
    return lines, failures


def _proven_size(countenance: Any, receipt: Receipt, log_key: Verifier) -> int:
    """The size of the log under whose signed root the receipt's entry stands."""
    answer = _wait_for_proof(countenance, receipt.event_id)
    if leaf_hash(answer["Entry"].encode()) != receipt.leaf_hash:
        raise ProofInvalid(f"entry {receipt.event_id} is not the one that was promised")
    return InclusionProof.parse(answer["ProofFile"]).verify(receipt.leaf_hash, [log_key]).size


def _wait_for_proof(countenance: Any, event_id: uuid.UUID) -> Any:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return countenance.get_inclusion_proof(EventId=str(event_id))
        except countenance.exceptions.ResourceNotFoundException:
            if time.monotonic() > deadline:
                raise TimeoutError(f"entry {event_id} is not in the log after {_PATIENCE_S:.0f} s") from None
            time.sleep(_PAUSE_S)
