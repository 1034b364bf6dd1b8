r"""The Merkle tree of RFC 6962, section 2.1, over SHA-256: hashes, paths and their verification.

Pure: knows neither entries nor a database. A node is named (level, index): the complete subtree over the
leaves `index * 2**level` up to, not including, `(index + 1) * 2**level`. Level 0 holds the leaf hashes.

             root                     a tree of 5 leaves:
           /      \                   root_coordinates(5)  == [(2, 0), (0, 4)]
        (2,0)      |                  inclusion_path(2, 5) is (0, 3), (1, 0), (0, 4)
       /     \     |                  consistency_path(3, 5) is (0, 2), (0, 3), (1, 0), (0, 4)
    (1,0)   (1,1)  |
    /  \    /  \   |
   0    1  2    3  4
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
MAX_TREE_SIZE = 2**63 - 1
"""The largest size that every implementation we know can count to."""

Coordinate = tuple[int, int]
"""(level, index) of a complete subtree."""

NodeReader = Callable[[Sequence[Coordinate]], Sequence[bytes]]
"""Reads the hashes of complete subtrees, in the order asked for; called once per path."""


class ProofInvalid(ValueError):
    """A proof does not show what it claims, or is malformed."""


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_coordinates(size: int) -> list[Coordinate]:
    """The maximal complete subtrees of a tree of `size` leaves, left to right; none for 0."""
    return _range_coordinates(0, size)


def fold_root(hashes: Sequence[bytes]) -> bytes:
    """The root of a tree, out of the hashes of its maximal complete subtrees, left to right."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def tree_root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root over the given leaf hashes; EMPTY_ROOT over none."""
    if not leaf_hashes:
        return EMPTY_ROOT
    level = list(leaf_hashes)
    while len(level) > 1:
        above = [node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
        if len(level) % 2:
            above.append(level[-1])  # a last node without a sibling stands for itself one level up
        level = above
    return level[0]


def inclusion_path(index: int, size: int, read: NodeReader) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root of the first `size` leaves, lowest first.

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    start, end = 0, size
    siblings = []
    while end - start > 1:
        middle = start + _left_width(end - start)
        if index < middle:
            siblings.append((middle, end))
            end = middle
        else:
            siblings.append((start, middle))
            start = middle
    return _read_ranges(siblings[::-1], read)


def consistency_path(old: int, new: int, read: NodeReader) -> list[bytes]:
    """The hashes that show the first `old` leaves to be a prefix of the first `new`; none if equal.

    Raises:
        ValueError: unless 0 < old <= new. Nothing is shown about the empty tree.
    """
    if not 0 < old <= new:
        raise ValueError(f"a tree of {old} is no non-empty prefix of a tree of {new}")
    start, end = 0, new
    ranges = []
    while old != end:
        middle = start + _left_width(end - start)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:  # else what is left is the whole old tree, whose root the verifier has
        ranges.append((start, end))
    return _read_ranges(ranges[::-1], read)


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that `leaf`, a leaf hash, is leaf `index` of the tree of `size` leaves with this root.

    Raises:
        ProofInvalid: it is not shown to be, or anything given is malformed.
    """
    if not 0 <= index < size <= MAX_TREE_SIZE:
        raise ProofInvalid(f"leaf {index} is not in a tree of {size}")
    _require_hashes(leaf, root, *path)
    found = leaf
    for sibling, is_left in zip(path, _sides(index, size - 1, len(path)), strict=True):
        found = node_hash(sibling, found) if is_left else node_hash(found, sibling)
    if found != root:
        raise ProofInvalid("the inclusion proof leads to another root")


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Check that the tree (old_size, old_root) is a prefix of the tree (new_size, new_root).

    Raises:
        ProofInvalid: it is not shown to be, or anything given is malformed. Nothing can be shown of an empty
            old tree, so `old_size` 0 is refused.
    """
    if not 0 < old_size <= new_size <= MAX_TREE_SIZE:
        raise ProofInvalid(f"a tree of {old_size} is no non-empty prefix of a tree of {new_size}")
    _require_hashes(old_root, new_root, *path)
    if old_size == new_size:
        if path or old_root != new_root:
            raise ProofInvalid("trees of one size have one root and an empty proof")
        return
    # Both roots are rebuilt upwards from the last complete subtree of the old tree. The proof begins with
    # its hash, unless it is the whole old tree.
    level = (old_size & -old_size).bit_length() - 1
    hashes = [old_root, *path] if old_size == 1 << level else list(path)
    sides = _sides((old_size - 1) >> level, (new_size - 1) >> level, len(hashes) - 1)
    old_found = new_found = hashes[0]
    for sibling, is_left in zip(hashes[1:], sides, strict=True):
        if is_left:
            old_found = node_hash(sibling, old_found)
        new_found = node_hash(sibling, new_found) if is_left else node_hash(new_found, sibling)
    if old_found != old_root or new_found != new_root:
        raise ProofInvalid("the consistency proof leads to other roots")


def _sides(node: int, last: int, count: int) -> list[bool]:
    """Which of `count` siblings are left ones, on the way up from `node` of a level that ends with `last`.

    This is RFC 9162, 2.1.3.2 and 2.1.4.2. Raises ProofInvalid unless `count` siblings lead just to the root.
    """
    sides = []
    while last:
        is_left = bool(node & 1) or node == last
        sides.append(is_left)
        while is_left and node and not node & 1:  # levels on which the node has no sibling
            node, last = node >> 1, last >> 1
        node, last = node >> 1, last >> 1
    if len(sides) != count:
        raise ProofInvalid("the proof is too short" if count < len(sides) else "the proof is too long")
    return sides


def _left_width(leaves: int) -> int:
    """The largest power of two smaller than `leaves`, which is at least 2: RFC 6962's k."""
    return 1 << ((leaves - 1).bit_length() - 1)


def _range_coordinates(start: int, end: int) -> list[Coordinate]:
    """The maximal complete subtrees of the leaves `start` to `end`, a node of RFC 6962's recursion."""
    coordinates = []
    for level in reversed(range((end - start).bit_length())):
        if (end - start) >> level & 1:
            above = (end - start) >> (level + 1) << (level + 1)  # leaves left of this subtree
            coordinates.append((level, (start + above) >> level))
    return coordinates


def _read_ranges(ranges: Sequence[tuple[int, int]], read: NodeReader) -> list[bytes]:
    parts = [_range_coordinates(start, end) for start, end in ranges]
    hashes = iter(read([coordinate for part in parts for coordinate in part]))
    return [fold_root([next(hashes) for _ in part]) for part in parts]


def _require_hashes(*hashes: bytes) -> None:
    if any(len(digest) != HASH_BYTES for digest in hashes):
        raise ProofInvalid("a hash is not 32 bytes long")
