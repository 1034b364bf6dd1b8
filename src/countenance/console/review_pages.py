"""What waits for an examiner, and pictures to decide about: no name, no score, in an order of one's own."""

from __future__ import annotations

from typing import Any, Final

from countenance.casework.verdicts import FEATURES, REMARKS
from countenance.console.request import BadForm
from countenance.console.visit import Visit
from countenance.gateway.call import Answer

PATH: Final = "/console/reviews"
VERDICTS: Final = {
    "support_strong": "strongly supports that they are one person",
    "support": "supports that they are one person",
    "inconclusive": "inconclusive",
    "against": "supports that they are two people",
    "against_strong": "strongly supports that they are two people",
}


def show_all(visit: Visit) -> Answer:
    """What waits; an examination that was begun goes on."""
    page = visit.ours("ListReviews", MaxResults=100, NextToken=visit.request.asked().get("after"))
    return visit.page("reviews.html", reviews=page["Reviews"], after=page.get("NextToken"))


def begin(visit: Visit) -> Answer:
    """Take a seat."""
    review = visit.form.one("review")
    visit.ours("BeginExamination", ReviewId=review)
    return visit.goto(f"{PATH}/{review}")


def show_one(visit: Visit) -> Answer:
    """The pictures of an examination that one has begun: looking at a page takes no seat."""
    review = visit.parts["review"]
    mine = _begun(visit, review)
    if mine is None:
        return visit.goto(PATH)
    seen = visit.ours("BeginExamination", ReviewId=review)
    return visit.page(
        "examination.html",
        review=mine,
        probe=seen["Probe"],
        probe_aligned=seen.get("ProbeAligned"),
        pictures=seen["Pictures"],
        began_at_s=seen["BeganAt"],
        least_view_s=seen["LeastViewSeconds"],
        left_s=max(0.0, seen["BeganAt"] + seen["LeastViewSeconds"] - visit.calls.now().timestamp()),
        verdicts=VERDICTS,
        features=FEATURES,
        remarks=REMARKS,
        said={name: visit.was(name) for name in visit.posted()},
    )


def submit(visit: Visit) -> Answer:
    """Say what one sees; once."""
    form, review = visit.form, visit.parts["review"]
    labels = form.many("label")
    if not labels:
        raise BadForm("it names no picture")
    mine = _begun(visit, review)
    if mine is not None and form.one("began_at") != str(mine["BeganAt"]):
        # The seat was given up and taken anew: the pictures may lie in another order since.
        raise BadForm("the pictures were laid out anew since you saw them: look once more, and say it again")
    verdicts: list[dict[str, Any]] = []
    for label in labels:
        remarks = ((feature, form.one(f"{label}.{feature}")) for feature in FEATURES)
        features = [{"Feature": feature, "Remark": remark} for feature, remark in remarks if remark]
        verdicts.append({"Label": label, "Verdict": form.one(f"{label}.verdict"), "Features": features})
    visit.ours("SubmitExamination", ReviewId=review, Verdicts=verdicts, Note=form.one("note") or None)
    return visit.goto(PATH, told="Your examination is taken.")


def _begun(visit: Visit, review: str) -> dict[str, Any] | None:
    """The review as it waits for somebody who has begun with it; None if they have not."""
    after: str | None = None
    while True:
        page = visit.ours("ListReviews", MaxResults=100, NextToken=after)
        for each in page["Reviews"]:
            if each["ReviewId"] == review:
                return each if "BeganAt" in each else None
        after = page.get("NextToken")
        if after is None:
            return None
