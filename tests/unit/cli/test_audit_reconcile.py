"""`countenance audit reconcile`."""

from __future__ import annotations

import json
import uuid
from importlib import resources

import pytest
from click.testing import CliRunner

from countenance.audit import reconcile as module
from countenance.cli.audit_reconcile import _MEANINGS, reconcile
from countenance.errors import SetupError
from countenance.store import Database, KeyStore, migrate
from countenance.store.key_binding import require_same_keys


@pytest.fixture
def where(empty_database_url, tmp_path):
    """Options of a database and a data directory of the test's own."""
    with Database(empty_database_url, max_connections=1) as database:
        migrate(database)
        require_same_keys(database, KeyStore.open(tmp_path / "keys"))
    return ["--database-url", empty_database_url, "--data-dir", str(tmp_path)]


def run(*arguments):
    return CliRunner().invoke(reconcile, arguments)


def change(database_url):
    with Database(database_url, max_connections=1) as database, database.transaction() as connection:
        connection.execute(
            "insert into gallery_change (collection_id, kind) values (%s, 'enrolled')", (uuid.uuid4(),)
        )


def test_what_agrees_is_shown_and_exits_0(where):
    done = run(*where)
    assert done.exit_code == 0, done.output
    assert "searches are compared from here on" in done.output
    assert "agree" in done.output
    assert "receipts compared" in done.output
    done = run(*where, "--full")
    assert "from here on" not in done.output


def test_what_does_not_agree_is_explained_and_exits_1(where):
    run(*where)
    change(where[1])
    done = run(*where)
    assert done.exit_code == 1
    assert "changes_without_an_event (new): galleries were changed" in done.output
    assert "changes_without_an_event (known)" in run(*where).output


def test_json_has_figures_mismatches_and_which_of_them_are_new(where):
    done = run(*where, "--json")
    told = json.loads(done.output)
    assert (done.exit_code, told["Mismatches"], told["New"]) == (0, {}, [])
    assert told["Figures"]["log"]["waiting"] >= 1
    change(where[1])
    done = run(*where, "--json")
    assert (done.exit_code, json.loads(done.output)["New"]) == (1, ["changes_without_an_event"])


def test_a_second_one_at_the_same_time_is_refused(where, tmp_path):
    run(*where)
    with module._alone(tmp_path):
        done = run(*where)
    assert isinstance(done.exception, SetupError)


def test_every_mismatch_has_its_meaning():
    """Whatever name the comparisons give is one that the table explains."""
    sources = "".join(
        resources.files("countenance.audit").joinpath(f"{name}.py").read_text()
        for name in (
            "reconcile",
            "reconcile_searches",
            "reconcile_receipts",
            "reconcile_tree",
            "reconcile_faces",
        )
    )
    assert all(f'"{name}"' in sources for name in _MEANINGS)
