"""The terms when a server starts: accepted by whom, asked whom, and told to whom how."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta

import click
import pytest
from click.testing import CliRunner

from countenance.accounts import Accounts, Actor, Governance
from countenance.cli.terms_at_start import accept_at_start, standard_of, wanted_documents
from countenance.errors import InvalidParameterException, SetupError
from countenance.settings import Settings
from countenance.store import Database, migrate
from countenance.terms import load_terms

ADA = "Ada Lovelace, data protection officer"


class Start:
    """A server's start, as far as its terms go; of one installation as often as wanted."""

    def __init__(self, database, keys, folder):
        self.database, self.keys, self.folder = database, keys, folder
        self.account_id = Accounts(database, keys).create_account("House").account_id

    @property
    def governance(self):
        return Governance.open(self.database, self.keys, load_terms(self.folder))

    def __call__(self, *, terminal=False, answers="", **settings):
        """What click made of it."""

        @click.command()
        def start():
            if terminal:
                sys.stdin.isatty = sys.stdout.isatty = lambda: True
            accept_at_start(Settings(**settings), self.governance, self.account_id)

        return CliRunner().invoke(start, input=answers)

    def publish(self, version, *, grace_days, published=None):
        """A further version of the terms."""
        day = (published or datetime.now(UTC).date()).isoformat()
        (self.folder / f"acceptable-use-{version}.md").write_text(f"# Version {version}\n\nBe kind.")
        (self.folder / f"acceptable-use-{version}.toml").write_text(
            f'document = "acceptable-use"\nversion = "{version}"\ntitle = "T"\n'
            f"published = {day}\ngrace_days = {grace_days}\n"
        )

    def acceptances(self):
        """The oldest first."""
        return [
            (each.version, each.officer, each.role)
            for each in reversed(self.governance.acceptances.list(self.account_id))
        ]

    def officers(self):
        return [officer.name for officer in self.governance.officers.list()]

    def purposes(self):
        return [(request.purpose, request.status) for request in self.governance.grants.list(self.account_id)]


@pytest.fixture
def start(empty_database_url, key_store, tmp_path):
    folder = tmp_path / "terms"
    folder.mkdir()
    with Database(empty_database_url, max_connections=2) as database:
        migrate(database)
        yield Start(database, key_store, folder)


def test_whoever_is_named_accepts_and_becomes_the_first_officer(start):
    """The two commands of the README: a server that is started with a name serves."""
    done = start(accept_terms=ADA)
    assert done.exit_code == 0, done.output
    document = load_terms().find("acceptable-use")
    assert done.output == (
        f"terms accepted: {document} (SHA-256 {document.digest[:16]}...) by {ADA}, "
        f"for account {start.account_id}: recorded\n"
    )
    assert start.acceptances() == [("1.0", "Ada Lovelace", "data protection officer")]
    assert start.officers() == ["Ada Lovelace"]
    assert start.purposes() == [("development", "approved")]
    assert wanted_documents(start.governance, start.account_id) == ()


def test_what_was_accepted_is_neither_accepted_again_nor_told(start):
    start(accept_terms=ADA)
    for again in ({"accept_terms": "Grace Hopper, admiral"}, {}, {"terminal": True}):
        done = start(**again)
        assert (done.exit_code, done.output) == (0, "")
    assert len(start.acceptances()) == 1
    assert start.officers() == ["Ada Lovelace"]
    assert len(start.purposes()) == 1


@pytest.mark.parametrize("given", [", officer", "Ada,", " , "])
def test_a_name_without_a_role_accepts_nothing(start, given):
    done = start(accept_terms=given)
    assert isinstance(done.exception, InvalidParameterException)
    assert (start.acceptances(), start.officers()) == ([], [])


def test_where_nobody_is_there_to_ask_it_is_told_how(start):
    """The server starts all the same: over the network the terms can be read and accepted."""
    done = start()
    assert (done.exit_code, done.stdout) == (0, "")
    assert "the terms (acceptable-use 1.0) are not accepted" in done.stderr
    assert "calls are refused" in done.stderr
    assert f'`countenance terms accept {start.account_id} --officer "Name, role"`' in done.stderr
    assert '--accept-terms "Name, role"' in done.stderr
    assert (start.acceptances(), start.officers()) == ([], [])


def test_on_a_terminal_the_text_is_shown_and_asked_about(start):
    done = start(terminal=True, answers="y\nAda Lovelace\n data protection officer \n")
    assert done.exit_code == 0, done.output
    text = load_terms().find("acceptable-use").text
    assert done.output.index(text) < done.output.index("Do you accept them for your organisation? [y/N]")
    assert start.acceptances() == [("1.0", "Ada Lovelace", "data protection officer")]
    assert start.officers() == ["Ada Lovelace"]


@pytest.mark.parametrize("answers", ["n\n", "\n"])
def test_whoever_declines_on_a_terminal_has_no_server(start, answers):
    """An empty answer is no."""
    done = start(terminal=True, answers=answers)
    assert isinstance(done.exception, SetupError)
    assert "the terms were not accepted" in str(done.exception)
    assert (start.acceptances(), start.officers()) == ([], [])


def test_on_a_terminal_somebody_with_a_name_and_a_role_accepts(start):
    done = start(terminal=True, answers="y\nAda\n \n")
    assert isinstance(done.exception, SetupError)
    assert "named, responsible officer" in str(done.exception)
    assert start.acceptances() == []


def test_a_house_that_accepted_and_has_nobody_who_decides_gets_an_officer(start):
    """Accepted by another way, of an earlier version: else nothing could ever be approved."""
    governance = start.governance
    for document in governance.terms.documents:
        governance.acceptances.accept(
            start.account_id, document, officer="Ada Lovelace", role="owner", actor=Actor("test")
        )
    assert start.officers() == []
    done = start()
    assert (done.exit_code, done.output) == (0, "")
    assert start.officers() == ["Ada Lovelace"]
    assert start.purposes() == [("development", "approved")]


# A new major version


def test_while_the_last_acceptance_holds_the_deadline_is_told_and_nothing_is_refused(start):
    start(accept_terms=ADA)
    start.publish("2.0", grace_days=10)
    done = start()
    assert (done.exit_code, done.stdout) == (0, "")
    ends = re.search(r"acceptable-use 2\.0, by ([0-9-]+ [0-9:]+) UTC", done.stderr)
    assert ends is not None, done.stderr
    until = datetime.fromisoformat(f"{ends[1]}+00:00")
    assert abs(until - datetime.now(UTC) - timedelta(days=10)) < timedelta(minutes=5)
    assert "calls are answered until then" in done.stderr
    assert "refused" not in done.stderr
    assert standard_of(start.governance, start.account_id).accepted


def test_whoever_declines_a_new_version_while_the_old_one_holds_has_a_server_until_then(start):
    start(accept_terms=ADA)
    start.publish("2.0", grace_days=10)
    done = start(terminal=True, answers="n\n")
    assert done.exit_code == 0, done.exception
    assert "Be kind." in done.output
    assert len(start.acceptances()) == 1


def test_without_grace_a_new_version_is_accepted_or_calls_are_refused(start):
    start(accept_terms=ADA)
    start.publish("2.0", grace_days=0)
    assert "calls are refused" in start().stderr
    assert isinstance(start(terminal=True, answers="n\n").exception, SetupError)
    assert not standard_of(start.governance, start.account_id).accepted
    done = start(accept_terms="Grace Hopper, admiral")
    assert done.output.startswith("terms accepted: acceptable-use 2.0 (SHA-256 ")
    assert start.acceptances()[1:] == [("2.0", "Grace Hopper", "admiral")]
    assert start.officers() == ["Ada Lovelace"]
    assert standard_of(start.governance, start.account_id).accepted


def test_a_version_that_is_not_in_force_yet_asks_nobody(start):
    start(accept_terms=ADA)
    start.publish("2.0", grace_days=0, published=datetime.now(UTC).date() + timedelta(days=1))
    done = start()
    assert (done.exit_code, done.output) == (0, "")


def test_a_published_version_with_another_text_starts_no_server(start):
    """What people accepted would say something else now."""
    start.publish("2.0", grace_days=0)
    start(accept_terms=ADA)
    (start.folder / "acceptable-use-2.0.md").write_text("# Version 2.0\n\nBe cruel.")
    done = start()
    assert isinstance(done.exception, SetupError)
    assert "another text" in str(done.exception)
