"""Whose cosignatures count: a witness's clock may be wrong, its signature not."""

from __future__ import annotations

import pytest

from countenance.transparency.note import Note, Signature
from countenance.transparency.verify import verify_folder
from countenance.transparency.verify_proof import verify_proof
from fixtures_log import BuiltLog, LogKeys, at

KEYS = LogKeys.of()
LOG = BuiltLog.of(300)


def check(folder, **given):
    return verify_folder(folder, **{"log_verifiers": [KEYS.log.verifier], "now": at(10_000_000)} | given)


def only_problem(report):
    [problem] = report.problems
    return problem


@pytest.mark.parametrize("odd", [253_402_300_800, 2**63 - 1, 2**63, 2**64 - 1])
def test_a_time_that_cannot_be_is_no_forgery_and_no_vote(tmp_path, odd):
    """A witness's clock is its own: its line is told and not counted, the log's checkpoint holds."""
    text, line = LOG.checkpoint().text, cosignature(LOG.checkpoint().text, odd)
    own = Signature.parse(KEYS.log.sign(text))
    given = {"witness_verifiers": [KEYS.witness.verifier]}
    LOG.write(tmp_path, str(Note(text, (own, line))))
    report = check(tmp_path, **given)
    assert (report.is_valid, report.facts.cosignatures) == (True, [])
    assert str(odd) in report.facts.notes[0]
    assert only_problem(check(tmp_path, **given, quorum=1)).check == "witnesses"
    proof = LOG.proof(7, str(Note(text, (own, line)))).encode()
    keys = {"log_verifiers": [KEYS.log.verifier], **given}
    assert verify_proof(proof, LOG.entries[7], **keys).is_valid
    assert only_problem(verify_proof(proof, LOG.entries[7], **keys, quorum=1)).check == "witnesses"
    (tmp_path / "head").write_text(str(Note(text, (line,))))
    assert check(tmp_path, **given, heads=[tmp_path / "head"]).facts.heads == 1
    sane = cosignature(text, 1_800_000_000)
    LOG.write(tmp_path, str(Note(text, (own, line, sane))))
    assert len(check(tmp_path, **given, quorum=1).facts.cosignatures) == 1
    forged = Signature(line.name, line.key_hash, line.value[:-1] + bytes([line.value[-1] ^ 1]))
    LOG.write(tmp_path, str(Note(text, (own, sane, forged))))
    assert "forged" in only_problem(check(tmp_path, **given)).what


def cosignature(text: str, timestamp_s: int) -> Signature:
    """The witness's line with any time that its eight bytes can say."""
    verifier = KEYS.witness.verifier
    signed = KEYS.witness.sign_bytes(f"cosignature/v1\ntime {timestamp_s}\n{text}".encode())
    return Signature(verifier.name, verifier.key_hash, timestamp_s.to_bytes(8, "big") + signed)
