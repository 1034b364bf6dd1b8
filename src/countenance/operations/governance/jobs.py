"""ListJobs, DescribeJob, CancelJob: what the server does beside answering calls."""

from __future__ import annotations

from typing import Any, Final, cast

from countenance.accounts.job_owners import list_jobs as list_owned
from countenance.accounts.job_owners import owner_of
from countenance.errors import AccessDeniedException, ConflictException, ResourceNotFoundException
from countenance.operations.deps import Deps
from countenance.operations.whose import accounts_asked
from countenance.store.jobs import Job, JobState, NoSuchJob
from countenance.types import AccountId
from countenance.wire.shapes import (
    CancelJobRequest,
    CancelJobResponse,
    DescribeJobRequest,
    DescribeJobResponse,
    JobSummary,
    ListJobsRequest,
    ListJobsResponse,
)

_A_PAGE: Final = 50
_ASKED_FOR: Final = frozenset({"import"})
"""Kinds of jobs that an account has made itself. What it did not ask for, such as making its deletions final,
it must not be able to hold up."""
_OPEN: Final = frozenset({JobState.WAITING, JobState.RUNNING})


def list_jobs(request: ListJobsRequest, deps: Deps) -> ListJobsResponse:
    """Jobs of an account, the newest first."""
    asked = accounts_asked(request.get("AccountId"), deps)
    with_ended, connection = request.get("IncludeEnded", False), deps.uow.connection
    page = deps.page_tokens.page(
        request.get("NextToken"),
        scope=("ListJobs", deps.caller.account_id, asked or "", str(with_ended)),
        size=request.get("MaxResults", _A_PAGE),
        fetch=lambda after, limit: [
            *list_owned(
                connection,
                asked,
                with_ended=with_ended,
                limit=limit,
                before=None if after is None else int(after),
            ).items()
        ],
        position_of=lambda owned: str(owned[0]),
    )
    owners = dict(page.items)
    found = reversed(deps.house.jobs.find_all([*owners], connection=connection))
    response: ListJobsResponse = {
        "Jobs": [_to_summary(job, owners[job.job_id], deps) for job in found],
        "Runners": deps.house.jobs.count_workers(connection=connection),
    }
    if page.next_token is not None:
        response["NextToken"] = page.next_token
    return response


def describe_job(request: DescribeJobRequest, deps: Deps) -> DescribeJobResponse:
    """One job."""
    job, owner = _require(request["JobId"], deps)
    runners = deps.house.jobs.count_workers(connection=deps.uow.connection)
    return {"Job": _to_summary(job, owner, deps), "Runners": runners}


def cancel_job(request: CancelJobRequest, deps: Deps) -> CancelJobResponse:
    """Take a job out, or have it end after its step."""
    job, owner = _require(request["JobId"], deps)
    if deps.caller.officer is None and not _is_callers(job, owner, deps):
        raise AccessDeniedException(
            f"the job {job.job_id} does what the house has to do, whoever asks: officers alone may cancel it"
        )
    try:
        state = deps.house.jobs.cancel(job.job_id, connection=deps.uow.connection)
    except NoSuchJob as error:
        raise ConflictException(str(error)) from None
    deps.report.changes(f"job {job.job_id}")
    return {"State": state.value}


def _require(job_id: int, deps: Deps) -> tuple[Job, AccountId | None]:
    connection = deps.uow.connection
    found, owner = deps.house.jobs.find_all([job_id], connection=connection), owner_of(connection, job_id)
    if not found or (owner != deps.caller.account_id and deps.caller.officer is None):
        # INVARIANT: what is another account's is answered as what does not exist.
        raise ResourceNotFoundException(f"there is no job `{job_id}`")
    return found[0], owner


def _is_callers(job: Job, owner: AccountId | None, deps: Deps) -> bool:
    return owner == deps.caller.account_id and job.task in _ASKED_FOR


def _to_summary(job: Job, owner: AccountId | None, deps: Deps) -> JobSummary:
    roles = deps.caller.roles
    is_for_them = roles is None or bool(roles & {"administrator", "officer"})  # as ROL-001 has it
    may = is_for_them and (deps.caller.officer is not None or _is_callers(job, owner, deps))
    summary: JobSummary = {
        "JobId": job.job_id,
        "Task": job.task,
        "State": job.state.value,
        "MadeAt": job.made_at,
        "Failures": job.failures,
        "MayCancel": may and job.state in _OPEN,
    }
    if owner is not None:
        summary["AccountId"] = owner
    if job.arguments:
        summary["About"] = ", ".join(f"{name} {value}" for name, value in sorted(job.arguments.items()))
    optional: dict[str, Any] = {
        "Done": job.done,
        "Total": job.total,
        "Note": job.note or None,
        "ReportedAt": job.progress_at,
        "StartedAt": job.started_at,
        "NextTryAt": job.next_at if job.state is JobState.WAITING else None,
        "EndedAt": job.ended_at,
        "Error": job.error,
        "ErrorAt": job.error_at,
    }
    summary |= cast("JobSummary", {name: value for name, value in optional.items() if value is not None})
    return summary
