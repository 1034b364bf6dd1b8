from __future__ import annotations

from datetime import UTC, datetime

import pytest

from countenance.cli.jobs_shown import facts_of, progress_of, row_of
from countenance.store.jobs import Job, JobState

AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def job(**given):
    facts = dict.fromkeys(("server", "started_at", "ended_at", "next_at", "done", "total", "progress_at"))
    facts |= {"error": None, "error_at": None, "failures": 0, "note": "", "arguments": {}}
    return Job(**({"job_id": 1, "task": "t", "state": JobState.WAITING, "made_at": AT} | facts | given))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, None),
        ({"done": 0}, None),
        ({"done": 0, "note": "keys"}, "0 keys"),
        ({"done": 1200, "total": 5000}, "1,200 of 5,000"),
        ({"done": 3, "total": 0, "note": "photos"}, "3 of 0 photos"),
    ],
)
def test_progress_is_a_few_words(given, told):
    assert progress_of(job(**given)) == told


@pytest.mark.parametrize(
    ("given", "when"),
    [
        ({}, "since 2026-11-26T12:00:00+00:00"),
        ({"next_at": AT}, "next try 2026-11-26T12:00:00+00:00"),
        ({"state": JobState.RUNNING, "started_at": AT}, "since 2026-11-26T12:00:00+00:00"),
        ({"state": JobState.DONE, "ended_at": AT}, "2026-11-26T12:00:00+00:00"),
        ({"state": JobState.FAILED}, ""),
    ],
)
def test_a_row_says_since_when_or_until_when(given, when):
    assert row_of(job(**given))["When"] == when


def test_a_reason_that_is_overcome_is_shown_with_the_job_and_not_in_the_list():
    done = job(state=JobState.DONE, error="was stuck", failures=2)
    assert row_of(done)["Why"] is None
    assert facts_of(done)["Error"] == "was stuck"


def test_what_is_nothing_is_nothing():
    assert {name for name, value in facts_of(job()).items() if value is not None} == {
        "Job",
        "Task",
        "State",
        "Made",
        "Failures",
    }
