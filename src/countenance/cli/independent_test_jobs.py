"""What a server does of independent tests by itself: computes figures, and deletes what is over."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

from countenance.assurance.independent_expiry import Expiry
from countenance.assurance.independent_tests import IndependentTests
from countenance.audit import AuditLog
from countenance.operations.independent_assessment import ASSESS, assess
from countenance.store import KeyStore, UnitOfWork
from countenance.store.jobs import JobContext, Task

_HOUR_S: Final = 3600.0
_SETTLED_S: Final = 3600.0


def independent_test_tasks(keys: KeyStore) -> list[Task]:
    """All of them; nothing is opened or started."""
    jobs = _Jobs(keys)
    return [
        Task(ASSESS, jobs.assess, meaning="compute the figures of an independent test"),
        Task(
            "expire-tests",
            jobs.expire,
            every_s=_HOUR_S,
            meaning="delete independent tests whose time is over, or whose tester is one no more",
        ),
        Task(
            "destroy-abandoned-test-keys",
            jobs.destroy_abandoned_keys,
            every_s=_HOUR_S,
            is_local=True,
            meaning="destroy keys of independent tests that are gone, where a crash left them",
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Jobs:
    keys: KeyStore

    def assess(self, context: JobContext) -> None:
        tests = IndependentTests(context.database, self.keys)
        assess(tests, uuid.UUID(str(context.arguments["test_id"])))

    def expire(self, context: JobContext) -> None:
        """Whatever the tester's standing; each with an entry of the tester's account."""
        expiry, audit = Expiry(context.database, self.keys), AuditLog(self.keys)
        for done, (test_id, account_id) in enumerate(expiry.ended(), start=1):
            context.stop_if_asked()
            with UnitOfWork(context.database) as work:
                expiry.delete(work, test_id, account_id)
                audit.record_change(
                    work.connection, "ExpireIndependentTest", account_id=account_id, resource=str(test_id)
                )
                work.commit()
            context.report(done, note="tests deleted")

    def destroy_abandoned_keys(self, context: JobContext) -> None:
        swept = Expiry(context.database, self.keys).sweep(older_than_s=_SETTLED_S)
        context.report(swept, note="keys")
