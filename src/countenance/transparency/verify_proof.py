"""Verifies that one entry is in a log, by its proof file alone."""

from __future__ import annotations

from collections.abc import Sequence

from countenance.transparency.canonical import EntryInvalid, parse_canonical
from countenance.transparency.merkle import leaf_hash
from countenance.transparency.note import Verifier
from countenance.transparency.proof import InclusionProof
from countenance.transparency.verify_keys import check_cosignatures, require_keys
from countenance.transparency.verify_members import member_flaw
from countenance.transparency.verify_report import Facts, Problems, Report

MAX_PROOF_BYTES = 131_072


def verify_proof(
    proof: bytes,
    entry: bytes,
    *,
    log_verifiers: Sequence[Verifier],
    witness_verifiers: Sequence[Verifier] = (),
    quorum: int = 0,
) -> Report:
    """Check that one entry is in the log, by its proof file alone.

    The checkpoint in the proof must be signed by a key that is given: without the log's other entries no
    exchange of keys can be followed.

    Raises:
        ValueError: as `verify_folder`.
    """
    require_keys(log_verifiers, witness_verifiers, quorum)
    problems, facts = Problems(), Facts()
    try:
        members = parse_canonical(entry)
        flaw = member_flaw(members)
        if not flaw:
            facts.entries = 1
            facts.by_kind = {members["kind"]: 1}
            facts.first = facts.last = members["time"]
    except EntryInvalid as error:
        flaw = str(error)
    if flaw:
        problems.add("entries", "the entry", flaw)
    if len(proof) > MAX_PROOF_BYTES:
        problems.add("proof", "the proof", f"it has over {MAX_PROOF_BYTES} bytes")
        return Report(tuple(problems.kept), problems.count, facts)
    try:
        parsed = InclusionProof.parse(proof.decode())
        facts.checkpoint = parsed.verify(leaf_hash(entry), log_verifiers)
        facts.notes.append(f"the entry has index {parsed.index}")
        check_cosignatures(parsed.checkpoint_note, witness_verifiers, quorum, problems=problems, facts=facts)
    except ValueError as error:
        problems.add("proof", "the proof", str(error))
    return Report(tuple(problems.kept), problems.count, facts)
