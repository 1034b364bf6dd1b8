"""`countenance terms`."""

from __future__ import annotations

import pytest

from countenance.cli import terms as module
from countenance.cli import terms_accept
from countenance.terms import load_terms

DOCUMENT = load_terms().find("acceptable-use")


@pytest.fixture
def on_a_terminal(monkeypatch):
    """And what the pager was given."""
    monkeypatch.setattr(terms_accept, "_is_terminal", lambda: True)
    paged = []
    monkeypatch.setattr(terms_accept.click, "echo_via_pager", paged.append)
    return paged


def write_terms(folder, name, version="1.0", **changes):
    told = {"published": "2020-01-01", "grace_days": "30"} | changes
    folder.mkdir(exist_ok=True)
    (folder / f"{name}-{version}.md").write_text(f"# The text of {name} {version}\n")
    (folder / f"{name}-{version}.toml").write_text(
        f'document = "{name}"\nversion = "{version}"\ntitle = "{name}"\n'
        f"published = {told['published']}\ngrace_days = {told['grace_days']}\n"
    )


def test_the_documents_are_listed_and_shown_without_a_server(cli):
    [row] = cli.json("terms", "list")
    assert row | {"Changes": ""} == {
        "Name": "acceptable-use",
        "Version": DOCUMENT.version_text,
        "Title": DOCUMENT.title,
        "PublishedOn": DOCUMENT.published.isoformat(),
        "InForce": True,
        "GraceDays": DOCUMENT.grace.days,
        "Changes": "",
        "Digest": DOCUMENT.digest,
    }
    assert DOCUMENT.title in cli.says("terms", "list")
    assert DOCUMENT.text.strip() in cli.says("terms", "show")
    shown = cli.json("terms", "show", "acceptable-use", "--version", DOCUMENT.version_text)
    assert (shown["Text"], shown["Digest"]) == (DOCUMENT.text, DOCUMENT.digest)


def test_the_text_is_paged_on_a_terminal(cli, monkeypatch):
    paged = []
    monkeypatch.setattr(module.click, "echo_via_pager", paged.append)
    monkeypatch.setattr(module.sys, "stdout", type("Terminal", (), {"isatty": lambda _: True})())
    module.show.callback("acceptable-use", None, as_json=False)
    assert paged == [DOCUMENT.text]


def test_the_command_that_a_refusal_names_is_an_acceptance(cli):
    """AUP-001 says to run exactly this: without a terminal the named officer is the acceptance."""
    house = cli.json("accounts", "create", "House")["AccountId"]
    said = cli.says("terms", "accept", house, "--officer", "Olga Officer, director of things, acting")
    assert f"accepted: {DOCUMENT} (SHA-256 {DOCUMENT.digest[:16]}" in said
    assert "Olga Officer is the first officer of the house" in said
    assert "the purpose `development` is approved" in said
    [held] = cli.json("terms", "status", house)["Acceptances"]
    assert (held["Officer"], held["Role"]) == ("Olga Officer", "director of things, acting")
    assert held["Digest"] == DOCUMENT.digest


def test_of_any_other_account_nothing_follows(cli, account):
    said = cli.json("terms", "accept", account, "--officer", "Ada, owner")
    assert [each["Name"] for each in said["Accepted"]] == ["acceptable-use"]
    assert (said["Officer"], said["Role"], said["Followed"], said["Wanted"]) == ("Ada", "owner", [], [])
    assert [each["Name"] for each in cli.json("officers", "list")] == ["Olga Officer"]


def test_what_was_accepted_is_not_accepted_again(cli, house):
    said = cli.says("terms", "accept", house, "--officer", "Olga Officer, director")
    assert "has accepted that already" in said
    assert len(cli.json("terms", "status", house)["Acceptances"]) == 1
    assert cli.json("terms", "accept", house, "--officer", "Nadia, x")["Accepted"] == []


def test_on_a_terminal_the_text_is_shown_and_asked_about(cli, account, on_a_terminal):
    """Nobody accepts what they could not read."""
    words = ("terms", "accept", account)
    assert cli.run(*words, input="n\n").exit_code == 1
    assert on_a_terminal == [DOCUMENT.text]
    assert cli.json("terms", "status", account)["Accepted"] is False
    assert cli.run(*words, input="y\n \n \n").exit_code == 2
    assert "accepted:" in cli.says(*words, input="y\nAda Accepting\nowner\n")
    [held] = cli.json("terms", "status", account)["Acceptances"]
    assert (held["Officer"], held["Role"]) == ("Ada Accepting", "owner")


def test_on_a_terminal_an_officer_who_is_named_is_still_asked_and_yes_answers(cli, account, on_a_terminal):
    words = ("terms", "accept", account, "--officer", "Ada, owner")
    assert cli.run(*words, input="n\n").exit_code == 1
    assert cli.json("terms", "status", account)["Accepted"] is False
    assert "accepted:" in cli.says(*words, "--yes")
    assert len(on_a_terminal) == 1


def test_further_documents_and_versions_are_accepted_one_by_one(cli, house, tmp_path):
    """A new minor version is wanted of nobody, and may be accepted by name."""
    folder = tmp_path / "terms"
    write_terms(folder, "house-rules")
    where = ("--terms", folder)
    status = cli.json("terms", "status", house, *where)
    assert (status["Accepted"], status["Wanted"]) == (False, ["house-rules 1.0"])
    said = cli.says("terms", "accept", house, "--officer", "Olga, director", *where)
    assert "accepted: house-rules 1.0" in said
    write_terms(folder, "house-rules", "1.1")
    assert cli.json("terms", "accept", house, "--officer", "Olga, director", *where)["Accepted"] == []
    named = cli.json(
        "terms", "accept", house, "--officer", "Olga, director", "--document", "house-rules", *where
    )
    assert [(each["Name"], each["Version"]) for each in named["Accepted"]] == [("house-rules", "1.1")]
    write_terms(folder, "house-rules", "2.0")
    status = cli.json("terms", "status", house, *where)
    assert (status["Accepted"], status["Wanted"]) == (True, ["house-rules 2.0"])
    assert status["Until"] is not None
    write_terms(folder, "another")
    said = cli.says("terms", "accept", house, "--officer", "Olga, director", "--document", "another", *where)
    assert "still to be accepted: house-rules 2.0" in said


def test_the_status_of_every_account_is_a_row(cli, house, account):
    rows = {each["AccountId"]: each for each in cli.json("terms", "status")}
    assert rows[house]["Accepted"] is True
    assert rows[account] == {
        "AccountId": account,
        "Name": "City Museum",
        "Accepted": False,
        "Wanted": [str(DOCUMENT)],
        "Until": None,
    }
    assert "City Museum" in cli.says("terms", "status")
    assert "nothing accepted yet" in cli.says("terms", "status", account)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show", "poetry"], 1, f"there are no terms `poetry`; there are {DOCUMENT}"),
        (["show", "acceptable-use", "--version", "99.0"], 1, "there are no terms `acceptable-use 99.0`"),
        (["list", "--terms", "/nowhere"], 3, "there is no folder `/nowhere`"),
        (["accept", "ACCOUNT"], 2, '--officer "Name, role"'),
        (["accept", "ACCOUNT", "--yes"], 2, '--officer "Name, role"'),
        (["accept", "ACCOUNT", "--officer", "Ada"], 2, "has no name and role"),
        (["accept", "ACCOUNT", "--officer", ", owner"], 2, "has no name and role"),
        (["accept", "ACCOUNT", "--officer", "A" * 129 + ", owner"], 2, "has no name and role"),
        (["accept", "000000000000", "--officer", "Ada, owner"], 1, "there is no account"),
        (
            ["accept", "ACCOUNT", "--officer", "A, o", "--document", "poetry"],
            1,
            "there are no terms `poetry`",
        ),
        (["status", "000000000000"], 1, "there is no account"),
    ],
)
def test_what_cannot_be_done_is_said(still, words, code, said):
    found, message = still.fails("terms", *words)
    assert (found, said in message) == (code, True), message
    assert still.json("terms", "status", "ACCOUNT")["Accepted"] is False
