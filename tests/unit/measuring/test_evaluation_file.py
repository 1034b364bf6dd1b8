"""An evaluation's file is read strictly, and has one encoding."""

import copy
import hashlib
import json

import pytest

from countenance.errors import InvalidEvaluation
from countenance.measuring.evaluation_file import (
    MOST_BYTES,
    canonical_evaluation,
    check_evaluation,
    evaluation_digest,
    load_evaluation,
    parse_evaluation,
)
from sample_evaluation import compared_evaluation, sample_evaluation

SAMPLE = compared_evaluation()


@pytest.fixture
def evaluation():
    return copy.deepcopy(SAMPLE)


def test_a_file_comes_back_as_it_was_written(tmp_path, evaluation):
    """And has the digest that `sha256sum` gives of the file."""
    path = tmp_path / "evaluation.json"
    path.write_bytes(canonical_evaluation(evaluation))
    assert load_evaluation(path) == evaluation
    assert evaluation_digest(evaluation) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_order_of_members_changes_no_digest(evaluation):
    turned = dict(reversed(evaluation.items()))
    assert evaluation_digest(turned) == evaluation_digest(evaluation)
    turned["made_at"] = "2026-11-27T02:00:01Z"
    assert evaluation_digest(turned) != evaluation_digest(evaluation)


@pytest.mark.parametrize(
    "member", ["format", "made_at", "program", "pack", "calibration", "data", "protocol"]
)
def test_a_member_that_is_needed_may_not_be_left_out(evaluation, member):
    del evaluation[member]
    with pytest.raises(InvalidEvaluation, match=member):
        check_evaluation(evaluation)


@pytest.mark.parametrize(
    "member",
    ["verification", "identification", "cohorts", "detection", "attack_detection", "comparison", "notes"],
)
def test_what_was_not_measured_is_absent(evaluation, member):
    del evaluation[member]
    check_evaluation(evaluation)


def put(evaluation, path, value):
    *way, last = path
    for step in way:
        evaluation = evaluation[step]
    evaluation[last] = value


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["format"], "countenance.evaluation/2", "format"),
        (["made_at"], "yesterday", "made_at"),
        (["pack", "digest"], "ABC", "pack.digest"),
        (["person"], "Ada", "person"),
        (["failure_to_enrol", "rate"], 1.2, "failure_to_enrol.rate"),
        (["failure_to_enrol", "interval"], {"low": 0.2, "high": 0.1}, "failure_to_enrol.interval"),
        (["verification", "at_fmr", 0, "fnmr", "trials"], 1.5, r"verification.at_fmr\[0\].fnmr.trials"),
        (["verification", "at_similarity", 0, "extrapolated"], 1, "extrapolated"),
        (["verification", "det", 3, "fmr"], 0.9, "ascending"),
        (["verification", "histogram", "mated"], [1.0], "histogram.mated"),
        (["verification", "histogram", "edges", 1], -0.9, "edges"),
        (["identification", 1, "rank", 0, "rank"], 0, r"identification\[1\].rank\[0\].rank"),
        (["cohorts", 0, "rates", 1, "group"], "Ardennes", "each group once"),
        (["cohorts", 0, "cross", 0, "groups"], ["Ardennes", "Nobody"], "groups that have rates"),
        (["cohorts", 0, "rates", 0, "group"], "x" * 201, "200"),
        (["cohorts", 0, "differentials", 0, "measure"], "fairness", "measure"),
        (["attack_detection", "apcer", 0, "species"], "", "species"),
        (["comparison", "with", "comparison"], {}, "comparison.with"),
        (["data", "label_errors", 0, "subjects"], ["Ada", "Bo"], "label_errors"),
    ],
)
def test_a_wrong_member_is_named(evaluation, path, value, said):
    put(evaluation, path, value)
    with pytest.raises(InvalidEvaluation, match=said):
        check_evaluation(evaluation)


@pytest.mark.parametrize("value", [None, [], "x", 1, {}])
def test_what_is_no_object_is_no_evaluation(value):
    with pytest.raises(InvalidEvaluation):
        check_evaluation(value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "JSON"),
        (b"\xff{}", "JSON"),
        (b'{"format": NaN}', "no number"),
        (b'{"format": 1, "format": 2}', "twice"),
        (b"[" * 100_000, "deep"),
        (b'{"format": 1' + b"0" * 5_000 + b"}", "JSON"),
        (b" " * (MOST_BYTES + 1), "at most"),
    ],
)
def test_hostile_bytes_are_refused(content, said):
    with pytest.raises(InvalidEvaluation, match=said):
        parse_evaluation(content)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InvalidEvaluation, match="nothing"):
        load_evaluation(tmp_path / "nothing.json")


def test_a_file_is_read_no_further_than_its_bound(tmp_path, evaluation):
    path = tmp_path / "evaluation.json"
    path.write_bytes(json.dumps(evaluation).encode() + b" " * MOST_BYTES)
    with pytest.raises(InvalidEvaluation, match="at most"):
        load_evaluation(path)


def test_a_rate_may_be_refused_wherever_it_stands():
    """Too few trials are the ordinary case of a small data set."""
    evaluation = sample_evaluation()
    refusal = {"refused": "too few", "trials_needed": 5}
    for path in (
        ["failure_to_enrol"],
        ["verification"],
        ["identification", 0, "at_similarity", 0, "fpir"],
        ["cohorts", 0, "cross", 0, "fmr"],
        ["detection", "recall"],
        ["attack_detection", "bpcer"],
    ):
        put(evaluation, path, refusal)
    put(evaluation, ["identification", 1], {"gallery": 300, **refusal})
    check_evaluation(evaluation)
