"""A witness: cosigns a log's checkpoint only if everything it cosigned before is a prefix of it.

This is the protocol of c2sp.org/tlog-witness without HTTP. Its order of checks: form (400), is the log
known (404), did it sign (403), old size <= size (400), old size = the head's (409), same size and other
root (409), proof (422). Only then the head moves, and only when it has is there a cosignature.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self

from countenance.transparency.checkpoint import Checkpoint, CheckpointInvalid
from countenance.transparency.merkle import HASH_BYTES, ProofInvalid, verify_consistency
from countenance.transparency.note import Note, NoteInvalid, Signer, Verifier, decode_base64
from countenance.transparency.witness_evidence import Evidence, EvidenceKind
from countenance.transparency.witness_state import Head, HeadDamaged, WitnessState

MAX_BODY_BYTES = 64 * 1024
MAX_PROOF_LINES = 63
PLAIN = "text/plain; charset=utf-8"
TREE_SIZE = "text/x.tlog.size"

_LOG = logging.getLogger("countenance.witness")
_OLD = re.compile(rb"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """What goes back over HTTP."""

    status: int
    content_type: str
    body: bytes

    @classmethod
    def refusal(cls, status: HTTPStatus, reason: str) -> WitnessAnswer:
        return cls(status, PLAIN, f"{reason}\n".encode())


@dataclass(frozen=True, slots=True)
class _Submission:
    old_size: int
    proof: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint


class Witness:
    """Answers for one directory, which it owns until `close`. For any number of threads.

    Args:
        directory: as `witness_state.create_witness` makes it.
        signer: the witness's key.
        logs: the keys of the logs that it cosigns; a key's name is its log's origin. A log may have several.

    Raises:
        SetupError: the directory is no witness's, or another process owns it.
    """

    def __init__(self, directory: Path, signer: Signer, logs: Sequence[Verifier]) -> None:
        self._signer = signer
        self._logs: dict[str, list[Verifier]] = {}
        for log in logs:
            self._logs.setdefault(log.name, []).append(log)
        self._state = WitnessState(directory, signer.verifier)
        self._evidence = Evidence(directory / "evidence")
        # INVARIANT: held from reading a head to replacing it, else two requests could roll a log back.
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let another process have the directory."""
        with self._lock:
            self._state.close()

    def unseen_logs(self) -> list[str]:
        """Origins without a head: their next checkpoint is believed whatever it is.

        A head that is damaged is none of these; it is logged.
        """
        unseen = []
        with self._lock:
            for origin in self._logs:
                try:
                    if self._state.head(origin).note is None:
                        unseen.append(origin)
                except HeadDamaged as error:
                    _LOG.critical("no cosignatures for `%s`: %s", origin, error)
        return unseen

    def heads(self) -> bytes:
        """The newest cosigned checkpoint of every log: notes, an empty line between two.

        A head that is damaged is left out and logged.
        """
        with self._lock:
            whole, damaged = self._state.heads()
        for error in damaged:
            _LOG.critical("%s", error)
        return "\n".join(str(head.note) for head in whole).encode()

    def add_checkpoint(self, body: bytes) -> WitnessAnswer:
        """Answer a request to cosign. On 200 the head is durable; on anything else it is as it was."""
        try:
            submission = _parse(body)
        except ValueError as error:
            return WitnessAnswer.refusal(HTTPStatus.BAD_REQUEST, str(error))
        checkpoint = submission.checkpoint
        if (keys := self._logs.get(checkpoint.origin)) is None:
            return WitnessAnswer.refusal(HTTPStatus.NOT_FOUND, "this witness does not know that log")
        try:
            signers = submission.note.signed_by(keys)
        except NoteInvalid:
            signers = []
        if not signers:
            return WitnessAnswer.refusal(HTTPStatus.FORBIDDEN, "no key of that log signed this")
        if submission.old_size > checkpoint.size:
            return WitnessAnswer.refusal(HTTPStatus.BAD_REQUEST, "the old size is over the checkpoint's")
        try:
            with self._lock:
                answer = self._cosign_if_consistent(submission, signers, body)
        except (HeadDamaged, OSError) as error:
            _LOG.critical("no cosignature for `%s`: %s", checkpoint.origin, error)
            return WitnessAnswer.refusal(
                HTTPStatus.INTERNAL_SERVER_ERROR, "this witness cannot keep its record: ask its operator"
            )
        _LOG.info("status=%d size=%d origin=%r", answer.status, checkpoint.size, checkpoint.origin)
        return answer

    def _cosign_if_consistent(
        self, submission: _Submission, signers: list[Verifier], body: bytes
    ) -> WitnessAnswer:
        checkpoint = submission.checkpoint
        head = self._state.head(checkpoint.origin)
        if checkpoint.size == head.checkpoint.size and checkpoint.root != head.checkpoint.root:
            self._keep_evidence("fork", body, checkpoint, head)
            return _conflict(head)
        if submission.old_size != head.checkpoint.size:
            return _conflict(head)
        try:
            _verify(head.checkpoint, checkpoint, submission.proof)
        except ProofInvalid as error:
            self._keep_evidence("unproven", body, checkpoint, head)
            return WitnessAnswer.refusal(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        cosignature = self._signer.sign(submission.note.text)
        self._state.replace_head(checkpoint.origin, _cosigned(submission.note, signers, cosignature))
        self._settle_unproven(checkpoint.origin)
        return WitnessAnswer(HTTPStatus.OK, PLAIN, cosignature.encode())

    def _keep_evidence(self, kind: EvidenceKind, body: bytes, checkpoint: Checkpoint, head: Head) -> None:
        """A refusal is given whether or not its evidence can be kept."""
        facts = (kind, checkpoint.origin, checkpoint.size, head.checkpoint.size)
        _LOG.error("evidence: %s origin=%r size=%d head=%d", *facts)
        try:
            if not self._evidence.keep(kind, body, checkpoint, head):
                _LOG.error("the evidence was not kept: DIR/evidence is full, move its files elsewhere")
        except OSError as error:
            _LOG.critical("the evidence was not kept: %s", error)

    def _settle_unproven(self, origin: str) -> None:
        """The head has moved: nothing here may keep the cosignature back."""
        try:
            self._evidence.settle_unproven(self._state.head(origin))
        except (HeadDamaged, OSError) as error:
            _LOG.error("evidence that the head has overtaken cannot be removed: %s", error)


def _parse(body: bytes) -> _Submission:
    """Raises ValueError, with words for the sender, for what is no request."""
    if len(body) > MAX_BODY_BYTES:
        raise ValueError(f"the request is over {MAX_BODY_BYTES} bytes")
    head, separator, note_bytes = body.partition(b"\n\n")
    old_line, *proof_lines = head.split(b"\n")
    old = _OLD.fullmatch(old_line)
    if not separator or old is None:
        raise ValueError("a request is `old SIZE`, the proof's lines, an empty line and a checkpoint")
    if len(proof_lines) > MAX_PROOF_LINES:
        raise ValueError(f"the proof has {len(proof_lines)} lines, over {MAX_PROOF_LINES}")
    proof = tuple(_parse_hash(line) for line in proof_lines)
    try:
        note = Note.parse(note_bytes.decode())
        checkpoint = Checkpoint.parse(note.text)
    except (UnicodeDecodeError, NoteInvalid, CheckpointInvalid):
        raise ValueError("what follows the empty line is no signed checkpoint") from None
    return _Submission(int(old[1]), proof, note, checkpoint)


def _parse_hash(line: bytes) -> bytes:
    try:
        value = decode_base64(line.decode("ascii"))
    except ValueError:
        value = b""
    if len(value) != HASH_BYTES:
        raise ValueError("a line of the proof is not the base64 of a hash")
    return value


def _verify(old: Checkpoint, new: Checkpoint, proof: tuple[bytes, ...]) -> None:
    if old.size:
        verify_consistency(old.size, old.root, new.size, new.root, proof)
    elif proof:
        raise ProofInvalid("the proof from an empty tree is empty")


def _conflict(head: Head) -> WitnessAnswer:
    return WitnessAnswer(HTTPStatus.CONFLICT, TREE_SIZE, f"{head.checkpoint.size}\n".encode())


def _cosigned(note: Note, signers: list[Verifier], cosignature: str) -> Note:
    """The note with the log's signatures, each once, and ours: nothing that a stranger added."""
    known = {(signer.name, signer.key_hash) for signer in signers}
    kept = {(line.name, line.key_hash): line for line in note.signatures}
    lines = "".join(str(line) for key, line in kept.items() if key in known)
    return Note.parse(f"{note.text}\n{lines}{cosignature}")
