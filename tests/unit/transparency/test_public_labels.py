"""Which operations a transparency report counts as whose: held against those that there are."""

from __future__ import annotations

import random
import uuid
from pathlib import Path

import pytest

import countenance
from countenance.audit.event import WORDS
from countenance.operations.registry import OPERATIONS
from countenance.policy.groups import GROUPS
from countenance.transparency.canonical import canonical_json
from countenance.transparency.merkle import leaf_hash
from countenance.transparency.public_labels import LOOKS, PEOPLE, REVIEWS, labels_of, labels_once
from countenance.transparency.public_report import Asked, Figures
from fixtures_log import random_event

OF_REVIEWS = {*GROUPS["casework"], *GROUPS["examine"], *GROUPS["supervise"]}
OF_PEOPLE = {*GROUPS["rights"], "PutConsent", "PutLegalHold", "ReleaseLegalHold"}


def entry_of(operation, *, kind="call", outcome="answered", **members):
    told = {"v": 1, "kind": kind, "event": str(uuid.uuid4()), "time": "2026-11-23T04:00:00.000Z"}
    called = {"service": "countenance", "operation": operation, "decision": "allow", "outcome": outcome}
    return told | called | members


@pytest.mark.parametrize(
    ("counted", "there"),
    [(REVIEWS, OF_REVIEWS | {"PurgeReview"}), (PEOPLE, OF_PEOPLE)],
    ids=["reviews", "people"],
)
def test_every_operation_of_reviews_and_of_people_is_counted_or_only_looks(counted, there):
    """A new operation, or one of another name, would be missing from the figures, unseen."""
    assert {*counted, *(set(LOOKS) & there)} == there
    assert not set(counted) & set(LOOKS)
    assert len(set(counted)) == len(counted)


def test_every_operation_that_is_named_is_one():
    """A name that nothing has would be a figure that is 0 for good."""
    offered = {*OPERATIONS["countenance"], *OPERATIONS["rekognition"]}
    assert {*REVIEWS, *PEOPLE, *LOOKS} - offered == {"PurgeReview"}
    sources = [path.read_text() for path in Path(countenance.__file__).parent.glob("c*/*.py")]
    for change in ("PurgeReview", "LapseFinding"):  # made by jobs and detectors, by no call
        assert any(f'"{change}"' in source for source in sources), change


@pytest.mark.parametrize(
    ("operation", "figure", "words"),
    [
        ("OpenSubjectRequest", "people/asked/", {"access", "erasure", "objection", "withdrawal"}),
        ("DecideSubjectRequest", "people/decided/", {"grant", "refuse"}),
        ("ReportOutcome", "reviews/outcome/", {"no_lead", "lead_not_used", "lead_used", "used_for_arrest"}),
    ],
)
def test_what_was_asked_for_or_settled_is_counted_by_its_word(models, operation, figure, words):
    """The words are the model's own, and the log may say each of them."""
    member = {"OpenSubjectRequest": "Kind", "DecideSubjectRequest": "Decision", "ReportOutcome": "Outcome"}
    shape = models.services["countenance"].operations[operation].input_shape.members[member[operation]]
    assert set(shape.enum) == words <= WORDS
    for word in words:
        assert f"{figure}{word}" in labels_of(entry_of(operation, word=word))
    assert f"{figure}(not stated)" in labels_of(entry_of(operation))
    assert not any(each.startswith(figure) for each in labels_of(entry_of(operation, outcome="failed")))


def test_a_call_that_is_told_again_in_another_accounts_log_is_counted_once():
    """An officer decides a request of another account: their call, and a change that says so there."""
    call = entry_of("DecideSubjectRequest", word="grant")
    again = entry_of("DecideSubjectRequest", word="grant", kind="change", previous=call["event"])
    alone = entry_of("OpenSubjectRequest", word="access", kind="change")  # by a code, on the page for people
    assert "people/decided/grant" in labels_of(call)
    assert not [each for each in labels_of(again) if each.startswith("people/")]
    assert "people/asked/access" in labels_of(alone)


def test_a_search_under_review_is_counted_once_for_each_step():
    """It was told to wait three times, examined twice, and its answer was fetched twice: one search."""
    review = str(uuid.uuid4())
    held = [
        entry_of("SearchFacesByImage", outcome="withheld", error="AccessDeniedException", review=review)
        for _ in range(3)
    ]
    examined = [
        entry_of("SubmitExamination", review=review),
        entry_of("SubmitExamination", review=review, word="decided"),
    ]
    fetched = [entry_of("SearchFacesByImage", candidates=1, replay=True, review=review) for _ in range(2)]
    looked = [entry_of("GetReview", review=review), entry_of("BeginExamination", review=review)]
    purged = [entry_of("PurgeReview", kind="change", review=review)]
    told = [each for entry in (*held, *examined, *fetched, *looked, *purged) for each in labels_once(entry)]
    assert {figure for figure, _ in told} == {f"reviews/{step}" for step in STEPS}
    figures = Figures(Asked(start="2026-11-01", end="2026-12-01"))
    chance = random.Random(1)
    entries = [*held, *examined, *fetched, *looked, *purged]
    for index, entry in enumerate(entries):
        content = canonical_json(entry | {"event": random_event(chance)})
        figures.add(index, content, leaf_hash(content))
    assert [counted(figures, f"reviews/{step}") for step in STEPS] == [1] * 4
    assert counted(figures, "reviews/withheld") == 3
    assert counted(figures, "reviews/operation/SubmitExamination") == 2


STEPS = ("held", "decided", "answered", "purged")


def counted(figures: Figures, name: str) -> int:
    """Before anything is withheld."""
    return sum(count for names, count in figures._atoms.items() if name in names)
