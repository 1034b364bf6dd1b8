"""How often an account may call, and on whose account a call waits."""

from __future__ import annotations

import pytest

from countenance.gateway.limits import Limits, holder_of, rate_of
from countenance.gateway.rates import Rate, Rates, create_rates
from countenance.gateway.record import record_uncounted

PHOTO = b'{"Image": {"Bytes": "AAAAAAAA"}}'


@pytest.fixture
def rates():
    made = Rates(create_rates(), clock_ns=lambda: 10**12)  # no time passes
    yield made
    made.close()


def _codes(bench, operation, times, *, service="rekognition", body=PHOTO):
    told = [bench.call(operation, body, service=service)[1] for _ in range(times)]
    return [each.get("__type") for each in told]


def test_beyond_its_rate_an_account_is_refused_as_aws_refuses(make_bench, rates):
    bench = make_bench(limits=Limits(rates, Rate(per_s=1, burst=3)))
    assert _codes(bench, "DetectFaces", 5) == [None] * 3 + ["ProvisionedThroughputExceededException"] * 2
    answer, told = bench.call("DetectFaces", PHOTO)
    assert (answer.status, told["Message"]) == (400, "Provisioned Rate exceeded")


def test_what_is_not_about_faces_has_a_rate_of_its_own_and_so_has_due_process(make_bench, rates):
    """Who has used up its searches can still delete, and read why it was suspended."""
    bench = make_bench(limits=Limits(rates, Rate(per_s=1, burst=1)))
    assert _codes(bench, "DetectFaces", 2)[1] == "ProvisionedThroughputExceededException"
    tags = b'{"ResourceArn": "arn:aws:rekognition:us-east-1:123456789012:collection/c"}'
    assert _codes(bench, "ListTagsForResource", 2, body=tags)[1] == "ProvisionedThroughputExceededException"
    assert _codes(bench, "GetCallerIdentity", 2, service="countenance", body=b"{}") == [
        None,
        "ProvisionedThroughputExceededException",
    ]


def test_an_account_may_have_a_rate_of_its_own_that_leaves_due_process_open(make_bench, rates):
    bench = make_bench(limits=Limits(rates, Rate(per_s=10, burst=5)))
    bench.services.accounts.change_limit(bench.account.account_id, calls_per_s=1, burst=2)
    assert _codes(bench, "DetectFaces", 3).count(None) == 2
    assert _codes(bench, "GetCallerIdentity", 6, service="countenance", body=b"{}").count(None) == 5


def test_who_names_a_key_without_having_it_uses_nothing_up(make_bench, rates):
    """An access key's id is no secret: nobody is to be locked out with it."""
    bench = make_bench(limits=Limits(rates, Rate(per_s=1, burst=2)))
    for _ in range(5):
        assert bench.call("DetectFaces", PHOTO, secret="wrong")[1]["__type"] == "InvalidSignatureException"
    assert _codes(bench, "DetectFaces", 2) == [None, None]


def test_a_rate_that_is_used_up_refuses_before_the_body_is_read(make_bench, rates):
    bench = make_bench(limits=Limits(rates, Rate(per_s=1, burst=1)))
    bench.call("DetectFaces", PHOTO)
    answer = bench.pipeline.admit(bench.head("DetectFaces", PHOTO))
    assert not hasattr(answer, "credential")
    assert answer.status == 400


def test_refusals_by_a_rate_are_recorded_up_to_a_rate_and_then_counted(make_bench, rates):
    """As those of strangers: who calls too often does not fill the log with it."""
    bench = make_bench(limits=Limits(rates, Rate(per_s=1, burst=1)))
    bench.call("DetectFaces", PHOTO)
    bench.services.limits._rates = None  # many heads that are let in at once ...
    admitted = [bench.pipeline.admit(bench.head("DetectFaces", PHOTO)) for _ in range(30)]
    bench.services.limits._rates = rates
    answers = [bench.pipeline.answer(each, PHOTO) for each in admitted]  # ... and come to be counted
    receipts = ["x-countenance-receipt" in dict(answer.headers) for answer in answers]
    assert all(answer.status == 400 for answer in answers)
    assert 20 <= sum(receipts) <= 25
    record_uncounted(bench.services)
    own = bench.pseudonym("account", bench.account.account_id)
    with bench.database.read() as connection:
        rows = connection.execute(
            "select convert_from(entry, 'UTF8')::json ->> 'count' from audit_event"
            " where position(%s in convert_from(entry, 'UTF8')) > 0"
            " and position('\"refusals\"' in convert_from(entry, 'UTF8')) > 0",
            (own,),
        ).fetchall()
    # each entry of its own that came later has told what was counted until then
    assert sum(int(row[0]) for row in rows) == 30 - sum(receipts)


@pytest.mark.parametrize(
    ("service", "operation", "length", "reserved"),
    [
        ("rekognition", "DetectFaces", 10, False),
        ("rekognition", "DeleteFaces", 10, False),
        ("countenance", "ListPurposes", 10, False),
        ("countenance", "GetTerms", 10, True),
        ("countenance", "SubmitAppeal", 10, True),
        ("countenance", "ChangeStanding", 256 * 1024, True),
        ("countenance", "ChangeStanding", 256 * 1024 + 1, False),
    ],
)
def test_the_reserve_is_for_terms_due_process_and_officers(bench, service, operation, length, reserved):
    """And not for whatever somebody sends under such a name."""
    head = bench.head(operation, b"{}", service=service, headers={"content-length": str(length)})
    assert holder_of(bench.pipeline.admit(head)) == (bench.account.account_id, reserved)


def test_a_body_of_unknown_length_waits_with_the_others(bench):
    head = bench.head("GetTerms", b"{}", service="countenance")
    headers = {name: value for name, value in head.headers.items() if name != "content-length"}
    object.__setattr__(head, "headers", headers | {"transfer-encoding": "chunked"})
    assert not holder_of(bench.pipeline.admit(head)).reserved


def test_a_burst_that_is_not_given_is_two_seconds_worth():
    assert rate_of(50, 0) == Rate(per_s=50, burst=100)
    assert rate_of(50, 7) == Rate(per_s=50, burst=7)
