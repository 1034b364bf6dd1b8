"""`countenance accounts create`, `list`, `profile` and `forget`."""

from __future__ import annotations

import pytest

from countenance.cli.accounts import COMMANDS
from countenance.facts import PROFILES


def test_accounts_are_made_with_a_profile_and_listed(cli):
    """The first is the house."""
    first = cli.json("accounts", "create", "House")
    second = cli.json("accounts", "create", " City Museum ", "--profile", "public_body")
    assert first | {"AccountId": ""} == {
        "AccountId": "",
        "Name": "House",
        "Standing": "good",
        "EffectiveStanding": "good",
        "Profile": "general",
        "IsHouse": True,
    }
    assert (second["Name"], second["Profile"], second["IsHouse"]) == ("City Museum", "public_body", False)
    assert sorted(cli.json("accounts", "list"), key=str) == sorted([first, second], key=str)
    assert "City Museum" in cli.says("accounts", "list")


def test_a_profile_is_changed(cli, account):
    assert cli.json("accounts", "profile", account, "research")["Profile"] == "research"
    assert cli.json("accounts", "show", account)["Profile"] == "research"


def test_an_account_for_immigration_enforcement_is_told_that_nothing_will_be_allowed(cli, account):
    """It can be named for what it is; the rules refuse it."""
    said = cli.says("accounts", "profile", account, "immigration_enforcement")
    assert "AUP-006" in said
    assert "AUP-006" in cli.says("accounts", "create", "Agency", "--profile", "immigration_enforcement")


def test_forgetting_asks_first(cli, account):
    """It is for good."""
    assert cli.run("accounts", "forget", account, input="n\n").exit_code == 1
    assert cli.json("accounts", "forget", account, "--yes") == {"AccountId": account, "InLog": "FORGOTTEN"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["create", " "], 2, "1 to 256"),
        (["create", "x" * 257], 2, "1 to 256"),
        (["create", "Agency", "--profile", "pirates"], 2, "pirates"),
        (["profile", "000000000000", "research"], 1, "there is no account `000000000000`"),
        (["profile", "000000000000", "pirates"], 2, "pirates"),
        (["forget", "000000000000", "--yes"], 1, "there is no account"),
        (["show", "000000000000"], 1, "there is no account"),
    ],
)
def test_what_cannot_be_done_is_said(still, words, code, said):
    found, message = still.fails("accounts", *words)
    assert (found, said in message) == (code, True), message


def test_the_help_names_every_command_and_every_profile(cli):
    help_of_group = cli.says("accounts", "--help")
    assert all(name in help_of_group and words in help_of_group for name, (_, words) in COMMANDS.items())
    assert all(profile in cli.says("accounts", "create", "--help") for profile in PROFILES)


def test_an_account_is_made_where_there_is_no_installation_and_else_none_is(cli, tmp_path):
    """A mistyped path must not be answered out of a new, empty installation."""
    cli.data_dir.rename(tmp_path / "elsewhere")
    code, message = cli.fails("accounts", "list")
    assert (code, "there is no installation" in message) == (3, True)
