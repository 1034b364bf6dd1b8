"""`countenance report dpia`, `art30` and `accountability` where no server runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

EVALUATION = Path(__file__).resolve().parents[3] / "docs/models/open.evaluation.json"


def facts_of(draft) -> str:
    """Every statement of a draft, a line for each."""
    items = [item for section in draft["sections"] for item in section["items"]]
    return "\n".join(f"{item['fact']} <{item['source']}>" for item in items if "fact" in item)


def draft(cli, paper, *words):
    done = cli.run("report", paper, "--json", *words)
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def test_who_decided_what_is_told_with_who_says_so(cli, officers, account):
    """Officers, acceptances, findings and changes of standing, as they are in the tables."""
    olga, otto = officers
    words = ("--severity", "suspend", "--summary", "a split list", "--officer", olga)
    found = cli.json("findings", "open", account, *words)
    cli.json("findings", "confirm", found["FindingId"], "--reason", "I read it", "--officer", otto)
    facts = facts_of(draft(cli, "accountability"))
    assert f"{olga}, director, since" in facts
    assert f"Finding against account {account}" in facts
    assert f"a split list. It is confirmed by {otto}: I read it." in facts
    assert (
        f"Account {account}: from good to suspended" in facts or f"Account {account}: from pending" in facts
    )
    assert f"Account {account} (City Museum) has accepted nothing." in facts
    assert "accepted acceptable-use 1.0" in facts
    assert "No witness has cosigned" in facts


def test_that_no_server_runs_is_said(cli, house):
    """A paper of a server that is down must not read as if it were up."""
    done = cli.run("report", "dpia")
    assert done.exit_code == 0, done.exception
    assert "No server ran on this data directory" in done.stdout
    assert "no server runs" in done.stderr


@pytest.mark.parametrize("paper", ["dpia", "art30"])
def test_nothing_is_told_of_what_is_not_there(cli, paper):
    """An installation without accounts: no purpose, no collection, no rate."""
    facts = facts_of(draft(cli, paper))
    assert "No purpose is approved" in facts
    assert "Collection " not in facts
    assert "At similarity" not in facts


def test_a_purpose_that_is_approved_has_a_record_and_one_that_is_only_asked_for_has_none(cli, house):
    """The record is of what may be done, not of what somebody wished."""
    cli.run("purposes", "request", house, "photo-library", "--justification", "our archive")
    titles = [section["title"] for section in draft(cli, "art30")["sections"]]
    assert "Developing and testing software" in titles
    assert "Organising a photo library" not in titles


def test_an_evaluation_that_is_given_is_told_as_signed_by_nobody(cli, house):
    """Its rates are the document's; that it is on record is not claimed."""
    facts = facts_of(draft(cli, "dpia", "--evaluation", str(EVALUATION)))
    document = json.loads(EVALUATION.read_text())
    rate = document["verification"]["at_similarity"][0]["fmr"]
    assert f"At similarity 80: false matches {rate['rate']:.3g} of {rate['trials']:,}" in facts
    assert "Nobody's signature was asked for" in facts
    assert "No evaluation of any model is on record" in facts
    code, message = cli.fails("report", "dpia", "--evaluation", __file__)
    assert (code, "evaluation" in message) == (2, True)


def test_both_files_are_written(cli, house, tmp_path):
    """Markdown for a word processor, HTML for a printer."""
    cli.says("report", "art30", "-o", tmp_path / "papers")
    assert sorted(path.name for path in (tmp_path / "papers").iterdir()) == ["art30.html", "art30.md"]


def test_a_rule_pack_in_force_is_told_with_that_no_lawyer_reviewed_it(cli, house):
    """Who put it in force, what it refuses; what no software checks is asked."""
    cli.json("policy", "activate", "eu-gdpr")
    told = draft(cli, "dpia")
    facts = facts_of(told)
    assert "Rule pack eu-gdpr" in facts
    assert "Legal review: none." in facts
    assert "<manifest of the rule pack `eu-gdpr`; table `pack_activation`>" in facts
    asked = [
        item["question"] for section in told["sections"] for item in section["items"] if "question" in item
    ]
    assert any("Rule pack eu-gdpr, which no software checks here" in each for each in asked)
    cli.json("policy", "deactivate", "eu-gdpr")
    assert "Rule pack eu-gdpr" not in facts_of(draft(cli, "dpia"))
