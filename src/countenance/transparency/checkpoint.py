"""Checkpoints (c2sp.org/tlog-checkpoint): what a log signs about itself, its name, size and root."""

from __future__ import annotations

import re
from dataclasses import dataclass

from countenance.transparency.merkle import HASH_BYTES, MAX_TREE_SIZE
from countenance.transparency.note import decode_base64, encode_base64

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


class CheckpointInvalid(ValueError):
    """Not the text of a checkpoint."""


def parse_count(decimal: str) -> int:
    """A tree's size or a leaf's index, decimal without leading zeros; ValueError for anything else."""
    if not _DECIMAL.fullmatch(decimal) or int(decimal) > MAX_TREE_SIZE:
        raise ValueError("not a decimal below 2**63 without leading zeros")
    return int(decimal)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log, unsigned.

    Extension lines, which the specification allows and advises against, are refused: nobody can audit them.

    Attributes:
        origin: the log's name, one line.
        size: how many entries it has.
        root: 32 bytes, the root over them.

    Raises:
        CheckpointInvalid: one of them is not that.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin or any(character < " " for character in self.origin):
            raise CheckpointInvalid("an origin is one line without control characters")
        if not 0 <= self.size <= MAX_TREE_SIZE:
            raise CheckpointInvalid(f"no size of a tree: {self.size}")
        if len(self.root) != HASH_BYTES:
            raise CheckpointInvalid("a root is 32 bytes")

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the text of a checkpoint's note.

        Raises:
            CheckpointInvalid: it is none.
        """
        try:
            origin, size, root, rest = text.split("\n")
            checkpoint = cls(origin, parse_count(size), decode_base64(root))
        except CheckpointInvalid:
            raise
        except ValueError:
            raise CheckpointInvalid("a checkpoint is an origin, a size and a root, a line each") from None
        if rest:
            raise CheckpointInvalid("a checkpoint ends with a newline")
        return checkpoint

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"
