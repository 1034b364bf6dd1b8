"""Stored and reflected text that would run, on every page, in a real browser (Debian's chromium).

Each member of a call that takes free text is in `SHOWN`, with the pages where it is to be seen as text, or
in `UNSHOWN`, with the reason; a new one fails `test_every_member_of_free_text_is_looked_for`. A page fails
if anything ran, if the browser's policy had to stop something, if an element or attribute came of the text,
or if a direction that it turns to (U+202E) reaches words that are not its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from console_visitor import Member, make_member, make_officer
from planted_text import (
    BREAKOUT,
    MARK,
    SHORT,
    Planted,
    free_members,
    opened,
    plant,
    planted_evaluation,
    printable,
    text_of,
)
from seen_pages import CHROMIUM, chromium

pytestmark = [
    pytest.mark.xdist_group("server"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium"),
]

SHOWN = {
    "AcceptTerms.OfficerName": {"paper accountability"},
    "AcceptTerms.OfficerRole": {"paper accountability"},
    "AssumePurpose.AuthorizationReference": {"log"},
    "AssumePurpose.Case": {"log"},
    "AssumePurpose.ConsentReference": {"log"},
    "ChangeStanding.Reason": {"account", "standing", "paper accountability"},
    "CreateAccount.Name": {"office", "account", "head", "paper accountability"},
    "DecideAppeal.Reason": {"account", "standing", "paper accountability"},
    "DecideFinding.Reason": {"account", "standing", "paper accountability"},
    "DecideSubjectRequest.Reason": {"people requests"},
    "EraseFaces.Reason": {"log"},
    "ExtendSubjectRequest.Reason": {"people requests"},
    "LeaveCanary.Marker": {"log"},
    "OpenCase.Case": {"cases"},
    "OpenCase.LegalBasis": {"cases"},
    "OpenCase.Reason": {"cases"},
    "OpenFinding.Summary": {"office", "account", "standing", "paper accountability"},
    "PutCharter.LegalBasis": {"collection", "charter", "people report", "paper art30", "paper dpia"},
    "PutConsent.Reference": {"people report"},
    "PutEvaluation.SignedEvaluation": {"evaluation", "paper transparency"},
    "PutRecord.Reference": {"paper dpia"},
    "RejectMatch.Reason": {"face", "merge"},
    "RequestPurpose.Justification": {"office", "keys", "account", "paper accountability"},
    "SubmitAppeal.Statement": {"office", "account", "standing"},
    "WithdrawEvaluation.Reason": {"evaluations"},
    # No members of a call: given beside the server, or on a page of one's own.
    "trust_evaluator.name": {"evaluations", "paper accountability", "paper dpia"},
    "Passkey.Name": {"passkeys"},
}
_PHOTO = "names an object to read, of which nothing is kept"
_TOKEN = "the next page's number: none but ours is taken (and see the addresses below)"
_TEST = "goes back to the tester who sent it, by the API: no page has it"
UNSHOWN = {
    **{each: _PHOTO for each in free_members() if ".S3Object." in each},
    **{each: _TOKEN for each in free_members() if each.endswith(".NextToken")},
    **{
        each: _TEST
        for each in free_members()
        if each.startswith(("AddTestSample.", "CreateIndependentTest."))
    },
    "ActivatePack.Pack": "names a pack that is there",
    "DeactivatePack.Pack": "names a pack that is there",
    "SimulatePolicy.Activate": "names a pack that is there",
    "SimulatePolicy.Deactivate": "names a pack that is there",
    "TagResource.ResourceArn": "names a collection that is there",
    "UntagResource.ResourceArn": "names a collection that is there",
    "ListTagsForResource.ResourceArn": "names a collection that is there",
    "ExplainCall.Call": "is not kept; what was typed is shown again, see the forms below",
    "ListSubjectRequests.Code": "is a code of ours, or refused",
    "OpenSubjectRequest.Code": "is a code of ours, or refused",
    "DecidePurposeRequest.Reason": "the API tells it to the account (ListPurposeRequests); no page does",
    "DecideSubjectRequest.BlockConsent": "is kept as the reference of a consent, for the log and the API",
    "OpenSubjectRequest.Attestation": "how the operator knows who asks: for the API of the account",
    "PutCaseAuthorization.AuthorizationReference": "for DescribeCase; the page says that there is one",
    "SignEvidence.EvidenceReference": "for DescribeCase; the page says who signed",
    "PutLegalHold.Reason": "for ListLegalHolds; no page has holds",
    "ReleaseLegalHold.Reason": "for ListLegalHolds; no page has holds",
    "SubmitExamination.Note": "is sealed with the verdicts, and in no answer",
    "WithdrawConsent.Reference": "names a consent that is there",
}
LOGGED = ("LeaveCanary", "DetectFaces", "RejectMatch", "EraseFaces", "DecideSubjectRequest", "PutLegalHold")
WATCH = """
window.planted = () => { window.ranHere = true; };
window.refusedHere = [];
document.addEventListener("securitypolicyviolation", event => refusedHere.push(event.violatedDirective));
"""
READ = """() => {
  const found = [document.documentElement.textContent], astray = [];
  for (const each of document.querySelectorAll("*")) {
    if (each.value) found.push(String(each.value));
    for (const attribute of each.attributes) found.push(attribute.value);
  }
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (words.nextNode()) {
    if (!words.currentNode.data.includes("\\u202e")) continue;
    let kept = words.currentNode.parentElement;
    if (/^(TEXTAREA|PRE|OPTION)$/.test(kept.tagName)) continue;  // each stands by itself
    while (kept && !/isolate|plaintext/.test(getComputedStyle(kept).unicodeBidi)) kept = kept.parentElement;
    kept = kept || document.body;
    const all = kept.textContent;
    if (/\\w/.test(all.slice(all.lastIndexOf("\\u202e") + 1))) astray.push(kept.outerHTML.slice(0, 400));
  }
  const grown = document.querySelectorAll(
    "x-planted, x, [x-planted], [onerror], [onload], [href^='javascript:'], script:not([src])");
  return {
    text: found.join("\\n"),
    wrong: {
      ran: window.ranHere ? ["yes"] : [],
      refused: window.refusedHere || [],
      grown: [...grown].map(each => each.outerHTML.slice(0, 200)),
      astray,
    },
  };
}"""


@dataclass
class Reader:
    """A tab, and what it has seen: the pages by the member whose text was on them."""

    page: Any
    endpoint: str
    seen: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def sign_in(self, cookie: str) -> None:
        self.page.context.clear_cookies()
        self.page.context.add_cookies(
            [{"name": "countenance-console", "value": cookie, "url": self.endpoint}]
        )

    def visit(self, path: str, label: str, *, status: int = 200) -> None:
        answer = self.page.goto(path if ":" in path else f"{self.endpoint}{path}")
        assert answer.status in {status, 0}, path
        self.read(label)

    def read(self, label: str) -> str:
        """What the page says; nothing of it may be anything but text."""
        told = self.page.evaluate(READ)
        assert {what: found for what, found in told["wrong"].items() if found} == {}, label
        for member in (*SHOWN, *UNSHOWN):
            if f"{member} {MARK}" in told["text"]:
                self.seen[member].add(label)
        # other tests plant braces as well, without the mark
        assert "{{7*7}}" in told["text"] or "x-planted=" not in told["text"], "a template's braces are text"
        return str(told["text"])


@dataclass(frozen=True)
class PlantedHouse:
    """Where it was planted, and who may look."""

    done: Planted
    house: str
    officer: str
    keeper: str
    other: str


@pytest.fixture(scope="module")
def planted(service, portraits) -> PlantedHouse:
    house = service.client("countenance").get_caller_identity()["AccountId"]
    done = plant(service, house, [path.read_bytes() for path in max(portraits.known.values(), key=len)[:3]])
    olga = f"Olga {uuid.uuid4().hex[:6]}"
    make_officer(service, house, olga)
    member = make_member(service, house, olga, "administrator", "auditor", "officer")
    with_passkey(service, member, printable("Passkey.Name")[:64])
    return PlantedHouse(
        done,
        house,
        cookie_of(service, member),
        cookie_of(
            service, make_member(service, house, f"Kim {uuid.uuid4().hex[:6]}", "administrator", "developer")
        ),
        cookie_of(
            service, make_member(service, done.account["account"], "Ona Other", "administrator", "auditor")
        ),
    )


def cookie_of(service: Any, member: Member) -> str:
    cookie = member.signed_in(service.endpoint).cookie
    assert cookie
    return cookie


def with_passkey(service: Any, member: Member, name: str) -> None:
    """One that was called so: no browser is asked for it."""
    with opened(service) as (database, _), database.transaction() as connection:
        connection.execute(
            "insert into passkey (credential_id, operator_id, place, name, public_key, sign_count)"
            " select %s, operator_id, 'localhost', %s, %s, 0 from operator"
            " where account_id = %s and name = %s",
            (uuid.uuid4().bytes, name, b"k" * 16, member.account, member.name),
        )


@pytest.fixture
def reader(service) -> Iterator[Reader]:
    with chromium() as browser:
        context = browser.new_context(user_agent=f"Mozilla/5.0 {SHORT}")
        context.add_init_script(WATCH)
        page = context.new_page()
        dialogs: list[str] = []
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        yield Reader(page, service.endpoint)
        context.close()
        assert dialogs == []


def test_every_member_of_free_text_is_looked_for():
    """A new one needs a line above: where it is seen, or why nowhere."""
    members = {each for each in SHOWN if each not in {"trust_evaluator.name", "Passkey.Name"}}
    assert members.isdisjoint(UNSHOWN)
    assert members | UNSHOWN.keys() == free_members()


def test_what_was_planted_is_text_wherever_it_is_seen(reader, service, planted, tmp_path):
    """And it is seen on the pages of `SHOWN`, so that this test cannot pass by looking elsewhere."""
    done, collection = planted.done, f"/console/collections/{planted.done.collection}"
    reader.sign_in(planted.officer)
    for path, label in (
        ("", "overview"),
        ("/collections", "collections"),
        ("/cases", "cases"),
        ("/keys", "own keys"),
        ("/people", "operators"),
        ("/passkeys", "passkeys"),
        ("/policy", "policy"),
        ("/office", "office"),
        (f"/office/accounts/{done.account['account']}", "account"),
        ("/standing", "own standing"),
        ("/jobs?whose=house&ended=1", "jobs"),
        ("/health", "health"),
        ("/evaluations", "evaluations"),
        *((f"/log?operation={each}", "log") for each in LOGGED),
    ):
        reader.visit(f"/console{path}", label)
    reader.visit(collection, "collection")
    reader.visit(f"{collection}/charter", "charter")
    (tmp_path / "evaluation.html").write_text(
        reader.page.request.get(f"{service.endpoint}/console/evaluations/{done.evaluation}").text(), "utf-8"
    )
    reader.visit(f"file://{tmp_path / 'evaluation.html'}", "evaluation")
    reader.sign_in(planted.keeper)
    reader.visit(f"{collection}/users/ada?purpose=development", "user")
    reader.visit(f"{collection}/users/ada?purpose=development&into=ada-2", "merge")
    for face in service.client().list_faces(CollectionId=done.collection)["Faces"]:
        reader.visit(f"{collection}/faces/{face['FaceId']}?purpose=development", "face")
    reader.sign_in(planted.other)
    for path, label in (("", "head"), ("/standing", "standing"), ("/keys", "keys"), ("/people", "head")):
        reader.visit(f"/console{path}", label)
    read_peoples_pages(reader, done.code)
    read_papers(reader, service, tmp_path)
    assert {member: SHOWN[member] - reader.seen[member] for member in SHOWN} == {
        each: set() for each in SHOWN
    }
    assert sorted(reader.seen.keys() & UNSHOWN.keys()) == []


def read_peoples_pages(reader: Reader, code: str) -> None:
    reader.page.goto(f"{reader.endpoint}/people")
    reader.page.fill("#code", code)
    reader.page.keyboard.press("Enter")
    reader.page.get_by_role("heading", name="Your requests").wait_for()
    reader.read("people requests")
    reader.page.get_by_role("button", name="Read what is held").first.click()
    reader.page.get_by_role("heading", name="What is held about you").wait_for()
    reader.read("people report")


def read_papers(reader: Reader, service: Any, folder: Path) -> None:
    """The drafts, and a report for the public with an evaluation of such words beside it."""
    evaluation = folder / "planted.json"
    evaluation.write_text(json.dumps(planted_evaluation()), "utf-8")
    period = ("--from", "2026-01-01", "--to", "2026-02-01")
    cli(
        service,
        "report",
        "transparency",
        "--server",
        *period,
        "--evaluation",
        evaluation,
        "-o",
        folder / "transparency",
    )
    for name in ("dpia", "art30", "accountability"):
        cli(service, "report", name, "-o", folder / name)
    for name in ("transparency", "dpia", "art30", "accountability"):
        for file in (folder / name).glob("**/*.html"):
            reader.visit(f"file://{file}", f"paper {name}")


def cli(service: Any, *words: Any) -> None:
    where = ["--data-dir", str(service.data_dir), *service.database_options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COUNTENANCE_")}
    command = [sys.executable, "-m", "countenance.cli", *map(str, words), *where]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("role", ["administrator", "auditor", "developer", "examiner", "officer"])
def test_it_is_text_for_every_role(reader, service, planted, role):
    """Pages differ by role: each walks its own menu."""
    name = f"Role {uuid.uuid4().hex[:6]}"
    if role == "officer":
        make_officer(service, planted.house, name)
    reader.sign_in(cookie_of(service, make_member(service, planted.house, name, role)))
    reader.visit("/console", "overview")
    menu = reader.page.get_by_role("navigation").get_by_role("link").all()
    for path in [link.get_attribute("href") for link in menu]:
        reader.visit(path, path)


def test_what_an_address_says_is_text(reader, planted):
    """Queries and paths with such words: on pages that show them again, and on those of problems."""
    here = "/console/collections"
    reader.sign_in(planted.keeper)
    for path in (
        "/console/cases?review={}",
        "/console/cases?after={}",
        "/console/collections?after={}",
        "/console/log?operation={}",
        "/console/log?after={}",
        "/console/keys?after={}",
        "/console/jobs?after={}&whose={}",
        "/console?told={}&mark={}",
        "/console/policy/packs/{}",
        "/console/policy/simulate?coming.{}=1&run=1&days={}",
        f"{here}/{{}}",
        f"{here}/{planted.done.collection}/users/{{}}",
        f"{here}/{planted.done.collection}/users/ada?purpose={{}}&into={{}}",
        f"{here}/{planted.done.collection}/users/ada?purpose=development&into={{}}",
        "/console/{}",
        "/console/sign-in?to={}",
        "/console/openid/back?error={}&error_description={}&state={}",
        "/people/{}",
        "/people?code={}",
        "/transparency/{}",
    ):
        answer = reader.page.goto(reader.endpoint + path.replace("{}", quote(BREAKOUT, safe="")))
        assert answer.status < 500, path
        reader.read(path)


def test_what_a_refused_form_shows_again_is_text(reader, planted):
    """Every form of these pages, every field of it full of such words, and nothing ticked."""
    shown_again = 0
    for cookie, path in (
        (planted.keeper, "/console/cases"),
        (planted.keeper, "/console/keys"),
        (planted.keeper, "/console/people"),
        (planted.keeper, "/console/standing"),
        (planted.keeper, "/console/passkeys"),
        (planted.keeper, "/console/try"),
        (planted.keeper, f"/console/collections/{planted.done.collection}/charter"),
        (planted.keeper, f"/console/collections/{planted.done.collection}/users/ada"),
        (planted.officer, "/console/office"),
        (planted.officer, f"/console/office/accounts/{planted.done.account['account']}"),
        (planted.officer, "/console/policy/explain"),
        (planted.officer, "/console/policy/packs/us-amazon-guidance"),
        ("", "/console/sign-in"),
        ("", "/console/invitation"),
        ("", "/people"),
    ):
        reader.sign_in(cookie or "x" * 40)
        reader.page.goto(f"{reader.endpoint}{path}")
        reader.page.evaluate("sessionStorage.clear()")
        forms = min(reader.page.locator(TYPED).count(), 6)
        for number in reversed(range(forms)):  # one that is taken may be gone, and those before it are not
            reader.page.goto(f"{reader.endpoint}{path}")
            with reader.page.expect_navigation():
                reader.page.evaluate(FILL, [TYPED, number, text_of("Form.Field")])
            shown_again += "Form.Field" in reader.read(f"{path}, form {number}")
    assert shown_again >= 6


UNTYPED = ", ".join(f"[type={each}]" for each in ("hidden", "checkbox", "radio", "file"))
TYPED = f"main form[method=post]:has(textarea, input:not({UNTYPED}))"
FILL = """([forms, number, text]) => {
  const form = document.querySelectorAll(forms)[number];
  for (const each of form.querySelectorAll("input:not([type=hidden]):not([type=file]), textarea")) {
    if (each.type === "radio" || each.type === "checkbox") continue;
    each.removeAttribute("maxlength");
    each.value = text;
  }
  form.noValidate = true;
  const button = form.querySelector("button");
  button.disabled = false;
  form.requestSubmit(button);
}"""


def test_a_photos_name_is_shown_nowhere(reader, planted, portraits):
    """A name that somebody else gave the file."""
    photo = next(iter(portraits.known.values()))[0].read_bytes()
    reader.sign_in(planted.keeper)
    reader.page.goto(f"{reader.endpoint}/console/try")
    reader.page.set_input_files("#photo", {"name": f"{SHORT}.jpg", "mimeType": "image/jpeg", "buffer": photo})
    reader.page.locator("#try > button").click()
    reader.page.locator("figure svg rect").first.wait_for()
    assert SHORT not in reader.read("tried")
