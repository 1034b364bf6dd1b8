"""`countenance evaluations`: from what was measured to what counts, on the command line."""

from __future__ import annotations

import json
import stat
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from countenance.assurance.signed_evaluation import parse_signed
from countenance.facts import ModelDigests
from signed_evaluations import an_evaluation


@pytest.fixture
def measured(tmp_path):
    """What `countenance evaluate` wrote, of a model of the test's own."""
    digests = ModelDigests(*(uuid.uuid4().hex * 2 for _ in range(3)))
    path = tmp_path / "evaluation.json"
    path.write_text(json.dumps(an_evaluation(digests), indent=2))
    return path


@pytest.fixture
def signed_file(cli, house, measured, tmp_path):
    """Signed with the operator's own key, which is trusted."""
    out = tmp_path / "signed.json"
    told = cli.json("evaluations", "sign", measured, "--out", out, "--name", "house/evaluations")
    own = ("--own", "--reason", "made on this machine")
    cli.json("evaluations", "evaluators", "trust", "our own", told["Evaluator"], *own)
    return out


def test_an_evaluation_is_signed_recorded_shown_and_withdrawn(cli, house, signed_file):
    """The whole way; what is withdrawn stays to be read."""
    recorded = cli.json("evaluations", "record", signed_file)
    told = (recorded["Status"], recorded["Evaluator"], recorded["Independent"])
    assert told == ("in_force", "our own", False)
    evaluation_id = recorded["EvaluationId"]
    shown = cli.json("evaluations", "show", evaluation_id, "--threshold", 99)
    assert (shown["Groups"], shown["WorstTprBp"], shown["WorstFmrPpm"]) == (2, 9940, 5)
    assert (shown["WorstFpirPpm"], shown["Gallery"]) == (800, 1000)
    assert cli.says("evaluations", "show", evaluation_id, "--file").strip() == signed_file.read_text()
    assert evaluation_id in cli.says("evaluations", "list")
    ended = cli.json("evaluations", "withdraw", evaluation_id, "--reason", "wrong labels")
    assert ended["Status"] == "withdrawn"
    (row,) = (each for each in cli.json("evaluations", "list") if each["EvaluationId"] == evaluation_id)
    assert row["Status"] == "withdrawn"
    assert "wrong labels" in cli.says("evaluations", "show", evaluation_id)
    assert cli.fails("evaluations", "record", signed_file) == (
        1,
        "this evaluation is on record already, or was until it was withdrawn",
    )


def test_the_operators_key_is_made_once_for_its_owner_alone(cli, house, signed_file, measured, tmp_path):
    path = cli.data_dir / "evaluations.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    cli.json("evaluations", "sign", measured, "--out", tmp_path / "again.json", "--days", 30)
    assert path.read_bytes() == before
    again = parse_signed((tmp_path / "again.json").read_bytes(), now=datetime.now(UTC))
    assert again.expires_at - again.made_at == timedelta(days=30)


def test_somebody_else_signs_with_a_key_of_their_own_and_counts_once_trusted(cli, house, measured, tmp_path):
    """An auditor has no part of this installation."""
    out = tmp_path / "audited.json"
    told = cli.json(
        *("evaluations", "sign", measured, "--out", out),
        *("--key", tmp_path / "auditor.key", "--name", "lab/key"),
    )
    assert not (cli.data_dir / "evaluations.key").exists()
    code, message = cli.fails("evaluations", "record", out)
    assert (code, "no such key is trusted here" in message) == (1, True)
    because = ("--reason", "accredited")
    code, message = cli.fails("evaluations", "evaluators", "trust", "lab", told["Evaluator"], *because)
    assert (code, "--independent or --own" in message) == (2, True)
    cli.json("evaluations", "evaluators", "trust", "lab", told["Evaluator"], "--independent", *because)
    recorded = cli.json("evaluations", "record", out)
    assert recorded["Independent"] is True
    cli.json("evaluations", "evaluators", "revoke", "lab", "--reason", "the key was copied")
    (row,) = (
        each for each in cli.json("evaluations", "list") if each["EvaluationId"] == recorded["EvaluationId"]
    )
    assert row["Status"] == "revoked"
    (evaluator,) = (each for each in cli.json("evaluations", "evaluators", "list") if each["Name"] == "lab")
    assert (evaluator["Status"], evaluator["RevokedBecause"]) == ("REVOKED", "the key was copied")
    assert "REVOKED" in cli.says("evaluations", "evaluators", "list")


def test_what_cannot_be_signed_says_why(cli, house, measured, tmp_path):
    told = json.loads(measured.read_text())
    measured.write_text(json.dumps(told | {"format": "another"}))
    code, message = cli.fails("evaluations", "sign", measured, "--out", tmp_path / "signed.json")
    assert (code, "its format is" in message) == (2, True)
    measured.write_text(json.dumps(told))
    code, message = cli.fails("evaluations", "sign", measured, "--out", tmp_path / "none" / "signed.json")
    assert (code, "cannot be written" in message) == (2, True)
    code, _ = cli.fails("evaluations", "sign", measured, "--out", tmp_path / "s.json", "--days", 731)
    assert code == 2


def test_a_file_that_was_tampered_with_is_not_recorded(cli, house, signed_file):
    signed_file.write_text(signed_file.read_text().replace('"bound":0.994', '"bound":0.999'))
    code, message = cli.fails("evaluations", "record", signed_file)
    assert (code, "note is over another evaluation" in message) == (1, True)


def test_an_id_that_is_none_is_named(cli, house):
    code, message = cli.fails("evaluations", "show", "first")
    assert (code, "is no id of an evaluation" in message) == (2, True)
