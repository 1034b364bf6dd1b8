"""How the server is, asked while it runs: what is wrong, what to do, and no more than one may know."""

from __future__ import annotations

import dataclasses
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from countenance.accounts import Actor
from countenance.audit import open_log
from countenance.backup.last_made import find_last_backup, note_backup
from countenance.errors import SetupError
from countenance.operations import system_checks
from countenance.operations.registry import OPERATIONS
from countenance.store import UnitOfWork
from governed import OFFICERS

HOUSES_OWN = {
    *("database", "keys", "disk", "gallery memory", "backups", "erasures", "reconciliation", "alarms"),
    *("calibrations", "officers"),
}
GIB = 1024**3


@pytest.fixture
def officer(client_of):
    office = client_of.accounts.create_account("Office")
    client_of.governance.officers.add(office.account_id, OFFICERS[0], "officer", actor=Actor("test"))
    return client_of(office, officer=OFFICERS[0], purpose=None)


@pytest.fixture
def look(database, key_store, tmp_path):
    """The checks that a client sees, by subject, of a server set up as said."""
    open_log(database, key_store)

    def look(client, **house):
        with UnitOfWork(database) as uow:
            deps = client.deps(uow)
            facts = {"data_dir": tmp_path, "gallery_bytes": lambda: (GIB, 2 * GIB)} | house
            deps = dataclasses.replace(deps, house=dataclasses.replace(deps.house, **facts))
            answer = OPERATIONS["countenance"]["DescribeSystem"]({}, deps)
            assert not uow.is_open, "nothing is held while it is looked at"
        return {check["Subject"]: check for check in answer["Checks"]} | {"": answer["State"]}

    return look


def test_an_account_is_told_of_the_service_and_nothing_of_the_machine(call, look):
    """Room on a disk, and what others have, are the house's."""
    found = look(call)
    assert not HOUSES_OWN & set(found)
    assert {"server", "audit log", "witnesses", "jobs", "models", "attributes", "rule packs", "terms"} < set(
        found
    )


def test_an_officer_is_told_all_and_where_nothing_lies(officer, look, tmp_path):
    found = look(officer)
    assert set(found) > HOUSES_OWN
    assert str(tmp_path) not in str(found)
    assert found["keys"]["State"] == "ok"
    assert found["gallery memory"]["Message"] == "1.0 GiB of 2.0 GiB taken by galleries"


def test_jobs_that_nobody_runs_are_wrong_and_say_what_to_do(call, look):
    """Nothing would be made final, and nobody would see it."""
    found = look(call)
    assert (found["jobs"]["State"], bool(found["jobs"]["Remedy"]), found[""]) == ("wrong", True, "wrong")


def test_a_full_disk_is_wrong_before_the_database_stops(officer, look, monkeypatch):
    full = shutil._ntuple_diskusage(100 * GIB, 99 * GIB, GIB)  # what the real one answers
    monkeypatch.setattr(system_checks.shutil, "disk_usage", lambda _: full)
    assert look(officer)["disk"]["State"] == "wrong"


def test_what_cannot_be_looked_at_is_wrong_and_stops_nothing(officer, look, monkeypatch):
    """And names no file: the message of an error may."""

    def fail(_deps):
        raise SetupError("the key `/secret/place` is missing", remedy="restore")

    monkeypatch.setattr(system_checks, "_keys", fail)
    found = look(officer)
    assert (found["keys"]["State"], "/secret" in str(found)) == ("wrong", False)
    assert "disk" in found


@pytest.mark.parametrize(("days", "state"), [(1, "ok"), (30, "note")])
def test_the_last_backup_is_known_by_its_age(officer, look, tmp_path, days, state):
    note_backup(tmp_path, (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds"))
    assert look(officer)["backups"]["State"] == state


@pytest.mark.parametrize("text", ["", "yesterday", "2026-99-99"])
def test_a_note_of_a_backup_that_cannot_be_read_is_none(tmp_path, text):
    """Better to be told to make one than to trust a torn file."""
    (tmp_path / "last-backup").write_text(text)
    assert find_last_backup(tmp_path) is None


def test_no_note_of_a_backup_is_said(officer, look):
    assert look(officer)["backups"]["Message"] == "none is known of"


def test_peoples_requests_are_told_of_before_they_are_overdue_and_after(call, look):
    """Whoever asks over /people is heard by nobody else."""
    assert look(call)["people's requests"]["State"] == "ok"
    call("CreateCollection", CollectionId="friends")
    call("CreateUser", CollectionId="friends", UserId="u-1")
    who = {"CollectionId": "friends", "UserId": "u-1", "Attestation": "passport seen"}
    call("OpenSubjectRequest", Kind="access", **who)
    found = look(call)["people's requests"]
    assert (found["State"], "1 of your account's wait" in found["Message"]) == ("note", True)
    with call.database.transaction() as connection:
        connection.execute("update subject_request set due_at = clock_timestamp() - interval '2 days'")
    found = look(call)["people's requests"]
    assert (found["State"], "1 are overdue" in found["Message"]) == ("wrong", True)


def test_each_pack_in_use_is_told_with_the_review_of_its_own_manifest(call, look):
    """A state that is written down twice is wrong once: policy's page and this one read the same."""
    packs = {each["Pack"]: each for each in call("ListPacks")["Packs"]}
    told = look(call)["rule packs"]["Message"]
    in_use = [name for name, each in packs.items() if each["State"] in {"always", "enforce", "shadow"}]
    assert in_use
    for name in in_use:
        assert f"{name} (legal review: {packs[name]['LegalReview']})" in told
