"""Jobs: what the server does beside answering calls, how far each is, and how it ended."""

from __future__ import annotations

from typing import Any, Final

from countenance.console.request import BadForm
from countenance.console.visit import Visit
from countenance.gateway.call import Answer
from countenance.operations.whose import ALL

PATH: Final = "/console/jobs"
_A_PAGE: Final = 50


def show_all(visit: Visit) -> Answer:
    """The newest first: of the account, or of the whole house for its officers."""
    asked = visit.request.asked()
    of_house = asked.get("whose") == "house" and visit.is_officer
    page = visit.ours(
        "ListJobs",
        AccountId=ALL if of_house else None,
        IncludeEnded="ended" in asked,
        MaxResults=_A_PAGE,
        NextToken=asked.get("after"),
    )
    return visit.page(
        "jobs.html",
        jobs=[_read(job) for job in page["Jobs"]],
        runners=page["Runners"],
        after=page.get("NextToken"),
        with_ended="ended" in asked,
        of_house=of_house,
        is_officer=visit.is_officer,
    )


def show_one(visit: Visit) -> Answer:
    """One job, and the way to end it for whoever may."""
    found = visit.ours("DescribeJob", JobId=int(visit.parts["job"]))
    return visit.page("job.html", job=_read(found["Job"]), runners=found["Runners"])


def take(visit: Visit) -> Answer:
    """End it."""
    if visit.form.one("do") != "cancel":
        raise BadForm("it does not say what is to be done")
    number = visit.parts["job"]
    state = visit.ours("CancelJob", JobId=int(number))["State"]
    told = "It is cancelled." if state == "cancelled" else "It ends after the step that it is at."
    return visit.goto(f"{PATH}/{number}", told=told)


def _read(job: dict[str, Any]) -> dict[str, Any]:
    """With its progress in words, and whether a page should look at it again."""
    done, total, note = job.get("Done"), job.get("Total"), job.get("Note", "")
    words = ""
    if done is not None and (done or total is not None or note):
        counted = f"{done:,}" + (f" of {total:,}" if total is not None else "")
        words = f"{counted} {note}".replace(",", " ").strip()
    is_open = job["State"] in {"waiting", "running", "stopping"}
    return job | {"progress": words, "is_open": is_open}
