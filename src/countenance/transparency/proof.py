"""Proof files (c2sp.org/tlog-proof): that one entry is in a log, for whoever knows the log's key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from countenance.transparency.checkpoint import Checkpoint, CheckpointInvalid, parse_count
from countenance.transparency.merkle import HASH_BYTES, MAX_TREE_SIZE, ProofInvalid, verify_inclusion
from countenance.transparency.note import (
    COSIGNATURE,
    ED25519,
    Note,
    NoteInvalid,
    Verifier,
    decode_base64,
    encode_base64,
)

MAX_HASHES = 63
"""As many as the path to a leaf of the largest tree has."""

_HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """The place of an entry in a signed tree; `str()` gives the file that `parse` reads.

    Attributes:
        index: of the entry.
        hashes: the path to the root, lowest first, 32 bytes each.
        checkpoint_note: the signed tree.
        extra: what somebody adds; nothing vouches for it.

    Raises:
        ProofInvalid: one of them is not that. That the proof holds is for `verify` to say.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint_note: Note
    extra: bytes = b""

    def __post_init__(self) -> None:
        if not 0 <= self.index < MAX_TREE_SIZE:
            raise ProofInvalid(f"no index of an entry: {self.index}")
        if len(self.hashes) > MAX_HASHES or any(len(digest) != HASH_BYTES for digest in self.hashes):
            raise ProofInvalid(f"a proof has at most {MAX_HASHES} hashes of 32 bytes")
        try:
            Checkpoint.parse(self.checkpoint_note.text)
        except CheckpointInvalid as error:
            raise ProofInvalid(str(error)) from None

    @classmethod
    def parse(cls, proof: str) -> InclusionProof:
        """Read a proof file.

        Raises:
            ProofInvalid: it is none.
        """
        above, _, note = proof.partition("\n\n")
        _, *lines = above.split("\n", MAX_HASHES + 3)
        try:
            has_extra = lines[0].startswith("extra ")
            extra = decode_base64(lines.pop(0).removeprefix("extra ")) if has_extra else b""
            index = parse_count(lines.pop(0).removeprefix("index "))
            found = cls(index, tuple(map(decode_base64, lines)), Note.parse(note), extra)
        except (ValueError, IndexError) as error:
            raise ProofInvalid(f"no proof of an entry: {error}") from None
        if str(found) != proof:
            raise ProofInvalid("this is not how a proof of an entry is written")
        return found

    def __str__(self) -> str:
        lines = [_HEADER]
        if self.extra:
            lines.append(f"extra {encode_base64(self.extra)}")
        lines += [f"index {self.index}", *map(encode_base64, self.hashes), "", str(self.checkpoint_note)]
        return "\n".join(lines)

    def verify(
        self,
        leaf_hash: bytes,
        log_verifiers: Iterable[Verifier],
        witness_verifiers: Iterable[Verifier] = (),
        quorum: int = 0,
    ) -> Checkpoint:
        """The checkpoint that the entry is proven to be in.

        Args:
            leaf_hash: of the entry, 32 bytes.
            log_verifiers: keys of the log, of which one must have signed and have the origin for its name.
            witness_verifiers: keys that cosign.
            quorum: how many different ones of those must have cosigned.

        Raises:
            ProofInvalid: it is not proven: a signature is wrong or missing, or the hashes do not fit.
        """
        checkpoint = Checkpoint.parse(self.checkpoint_note.text)
        try:
            signed = self.checkpoint_note.signed_by(log_verifiers)
            cosigned = self.checkpoint_note.signed_by(witness_verifiers)
        except NoteInvalid as error:
            raise ProofInvalid(str(error)) from None
        if not any(key.name == checkpoint.origin and key.algorithm == ED25519 for key in signed):
            raise ProofInvalid(f"no known key of `{checkpoint.origin}` signed the checkpoint")
        # One key under two names is one witness.
        witnesses = {key.public_key for key in cosigned if key.algorithm == COSIGNATURE}
        if len(witnesses) < quorum:
            raise ProofInvalid(f"{len(witnesses)} known witnesses cosigned, of {quorum} asked for")
        verify_inclusion(leaf_hash, self.index, checkpoint.size, self.hashes, checkpoint.root)
        return checkpoint
