"""PutEvaluation, ListEvaluations, GetEvaluation, WithdrawEvaluation."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from countenance.assurance.evaluators import trust_evaluator
from countenance.assurance.signed_evaluation import parse_signed
from countenance.errors import AccessDeniedException, InvalidParameterException, ResourceNotFoundException
from countenance.facts import ModelDigests
from countenance.transparency.note import Signer
from signed_evaluations import an_evaluation, signed


@pytest.fixture
def officer(client_of):
    office = client_of.accounts.create_account("Office")
    return client_of(office, officer="Olga Officer")


@pytest.fixture
def file(database):
    """Of a model of the test's own, by an evaluator who is trusted."""
    digests = ModelDigests(*(uuid.uuid4().hex * 2 for _ in range(3)))
    signer = Signer.generate(f"{uuid.uuid4()}/key")
    with database.transaction() as connection:
        trust_evaluator(
            connection,
            str(signer.verifier),
            name=signer.verifier.name,
            independent=True,
            reason="a test",
            by="Olga",
        )
    return signed(an_evaluation(digests), signer).to_bytes().decode()


def test_an_officer_puts_one_on_record_and_every_account_can_read_and_verify_it(officer, call, file):
    """It concerns everybody who is searched for here."""
    evaluation_id = officer("PutEvaluation", SignedEvaluation=file)["EvaluationId"]
    told = call("GetEvaluation", EvaluationId=evaluation_id)
    assert told["SignedEvaluation"] == file
    found = parse_signed(told["SignedEvaluation"].encode(), now=datetime.now(UTC))
    summary = told["Evaluation"]
    assert summary["Status"] == "in_force"
    assert (summary["Digest"], summary["PackDigest"]) == (found.digest, found.digests.pack)
    assert (summary["ExpiresAt"], summary["Independent"]) == (found.expires_at.timestamp(), True)
    assert summary in call("ListEvaluations")["Evaluations"]
    assert "Olga" not in str(told)


def test_an_officer_withdraws_it_and_says_why(officer, call, file):
    evaluation_id = officer("PutEvaluation", SignedEvaluation=file)["EvaluationId"]
    assert officer("WithdrawEvaluation", EvaluationId=evaluation_id, Reason="wrong labels") == {}
    summary = call("GetEvaluation", EvaluationId=evaluation_id)["Evaluation"]
    assert (summary["Status"], summary["WithdrawnBecause"]) == ("withdrawn", "wrong labels")
    with pytest.raises(ResourceNotFoundException):
        officer("WithdrawEvaluation", EvaluationId=evaluation_id, Reason="again")


@pytest.mark.parametrize("text", ["{}", "\ud800{", '{"evaluation":{},"note":"x"}'])
def test_what_is_no_signed_evaluation_is_refused(officer, text):
    """A caller may send anything, a lone surrogate as well."""
    with pytest.raises(InvalidParameterException, match="cannot be recorded"):
        officer("PutEvaluation", SignedEvaluation=text)


def test_nobody_but_an_officer_changes_what_is_on_record(call, officer, file):
    with pytest.raises(AccessDeniedException):
        call("PutEvaluation", SignedEvaluation=file)
    evaluation_id = officer("PutEvaluation", SignedEvaluation=file)["EvaluationId"]
    with pytest.raises(AccessDeniedException):
        call("WithdrawEvaluation", EvaluationId=evaluation_id, Reason="why not")
    with pytest.raises(ResourceNotFoundException):
        call("GetEvaluation", EvaluationId=str(uuid.uuid4()))
