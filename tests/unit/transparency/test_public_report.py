"""The transparency report says what the log says, to everybody the same, and nothing small."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from countenance.similarity import fmr_at_similarity
from countenance.transparency.canonical import canonical_json
from countenance.transparency.merkle import leaf_hash, tree_root
from countenance.transparency.public_report import (
    Asked,
    Figures,
    ReportImpossible,
    differences,
    report_bytes,
)
from countenance.transparency.verify import verify_folder
from fixtures_log import BuiltLog, LogKeys, at, call, random_event
from subtraction import Attack

KEYS = LogKeys.of()
NOVEMBER = Asked(start="2026-11-01", end="2026-12-01")
EVALUATION = Path(__file__).resolve().parents[3] / "docs/models/open.evaluation.json"


def statement(chance, kind, **members) -> bytes:
    return canonical_json(
        {"v": 1, "kind": kind, "time": "2026-11-23T04:00:00.000Z", "event": random_event(chance)} | members
    )


def change(chance, operation, **members) -> bytes:
    filled = {
        "service": "countenance",
        "operation": operation,
        "decision": "none",
        "outcome": "answered",
    }
    return statement(chance, "change", **(filled | members))


def log_of(*entries) -> BuiltLog:
    log = BuiltLog.of(1)
    return log.with_entries([*log.entries, *entries])


def report_of(log, asked=NOVEMBER, evaluations=()):
    figures = Figures(asked)
    for index, entry in enumerate(log.entries):
        figures.add(index, entry, leaf_hash(entry))
    return figures.report(evaluations)


def figure(report, name):
    """Its count; None for one that is withheld."""
    return {each["id"]: each.get("count") for each in report["figures"]}[name]


def refused(chance, number, rule, **members) -> bytes:
    told = {"outcome": "refused", "error": "AccessDeniedException", "decision": "deny", "rules": [rule]}
    entry = json.loads(call(chance, number, **told, **members))
    return canonical_json({name: value for name, value in entry.items() if name != "candidates"})


def test_every_figure_is_counted_from_the_entries():
    """A log whose counts are known: purposes, kinds, outcomes, refusals by rule, duties, searches."""
    chance = random.Random(3)
    kind = {"kind": "watch_list", "face_count": 1000}
    log = log_of(
        *(call(chance, n, purpose="photo-library", obligations=["notice"]) for n in range(20)),
        *(call(chance, n, purpose="missing-person", charter=kind, candidates=0) for n in range(30)),
        *(refused(chance, n, "CORE-007", purpose="photo-library") for n in range(40)),
    )
    report = report_of(log)
    expected = {
        "calls": 90,
        "calls/outcome/answered": 50,
        "calls/outcome/refused": 40,
        "calls/outcome/failed": 0,
        "calls/purpose/photo-library": 60,
        "calls/purpose/missing-person": 30,
        "calls/collection-kind/watch_list": 30,
        "calls/collection-kind/as the purpose has it": 60,
        "calls/operation/answered/rekognition.SearchFacesByImage": 50,
        "refusals/by-policy": 40,
        "refusals/rule/CORE-007": 40,
        "refusals/error/AccessDeniedException": 40,
        "duties/notice": 20,
        "searches": 50,
        "searches/with-candidates": 20,
        "searches/without-candidates": 30,
        "searches/threshold/99-100": 50,
        "changes": 0,
        "standing": 0,
    }
    assert {name: figure(report, name) for name in expected} == expected
    assert report["amounts"] == [{"id": "searches/candidates", "amount": 20}]
    assert report["expected_false_candidates"] == {
        "searches": 30,
        "expected": pytest.approx(30 * 1000 * fmr_at_similarity(99.5), rel=0.01),
    }
    assert report["not_offered"] == ["people", "reviews"]
    assert report["withheld"] == 0


def test_changes_of_standing_findings_and_appeals_are_each_counted_once():
    """A finding has an entry with the caller's call and one with the account's: it is one finding."""
    chance = random.Random(4)
    findings = [random_event(chance) for _ in range(12)]
    standing = {"from": "good", "to": "suspended"}
    log = log_of(
        *(change(chance, "OpenFinding", finding=each) for each in findings for _ in range(2)),
        *(change(chance, "ChangeStanding", finding=each, standing=standing) for each in findings),
        *(change(chance, "DecideAppeal") for _ in range(11)),
        *(change(chance, "DecideAppeal", previous=findings[0]) for _ in range(11)),
    )
    report = report_of(log)
    assert figure(report, "findings/opened") == 12
    assert figure(report, "standing/change/good to suspended") == 12
    assert figure(report, "appeals/decided") == 11
    assert figure(report, "findings/lapsed") == 0


def test_small_counts_are_withheld_and_said_to_be():
    """3 refused calls among 500 are told nowhere: not in a cell, not in an amount, not by subtraction."""
    chance = random.Random(5)
    log = log_of(
        *(call(chance, n, purpose="photo-library", enrolled=1) for n in range(500)),
        *(refused(chance, n, "CORE-009", purpose="missing-person") for n in range(3)),
        change(chance, "EraseFaces", deleted=4),
    )
    report = report_of(log)
    for name in (
        "refusals/rule/CORE-009",
        "calls/outcome/refused",
        "calls/purpose/missing-person",
        "erasures/operation/countenance.EraseFaces",
    ):
        assert figure(report, name) is None
    assert figure(report, "calls") is None or figure(report, "calls/outcome/answered") is None
    assert {"id": "erasures/faces/countenance.EraseFaces", "withheld": True} in report["amounts"]
    assert report["withheld"] == sum("withheld" in each for each in [*report["figures"], *report["amounts"]])


def test_the_report_names_its_checkpoint():
    """Size and root are those of the tree over the entries that were counted, for every size."""
    log = BuiltLog.of(70)
    for size in (1, 2, 3, 7, 64, 70):
        report = report_of(log, Asked(start="2026-11-01", end="2026-12-01", size=size))
        assert report["log"] == {
            "origin": KEYS.log.verifier.name,
            "size": size,
            "root": tree_root(log.leaves()[:size]).hex(),
        }


def test_an_earlier_size_gives_the_same_bytes_when_the_log_has_grown():
    """What was published can be checked for ever."""
    log = BuiltLog.of(300)
    asked = Asked(start="2026-11-01", end="2026-12-01", size=120)
    early = report_bytes(report_of(log.with_entries(log.entries[:120])))
    assert report_bytes(report_of(log, asked)) == early
    assert differences(json.loads(early), report_of(log, asked)) == []


def test_a_log_that_is_too_short_is_refused():
    """A report of entries that are not there would be a report of something else."""
    with pytest.raises(ReportImpossible, match="has 5 entries"):
        report_of(BuiltLog.of(5), Asked(start="2026-11-01", end="2026-12-01", size=6))


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-11-01", "2026-11-01"), ("2026-11-02", "2026-12-01"), ("2026-12-01", "2026-11-01"), ("x", "y")],
)
def test_a_period_is_whole_months(start, end):
    """Reports of two periods that differ by a day differ by a small count."""
    with pytest.raises(ReportImpossible, match="no period"):
        Asked(start=start, end=end)


def test_only_the_period_is_counted():
    """Its end is not in it."""
    chance = random.Random(6)
    times = ["2026-10-31T23:59:59.999Z", "2026-11-01T00:00:00.000Z", "2026-11-30T23:59:59.999Z"]
    entries = [call(chance, n, time=time) for time in [*times, "2026-12-01T00:00:00.000Z"] for n in range(10)]
    report = report_of(log_of(*entries))
    assert figure(report, "calls") == 20
    assert report["period"]["is_over"] is True
    assert report_of(log_of(*entries[:30]))["period"]["is_over"] is False


def test_evaluations_in_force_come_from_the_log_and_rates_from_their_documents():
    """Withdrawn, expired, or by an evaluator who is trusted no more: not in force."""
    chance = random.Random(7)
    document = json.loads(EVALUATION.read_text())
    digest = hashlib.sha256(canonical_json(document)).hexdigest()
    told = dict.fromkeys(("pack", "calibration", "pipeline", "data"), "ab" * 32) | {"evaluator": "cd" * 32}
    trusted = statement(chance, "evaluator.trusted", evaluator="cd" * 32, independent=True)

    def recorded(name, expires="2027-06-01T00:00:00Z"):
        return statement(chance, "evaluation.recorded", evaluation=name, expires=expires, **told)

    log = log_of(
        trusted,
        recorded(digest),
        recorded("01" * 32),
        recorded("02" * 32, "2026-11-25T00:00:00Z"),
        statement(chance, "evaluation.withdrawn", evaluation="01" * 32),
    )
    report = report_of(log, evaluations=[document])
    assert [each["evaluation"] for each in report["system"]["evaluations"]] == [digest]
    (rates,) = report["rates"]
    assert rates["is_in_force"] is True
    assert rates["at_similarity"][0]["fmr"] == document["verification"]["at_similarity"][0]["fmr"]
    revoked = statement(chance, "evaluator.revoked", evaluator="cd" * 32)
    report = report_of(log.with_entries([*log.entries, revoked]), evaluations=[document])
    assert report["system"]["evaluations"] == []
    assert report["rates"][0]["is_in_force"] is False


@pytest.mark.parametrize(
    "forge",
    [
        lambda report: report["figures"][0].update(count=7),
        lambda report: report["figures"].pop(),
        lambda report: report["figures"].append({"id": "calls/purpose/none-of-ours", "count": 12}),
        lambda report: report["figures"].reverse(),
        lambda report: report["figures"].append(report["figures"][0]),
        lambda report: report["log"].update(root="00" * 32),
        lambda report: report.update(note="approved"),
        lambda report: report["expected_false_candidates"].update(expected=0.5),
    ],
)
def test_each_figure_of_a_forged_report_is_held_against_the_log(forge):
    """Whoever checks is told which figure does not stand."""
    log = BuiltLog.of(100)
    given = json.loads(report_bytes(report_of(log)))
    assert differences(given, report_of(log)) == []
    forge(given)
    assert len(differences(given, report_of(log))) >= 1


@pytest.mark.parametrize("nonsense", [None, [], 3, "report", {}, {"figures": 3}, {"figures": [{"id": 3}]}])
def test_nonsense_is_no_report(nonsense):
    """A file that is something else is told to be."""
    assert differences(nonsense, report_of(BuiltLog.of(20)))


def test_the_entries_counted_are_those_that_were_verified(tmp_path):
    """From the verifier's own reading: a folder that changes meanwhile gives no other figures."""
    log = BuiltLog.of(300)
    figures = Figures(NOVEMBER)
    report = verify_folder(
        log.write(tmp_path),
        log_verifiers=[KEYS.log.verifier],
        now=at(10_000_000),
        on_entry=figures.add,
    )
    assert report.is_valid
    assert figures.report() == report_of(log)


def test_a_log_that_names_figures_without_end_is_refused():
    """Its reader's memory and time are not its writer's to spend."""
    chance = random.Random(8)
    figures = Figures(NOVEMBER)
    opening = BuiltLog.of(1).entries[0]
    figures.add(0, opening, leaf_hash(opening))
    with pytest.raises(ReportImpossible, match="figures"):
        for number in range(1, 10_000):
            entry = call(chance, number, purpose=f"purpose-{number}")
            figures.add(number, entry, leaf_hash(entry))


kinds_of_entries = some.fixed_dictionaries(
    {
        "purpose": some.sampled_from(["photo-library", "missing-person", "access-control", "research"]),
        "candidates": some.integers(0, 2),
        "in_force": some.sampled_from([70, 85, 92, 99.5]),
        "kind": some.sampled_from([None, "watch_list", "enrolled"]),
        "rules": some.lists(some.sampled_from(["A-1", "B-2", "C-3"]), max_size=2, unique=True),
        "outcome": some.sampled_from(["answered", "answered", "refused", "failed"]),
        "erases": some.booleans(),
        "times": some.one_of(some.integers(1, 12), some.integers(1, 60)),
    }
)


def entries_like(chance, told):
    """As many entries of one kind as it says."""
    for _ in range(told["times"]):
        if told["erases"]:
            yield change(chance, "EraseFaces", deleted=told["candidates"] + 1)
            continue
        members = {
            "purpose": told["purpose"],
            "candidates": told["candidates"],
            "threshold": {"asked": 80, "in_force": told["in_force"]},
            "outcome": told["outcome"],
        }
        if told["kind"]:
            members["charter"] = {"kind": told["kind"], "face_count": 500}
        if told["outcome"] != "answered":
            error = "AccessDeniedException" if told["outcome"] == "refused" else "InternalServerError"
            members |= {"error": error, "decision": "deny" if told["rules"] else "allow"}
        yield call(chance, 1, rules=told["rules"], **members)


@settings(max_examples=60, deadline=None)
@given(some.lists(kinds_of_entries, min_size=1, max_size=8))
def test_no_small_count_follows_from_a_whole_report(told):
    """Every figure of a real report at once, against rank and linear programs."""
    chance = random.Random(11)
    log = log_of(*(entry for each in told for entry in entries_like(chance, each)))
    figures = Figures(NOVEMBER)
    for index, entry in enumerate(log.entries):
        figures.add(index, entry, leaf_hash(entry))
    report = figures.report()
    withheld = {each["id"] for each in report["figures"] if "withheld" in each}
    attack = Attack(figures._atoms, withheld)
    for name, count in attack.counts.items():
        assert (0 < count < 10) <= (name in withheld), name
        if 0 < count < 10:
            low, high = attack.range_of(name, least=1)
            assert high - low >= 9, (name, low, high)
    for name in withheld:
        assert not attack.derives(name), name
        if attack.counts[name] < 10:
            low, high = attack.range_of(name)
            assert high - low >= 1, (name, low, high)
