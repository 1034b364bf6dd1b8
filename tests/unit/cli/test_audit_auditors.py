"""`countenance audit auditors`, on a database of the test's own."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from countenance.audit.auditors import find_auditor
from countenance.cli.audit_auditors import auditors
from countenance.store import Database, KeyStore


@pytest.fixture
def run(empty_database_url, tmp_path):
    KeyStore.open(tmp_path / "data" / "keys")
    where = ["--data-dir", str(tmp_path / "data"), "--database-url", empty_database_url]

    def run(command, *words):
        return CliRunner().invoke(auditors, [command, *words, *where], terminal_width=200)

    return run


def named(run):
    return [(each["Name"], each["Status"]) for each in json.loads(run("list", "--json").output)]


def test_an_auditor_is_given_a_token_once_and_loses_it(run, empty_database_url):
    """Names in the list, never a token."""
    assert "nobody yet" in run("list").output
    added = run("add", "Authority", "--json")
    token = json.loads(added.output)["Token"]
    with Database(empty_database_url) as database, database.read() as connection:
        assert find_auditor(connection, token) == "Authority"
        second = run("add", "Second").output.strip()
        assert find_auditor(connection, second) == "Second"
        assert named(run) == [("Authority", "ACTIVE"), ("Second", "ACTIVE")]
        shown = run("list").output
        assert "Authority" in shown
        assert token not in shown
        assert run("revoke", "Authority").output == "Authority is revoked\n"
        assert json.loads(run("revoke", "Second", "--json").output) == {"Name": "Second", "Status": "REVOKED"}
        assert find_auditor(connection, token) is None
    assert named(run) == [("Authority", "REVOKED"), ("Second", "REVOKED")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add", "taken"], "there is or was an auditor `taken`"),
        (["add", " "], "1 to 128 printable characters"),
        (["revoke", "nobody"], "there is no auditor `nobody`"),
    ],
)
def test_what_cannot_be_done_is_said(run, words, said):
    assert run("add", "taken").exit_code == 0
    done = run(*words)
    assert done.exit_code == 2
    assert said in done.output
    assert named(run) == [("taken", "ACTIVE")]
