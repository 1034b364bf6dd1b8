from __future__ import annotations

import json
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from account_server import CLI, Server, a_call, a_document, opened_with
from countenance.errors import InvalidParameterException, ResourceNotFoundException, SetupError
from countenance.store import UnitOfWork
from countenance.terms import Acceptance


def published(server: Server, name: str) -> list[dict[str, str]]:
    """What the log says of a document's versions."""
    rows = server.select(
        "select convert_from(entry, 'UTF8') from audit_event"
        " where position('terms.published' in convert_from(entry, 'UTF8')) > 0 order by recorded_at"
    )
    entries = [json.loads(entry) for (entry,) in rows]
    return [entry for entry in entries if entry["document"] == name]


def test_every_acceptance_is_kept_with_whose_it_was_and_of_which_text(server: Server):
    """Officers change, and so do terms: the newest stands first."""
    account, document = server.account(), a_document()
    acceptances = opened_with(server, document).acceptances
    for officer in ("Marian", "Tuck"):
        at = acceptances.accept(account, document, officer=f" {officer} ", role=" mayor ", actor=CLI)
        assert datetime.now(UTC) - at < timedelta(minutes=1)
    newest, oldest = acceptances.list(account)
    assert (newest.officer, oldest.officer) == ("Tuck", "Marian")
    assert newest.accepted_at > oldest.accepted_at
    assert newest.role == "mayor"
    assert newest.plain() == Acceptance(document.name, "1.0", document.digest)


def test_what_the_same_officer_says_again_is_the_same_acceptance(server: Server):
    """A server that accepts at every start must not fill the table; another text or role is another one."""
    account, document = server.account(), a_document()
    acceptances = opened_with(server, document).acceptances

    def accept(**changes: str) -> datetime:
        told = {"officer": "Marian", "role": "mayor"} | changes
        return acceptances.accept(account, document, **told, actor=CLI)

    assert accept() == accept()
    assert len(acceptances.list(account)) == 1
    accept(role="queen")
    accept(officer="Tuck")
    assert len(acceptances.list(account)) == 3


def test_an_acceptance_is_in_the_accounts_log_with_name_version_and_digest(server: Server):
    """So that nobody can say that another text was meant, or that it was somebody else."""
    account, document = server.account(), a_document()
    opened_with(server, document).acceptances.accept(
        account, document, officer="Marian", role="mayor", actor=CLI
    )
    entry = server.told(account)[-1]
    assert entry.members["operation"] == "AcceptTerms"
    assert entry.opened("resource") == f"{document} {document.digest} by Marian, mayor"
    assert b"Marian" not in entry.entry


@pytest.mark.parametrize(
    ("officer", "role"),
    [("", "mayor"), ("Marian", " "), ("\t\n", "mayor"), ("M" * 129, "mayor"), ("Marian", "m" * 129)],
    ids=lambda text: repr(text[:8]),
)
def test_terms_are_accepted_by_a_named_person_with_a_role(server: Server, officer: str, role: str):
    """Nobody answers for what nobody accepted."""
    account, document = server.account(), a_document()
    acceptances = opened_with(server, document).acceptances
    with pytest.raises(InvalidParameterException, match="named"):
        acceptances.accept(account, document, officer=officer, role=role, actor=CLI)
    assert acceptances.list(account) == []
    assert server.operations(account) == ["CreateAccount"]


def test_an_account_that_is_not_there_accepts_nothing(server: Server):
    document = a_document()
    with pytest.raises(ResourceNotFoundException, match="`000000000000`"):
        opened_with(server, document).acceptances.accept("0" * 12, document, officer="O", role="r", actor=CLI)


def test_within_a_call_an_acceptance_is_seen_by_the_call_and_by_others_once_it_is_committed(server: Server):
    """A call that is refused after all has accepted nothing."""
    account, document = server.account(), a_document()
    acceptances = opened_with(server, document).acceptances
    with UnitOfWork(server.database) as work:
        actor = a_call(account, work.connection)
        acceptances.accept(account, document, officer="Marian", role="mayor", actor=actor)
        assert len(acceptances.list(account, connection=work.connection)) == 1
        assert acceptances.list(account) == []
        work.rollback()
    assert acceptances.list(account) == []


def test_an_account_sees_its_own_acceptances_only(server: Server):
    mine, other, document = server.account(), server.account(), a_document()
    acceptances = opened_with(server, document).acceptances
    acceptances.accept(mine, document, officer="Marian", role="mayor", actor=CLI)
    assert acceptances.list(other) == []


def test_a_version_is_published_once_and_the_log_says_which_text(server: Server):
    """The grace period counts from what can be shown: a second start changes nothing."""
    document = a_document()
    for _ in range(2):
        acceptances = opened_with(server, document).acceptances
    assert [(told["version"], told["digest"]) for told in published(server, document.name)] == [
        ("1.0", document.digest)
    ]
    with server.database.read() as connection:
        first_seen = acceptances.first_seen(connection)[document.name, "1.0"]
    opened_with(server, document, a_document(document.name, "2.0"))
    with server.database.read() as connection:
        seen = acceptances.first_seen(connection)
    assert seen[document.name, "1.0"] == first_seen
    assert seen[document.name, "2.0"] > first_seen
    assert [told["version"] for told in published(server, document.name)] == ["1.0", "2.0"]


def test_a_published_version_with_another_text_is_refused(server: Server):
    """Accounts have accepted the text that was there: a changed one is another version."""
    document = a_document()
    opened_with(server, document)
    changed = replace(document, digest=secrets.token_hex(32))
    fresh = a_document()
    with pytest.raises(SetupError, match=f"`{document}` is another text") as refused:
        opened_with(server, changed, fresh)
    assert "new version" in refused.value.remedy
    assert len(published(server, document.name)) == 1
    assert published(server, fresh.name) == []


def test_processes_that_start_at_once_publish_once(server: Server):
    """A server has several workers, and they all begin with the same terms."""
    document, together = a_document(), threading.Barrier(4)

    def start(_: int) -> None:
        together.wait(10)
        opened_with(server, document)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(start, range(4)))
    assert len(published(server, document.name)) == 1
