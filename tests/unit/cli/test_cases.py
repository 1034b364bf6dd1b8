"""`countenance cases`."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from countenance.accounts import Actor
from countenance.audit import AuditLog
from countenance.casework import Casework, Held, Picture, Search
from countenance.cli.installation import open_store
from countenance.settings import Settings
from countenance.store import UnitOfWork
from governed import open_governance

UNTIL = f"{datetime.now(UTC) + timedelta(days=20):%Y-%m-%d}"
OPEN = ("--purpose", "missing-persons", "--reason", "a child", "--legal-basis", "a request", "--until", UNTIL)


def opened(cli, *more, name="2026/4711"):
    return cli.json("cases", "open", name, *OPEN, *more)


def entries(cli, house):
    with open_store(Settings.from_env(cli.environment)) as (database, keys), database.read() as connection:
        return [each.members for each in reversed(AuditLog(keys).list_latest(connection, house))]


def hold(cli, house, case_id):
    """A search of the case that waits."""
    with open_store(Settings.from_env(cli.environment)) as (database, keys):
        casework = Casework.open(database, keys, least_view_s=0)
        search = Search(
            account_id=house,
            case_id=case_id,
            purpose="missing-persons",
            operation="CompareFaces",
            requested_by="somebody",
            request_digest=b"r" * 32,
            probe_digest=b"p" * 32,
            event_id=uuid.uuid4(),
        )
        with UnitOfWork(database) as work:
            held = Held(answer={"FaceMatches": []}, probe=Picture(b"p", {}), candidates=[Picture(b"c", {})])
            review_id = casework.reviews.hold(work, search, held)
            work.commit()
    return str(review_id)


def test_a_case_is_opened_listed_and_closed_and_the_log_says_so(cli, house):
    """What a search of it held ends with it, with an entry of its own."""
    case = opened(cli)
    assert (case["Case"], case["Open"], case["Reason"]) == ("2026/4711", True, "a child")
    assert case["OpenedBy"].startswith("uid:")
    assert cli.json("cases", "list") == [case]
    assert cli.json("cases", "show", case["CaseId"]) == case
    assert "2026/4711" in cli.says("cases", "list")
    assert "no case" in cli.says("cases", "list", "--due")
    review = hold(cli, house, case["CaseId"])
    closed = cli.json("cases", "close", case["CaseId"])
    assert (closed["Open"], closed["ReviewsPurged"]) == (False, 1)
    told = [
        each for each in entries(cli, house) if each["operation"] in {"OpenCase", "CloseCase", "PurgeReview"}
    ]
    assert [each["operation"] for each in told] == ["OpenCase", "PurgeReview", "CloseCase"]
    assert told[1]["review"] == review
    assert "2026/4711" not in str(told)


def test_an_urgent_case_is_authorized_once_it_is_there(cli, house):
    case = opened(cli, "--urgent")
    assert case["AuthorizeBy"]
    told = cli.json("cases", "authorize", case["CaseId"], "--reference", "warrant 17")
    assert (told["Authorization"], told["AuthorizeBy"]) == ("warrant 17", None)
    other = opened(cli, name="calm")
    assert (
        "waits for no authorisation"
        in cli.fails("cases", "authorize", other["CaseId"], "--reference", "warrant 17")[1]
    )


def test_a_lead_is_used_only_when_an_operator_has_signed_for_evidence(cli, house):
    """The machine's user alone can neither sign nor report a use."""
    case = opened(cli)["CaseId"]
    code, told = cli.fails("cases", "outcome", case, "lead_used")
    assert (code, told.startswith("CASE-002: a lead is used only on independent evidence")) == (1, True)
    assert cli.fails("cases", "sign", case, "--operator", "Nobody", "--evidence", "file 7")[0] == 1
    with open_store(Settings.from_env(cli.environment)) as (database, keys):
        open_governance(database, keys).operators.put(house, "Maria", ["administrator"], actor=Actor("test"))
    signed = cli.json("cases", "sign", case, "--operator", "Maria", "--evidence", "file 7")
    assert (signed["EvidenceSignedBy"], signed["Evidence"]) == ("Maria", "file 7")
    assert cli.json("cases", "outcome", case, "lead_used")["Outcome"] == "lead_used"
    assert cli.fails("cases", "outcome", case, "no_lead")[0] == 1
    told = [each["operation"] for each in entries(cli, house)]
    assert (told.count("SignEvidence"), told.count("ReportOutcome")) == (1, 1)  # what was refused left none


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("open", "C", *OPEN[:-1], "2020-01-01"), 2, "no day to come"),
        (("open", "C", *OPEN[:-1], "2099-01-01"), 1, "366 days"),
        (("open", "C", *OPEN[2:]), 2, "--purpose"),
        (("open", "C", "--purpose", "curiosity", *OPEN[2:]), 2, "curiosity"),
        (("show", "no-such-case"), 1, "there is no case"),
        (("close", "no-such-case"), 1, "there is no case"),
        (("outcome", "no-such-case", "convicted"), 2, "convicted"),
        (("list", "--account", "000000000000"), 1, "000000000000"),
    ],
)
def test_what_cannot_be_done_says_why(cli, house, words, code, says):
    done, told = cli.fails("cases", *words)
    assert (done, says in told) == (code, True), told


def test_a_name_that_is_open_is_not_opened_twice(cli, house):
    opened(cli)
    assert "is open" in cli.fails("cases", "open", "2026/4711", *OPEN)[1]


def test_nobody_reaches_another_accounts_case(cli, house):
    other = cli.json("accounts", "create", "Other")["AccountId"]
    case = opened(cli)["CaseId"]
    assert "there is no case" in cli.fails("cases", "close", case, "--account", other)[1]
    assert cli.json("cases", "show", case)["Open"]
