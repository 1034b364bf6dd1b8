"""What callers kept, against a log that has not what they were promised."""

from __future__ import annotations

import pytest

from countenance.transparency.verify import verify_folder
from fixtures_log import BuiltLog, LogKeys, at

KEYS = LogKeys.of()
LOG = BuiltLog.of(300)


def check(folder, **given):
    return verify_folder(folder, **{"log_verifiers": [KEYS.log.verifier], "now": at(10_000_000)} | given)


def only_problem(report):
    [problem] = report.problems
    return problem


@pytest.mark.parametrize(
    ("cosigned", "kind", "words"),
    [
        (None, "broken", "no witness says"),
        (304_000, "outstanding", "cosigned at 2026-11-23T03:20:17.000Z, before the promise ran out at"),
        (305_000, "broken", "after that"),
        (400_000, "broken", "after that"),
    ],
)
def test_a_missing_entry_is_a_failure_that_says_what_is_known(tmp_path, cosigned, kind, words):
    """Either the log broke its promise, or the folder is older than that: a shortened log looks the same."""
    LOG.write(tmp_path / "log", LOG.signed(cosigned_at=cosigned and at(cosigned)))
    (tmp_path / "receipts").write_text(BuiltLog.of(301).receipt(300))  # due at 305 s
    given = {"receipts": [tmp_path / "receipts"], "witness_verifiers": [KEYS.witness.verifier]}
    problem = only_problem(check(tmp_path / "log", **given))
    assert (problem.check, problem.kind) == ("receipts", kind)
    assert words in problem.what
    assert check(tmp_path / "log", **given, now=at(304_999)).facts.pending == 1
    BuiltLog.of(301).write(tmp_path / "later")
    assert check(tmp_path / "later", **given).facts.receipts == 1
