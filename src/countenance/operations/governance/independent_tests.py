"""Independent tests: CreateIndependentTest, AddTestSample, FinishIndependentTest and what tells of them.

What an auditor sends goes through `load_photo`, the quality filter and `Photo.embed`, as IndexFaces does:
there is no other way from bytes to a template, and nothing in it knows whose call it is.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import replace
from typing import Final, cast

from countenance.assurance.independent_records import (
    MOST_SAMPLES,
    Declaration,
    IndependentTest,
    LabelledSample,
    Room,
    Status,
)
from countenance.assurance.independent_scores import scores_from
from countenance.errors import ConflictException, InvalidParameterException
from countenance.operations.call_report import Report
from countenance.operations.chosen_face import face_in_box, largest_face, middle_face
from countenance.operations.deps import Deps
from countenance.operations.face_shapes import ratio_box, to_bounding_box
from countenance.operations.images import Photo, load_photo
from countenance.operations.independent_assessment import assess_task
from countenance.operations.pipeline_binding import binding_of
from countenance.types import Face
from countenance.vision.quality_filter import Level
from countenance.wire.shapes import (
    AddTestSampleRequest,
    AddTestSampleResponse,
    CreateIndependentTestRequest,
    CreateIndependentTestResponse,
    DeleteIndependentTestRequest,
    DeleteIndependentTestResponse,
    FinishIndependentTestRequest,
    FinishIndependentTestResponse,
    GetIndependentTestRequest,
    GetIndependentTestResponse,
    IndependentTestSummary,
    ListIndependentTestsRequest,
    ListIndependentTestsResponse,
    ListTestScoresRequest,
    ListTestScoresResponse,
    TesterLimits,
)

_SCORES_A_PAGE: Final = 1_000


def create_independent_test(
    request: CreateIndependentTestRequest, deps: Deps
) -> CreateIndependentTestResponse:
    """Begin a test of one pack, with one calibration, by one program."""
    columns = tuple(request.get("CohortColumns", ()))
    if columns and "LabelsBy" not in request:
        raise InvalidParameterException(
            "where there are `CohortColumns`, `LabelsBy` says whose labels they are"
        )
    if len(set(columns)) < len(columns):
        raise InvalidParameterException("`CohortColumns` names a column twice")
    binding = binding_of(request.get("FaceModelVersion"), deps)
    declaration = Declaration(
        name=request["Name"],
        tested_by=request["TestedBy"],
        data_set=request["DataSet"],
        labels_by=request.get("LabelsBy", ""),
        cohort_columns=columns,
        face=request.get("Face", "LARGEST"),
        quality_filter=request.get("QualityFilter", "AUTO"),
    )
    account_id = deps.caller.account_id
    test = deps.tests.create(deps.uow, account_id, declaration, binding)
    deps.report.changes(str(test.test_id))
    return {"Test": _to_summary(test, deps), "Limits": _to_limits(deps.tests.room(account_id))}


def add_test_sample(request: AddTestSampleRequest, deps: Deps) -> AddTestSampleResponse:
    """Make a template of a labelled image as IndexFaces would, and keep it for this test alone.

    That no template could be made is an answer, no error: it counts as a failure to enrol.
    """
    test = _require(request["TestId"], deps)
    deps.tests.require_room_for_sample(test.account_id)
    _require_open(test, deps)
    # What is refused anyhow must cost no pixels: it is not counted, so it could be sent without end.
    deps.tests.require_new(test, request["Number"])
    cohorts = request.get("Cohorts", {})
    if unknown := cohorts.keys() - set(test.declaration.cohort_columns):
        raise InvalidParameterException(f"`{min(unknown)}` is no column of this test")
    photo = load_photo({"Bytes": request["Image"]}, deps.vision(test.face_model_version), deps)
    face = _chosen(request, test, photo)
    level = cast("Level", test.declaration.quality_filter)
    reasons: list[str] = [] if face is None else list(photo.reasons_against(face, level))
    template = None if face is None or reasons else photo.embed(face)[0]
    sample = LabelledSample(
        number=request["Number"],
        subject=request["Subject"],
        cohorts=cohorts,
        image_digest=hashlib.sha256(request["Image"]).hexdigest(),
        is_boxed="BoundingBox" in request,
        template=template,
    )
    deps.tests.add(deps.uow, test, sample)
    response: AddTestSampleResponse = {
        "Enrolled": template is not None,
        "Reasons": reasons if face is not None else _no_face(photo),
        "FacesFound": len(photo.detection.faces),
    }
    if face is not None:
        response["BoundingBox"] = to_bounding_box(ratio_box(face, photo.detection))
        response["Confidence"] = face.confidence
        response["Quality"] = {
            "Brightness": face.quality.brightness,
            "Sharpness": face.quality.sharpness,
        }
    return response


def finish_independent_test(
    request: FinishIndependentTestRequest, deps: Deps
) -> FinishIndependentTestResponse:
    """End the taking of samples, and have the figures computed by a job."""
    test = _require(request["TestId"], deps)
    finished = deps.tests.finish(deps.uow, test, assess_task(deps.tests))
    return {"Test": _to_summary(finished, deps)}


def get_independent_test(request: GetIndependentTestRequest, deps: Deps) -> GetIndependentTestResponse:
    """How a test stands, and of a finished one the figures."""
    test = _require(request["TestId"], deps)
    response: GetIndependentTestResponse = {
        "Test": _to_summary(test, deps),
        "Limits": _to_limits(deps.tests.room(test.account_id)),
        "SampleNumbers": [number for number, _ in deps.tests.numbers(test)],
    }
    if test.figures is not None:
        response["Evaluation"] = json.dumps(test.figures)
    return response


def list_test_scores(request: ListTestScoresRequest, deps: Deps) -> ListTestScoresResponse:
    """The similarity of every pair of a test's samples.

    Only once the test takes no more samples: whoever saw scores while they choose the next image could climb
    along them. What is left of that is a walk of a test a step, at a rate, among images that the tester has.
    """
    test = _require(request["TestId"], deps)
    if test.status is Status.OPEN:
        raise ConflictException("the test takes samples still: finish it first (FinishIndependentTest)")
    samples = deps.tests.samples(test)
    page = deps.page_tokens.page(
        request.get("NextToken"),
        scope=("ListTestScores", str(test.test_id)),
        size=request.get("MaxResults", _SCORES_A_PAGE),
        fetch=lambda after, limit: scores_from(
            samples, test.binding.calibration, after=_pair(after), limit=limit
        ),
        position_of=lambda score: f"{score.first}-{score.second}",
    )
    response: ListTestScoresResponse = {
        "Scores": [
            {
                "First": score.first,
                "Second": score.second,
                "Similarity": score.similarity,
                "Mated": score.mated,
            }
            for score in page.items
        ]
    }
    if page.next_token is not None:
        response["NextToken"] = page.next_token
    return response


def list_independent_tests(request: ListIndependentTestsRequest, deps: Deps) -> ListIndependentTestsResponse:
    """The caller's tests, by id."""
    account_id = deps.caller.account_id
    page = deps.page_tokens.page(
        request.get("NextToken"),
        scope=("ListIndependentTests", account_id),
        size=request.get("MaxResults", 100),
        fetch=lambda after, limit: deps.tests.list_tests(
            account_id, limit=limit, after=None if after is None else uuid.UUID(after)
        ),
        position_of=lambda test: str(test.test_id),
    )
    response: ListIndependentTestsResponse = {"Tests": [_to_summary(test, deps) for test in page.items]}
    if page.next_token is not None:
        response["NextToken"] = page.next_token
    return response


def delete_independent_test(
    request: DeleteIndependentTestRequest, deps: Deps
) -> DeleteIndependentTestResponse:
    """Delete a test with its samples and figures, and destroy its key."""
    deps.tests.delete(deps.uow, _require(request["TestId"], deps))
    return {}


def _require(test_id: str, deps: Deps) -> IndependentTest:
    """The caller's test. Raises ResourceNotFoundException: whoever else has one of that id."""
    return deps.tests.require(deps.caller.account_id, uuid.UUID(test_id))


def _require_open(test: IndependentTest, deps: Deps) -> None:
    """Raises ConflictException: it is finished, or was made for another pipeline than there is now."""
    if test.status is not Status.OPEN:
        raise ConflictException("the test is finished and takes no more samples: make another one")
    if changed := _closed_because(test, deps):
        # INVARIANT: no test has samples of two pipelines.
        raise ConflictException(f"the test is closed: {changed}; make another one")


def _closed_because(test: IndependentTest, deps: Deps) -> str:
    """What was replaced since an open test was made; empty where nothing was."""
    if test.status is not Status.OPEN:
        return ""
    if test.face_model_version not in deps.models.packs:
        return "its model pack is not here any more"
    looking = replace(deps, report=Report())  # the call does not use what is only compared
    return test.binding.difference(binding_of(test.face_model_version, looking))


def _chosen(request: AddTestSampleRequest, test: IndependentTest, photo: Photo) -> Face | None:
    if "BoundingBox" in request:
        return face_in_box(photo, request["BoundingBox"])
    return largest_face(photo) if test.declaration.face == "LARGEST" else middle_face(photo)


def _no_face(photo: Photo) -> list[str]:
    return ["NO_FACE_IN_THE_BOX"] if photo.detection.faces else ["NO_FACE"]


def _pair(position: str | None) -> tuple[int, int] | None:
    if position is None:
        return None
    first, _, second = position.partition("-")
    return int(first), int(second)


def _to_summary(test: IndependentTest, deps: Deps) -> IndependentTestSummary:
    changed = _closed_because(test, deps)
    summary: IndependentTestSummary = {
        "TestId": str(test.test_id),
        "Name": test.declaration.name,
        "Status": "CLOSED" if changed else test.status.value,
        "CreatedAt": test.created_at,
        "ExpiresAt": test.expires_at,
        "FaceModelVersion": test.face_model_version,
        "PackName": test.binding.pack["name"],
        "PackDigest": test.binding.pack["digest"],
        "CalibrationDigest": test.binding.calibration.digest,
        "PipelineDigest": test.binding.pipeline_digest,
        "Samples": test.samples,
        "Enrolled": test.enrolled,
    }
    if changed:
        summary["ClosedBecause"] = changed
    return summary


def _to_limits(room: Room) -> TesterLimits:
    limits: TesterLimits = {
        "SamplesThisHour": min(room.this_hour, room.in_all),
        "SamplesInAll": room.in_all,
        "MostSamplesAnHour": room.most_an_hour,
        "MostSamplesOfATest": MOST_SAMPLES,
        "TestsNow": room.tests,
    }
    if room.next_at is not None:
        limits["NextSampleAt"] = room.next_at
    return limits
