from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.transparency.checkpoint import Checkpoint
from countenance.transparency.merkle import ProofInvalid, inclusion_path, leaf_hash, tree_root
from countenance.transparency.note import COSIGNATURE, Note, Signature, Signer
from countenance.transparency.proof import InclusionProof

ORIGIN = "example.com/log"
LOG = Signer.from_seed(ORIGIN, bytes(range(32)))
WITNESSES = [Signer.from_seed(f"witness.example/w{n}", bytes([n]) * 32, COSIGNATURE) for n in range(3)]
LEAVES = [leaf_hash(b"entry %d" % number) for number in range(5)]
CHECKPOINT = Checkpoint(ORIGIN, 5, tree_root(LEAVES))


def a_note(*signers: Signer, text: str = CHECKPOINT.text) -> Note:
    return Note.parse(text + "\n" + "".join(signer.sign(text) for signer in signers))


def a_proof(index: int = 2, note: Note | None = None, extra: bytes = b"") -> InclusionProof:
    hashes = inclusion_path(
        index, 5, lambda nodes: [tree_root(LEAVES[i << level : (i + 1) << level]) for level, i in nodes]
    )
    return InclusionProof(index, tuple(hashes), note or a_note(LOG, *WITNESSES[:2]), extra)


PROOF = str(a_proof())
HASH_LINE = PROOF.split("\n")[2] + "\n"


def test_a_proof_file_has_the_lines_of_the_specification():
    """c2sp.org/tlog-proof: header, extra, index, hashes, an empty line, the checkpoint as it was signed."""
    lines = str(a_proof(extra=b"more")).split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra bW9yZQ==", "index 2"]
    assert len(lines[3:6]) == len(a_proof().hashes)
    assert "\n".join(lines[6:]) == "\n" + str(a_note(LOG, *WITNESSES[:2]))
    assert PROOF.startswith("c2sp.org/tlog-proof@v1\nindex 2\n")


@pytest.mark.parametrize("index", range(5))
def test_a_proof_holds_for_its_entry_only(index: int):
    """It says which leaf, not merely that there is one."""
    proof = InclusionProof.parse(str(a_proof(index)))
    assert proof.verify(LEAVES[index], [LOG.verifier]) == CHECKPOINT
    for other in {*LEAVES, bytes(32), b""} - {LEAVES[index]}:
        with pytest.raises(ProofInvalid):
            proof.verify(other, [LOG.verifier])


@pytest.mark.parametrize(("quorum", "holds"), [(0, True), (1, True), (2, True), (3, False)])
def test_a_quorum_of_witnesses_can_be_asked_for(quorum: int, holds):
    """Two of the three known ones have cosigned."""
    verifiers = [witness.verifier for witness in WITNESSES]
    if holds:
        a_proof().verify(LEAVES[2], [LOG.verifier], verifiers, quorum)
    else:
        with pytest.raises(ProofInvalid, match="2 known witnesses cosigned, of 3"):
            a_proof().verify(LEAVES[2], [LOG.verifier], verifiers, quorum)


def test_one_key_under_two_names_is_one_witness():
    """A cosignature does not say under which name its key stands."""
    twin = Signer.from_seed("another.example", WITNESSES[0].seed, COSIGNATURE)
    proof = a_proof(note=a_note(LOG, WITNESSES[0], twin))
    proof.verify(LEAVES[2], [LOG.verifier], [WITNESSES[0].verifier, twin.verifier], 1)
    with pytest.raises(ProofInvalid, match="1 known witnesses"):
        proof.verify(LEAVES[2], [LOG.verifier], [WITNESSES[0].verifier, twin.verifier], 2)


def test_the_log_is_no_witness_and_a_witness_no_log():
    """Each kind of key signs its kind of thing."""
    with pytest.raises(ProofInvalid, match="0 known witnesses"):
        a_proof().verify(LEAVES[2], [LOG.verifier], [LOG.verifier], 1)
    cosigner = Signer.from_seed(ORIGIN, LOG.seed, COSIGNATURE)
    with pytest.raises(ProofInvalid, match="no known key"):
        a_proof(note=a_note(cosigner)).verify(LEAVES[2], [cosigner.verifier])


def test_a_checkpoint_of_no_known_log_key_proves_nothing():
    """Another log's key, an unknown key of this name, or none."""
    other = Signer.generate("other.example/log")
    for verifiers in ([], [Signer.generate(ORIGIN).verifier], [other.verifier]):
        with pytest.raises(ProofInvalid, match="no known key"):
            a_proof(note=a_note(LOG, other)).verify(LEAVES[2], verifiers)


@pytest.mark.parametrize("forged", [LOG, WITNESSES[0]])
def test_a_bad_signature_of_a_known_key_proves_nothing(forged: Signer):
    """Not even where nobody asked for that witness to have signed."""
    line = Signature(forged.verifier.name, forged.verifier.key_hash, bytes(72))
    note = Note(CHECKPOINT.text, (*a_note(LOG).signatures, line))
    with pytest.raises(ProofInvalid, match="not over this text"):
        a_proof(note=note).verify(LEAVES[2], [LOG.verifier], [WITNESSES[0].verifier])


def test_a_signed_text_that_is_no_checkpoint_makes_no_proof():
    """There is no tree that the entry could be in."""
    with pytest.raises(ProofInvalid, match="an origin, a size and a root"):
        a_proof(note=a_note(LOG, text="something\n"))


@pytest.mark.parametrize(
    "proof",
    [
        "",
        "\n\n",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v1\n\n",
        PROOF[:-1],
        PROOF + "\n",
        "\n" + PROOF,
        PROOF.replace("@v1", "@v2"),
        PROOF.replace("index 2", "index 02"),
        PROOF.replace("index 2", "index -2"),
        PROOF.replace("index 2", "index"),
        PROOF.replace("index 2\n", ""),
        PROOF.replace("index 2", "2"),
        PROOF.replace("index 2", "index 9223372036854775807"),
        PROOF.replace("index 2", "extra \nindex 2"),
        PROOF.replace("index 2", "extra !\nindex 2"),
        PROOF.replace("index 2", "extra QR==\nindex 2"),
        PROOF.replace("index 2", "extra QQ==\nextra QQ==\nindex 2"),
        PROOF.replace("index 2", "index 2\nextra QQ=="),
        PROOF.replace(HASH_LINE, HASH_LINE[4:]),
        PROOF.replace(HASH_LINE, f" {HASH_LINE}"),
        PROOF.replace(HASH_LINE, HASH_LINE * 62),
        PROOF.replace(HASH_LINE, HASH_LINE * 1000),
        PROOF.replace(HASH_LINE, HASH_LINE + "\n"),
        PROOF.replace("\n\nexample", "\nexample"),
        PROOF.replace("—", "-"),
        PROOF.replace("\n", "\r\n"),
    ],
)
def test_what_is_not_quite_a_proof_file_is_refused(proof: str):
    """Parsing is strict: a file means one thing."""
    with pytest.raises(ProofInvalid):
        InclusionProof.parse(proof)


def test_hashes_too_many_or_too_few_prove_nothing():
    """A file may be well-formed and wrong."""
    for changed in (PROOF.replace(HASH_LINE, ""), PROOF.replace(HASH_LINE, HASH_LINE * 2)):
        with pytest.raises(ProofInvalid):
            InclusionProof.parse(changed).verify(LEAVES[2], [LOG.verifier])


def test_no_proof_is_made_that_could_not_be_read():
    """An index beyond every tree, a hash that is none."""
    for index, hashes in ((-1, ()), (2**63 - 1, ()), (0, (b"",)), (0, (bytes(32),) * 64)):
        with pytest.raises(ProofInvalid):
            InclusionProof(index, hashes, a_note(LOG))


@given(
    st.integers(0, 2**63 - 2),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.binary(max_size=100),
)
def test_a_written_proof_is_read_back(index: int, hashes: list[bytes], extra: bytes):
    """Whether it holds or not."""
    proof = InclusionProof(index, tuple(hashes), a_note(LOG), extra)
    assert InclusionProof.parse(str(proof)) == proof


CHANGED = st.builds(
    lambda place, drawn: PROOF[:place] + drawn + PROOF[place + 1 :],
    st.integers(0, len(PROOF)),
    st.text(max_size=3),
)


@given(st.text() | CHANGED)
def test_whatever_is_read_is_written_the_same(drawn: str):
    """Parsing raises one error or loses nothing."""
    try:
        proof = InclusionProof.parse(drawn)
    except ProofInvalid:
        return
    assert str(proof) == drawn
