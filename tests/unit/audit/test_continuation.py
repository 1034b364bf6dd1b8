"""A restored log is another log with the same beginning, and whoever verifies it can tell."""

from __future__ import annotations

import pytest

from countenance.audit import open_log
from countenance.audit.continuation import continue_log
from countenance.audit.log import record_statement
from countenance.audit.mirror import mirror_log
from countenance.audit.sequencer import Sequencer
from countenance.audit.signed_head import SignedHead
from countenance.audit.signing import log_signers, rotate_key
from countenance.audit.tree import LogTree
from countenance.errors import SetupError
from countenance.store import Database, KeyStore, migrate
from countenance.transparency.note import Verifier
from countenance.transparency.verify import verify_folder

ORIGIN = "log.example/house"


class House:
    def __init__(self, database, keys):
        self.database, self.keys = database, keys
        open_log(database, keys, origin=ORIGIN)

    def grow(self, count):
        """So many entries; placed, signed and published: the checkpoint."""
        with self.database.transaction() as connection:
            for _ in range(count):
                record_statement(connection, "alarm", {"what": "test", "figures": {}})
        return self.publish()

    def publish(self):
        sequencer = Sequencer(
            self.database,
            lambda connection: log_signers(connection, self.keys),
            head=SignedHead(self.keys.directory),
        )
        while sequencer.integrate():
            pass
        sequencer.sign()
        sequencer.publish()
        with self.database.read() as connection:
            return LogTree().published(connection)

    def verified(self, folder, log_key):
        mirror_log(self.database, LogTree(), folder)
        return verify_folder(folder, log_verifiers=[Verifier.parse(log_key)])


@pytest.fixture
def house(empty_database_url, tmp_path):
    with Database(empty_database_url, max_connections=4) as database:
        migrate(database)
        yield House(database, KeyStore.open(tmp_path / "keys"))


@pytest.mark.parametrize("waiting", [0, 3])
def test_it_goes_on_under_a_name_of_its_own(house, tmp_path, waiting):
    """What had no place yet gets one before; a second restoration continues the first."""
    before = house.grow(270)
    with house.database.transaction() as connection:
        for _ in range(waiting):
            record_statement(connection, "alarm", {"what": "test", "figures": {}})
    done = continue_log(house.database, house.keys, erasures={"replayed": 0})
    assert done.previous.size == before.size
    assert done.kept == before.size + waiting
    house.grow(3)
    report = house.verified(tmp_path / "mirror", done.log_key)
    assert report.is_valid, report.problems
    assert report.facts.checkpoint.origin == done.origin
    again = continue_log(house.database, house.keys, erasures={"replayed": 0})
    assert again.origin.startswith(f"{ORIGIN}/restored-")
    assert again.origin != done.origin
    assert again.origin.count("restored") == 1
    house.grow(1)
    report = house.verified(tmp_path / "second", again.log_key)
    assert report.is_valid, report.problems
    assert report.facts.by_kind["log.continued"] == 2


def test_keys_of_before_sign_nothing_any_more(house, tmp_path):
    """Neither those that had retired nor the one in use; new ones are exchanged as ever."""
    house.grow(2)
    rotate_key(house.database, house.keys, "log")
    house.grow(1)
    done = continue_log(house.database, house.keys, erasures={})
    signed = house.publish()
    assert [line.split()[1] for line in signed.note.splitlines() if line.startswith("\N{EM DASH}")] == [
        done.origin
    ]
    rotate_key(house.database, house.keys, "log")
    rotate_key(house.database, house.keys, "receipt")
    house.grow(1)
    report = house.verified(tmp_path / "mirror", done.log_key)
    assert report.is_valid, report.problems


def test_a_name_of_ones_choice(house):
    house.grow(1)
    assert continue_log(house.database, house.keys, erasures={}, origin="log.example/second").origin == (
        "log.example/second"
    )
    assert open_log(house.database, house.keys, origin="log.example/second") == "log.example/second"
    with pytest.raises(SetupError, match=r"is called `log\.example/second`"):
        open_log(house.database, house.keys, origin=ORIGIN)


def test_a_checkpoint_that_the_entries_do_not_lead_to_is_told(house):
    """Signed by the log all the same: somebody changed the backup, or the log was forked before."""
    note = house.grow(5).note
    with house.database.transaction() as connection:
        connection.execute("alter table audit_entry disable trigger user")
        connection.execute("update audit_entry set entry = entry || ' ' where log_index = 2")
    with pytest.raises(SetupError, match="not the one that the last known checkpoint covers"):
        continue_log(house.database, house.keys, erasures={}, last_known=note)
