from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from countenance.gateway.call import Admitted, Answer
from countenance.store import UnitOfWork


def _code(bench, **changes):
    """The error of a call whose head is signed with `changes`; None when it is answered."""
    return bench.call("DetectFaces", {"Image": {"Bytes": "AAAA"}}, **changes)[1].get("__type")


def _session(bench):
    with UnitOfWork(bench.database) as work:
        session = bench.services.accounts.create_session(work.connection, bench.key.access_key_id, 900)
        work.commit()
    return session, {
        "access_key_id": session.access_key_id,
        "secret": session.secret,
        "token": session.session_token,
    }


def test_the_holder_of_a_key_is_answered_as_its_account_and_operator(bench):
    _, told = bench.call("GetCallerIdentity", {}, service="countenance")
    assert told == {
        "AccountId": bench.account.account_id,
        "AccessKeyId": bench.key.access_key_id,
        "Operator": "tester",
    }


@pytest.mark.parametrize(
    "access_key_id", ["AKIA" + "A" * 16, "AKIA", "x" * 4000, "AKIA\u00e9" + "A" * 15, "ASIA" + "1" * 16]
)
def test_an_unknown_key_is_refused_by_the_head_alone(bench, access_key_id):
    body = b'{"Image": {"Bytes": "AAAA"}}'
    answer = bench.pipeline.admit(bench.head("DetectFaces", body, access_key_id=access_key_id))
    assert isinstance(answer, Answer)
    assert b"UnrecognizedClientException" in answer.body


def test_a_revoked_key_is_refused_by_the_head_alone(bench):
    bench.services.accounts.revoke_access_key(bench.account.account_id, bench.key.access_key_id)
    answer = bench.pipeline.admit(bench.head("DetectFaces", b"{}"))
    assert b"UnrecognizedClientException" in answer.body


def test_a_wrong_secret_is_refused(bench):
    assert _code(bench, secret="wrong") == "InvalidSignatureException"


def test_another_body_than_the_signed_one_is_refused(bench):
    admitted = bench.pipeline.admit(bench.head("DetectFaces", b'{"Image": {"Bytes": "AAAA"}}'))
    assert isinstance(admitted, Admitted)
    answer = bench.pipeline.answer(admitted, b'{"Image": {"Bytes": "AAAB"}}')
    assert b"InvalidSignatureException" in answer.body


def test_another_target_than_the_signed_one_is_refused(bench):
    changed = {"x-amz-target": "RekognitionService.CreateCollection"}
    assert _code(bench, headers=changed) == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"region": "eu-west-1"}, "InvalidSignatureException"),
        ({"signing_service": "s3"}, "InvalidSignatureException"),
        ({"headers": {"authorization": ""}}, "MissingAuthenticationTokenException"),
        ({"headers": {"authorization": "AWS4-HMAC-SHA256 Signature=1"}}, "IncompleteSignatureException"),
        ({"headers": {"content-length": "17000000"}}, "RequestEntityTooLargeException"),
        ({"headers": {"content-length": "many"}}, "ValidationException"),
    ],
)
def test_what_the_head_shows_to_be_wrong_is_refused_by_the_head(bench, changes, code):
    answer = bench.pipeline.admit(bench.head("DetectFaces", b"{}", **changes))
    assert isinstance(answer, Answer)
    assert code.encode() in answer.body


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signature_of_another_time_is_refused(bench, minutes):
    """A recorded request must not be good for ever."""
    bench.clock.moment = datetime.now(UTC) + timedelta(minutes=minutes)
    assert _code(bench) == "InvalidSignatureException"


def test_a_slow_body_does_not_make_a_signature_expire(bench):
    body = b'{"Image": {"Bytes": "AAAA"}}'
    admitted = bench.pipeline.admit(bench.head("DetectFaces", body))
    bench.clock.moment = datetime.now(UTC) + timedelta(minutes=10)
    assert bench.pipeline.answer(admitted, body).status == 200


def test_temporary_credentials_work_with_their_token(bench):
    _, changes = _session(bench)
    assert _code(bench, **changes) is None


def test_temporary_credentials_need_their_own_token(bench):
    _, changes = _session(bench)
    _, other = _session(bench)
    assert _code(bench, **changes | {"token": None}) == "UnrecognizedClientException"
    assert _code(bench, **changes | {"token": other["token"]}) == "UnrecognizedClientException"
    assert _code(bench, **changes | {"token": "\u00e9"}) == "UnrecognizedClientException"


def test_a_lasting_key_has_no_token(bench):
    assert _code(bench, token="any") == "UnrecognizedClientException"


def test_temporary_credentials_end(bench):
    session, changes = _session(bench)
    with UnitOfWork(bench.database) as work:
        work.connection.execute(
            "update access_key set expires_at = clock_timestamp() where access_key_id = %s",
            (session.access_key_id,),
        )
        work.commit()
    assert _code(bench, **changes) == "ExpiredTokenException"


def test_temporary_credentials_end_with_the_key_they_came_from(bench):
    _, changes = _session(bench)
    bench.services.accounts.revoke_access_key(bench.account.account_id, bench.key.access_key_id)
    assert _code(bench, **changes) == "UnrecognizedClientException"
