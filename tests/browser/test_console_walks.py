"""Each role walks its pages, at every size and in both schemes, by mouse and by keys; and what links lead to.

A page is loaded once: its window is made small and its scheme dark where it stands (`look_everywhere`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from PIL import Image

from console_visitor import make_member, make_officer
from countenance.assurance.evaluators import trust_evaluator
from countenance.casework import Casework, Held, Picture, Search
from countenance.cli.installation import open_store
from countenance.console.routes import ROUTES
from countenance.settings import Settings
from countenance.store import UnitOfWork
from countenance.transparency.note import Signer
from countenance.types import Confidence, Face, PixelBox, Pose, Quality
from countenance.vision.face_crop import cut_crop
from sample_evaluation import sample_evaluation
from seen_pages import CHROMIUM, look_everywhere, reached_by_keys
from signed_evaluations import signed

pytestmark = [
    pytest.mark.xdist_group("server"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium"),
]
ROLES = ("administrator", "auditor", "developer", "examiner", "officer")
SHAPE = "[...document.querySelectorAll('main *')].map(each => each.tagName + each.className).join()"
POINTS = np.array([[150, 180], [250, 180], [200, 240], [160, 290], [240, 290]], np.float32)


@pytest.fixture(scope="module")
def cookies(service, house) -> dict[str, str]:
    """Of one person for each role, who has no other."""
    found = {}
    for role in ROLES:
        name = f"Walking {role} {uuid.uuid4().hex[:6]}"
        if role == "officer":
            make_officer(service, house, name)
        found[role] = make_member(service, house, name, role).signed_in(service.endpoint).cookie
    return found


@pytest.fixture
def page(browser, service) -> Iterator[Any]:
    """A tab; what its console says fails the test, but for answers that are problems and are looked at."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    yield page
    context.close()
    assert [each for each in errors if "the server responded with a status of" not in each] == []


def sign_in(page: Any, service: Any, cookie: str) -> None:
    page.context.clear_cookies()
    page.context.add_cookies([{"name": "countenance-console", "value": cookie, "url": service.endpoint}])


@pytest.fixture(scope="module")
def walked() -> set[tuple[str, str]]:
    """Pages that were looked at, by their elements: the same page is looked at for one role."""
    return set()


@pytest.mark.parametrize("role", ROLES)
def test_each_role_walks_its_own_pages_and_is_kept_out_of_the_others(page, service, cookies, walked, role):
    """The menu leads to what the role is for, each page stands without a barrier; no address does more."""
    sign_in(page, service, cookies[role])
    page.goto(f"{service.endpoint}/console")
    menu = {link.get_attribute("href") for link in page.get_by_role("navigation").get_by_role("link").all()}
    assert menu == {route.path for route in ROUTES if route.title and role in route.roles}
    for path in sorted(menu):
        assert page.goto(f"{service.endpoint}{path}").status == 200, path
        assert page.locator("h1").count() == 1, path
        shape = page.evaluate(SHAPE)
        if (path, shape) in walked:  # as an earlier role saw it
            continue
        walked.add((path, shape))
        look_everywhere(
            page, f"{role}-{path.removeprefix('/console').strip('/').replace('/', '-') or 'overview'}"
        )
        reached_by_keys(page, path)
    for route in ROUTES:
        if role not in route.roles and route.title:
            assert page.goto(f"{service.endpoint}{route.path}").status == 404, route.path
    look_everywhere(page, f"{role}-nothing-here")


@pytest.fixture(scope="module")
def released(service, house, portraits) -> str:
    """A search that two examiners have looked at, and of whom one of two is supported."""
    search = {
        "account_id": house,
        "case_id": None,
        "purpose": "development",
        "operation": "SearchFacesByImage",
        "requested_by": "a test",
        "event_id": uuid.uuid4(),
    }
    found = [{"Similarity": 99.1 - place, "Face": {"FaceId": str(uuid.uuid4())}} for place in range(2)]
    with Image.open(next(iter(portraits.known.values()))[0]) as photo:
        pixels = np.asarray(photo.convert("RGB").resize((400, 440)))
    face = Face(
        PixelBox(110.0, 100.0, 180.0, 240.0),
        POINTS,
        Confidence(99.0),
        Pose(0.0, 0.0, 0.0),
        Quality(50.0, 50.0),
    )
    picture = Picture(cut_crop(pixels, face), {"Brightness": 71.0, "Sharpness": 88.5})
    where = {"database_url": service.database_options[1]} if service.database_options else {}
    with open_store(Settings.from_env({}, data_dir=service.data_dir, **where)) as (database, keys):
        with UnitOfWork(database) as work:
            reviews = Casework.open(database, keys, least_view_s=0).reviews
            digest = reviews.digest(str(uuid.uuid4()))
            held = Held(answer={"FaceMatches": found}, probe=picture, candidates=[picture, picture])
            review = reviews.hold(work, Search(**search, request_digest=digest, probe_digest=digest), held)
            work.commit()
        for name in ("Emil", "Edda"):
            key = service.make_operator(house, f"{name} {uuid.uuid4().hex[:6]}", "examiner")
            examiner = service.client("countenance", **key)
            shown = examiner.begin_examination(ReviewId=str(review))["Pictures"]
            with database.transaction() as connection:
                connection.execute(
                    "update examination set began_at = began_at - interval '1 hour' where review_id = %s",
                    (review,),
                )
            said = [{"Label": each["Label"], "Verdict": "support"} for each in shown]
            examiner.submit_examination(ReviewId=str(review), Verdicts=said)
    return str(review)


def test_cases_with_one_to_authorise_and_a_review_that_is_shown(page, service, cookies, released):
    """With what a case may have, and every form behind it opened."""
    service.client("countenance").open_case(
        Case=f"Burglary at the mill, {uuid.uuid4().hex[:6]}",
        Purpose="development",
        Reason="Somebody broke into the mill at night, and a camera saw them. " * 3,
        LegalBasis="a statute of " + "a-very-long-word-" * 6,
        ExpiresAt=datetime.now(UTC) + timedelta(days=2),
        Urgent=True,
    )
    sign_in(page, service, cookies["administrator"])
    page.goto(f"{service.endpoint}/console/cases?review={released}")
    assert "examiners support 2 of 2" in page.locator("main").inner_text()
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    look_everywhere(page, "cases-review")
    reached_by_keys(page, "cases")


def test_what_is_told_once(page, service, cookies):
    """A key's secret and an invitation's code stand on the page that answers the form."""
    sign_in(page, service, cookies["administrator"])
    page.goto(f"{service.endpoint}/console/keys")
    page.fill("#operator", "walker")
    page.get_by_role("button", name="Make a key").click()
    page.get_by_role("heading", name="The new key").wait_for()
    look_everywhere(page, "key-made")
    page.goto(f"{service.endpoint}/console/people")
    name = f"Newcomer {uuid.uuid4().hex[:6]}"
    page.fill("#name", name)
    page.locator("input[value=auditor]").first.check()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name=f"Invite {name}").click()
    page.get_by_role("heading", name="An invitation for").wait_for()
    look_everywhere(page, "invited")


def test_an_entrys_proof_when_it_is_computed(page, service, cookies):
    sign_in(page, service, cookies["auditor"])
    page.goto(f"{service.endpoint}/console/log")
    page.locator("td a", has_text="check entry").last.click()
    page.locator("#verdict.holds").wait_for()
    look_everywhere(page, "proof")
    reached_by_keys(page, "proof")


def test_an_evaluations_report(page, service, cookies, tmp_path):
    """It is sandboxed where it is served, and axe-core is a script: the same page is looked at as a file."""
    signer = Signer.generate(f"{uuid.uuid4()}/key")
    where = {"database_url": service.database_options[1]} if service.database_options else {}
    with (
        open_store(Settings.from_env({}, data_dir=service.data_dir, **where)) as (database, _),
        database.transaction() as connection,
    ):
        told = {"name": "A laboratory", "independent": True, "reason": "a test", "by": "Olga Officer"}
        trust_evaluator(connection, str(signer.verifier), **told)
    file = signed(sample_evaluation(), signer).to_bytes().decode()
    made = service.officer().put_evaluation(SignedEvaluation=file)["EvaluationId"]
    sign_in(page, service, cookies["auditor"])
    page.goto(f"{service.endpoint}/console/evaluations")
    look_everywhere(page, "evaluations-with-one")
    answer = page.goto(f"{service.endpoint}/console/evaluations/{made}")
    assert "sandbox" in answer.headers["content-security-policy"]
    (tmp_path / "evaluation.html").write_text(answer.text(), "utf-8")
    page.goto(f"file://{tmp_path / 'evaluation.html'}")
    look_everywhere(page, "evaluation-report")


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("auditor", "/console/nothing", 404),
        ("auditor", f"/console/log/{uuid.UUID(int=7)}", 404),
        ("developer", "/console/collections/nothing", 400),
        ("developer", "/console/log?after=nothing", 400),
        ("administrator", f"/console/cases?review={uuid.UUID(int=7)}", 200),
        ("administrator", "/console/policy/packs/nothing", 404),
        ("administrator", "/console/jobs/999999", 400),
        ("officer", "/console/office/accounts/000000000000", 400),
        ("", "/console/sign-in?to=/console/log", 200),
        ("", "/people/nothing", 404),
    ],
)
def test_a_page_of_a_problem_has_no_barrier(page, service, cookies, role, path, status):
    """It is then that somebody has to be able to read what to do."""
    if role:
        sign_in(page, service, cookies[role])
    answer = page.goto(f"{service.endpoint}{path}")
    look_everywhere(page, f"problem-{path.partition('?')[0].strip('/').replace('/', '-')[:40]}")
    reached_by_keys(page, path)
    assert answer.status == status


def test_a_form_of_another_site_is_refused_without_a_barrier(page, service, cookies):
    """403 is an answer that a browser shows, to somebody who was lured there."""
    sign_in(page, service, cookies["administrator"])
    page.goto("about:blank")
    page.set_content(
        f"<form method=post action={service.endpoint}/console/keys><button>You have won</button>"
    )
    page.get_by_role("button").click()
    page.get_by_role("heading", name="That form did not come from this console").wait_for()
    look_everywhere(page, "problem-403")


def test_who_is_not_let_in_reads_why(page, service, house):
    """In words beside the form, which is there again: what was typed but the password."""
    page.goto(f"{service.endpoint}/console/sign-in")
    for field, value in {
        "#account": house,
        "#name": "Nobody",
        "#password": "p" * 14,
        "#code": "123456",
    }.items():
        page.fill(field, value)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("alert").wait_for()
    assert page.input_value("#password") == ""
    look_everywhere(page, "sign-in-wrong")
    reached_by_keys(page, "sign-in-wrong")
