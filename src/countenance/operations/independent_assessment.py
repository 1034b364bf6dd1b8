"""The job that computes an independent test's figures. What computes them loads when there is one."""

from __future__ import annotations

import uuid
from typing import Final

from countenance.assurance.independent_records import Status
from countenance.assurance.independent_seal import BrokenIndependentSeal
from countenance.assurance.independent_tests import IndependentTests
from countenance.errors import ResourceNotFoundException
from countenance.store.jobs import JobContext, JobFailed, Task

ASSESS: Final = "assess-independent-test"


def assess_task(tests: IndependentTests) -> Task:
    """What `FinishIndependentTest` puts into the queue."""

    def run(context: JobContext) -> None:
        assess(tests, uuid.UUID(str(context.arguments["test_id"])))

    return Task(ASSESS, run, meaning="compute the figures of an independent test")


def assess(tests: IndependentTests, test_id: uuid.UUID) -> None:
    """Compute and keep the figures of a finished test; nothing where it is gone, or has them.

    Raises:
        JobFailed: there are none to be had of its samples: the test is marked so.
    """
    from countenance.operations.independent_figures import evaluation_of

    try:
        test = tests.require(None, test_id)
    except ResourceNotFoundException:
        return
    if test.status is not Status.COMPUTING:
        return
    try:
        tests.keep_figures(test, evaluation_of(test, tests.samples(test)))
    except ResourceNotFoundException:
        return
    except (BrokenIndependentSeal, ValueError) as error:
        tests.fail(test)
        raise JobFailed(f"the test {test_id} has no figures: {type(error).__name__}") from None
