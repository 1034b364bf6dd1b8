"""Signed evaluations: what was signed is what is read, and nothing else."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.assurance.signed_evaluation import (
    LONGEST,
    MAX_BYTES,
    EvaluationInvalid,
    parse_evaluator,
    parse_signed,
    read_stored,
    sign_evaluation,
)
from countenance.transparency.canonical import canonical_json
from countenance.transparency.note import COSIGNATURE, Signer
from signed_evaluations import DIGESTS, a_group, an_evaluation, signed

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
MADE = NOW - timedelta(hours=1)
SIGNER = Signer.generate("lab.example/evaluations")
OTHER = Signer.generate("lab.example/evaluations")


def evaluation(**changes):
    return an_evaluation(made_at=MADE, **changes)


def file_of(told=None, **given) -> dict:
    """A signed evaluation as parsed JSON, to be tampered with."""
    return json.loads(signed(told or evaluation(), SIGNER, now=NOW, **given).to_bytes())


def parse(told: dict, now: datetime = NOW):
    return parse_signed(canonical_json(told), now=now)


def test_what_was_signed_is_read_again():
    """With what it is of, by the keys that are asked about."""
    made = signed(evaluation(), SIGNER, now=NOW, lasts=timedelta(days=30))
    read = parse_signed(made.to_bytes(), now=NOW)
    assert read == made
    assert (read.pack_name, read.version, read.digests) == ("fake", "1.0", DIGESTS)
    assert (read.made_at, read.expires_at) == (MADE, MADE + timedelta(days=30))
    assert read.signer_of([OTHER.verifier, SIGNER.verifier]) == SIGNER.verifier
    assert read_stored(read.document, str(read.note)) == made


def test_any_layout_can_be_signed_and_one_form_is_kept():
    """`countenance evaluate` indents what it writes."""
    told = evaluation()
    loose = sign_evaluation(json.dumps(told, indent=2).encode(), SIGNER, now=NOW)
    assert loose.document.encode() == canonical_json(told)
    assert loose.digest == signed(told, SIGNER, now=NOW).digest


def test_another_key_of_the_same_name_signed_nothing():
    """A name is anybody's; the key is the holder's."""
    found = signed(evaluation(), SIGNER, now=NOW)
    with pytest.raises(EvaluationInvalid, match=r"signed by `lab.example/evaluations`, and no such key"):
        found.signer_of([OTHER.verifier])
    with pytest.raises(EvaluationInvalid, match="no such key is trusted"):
        found.signer_of([])


def test_a_forged_line_of_a_trusted_key_is_refused():
    """A signature that does not verify is no signature, whatever stands beside it."""
    told = file_of()
    forged = json.loads(signed(evaluation(notes=["other"]), SIGNER, now=NOW).to_bytes())["note"]
    told["note"] = told["note"].split("\n\n")[0] + "\n\n" + forged.split("\n\n")[1]
    with pytest.raises(EvaluationInvalid, match="not over this text"):
        parse(told).signer_of([SIGNER.verifier])


def test_figures_that_were_edited_after_signing_are_refused():
    told = file_of(evaluation(groups=(a_group("a", tpr=0.9), a_group("b"))))
    told["evaluation"]["cohorts"][0]["rates"][0] = a_group("a", tpr=0.99)
    with pytest.raises(EvaluationInvalid, match="note is over another evaluation"):
        parse(told)


@pytest.mark.parametrize("line", range(4))
def test_a_note_over_anything_else_is_refused(line):
    """Another label, digest, time of making or expiry; an expiry is part of what is signed."""
    told = file_of()
    lines = told["note"].split("\n")
    lines[line] = {0: "countenance-pack/v1", 1: "0" * 64, 2: "2026-01-01T00:00:00Z", 3: "soon"}[line]
    told["note"] = "\n".join(lines)
    with pytest.raises(EvaluationInvalid, match=r"another evaluation|is no time"):
        parse(told)


def test_an_expiry_that_was_moved_is_not_what_was_signed():
    told = file_of(lasts=timedelta(days=1))
    told["note"] = told["note"].replace(
        "2026-11-28T11:00:00Z",
        "2027-11-28T11:00:00Z",
    )
    with pytest.raises(EvaluationInvalid, match="not over this text"):
        parse(told).signer_of([SIGNER.verifier])


@pytest.mark.parametrize("lasts", [timedelta(), timedelta(seconds=-1), LONGEST + timedelta(seconds=1)])
def test_it_counts_for_two_years_at_most(lasts):
    with pytest.raises(EvaluationInvalid, match="730 days at most"):
        signed(evaluation(), SIGNER, now=NOW, lasts=lasts)
    assert signed(evaluation(), SIGNER, now=NOW, lasts=LONGEST).expires_at == MADE + LONGEST


def test_what_was_made_in_the_future_was_made_by_a_wrong_clock():
    """One of two clocks is wrong, and nobody knows which."""
    with pytest.raises(EvaluationInvalid, match="one of two clocks is wrong"):
        signed(evaluation(), SIGNER, now=MADE - timedelta(seconds=1))
    made = signed(evaluation(), SIGNER, now=MADE)
    with pytest.raises(EvaluationInvalid, match="one of two clocks is wrong"):
        parse_signed(made.to_bytes(), now=MADE - timedelta(seconds=1))
    assert not made.is_within(MADE - timedelta(seconds=1))
    assert made.is_within(MADE)
    assert not made.is_within(made.expires_at)


MISTAKES = [
    ({"format": "countenance.evaluation/2"}, "its format is"),
    ({"format": None}, "its format is null"),
    ({"pack": None}, "it has no `pack`"),
    ({"program": []}, "it has no `program`"),
    ({"pack": {"name": "p", "face_model_version": "1.0", "digest": "A" * 64}}, "`digest` is no SHA-256"),
    ({"pack": {"name": "p", "face_model_version": "", "digest": "a" * 64}}, "1 to 128 printable"),
    ({"pack": {"name": "\x1b[2J", "face_model_version": "1.0", "digest": "a" * 64}}, "printable"),
    ({"pack": {"name": "p" * 129, "face_model_version": "1.0", "digest": "a" * 64}}, "1 to 128"),
    ({"data": {"digest": "d" * 63}}, "`digest` is no SHA-256"),
    ({"made_at": "2026-11-27 10:00:00"}, "made_at is no time"),
    ({"made_at": "2026-13-27T10:00:00Z"}, "made_at is no time"),
    ({"made_at": "2026-11-27T10:00:00+01:00"}, "made_at is no time"),
    ({"made_at": 7}, "made_at is no time"),
    ({"cohorts": 3}, "cohorts is not a list"),
]


@pytest.mark.parametrize(("change", "problem"), MISTAKES, ids=[problem for _, problem in MISTAKES])
def test_what_is_no_evaluation_is_not_signed(change, problem):
    """What could be recorded nowhere is told to whoever would sign it."""
    with pytest.raises(EvaluationInvalid, match=problem):
        signed(evaluation() | change, SIGNER, now=NOW)


FILES = [
    (b"", "no JSON"),
    (b"\xff\xfe", "no JSON"),
    (b"[]", "not an object"),
    (b"[" * 100_000, "no JSON"),
    (b'{"evaluation":{},"note":"x","more":1}', "and no others"),
    (b'{"evaluation":{}}', "and no others"),
    (b'{"evaluation":{}, "note":"x"}', "not canonical JSON"),
    (b'{"evaluation":{},"note":"x","note":"y"}', "named twice"),
    (b'{"evaluation":{"a":1,"a":2},"note":"x"}', "named twice"),
    (b'{"evaluation":{"a":NaN},"note":"x"}', "NaN is no number"),
    (b'{"evaluation":{"a":-Infinity},"note":"x"}', "Infinity is no number"),
    (b'{"evaluation":{"a":1e999},"note":"x"}', "canonical JSON"),
    (b'{"evaluation":{"a":' + b"9" * 5000 + b'},"note":"x"}', "no JSON|canonical"),
    (b'{"evaluation":{"a":1.0},"note":"x"}', "not canonical JSON"),
    (b'{"evaluation":[],"note":"x"}', "is an object"),
    (b'{"evaluation":{},"note":7}', "`note` a text"),
    (b'{"evaluation":{},"note":"x"}', "its note is none"),
    (b" " * (MAX_BYTES + 1), "may have 4194304"),
]


@pytest.mark.parametrize(("data", "problem"), FILES, ids=[problem for _, problem in FILES])
def test_a_file_that_is_no_signed_evaluation_is_refused(data, problem):
    with pytest.raises(EvaluationInvalid, match=problem):
        parse_signed(data, now=NOW)


def test_a_number_that_is_none_cannot_be_signed():
    told = evaluation(groups=(a_group("a", tpr=math.nan), a_group("b")))
    with pytest.raises(EvaluationInvalid, match="NaN is no number"):
        signed(told, SIGNER, now=NOW)


@given(st.data())
def test_whatever_byte_is_changed_it_is_refused(data):
    """Or it is the same evaluation: a byte of a signature line that nobody asks about."""
    whole = bytearray(signed(evaluation(), SIGNER, now=NOW).to_bytes())
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(EvaluationInvalid):
        parse_signed(bytes(whole), now=NOW).signer_of([SIGNER.verifier])


def test_only_a_key_that_signs_notes_can_be_an_evaluators():
    """A witness's cosignatures are over something else."""
    assert parse_evaluator(str(SIGNER.verifier)) == SIGNER.verifier
    with pytest.raises(EvaluationInvalid, match="no verifier key"):
        parse_evaluator("lab")
    with pytest.raises(EvaluationInvalid, match="of a witness"):
        parse_evaluator(str(Signer.generate("w", COSIGNATURE).verifier))
