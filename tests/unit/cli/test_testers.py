"""`countenance testers`, on a database of the test's own."""

from __future__ import annotations

import pytest

from countenance.accounts import Accounts
from countenance.audit import AuditLog
from countenance.store import Database, KeyStore


def test_a_tester_is_added_by_an_officer_with_a_key_that_ends(cli, house, empty_database_url):
    """The secret is shown once; the list says who let them in, for whom and for how long."""
    made = cli.json("testers", "add", "Ada Auditor", "--organisation", "State University")
    assert len(made["SecretAccessKey"]) == 40
    [listed] = cli.json("testers", "list")
    assert listed["Tester"] == made["Tester"]
    assert (listed["Name"], listed["Organisation"], listed["Status"], listed["AddedBy"]) == (
        *("Ada Auditor", "State University", "ACTIVE"),
        "Olga Officer",
    )
    assert (listed["SamplesTaken"], listed["SamplesAnHour"]) == (0, 2_000)
    with Database(empty_database_url) as database:
        keys = KeyStore.open(cli.data_dir / "keys")
        found = Accounts(database, keys).find_credential(made["AccessKeyId"])
        assert found.account_id == made["Tester"] != house
        assert found.expires_at is not None
        assert (found.officer, found.purpose, found.revoked) == (None, None, False)
        with database.read() as connection:
            told = {
                account: [
                    entry.members["operation"] for entry in AuditLog(keys).list_latest(connection, account)
                ]
                for account in (house, made["Tester"])
            }
    assert "AddTester" in told[house]
    assert told[made["Tester"]] == ["AddTester"]


def test_a_tester_is_revoked_for_good(cli, house, empty_database_url):
    """The key with it, at once."""
    made = cli.json("testers", "add", "Ada Auditor", "--organisation", "State University")
    cli.json("testers", "revoke", made["Tester"])
    cli.json("testers", "revoke", made["Tester"])
    assert [each["Status"] for each in cli.json("testers", "list")] == ["REVOKED"]
    with Database(empty_database_url) as database:
        accounts = Accounts(database, KeyStore.open(cli.data_dir / "keys"))
        assert accounts.find_credential(made["AccessKeyId"]).revoked
        later = accounts.create_access_key(made["Tester"], operator="ada")
        assert accounts.find_credential(later.access_key_id).revoked


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["add", "Ada"], 2, "--organisation"),
        (["add", " ", "--organisation", "x"], 1, "a name and an organisation"),
        (["add", "Ada", "--organisation", "x", "--until", "2020-01-01"], 2, "no day to come"),
        (["add", "Ada", "--organisation", "x", "--until", "2126-01-01"], 1, "within 366 days"),
        (["add", "Ada", "--organisation", "x", "--samples-an-hour", "0"], 2, "samples-an-hour"),
        (["add", "Ada", "--organisation", "x", "--officer", "Nadia"], 1, "no officer `Nadia`"),
        (["revoke", "123456789012"], 1, "there is no tester `123456789012`"),
        (["revoke", "HOUSE"], 1, "there is no tester"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_remedy(still, words, code, said):
    found, message = still.fails("testers", *words)
    assert (found, said in message) == (code, True), message


def test_without_testers_the_list_says_so(still):
    assert "nobody yet" in still.says("testers", "list")
