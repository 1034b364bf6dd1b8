from __future__ import annotations

import hashlib
import itertools
import random

import pytest

from countenance.transparency import merkle
from countenance.transparency.merkle import ProofInvalid, verify_consistency, verify_inclusion

SIZES = 70

# The leaves, roots and paths that Certificate Transparency's implementations test themselves with.
CT_LEAVES = [b"", b"\x00", b"\x10", b" !", b"01", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CT_CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}

# Over 300 entries "entry 0" to "entry 299", as golang.org/x/mod/sumdb/tlog computes and accepts them.
GO_ROOT_300 = "ca393d0296bec5e0b8dcab983bd1fb7d1461f512e7267cb89631ad26fd66d848"
GO_CONSISTENCY_100_300 = [
    "2dfd364a377e087da512ae4440591ee50b7c6435be9a324e24599515d819e6f7",
    "2a780333d997edad9214755be32b60146224ed64ed2c36e944f6ebe0c5656608",
    "cf85452f2da515748ea2c5aa178e1802811bd21ad5235d5f8c76334eea752f94",
    "f9bce9d529c9c4ff15cddd2b155f047de6c3d5d36becf775fbaf6713195056ca",
    "c7877067c417bf82b54123ead665d62eeb25a329b4e20f79338b78286b031310",
    "5cbcc083e8000afd157308cca3eb54947a391878cc03736b0fc471bdcd9c4c1c",
    "0b0018a7956817bbb1552f29af95d3afbffbc77bdecdcd6ed5c99aa3598795e0",
    "aee96e10d366c7b5cc99cadc960fc74c24b5d2490d525050612f819b739fe4d5",
]

LEAVES = [hashlib.sha256(b"\x00" + b"entry %d" % number).digest() for number in range(SIZES)]


# RFC 6962, section 2.1, as it is written there; D is a list of leaf hashes.


def split(count: int) -> int:
    k = 1
    while k * 2 < count:
        k *= 2
    return k


def mth(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], *, whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole=whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], whole=False), mth(leaves[:k])]


def reader(leaves: list[bytes]):
    """Reads nodes of the tree over `leaves`; a subtree that is not complete is an error."""

    def read(coordinates):
        for level, index in coordinates:
            assert (index + 1) << level <= len(leaves), "an incomplete subtree was asked for"
        return [mth(leaves[index << level : (index + 1) << level]) for level, index in coordinates]

    return read


def unhex(hashes: list[str]) -> list[bytes]:
    return [bytes.fromhex(value) for value in hashes]


def is_included(leaf, index, size, hashes, root) -> bool:
    try:
        verify_inclusion(leaf, index, size, hashes, root)
    except ProofInvalid:
        return False
    return True


def is_consistent(old_size, old_root, new_size, new_root, hashes) -> bool:
    try:
        verify_consistency(old_size, old_root, new_size, new_root, hashes)
    except ProofInvalid:
        return False
    return True


def flip(digest: bytes, bit: int) -> bytes:
    changed = bytearray(digest)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def mutated_paths(hashes: list[bytes], *strangers: bytes):
    """Paths that differ from `hashes` in one place: a bit, an order, a hash too many or too few."""
    for place, digest in enumerate(hashes):
        yield [*hashes[:place], flip(digest, (37 * place + len(hashes)) % 256), *hashes[place + 1 :]]
        yield [*hashes[:place], digest[:-1], *hashes[place + 1 :]]
        yield [*hashes[:place], digest + b"\x00", *hashes[place + 1 :]]
        yield hashes[:place] + hashes[place + 1 :]
        yield [*hashes[:place], digest, *hashes[place:]]
    for one, other in itertools.combinations(range(len(hashes)), 2):
        swapped = list(hashes)
        swapped[one], swapped[other] = hashes[other], hashes[one]
        yield swapped
    for extra in (*strangers, bytes(32), b""):
        yield [*hashes, extra]
        yield [extra, *hashes]


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_are_those_of_certificate_transparency(size: int):
    """Other people's tools compute the same root over the same leaves."""
    hashes = [merkle.leaf_hash(leaf) for leaf in CT_LEAVES[:size]]
    assert merkle.tree_root(hashes).hex() == CT_ROOTS[size - 1]


def test_another_implementation_has_the_same_tree_of_300():
    """More levels than one tile holds."""
    hashes = [merkle.leaf_hash(b"entry %d" % number) for number in range(300)]
    assert merkle.tree_root(hashes).hex() == GO_ROOT_300
    found = merkle.consistency_path(100, 300, reader(hashes))
    assert found == unhex(GO_CONSISTENCY_100_300)
    verify_consistency(100, merkle.tree_root(hashes[:100]), 300, bytes.fromhex(GO_ROOT_300), found)


def test_the_empty_tree_has_the_hash_of_nothing():
    """RFC 6962: MTH({}) = SHA-256()."""
    assert merkle.tree_root([]) == merkle.fold_root([]) == merkle.EMPTY_ROOT
    assert merkle.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.root_coordinates(0) == []


@pytest.mark.parametrize(("place", "expected"), CT_INCLUSION.items())
def test_the_inclusion_paths_are_those_of_certificate_transparency(place, expected):
    """The known paths are ours, and hold."""
    index, size = place
    hashes = [merkle.leaf_hash(leaf) for leaf in CT_LEAVES]
    found = merkle.inclusion_path(index, size, reader(hashes))
    assert found == unhex(expected)
    verify_inclusion(hashes[index], index, size, found, bytes.fromhex(CT_ROOTS[size - 1]))


@pytest.mark.parametrize(("sizes", "expected"), CT_CONSISTENCY.items())
def test_the_consistency_paths_are_those_of_certificate_transparency(sizes, expected):
    """The known paths are ours, and hold."""
    old, new = sizes
    found = merkle.consistency_path(old, new, reader([merkle.leaf_hash(leaf) for leaf in CT_LEAVES]))
    assert found == unhex(expected)
    verify_consistency(old, bytes.fromhex(CT_ROOTS[old - 1]), new, bytes.fromhex(CT_ROOTS[new - 1]), found)


@pytest.mark.parametrize("size", range(SIZES + 1))
def test_every_small_root_is_the_recursive_definition(size: int):
    """Both ways to a root, level by level and from complete subtrees, give MTH."""
    leaves = LEAVES[:size]
    assert merkle.tree_root(leaves) == mth(leaves)
    assert merkle.fold_root(reader(leaves)(merkle.root_coordinates(size))) == mth(leaves)


@pytest.mark.parametrize("size", range(1, SIZES + 1))
def test_every_small_inclusion_path_is_the_recursive_definition_and_holds(size: int):
    """All (index, size): the path is PATH(m, D[n]) and verifies, for this leaf at this place only."""
    leaves = LEAVES[:size]
    root = mth(leaves)
    for index, leaf in enumerate(leaves):
        found = merkle.inclusion_path(index, size, reader(leaves))
        assert found == path(index, leaves)
        verify_inclusion(leaf, index, size, found, root)
        assert not any(
            is_included(leaf, other, size, found, root) for other in range(-1, size + 2) if other != index
        )


@pytest.mark.parametrize("new", range(1, SIZES + 1))
def test_every_small_consistency_path_is_the_recursive_definition_and_holds(new: int):
    """All (old, new): the path is PROOF(m, D[n]) and verifies."""
    leaves = LEAVES[:new]
    for old in range(1, new + 1):
        found = merkle.consistency_path(old, new, reader(leaves))
        assert found == subproof(old, leaves, whole=True)
        verify_consistency(old, mth(leaves[:old]), new, mth(leaves), found)


@pytest.mark.parametrize("size", range(1, 34))
def test_no_mutated_inclusion_proof_holds(size: int):
    """A proof is hostile input: one bit, hash, place or length changed, and it shows nothing."""
    leaves = LEAVES[:size]
    root = mth(leaves)
    for index, leaf in enumerate(leaves):
        hashes = path(index, leaves)
        for mutated in mutated_paths(hashes, leaf, root):
            assert not is_included(leaf, index, size, mutated, root)
        for bit in (0, 7, 100, 255):
            assert not is_included(flip(leaf, bit), index, size, hashes, root)
            assert not is_included(leaf, index, size, hashes, flip(root, bit))
        assert not is_included(leaf, index + size, size, hashes, root)
        assert not is_included(leaf, index, index, hashes, root)
        assert not is_included(leaf, index, -size, hashes, root)
        assert not is_included(leaf[:-1], index, size, hashes, root)
        assert not is_included(leaf, index, size, hashes, root[:-1])


@pytest.mark.parametrize("new", range(1, 34))
def test_no_mutated_consistency_proof_holds(new: int):
    """Likewise between two trees; nor do other sizes, the wrong way round, or from nothing."""
    leaves = LEAVES[:new]
    new_root = mth(leaves)
    for old in range(1, new + 1):
        old_root = mth(leaves[:old])
        hashes = subproof(old, leaves, whole=True)
        for mutated in mutated_paths(hashes, old_root, new_root):
            assert not is_consistent(old, old_root, new, new_root, mutated)
        for bit in (0, 7, 100, 255):
            assert not is_consistent(old, flip(old_root, bit), new, new_root, hashes)
            assert not is_consistent(old, old_root, new, flip(new_root, bit), hashes)
        assert old == new or not is_consistent(new, new_root, old, old_root, hashes)
        assert not is_consistent(0, merkle.EMPTY_ROOT, new, new_root, hashes)
        assert not is_consistent(0, old_root, new, new_root, hashes)
        assert not is_consistent(-old, old_root, new, new_root, hashes)
        assert not is_consistent(old, old_root[:-1], new, new_root, hashes)
        for other in range(1, new + 1):
            assert other == old or not is_consistent(other, old_root, new, new_root, hashes)


def test_every_single_bit_of_a_proof_counts():
    """Exhaustively over one proof of each sort."""
    leaves = LEAVES[:13]
    root, old_root = mth(leaves), mth(leaves[:7])
    included, consistent = path(6, leaves), subproof(7, leaves, whole=True)
    for place, bit in itertools.product(range(len(included)), range(256)):
        mutated = [*included[:place], flip(included[place], bit), *included[place + 1 :]]
        assert not is_included(leaves[6], 6, 13, mutated, root)
    for place, bit in itertools.product(range(len(consistent)), range(256)):
        mutated = [*consistent[:place], flip(consistent[place], bit), *consistent[place + 1 :]]
        assert not is_consistent(7, old_root, 13, root, mutated)


def test_equal_sizes_need_equal_roots_and_no_path():
    """One log of one size has one root."""
    root = mth(LEAVES[:5])
    verify_consistency(5, root, 5, root, [])
    assert not is_consistent(5, root, 5, flip(root, 0), [])
    assert not is_consistent(5, root, 5, root, [root])


def test_two_empty_trees_show_nothing():
    """A rolled-back log could claim to be consistent with the empty one."""
    assert not is_consistent(0, merkle.EMPTY_ROOT, 0, merkle.EMPTY_ROOT, [])


def test_sizes_beyond_63_bits_are_refused():
    """Other implementations cannot count that far."""
    assert not is_included(LEAVES[0], 0, 2**63, [LEAVES[1]] * 63, LEAVES[0])
    assert not is_consistent(1, LEAVES[0], 2**63, LEAVES[0], [LEAVES[1]] * 63)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3), (5, 4)])
def test_there_is_no_path_to_a_leaf_outside_the_tree(index: int, size: int):
    """A caller's mistake is said, not answered with a path that shows nothing."""
    with pytest.raises(ValueError, match="is not in a tree of"):
        merkle.inclusion_path(index, size, reader(LEAVES))


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 4), (-1, 3), (5, 4)])
def test_there_is_no_path_from_what_is_no_prefix(old: int, new: int):
    """Likewise between trees."""
    with pytest.raises(ValueError, match="no non-empty prefix"):
        merkle.consistency_path(old, new, reader(LEAVES))


def test_a_path_in_a_large_tree_takes_one_read_of_few_nodes():
    """A proof must not cost a walk over the leaves, nor a query for every node."""
    calls = []

    def read(coordinates):
        calls.append(list(coordinates))
        return [random.Random(str(coordinate)).randbytes(32) for coordinate in coordinates]

    size = 1_000_000_007
    assert len(merkle.inclusion_path(123_456_789, size, read)) <= 30
    assert len(merkle.consistency_path(123_456_789, size, read)) <= 31
    assert len(calls) == 2
    assert all(len(call) <= 60 for call in calls)
    for level, index in itertools.chain.from_iterable(calls):
        assert (index + 1) << level <= size
