"""Searches that ran against those that the log tells of."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from countenance.audit import AuditLog, open_log
from countenance.audit.reconcile_searches import SearchesRan, compare_searches
from countenance.store import Database, migrate
from events import an_event

LONG_AGO = timedelta(hours=1)


class Books:
    """A log and a count, of which a test says what stands in them."""

    def __init__(self, database, keys):
        self.database, self.audit = database, AuditLog(keys)
        self.ran, self.live, self.killed = 0, 0, 0
        self.figures = None

    def log(self, **changes):
        with self.database.read() as connection:
            self.audit.record(connection, an_event(**{"threshold": 80.0} | changes))

    def compare(self, patience_s=0.0, count=None):
        self.figures, found = compare_searches(
            self.database,
            count or (lambda: SearchesRan(self.ran, self.live, self.killed)),
            last=self.figures,
            after=0,
            size=0,  # nothing gets a place here
            patience_s=patience_s,
        )
        return found


@pytest.fixture
def books(empty_database_url, key_store):
    with Database(empty_database_url, max_connections=2) as database:
        migrate(database)
        open_log(database, key_store)
        yield Books(database, key_store)


def test_searches_before_the_first_comparison_are_not_compared(books):
    books.ran = 5
    assert books.compare() == {}
    assert books.figures.counted_from == 5
    books.ran = 6
    books.log()
    assert books.compare() == {}


def test_what_is_no_search_that_ran_is_not_counted(books):
    books.compare()
    books.log(operation="IndexFaces")
    books.log(service="countenance")
    books.log(operation="SearchUsersByImage", threshold=None, threshold_asked=90.0)  # no face: no search
    books.log(operation="ImportFace", service="countenance", threshold=None)  # likewise
    books.log(idempotent_replay=True)
    books.log(outcome="refused", error_code="AccessDeniedException", decision="deny")
    assert books.compare() == {}
    books.log(operation="SearchFaces", threshold=None)
    assert books.compare() == {"more_searches_told_than_ran": {"told": 1, "ran": 0}}


def test_an_import_that_looked_for_look_alikes_is_a_search_that_ran(books):
    """It is one of our own service, and counted where it runs as any other."""
    books.compare()
    books.ran = 1
    assert books.compare() == {"searches_without_a_record": {"searches": 1}}
    books.log(operation="ImportFace", service="countenance", threshold=99.0)
    assert books.compare() == {}


def test_a_search_that_decides_is_a_search_that_ran_and_a_comparison_is_none(books):
    """The first is counted where it runs; the second reads one template, and no gallery."""
    books.compare()
    books.ran = 1
    assert books.compare() == {"searches_without_a_record": {"searches": 1}}
    books.log(operation="VerifyFaces", service="countenance", threshold=80.0)
    books.log(operation="IdentifyFace", service="countenance", threshold=80.0)
    assert books.compare() == {}


def test_a_part_of_a_report_of_collisions_is_a_search_that_ran(books):
    """It looks at a whole gallery: one past the log must not go unnoticed."""
    books.compare()
    books.ran = 1
    assert books.compare() == {"searches_without_a_record": {"searches": 1}}
    books.log(operation="ReportCollisions", service="countenance", threshold=80.0)
    assert books.compare() == {}


def test_a_search_under_way_at_the_first_comparison_is_answered_after_it(books):
    """It is counted before and on record after, and only as many as could be under way are excused."""
    books.ran, books.live = 3, 1
    books.compare()
    books.log(at=datetime.now(UTC) - LONG_AGO)
    assert books.compare() == {}
    books.log(at=datetime.now(UTC) - LONG_AGO)
    assert books.compare() == {"more_searches_told_than_ran": {"told": 1, "ran": 0}}


def test_searches_that_failed_or_were_refused_explain_themselves(books):
    books.compare()
    books.ran = 2
    books.log(outcome="failed", error_code="InternalServerError")
    books.log(outcome="refused", error_code="AccessDeniedException")
    assert books.compare() == {}
    assert books.figures.unanswered == 2


def test_a_refusal_by_policy_explains_no_search(books):
    """Nothing ran for it."""
    books.compare()
    books.ran = 1
    books.log(outcome="refused", error_code="AccessDeniedException", decision="deny")
    assert books.compare() == {"searches_without_a_record": {"searches": 1}}


@pytest.mark.parametrize(
    ("operation", "error_code"),
    [
        ("SearchFacesByImage", "InvalidParameterException"),
        ("SearchFacesByImage", "ResourceNotFoundException"),
        ("SearchUsersByImage", "InvalidImageFormatException"),
        ("SearchUsers", "InvalidParameterException"),
        ("SearchFaces", "ResourceNotFoundException"),
    ],
)
def test_a_call_that_ended_before_its_search_explains_none(books, operation, error_code):
    """Photographs without a face are common: each would hide a search that ran past the log."""
    books.compare()
    books.ran = 1
    books.log(operation=operation, outcome="refused", error_code=error_code)
    assert books.compare() == {"searches_without_a_record": {"searches": 1}}


@pytest.mark.parametrize(
    ("operation", "error_code"),
    [("SearchFaces", "InvalidParameterException"), ("SearchUsers", "ResourceNotFoundException")],
)
def test_a_search_whose_probe_was_not_found_is_counted_and_explained(books, operation, error_code):
    books.compare()
    books.ran = 1
    books.log(operation=operation, outcome="refused", error_code=error_code)
    assert books.compare() == {}


def test_a_killed_process_explains_what_it_may_have_had_under_way(books):
    books.compare()
    books.ran, books.killed = 3, 2
    assert books.compare() == {"searches_without_a_record": {"searches": 1}}
    books.ran = 4
    assert books.compare() == {"searches_without_a_record": {"searches": 1}}  # it explains that once


def test_the_entries_of_searches_under_way_are_waited_for(books):
    books.compare()
    books.ran = 1
    looks = []

    def count():
        looks.append(1)
        return SearchesRan(books.ran)

    began = datetime.now(UTC) - timedelta(seconds=1)
    timer = threading.Timer(0.3, lambda: books.log(at=began))
    timer.start()
    assert books.compare(patience_s=30.0, count=count) == {}
    timer.join()
    assert len(looks) == 1


def test_calls_that_came_after_the_count_was_read_do_not_hide_one_that_left_no_entry(books):
    books.compare()
    books.ran = 1
    books.log(at=datetime.now(UTC) + LONG_AGO)
    assert books.compare() == {"searches_without_a_record": {"searches": 1}}


def test_a_count_that_goes_back_is_a_loss_and_begins_anew(books):
    books.ran = 5
    books.compare()
    books.ran = 4
    assert books.compare() == {"counters_lost": {"were": 5, "are": 4}}
    assert books.compare() == {}
