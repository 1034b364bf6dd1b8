"""A restore that did not end is seen in the folder and in the database."""

from __future__ import annotations

import pytest

from countenance.errors import SetupError
from countenance.store import Database
from countenance.store.unfinished import (
    is_marked,
    is_unfinished,
    mark_database,
    mark_directory,
    require_finished,
    require_restored,
    unmark_database,
    unmark_directory,
)


def test_a_folder_is_marked_until_it_is_not(tmp_path):
    folder = tmp_path / "data"
    require_finished(folder)
    mark_directory(folder, "restoring a")
    assert is_unfinished(folder)
    with pytest.raises(SetupError, match="begins anew"):
        require_finished(folder)
    unmark_directory(folder)
    require_finished(folder)


def test_a_database_is_marked_until_it_is_not(empty_database_url):
    """Twice is once: a second attempt marks what is marked."""
    with Database(empty_database_url, max_connections=2) as database:
        require_restored(database)
        for _ in range(2):
            with database.transaction() as connection:
                mark_database(connection)
        assert is_marked(database)
        with pytest.raises(SetupError, match="did not end"):
            require_restored(database)
        with database.transaction() as connection:
            unmark_database(connection)
        require_restored(database)
