"""A log in memory that signs what it is told to, honest or not, and asks witnesses as a log does."""

from __future__ import annotations

from collections.abc import Sequence

from countenance.transparency.checkpoint import Checkpoint
from countenance.transparency.merkle import consistency_path, leaf_hash, tree_root
from countenance.transparency.note import Note, Signature, Signer, encode_base64


class ToyLog:
    """A tree of leaves "0", "1", ...; `fork_at` gives a second history from that leaf on."""

    def __init__(
        self, origin: str = "log.example/toy", *, fork_at: int | None = None, signer: Signer | None = None
    ):
        self.origin = origin
        self.signer = signer or Signer.generate(origin)
        self.fork_at = fork_at

    @property
    def vkey(self) -> str:
        return str(self.signer.verifier)

    def forked(self, at: int) -> ToyLog:
        """The same log with another history from leaf `at` on, signed with the same key."""
        return ToyLog(self.origin, fork_at=at, signer=self.signer)

    def leaves(self, size: int) -> list[bytes]:
        fork = size if self.fork_at is None else self.fork_at
        return [leaf_hash(f"{'forked ' * (n >= fork)}{n}".encode()) for n in range(size)]

    def checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(self.origin, size, tree_root(self.leaves(size)))

    def note(self, size: int, *others: Signature) -> str:
        text = self.checkpoint(size).text
        return str(Note(text, (Signature.parse(self.signer.sign(text)), *others)))

    def proof(self, old: int, new: int) -> list[bytes]:
        def read(coordinates: Sequence[tuple[int, int]]) -> list[bytes]:
            return [tree_root(leaves[index << level : (index + 1) << level]) for level, index in coordinates]

        leaves = self.leaves(new)
        return consistency_path(old, new, read) if 0 < old < new else []

    def request(self, old: int, new: int) -> bytes:
        return request_body(old, self.proof(old, new), self.note(new))


def request_body(old: object, proof: Sequence[bytes], note: str) -> bytes:
    lines = "".join(f"{encode_base64(digest)}\n" for digest in proof)
    return f"old {old}\n{lines}\n{note}".encode()
