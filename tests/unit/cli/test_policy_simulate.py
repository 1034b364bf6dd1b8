"""`countenance policy simulate`, on a made-up log and on one that the server's own code wrote."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from countenance.policy.simulation import UNSAID
from rule_packs import VKEY, rule, write_pack
from whole_log import whole_log

DAY = datetime(2026, 11, 26, tzinfo=UTC)


def line(operation="SearchFacesByImage", threshold=80, *, days=0, **members):
    entry = {
        "v": 1,
        "kind": "call",
        "event": str(uuid.uuid4()),
        "time": (DAY + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "service": "rekognition",
        "operation": operation,
        "decision": "allow",
        "outcome": "answered",
        "account": "ab" * 16,
        "purpose": "development",
        "threshold": {"asked": threshold},
    } | members
    return json.dumps({"index": 1, "entry": entry})


LOG = "\n".join(
    [
        *[line() for _ in range(6)],
        *[line(threshold=99) for _ in range(3)],
        line("SearchFaces", purpose="photo-library"),
        line("DetectFaces"),
        line("ListFaces"),
        line(decision="deny", outcome="refused", error="AccessDeniedException"),
        "rubbish",
        line(days=1),
        "",
    ]
)


@pytest.fixture(scope="module")
def still(still):
    """With two packs of its own, not in use."""
    still.json("policy", "trust", VKEY)
    write_pack(still.data_dir / "packs", "own")
    looks = rule("looks", "LOOKS-1", "context.thresholdBp < 9500 && context.callsLastHour < 1000")
    write_pack(still.data_dir / "packs", "looks", policies=looks)
    return still


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(LOG)
    return path


def test_each_rule_is_told_what_it_would_have_refused(still, log):
    told = still.json("policy", "simulate", log, "--pack", "own")
    rules = told.pop("Rules")
    assert told == {
        "Packs": ["own"],
        "Lines": 15,
        "Calls": 13,
        "Allowed": 12,
        "WouldBeRefused": 8,
        "ByOperationAndPurpose": [
            {"Operation": "SearchFacesByImage", "Purpose": "development", "Calls": 11},
            {"Operation": "SearchFaces", "Purpose": "photo-library", "Calls": 1},
            {"Operation": "DetectFaces", "Purpose": "development", "Calls": 1},
        ],
        "Malformed": 1,
        "MalformedLines": [{"Line": 14, "Problem": told["MalformedLines"][0]["Problem"]}],
        "Undecided": 0,
        "UndecidedCalls": [],
        "RebuiltOtherwise": 0,
        "Unsaid": {name: how for name, (_, how) in UNSAID.items()},
    }
    [found] = rules
    events = [json.loads(each)["entry"]["event"] for each in LOG.splitlines()[:5]]
    assert found == {
        "RuleId": "OWN-1",
        "Pack": "own",
        "Obligation": None,
        "Message": "the threshold is {threshold}",
        "From": "2026-01-01",
        "Until": None,
        "CallsBound": 13,
        "WouldRefuse": 8,
        "RefusedAnyway": 1,
        "ByOperationAndPurpose": [
            {"Operation": "SearchFacesByImage", "Purpose": "development", "Calls": 7},
            {"Operation": "SearchFaces", "Purpose": "photo-library", "Calls": 1},
        ],
        "ExampleEventIds": events,
        "RestsOnUnsaid": [],
    }


def test_people_are_told_the_same_in_words(still, log):
    said = still.says("policy", "simulate", log, "--pack", "own", "--pack", "looks")
    assert "13 calls that got to the policy, out of 15 lines: 12 were allowed, 1 refused" in said
    assert "Of the 12, looks, own would have refused 8" in said
    assert "8 of 13" in said
    assert "SearchFaces for photo-library: 1" in said
    assert "LOOKS-1 *" in said
    assert f"* entries do not say {UNSAID['rate'][1]} (LOOKS-1)" in said
    assert "note: line 14 was left out: it is no JSON" in said


def test_only_calls_since_a_day_are_judged_and_the_log_may_come_by_a_pipe(still):
    told = still.json("policy", "simulate", "-", "--pack", "own", "--since", "2026-11-27", input=LOG)
    assert (told["Calls"], told["WouldBeRefused"], told["Malformed"]) == (1, 1, 1)


def test_without_a_pack_all_are_judged_that_are_here_and_not_enforced(cli, house, tmp_path):
    """The question before something is put in force; what is watched is asked about as well."""
    cli.json("policy", "trust", VKEY)
    for name in ("own", "other", "third"):
        write_pack(cli.data_dir / "packs", name)
    cli.json("policy", "activate", "own")
    cli.json("policy", "activate", "other", "--shadow")
    told = cli.json("policy", "simulate", "-", input=LOG)
    assert {"other", "third"} < set(told["Packs"])
    available = {each["Pack"] for each in cli.json("policy", "packs") if each["State"] == "available"}
    assert set(told["Packs"]) == available | {"other"}


def test_nothing_to_refuse_is_said(still):
    said = still.says("policy", "simulate", "-", "--pack", "own", input=line(threshold=99))
    assert "no rule would have refused anything" in said


def test_a_call_that_is_rebuilt_otherwise_is_noted(still):
    said = still.says("policy", "simulate", "-", "--pack", "own", input=line(purpose="access-control"))
    assert "note: 1 allowed calls are refused by the core rules as rebuilt" in said


def test_more_bad_lines_than_are_named_are_counted(still):
    said = still.says("policy", "simulate", "-", "--pack", "own", input="x\n" * 30)
    assert "30 lines were left out in all" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["/nowhere"], "/nowhere"),
        (["-", "--pack", "us-moon"], "there is no pack `us-moon` here"),
        (["-", "--since", "yesteryear"], "`yesteryear` is no time"),
        ([], "LOG"),
    ],
)
def test_bad_words_are_told(still, words, said):
    code, message = still.fails("policy", "simulate", *words, input="")
    assert (code, said in message) == (2, True), message


def test_an_export_of_the_servers_own_log_is_read(still, postgres_url, tmp_path):
    """Every line of it: what the log writes and what is read here must be one format."""
    with whole_log(postgres_url, tmp_path / "data") as opened:
        account = "123456789012"
        for threshold in (80.0, 99.0):
            opened.record(
                account,
                operation="SearchFacesByImage",
                decision="allow",
                collection="staff",
                purpose="development",
                threshold_asked=threshold,
                candidates_asked=5,
                ended_at=datetime.now(UTC),
            )
        opened.settle()
        where = ("--data-dir", tmp_path / "data", "--database-url", opened.url)
        export = tmp_path / "log.jsonl"
        still.says("audit", "export", "--format", "jsonl", "-o", export, *where)
    told = still.json("policy", "simulate", export, "--pack", "own")
    assert (told["Calls"], told["WouldBeRefused"], told["Malformed"]) == (2, 1, 0)
    assert told["Lines"] > 2
