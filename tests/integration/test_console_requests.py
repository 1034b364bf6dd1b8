"""What people ask about their own faces, seen and answered in the console by those who must."""

from __future__ import annotations

import re
import uuid
from urllib.parse import parse_qs, urlsplit

import pytest

from console_visitor import Visitor, make_member, make_officer

pytestmark = pytest.mark.xdist_group("server")

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
CODE = re.compile(r"<code>([0-9A-Z]{4}(?:-[0-9A-Z]{4})+)</code>")


@pytest.fixture(scope="module")
def house(service):
    return service.client("countenance").get_caller_identity()["AccountId"]


@pytest.fixture(scope="module")
def administrator(service, house):
    member = make_member(service, house, f"Asta {uuid.uuid4().hex[:6]}", "administrator")
    return member.signed_in(service.endpoint)


@pytest.fixture
def his(rekognition, collection, portraits):
    path = max(portraits.known.values(), key=len)[0]
    told = rekognition.index_faces(CollectionId=collection, Image={"Bytes": path.read_bytes()})
    return told["FaceRecords"][0]["Face"]["FaceId"]


def opened(visitor, kind, collection, face, attestation="passport seen"):
    fields = {"do": "open", "kind": kind, "collection": collection, "faces": face}
    page = visitor.post("/console/requests", fields | {"attestation": attestation})
    assert page.status == 303, page.text
    return urlsplit(page.headers["location"]).path


def told(page):
    return parse_qs(urlsplit(page.headers["location"]).query)["told"][0]


def test_what_came_over_the_public_page_is_seen_with_its_deadline_and_granted(
    service, administrator, collection, his, rekognition
):
    """From a code of the console to the proof, and the person reads the answer where they asked."""
    made = administrator.post("/console/requests", {"do": "code", "collection": collection, "faces": his})
    code = CODE.search(made.body)
    assert (made.status, bool(code)) == (200, True), made.text
    person = Visitor(service.endpoint)
    given = {"code": code.group(1), "do": "open", "kind": "erasure"}
    assert "Your request is open" in person.post("/people", given, token=False).text
    assert "People's requests" in administrator.get("/console").text
    listed = administrator.get("/console/requests")
    [path] = [
        path
        for path in re.findall(r'href="(/console/requests/[0-9a-f-]{36})"', listed.body)
        if his in administrator.get(path).text
    ]
    shown = administrator.get(path)
    assert re.search(r"Due \d{4}-\d\d-\d\d \d\d:\d\d UTC: (?:2[789]|30) days left", shown.text)
    unsure = administrator.post(path, {"do": "grant", "reason": f"as asked {EVIL}"})
    assert (unsure.status, "is not ticked" in unsure.text) == (400, True)
    assert "as asked &lt;script&gt;" in unsure.body  # what was typed is kept, and is no script
    granted = administrator.post(path, {"do": "grant", "reason": "as asked", "sure": "yes"})
    assert told(granted) == "It is granted, and the faces are erased."
    assert rekognition.list_faces(CollectionId=collection)["Faces"] == []
    proof = administrator.post(path, {"do": "proof"})
    assert (proof.status, "Nothing of it was found" in proof.text) == (200, True), proof.text
    again = administrator.post(path, {"do": "grant", "reason": "twice", "sure": "yes"})
    assert (again.status, "ConflictException" in again.text) == (400, True)
    assert "It was granted" in person.post("/people", {"code": code.group(1)}, token=False).text


def test_a_request_is_put_off_once_with_a_reason_and_refused(administrator, collection, his):
    """A month more, read by the person; the second time it is refused, and says why."""
    path = opened(administrator, "access", collection, his)
    no_reason = administrator.post(path, {"do": "extend", "months": "1", "reason": ""})
    assert no_reason.status == 400
    odd = administrator.post(path, {"do": "extend", "months": "12", "reason": "archive"})
    assert (odd.status, "one month or two" in odd.text) == (400, True)
    assert administrator.post(path, {"do": "extend", "months": "1", "reason": "archive"}).status == 303
    page = administrator.get(path)
    assert "archive" in page.text
    assert 'value="extend"' not in page.body
    twice = administrator.post(path, {"do": "extend", "months": "1", "reason": "again"})
    assert (twice.status, "put off already" in twice.text) == (400, True)
    report = administrator.post(path, {"do": "report"})
    assert his in report.text.partition("The report")[2] or his in report.text
    refused = administrator.post(path, {"do": "refuse", "reason": "not theirs"})
    assert "complain to a supervisory authority" in told(refused)
    assert "not theirs" in administrator.get(path).text


def test_an_objection_is_granted_with_a_kept_template_which_is_forgotten_again(
    administrator, collection, his, rekognition, portraits
):
    """Their own consent to the template stands beside the decision, and can be taken back."""
    path = opened(administrator, "objection", collection, his)
    fields = {"do": "grant", "reason": "as asked", "consent": "form B", "sure": "yes"}
    assert administrator.post(path, fields).status == 303
    assert administrator.post(path, {"do": "forget"}).status == 400
    forgotten = administrator.post(path, {"do": "forget", "sure": "yes"})
    assert told(forgotten) == "1 kept template is forgotten."
    page = max(portraits.known.values(), key=len)[0]
    image = {"Bytes": page.read_bytes()}
    assert rekognition.index_faces(CollectionId=collection, Image=image)["FaceRecords"]


def test_whoever_asks_must_be_known(administrator, collection, his):
    """Neither code nor attestation: no request; and both, or nonsense, is refused by the gateway."""
    base = {"do": "open", "kind": "access", "collection": collection, "faces": his}
    page = administrator.post("/console/requests", base)
    assert (page.status, "say how you know" in page.text) == (400, True)
    assert collection in page.body  # what was typed
    for fields in (
        {"do": "open", "kind": "access", "code": "AAAA-BBBB"},
        base | {"kind": "everything", "attestation": "x"},
        base | {"faces": "nobody", "attestation": "x"},
        base | {"user": "u", "attestation": "x"},
        {"do": "code", "collection": collection},
        {"do": "code", "collection": "none-such", "user": "x"},
        {"do": "dance"},
    ):
        page = administrator.post("/console/requests", fields)
        assert page.status == 400, (fields, page.text)


def test_a_resent_form_opens_no_second_request(administrator, collection, his):
    """What is opened by hand is a new one each time, so a reload would open another."""
    mark = re.search(r'name="form_once" value="([^"]+)"', administrator.get("/console/requests").body).group(
        1
    )
    fields = {"do": "open", "kind": "access", "collection": collection, "faces": his, "form_once": mark}
    fields["attestation"] = "passport seen"
    assert administrator.post("/console/requests", fields).status == 303
    again = administrator.post("/console/requests", fields)
    assert (again.status, "among those below" in again.text) == (409, True)


def test_no_other_account_sees_or_answers_it(service, administrator, house, collection, his):
    """By its address; officers of the house alone see those of all accounts, with whose they are."""
    path = opened(administrator, "access", collection, his)
    other = service.make_account(f"Other {uuid.uuid4().hex[:6]}")["account"]
    theirs = make_member(service, other, "Eve", "administrator").signed_in(service.endpoint)
    for page in (
        theirs.get(path),
        theirs.post(path, {"do": "refuse", "reason": "x"}),
        theirs.post(path, {"do": "report"}),
    ):
        assert (page.status >= 400, "ResourceNotFoundException" in page.text) == (True, True), page.text
        assert his not in page.text
    number = path.rpartition("/")[2]
    for query in ("", "?whose=house", "?whose=house&decided=1"):
        assert number not in theirs.get(f"/console/requests{query}").body
    name = f"Orla {uuid.uuid4().hex[:6]}"
    make_officer(service, house, name)
    officer = make_member(service, house, name, "officer").signed_in(service.endpoint)
    seen = officer.get("/console/requests?whose=house")
    assert number in seen.body
    assert house in seen.text
    assert officer.post(path, {"do": "refuse", "reason": "not theirs"}).status == 303


@pytest.mark.parametrize("number", ["0" * 36, "-" * 36, str(uuid.UUID(int=0))])
def test_a_number_that_is_none_is_answered(administrator, number):
    page = administrator.get(f"/console/requests/{number}")
    assert 400 <= page.status < 500
    assert "Traceback" not in page.text
