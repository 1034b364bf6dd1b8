"""Collections in the console over a real socket: users, faces, pictures, charters, and who sees them."""

from __future__ import annotations

import io
import re
import time
import uuid
from http.client import HTTPConnection

import pytest
from PIL import Image

from console_visitor import Visitor, make_member

pytestmark = pytest.mark.xdist_group("server")

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
LOG_TIMEOUT_S = 30.0


@pytest.fixture(scope="module")
def house(service):
    return service.client("countenance").get_caller_identity()["AccountId"]


@pytest.fixture(scope="module")
def visitors(service, house):
    """Somebody of each role, and one who has two that do not go together."""
    named = {
        role: make_member(service, house, f"{role.capitalize()} {uuid.uuid4().hex[:6]}", role)
        for role in ("administrator", "auditor", "developer", "examiner", "officer")
    }
    both = make_member(service, house, f"Both {uuid.uuid4().hex[:6]}", "developer", "examiner")
    return {role: member.signed_in(service.endpoint) for role, member in (named | {"both": both}).items()}


@pytest.fixture
def people(service, portraits):
    """A collection that keeps pictures, with a man under two users and a face of somebody else's."""
    client = service.client()
    name = f"people-{uuid.uuid4().hex[:8]}"
    client.create_collection(CollectionId=name, Tags={"countenance:vault-days": "30"})
    by_count = sorted(portraits.known.values(), key=len)
    paths = [*by_count[-1][:2], by_count[0][0]]
    faces = [
        client.index_faces(CollectionId=name, Image={"Bytes": path.read_bytes()})["FaceRecords"][0]["Face"][
            "FaceId"
        ]
        for path in paths
    ]
    for user, face in zip(("ada", "ada-2"), faces, strict=False):
        client.create_user(CollectionId=name, UserId=user)
        client.associate_faces(CollectionId=name, UserId=user, FaceIds=[face])
    yield name, faces
    client.delete_collection(CollectionId=name)


def users_of(service, name):
    client = service.client()
    return {
        each["UserId"]: {
            face["FaceId"] for face in client.list_faces(CollectionId=name, UserId=each["UserId"])["Faces"]
        }
        for each in client.list_users(CollectionId=name)["Users"]
    }


def one(page, name):
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.body)
    assert found, page.text
    return found.group(1)


def test_a_collection_shows_what_it_has_and_leads_on(visitors, people):
    name, faces = people
    page = visitors["auditor"].get(f"/console/collections/{name}")
    assert page.status == 200
    assert "3 enrolled" in page.text
    assert "kept for 30 days" in page.text
    page = visitors["developer"].get(f"/console/collections/{name}")
    for path in (f"faces/{faces[2]}", "users/ada", "users/ada-2"):
        assert f'href="/console/collections/{name}/{path}"' in page.body
        assert visitors["developer"].get(f"/console/collections/{name}/{path}").status == 200
    assert 'role="img"' in visitors["auditor"].get("/console").body


@pytest.mark.parametrize(
    ("path", "seen_by"),
    [
        ("users/ada", {"administrator", "developer", "both"}),
        ("faces/{}", {"administrator", "developer", "both"}),
        ("charter", {"administrator"}),
        ("faces/{}/picture?purpose=development", {"developer"}),
    ],
)
def test_each_page_is_there_for_its_roles_and_for_no_other(visitors, people, path, seen_by):
    """An examiner sees no face outside an examination, whatever else they are."""
    name, faces = people
    for role, visitor in visitors.items():
        where = f"/console/collections/{name}/{path.format(faces[0])}"
        status = raw(visitor, where).status if "picture" in path else visitor.get(where).status
        assert (status == 200) == (role in seen_by), (role, status)


def raw(visitor, path):
    connection = HTTPConnection(visitor.host, timeout=60)
    try:
        connection.request("GET", path, headers={"cookie": f"countenance-console={visitor.cookie}"})
        answer = connection.getresponse()
        answer.body = answer.read()
        return answer
    finally:
        connection.close()


def test_a_picture_is_small_kept_by_nobody_and_in_the_log(visitors, people, service):
    name, faces = people
    where = f"/console/collections/{name}/faces/{faces[0]}"
    page = visitors["developer"].get(f"{where}?purpose=development")
    assert f'src="{where}/picture?purpose=development"' in page.body
    answer = raw(visitors["developer"], f"{where}/picture?purpose=development")
    with Image.open(io.BytesIO(answer.body)) as picture:
        assert (picture.format, max(picture.size)) == ("JPEG", 112)
    assert answer.getheader("cache-control") == "no-store"
    assert "default-src 'none'" in answer.getheader("content-security-policy")
    governance, deadline = service.client("countenance"), time.monotonic() + LOG_TIMEOUT_S
    while time.monotonic() < deadline:
        entries = governance.list_audit_entries(Operation="GetFaceImage", Order="NEWEST_FIRST")["Entries"]
        if entries:
            return
        time.sleep(0.2)
    pytest.fail("the look is not in the log")


def test_a_purpose_that_the_collection_is_not_for_shows_nothing(visitors, people):
    name, faces = people
    for purpose in ("photo-library", "nonsense", ""):
        where = f"/console/collections/{name}/faces/{faces[0]}/picture?purpose={purpose}"
        assert raw(visitors["developer"], where).status >= 400


def test_a_collection_without_a_vault_says_so(visitors, service, collection, portraits):
    client = service.client()
    photo = next(iter(portraits.known.values()))[0].read_bytes()
    face = client.index_faces(CollectionId=collection, Image={"Bytes": photo})["FaceRecords"][0]["Face"]
    gone = visitors["developer"].get(f"/console/collections/{collection}/faces/{uuid.UUID(int=1)}")
    assert (gone.status, "perhaps it was deleted" in gone.text) == (404, True)
    assert '<nav aria-label="Console">' in gone.body  # whoever followed an old link goes on from there
    page = visitors["developer"].get(f"/console/collections/{collection}/faces/{face['FaceId']}")
    assert "keeps no pictures" in page.text
    assert "<img class" not in page.body


def test_two_users_are_looked_at_merged_and_made_two_again(visitors, people, service):
    """The preview is a page that can be loaded again; the merge is a form; undoing says what it did."""
    name, faces = people
    before, visitor = users_of(service, name), visitors["developer"]
    path = f"/console/collections/{name}/users/ada-2"
    preview = f"{path}?purpose=development&into=ada"
    for _ in range(2):
        page = visitor.get(preview)
        assert "are as alike" in page.text
        assert "2 of at most 100" in page.text
        assert users_of(service, name) == before
    fields = {"do": "merge", "into": "ada", "purpose": "development", "once": one(page, "once")}
    for _ in range(2):  # a form that is sent twice merges once
        done = visitor.post(preview, fields)
        assert done.status == 303, done.text
    assert users_of(service, name) == {"ada": set(faces[:2])}
    page = visitor.get(done.headers["location"])
    assert "ada-2 is merged into ada" in page.text
    undone = visitors["administrator"].post(  # who may correct, though not compare
        f"/console/collections/{name}/users/ada",
        {"do": "undo", "merge": one(page, "merge"), "purpose": "development"},
    )
    assert "ada-2+is+there+again+with+1+faces" in undone.headers["location"]
    assert users_of(service, name) == before


def test_what_stands_against_a_merge_is_shown_with_the_reviewers_words_as_words(visitors, people, service):
    name, faces = people
    service.client("countenance").reject_match(
        CollectionId=name, FaceId=faces[1], RejectedFaceId=faces[0], Reason=EVIL
    )
    path = f"/console/collections/{name}/users/ada-2?purpose=development&into=ada"
    page = visitors["developer"].get(path)
    assert "It cannot be done: rejected" in page.text
    assert EVIL in page.text.replace("  ", " ") or "&lt;script&gt;" in page.body
    assert "<script>alert" not in page.body
    page = visitors["developer"].post(path, {"do": "merge", "into": "ada", "purpose": "development"})
    assert (page.status, "1 rejections say" in page.text) == (400, True)
    assert len(users_of(service, name)) == 2


def test_an_administrator_merges_nobody(visitors, people, service):
    """To compare people is to use their faces, which the role does not."""
    name, _ = people
    path = f"/console/collections/{name}/users/ada-2"
    page = visitors["administrator"].get(f"{path}?purpose=development&into=ada")
    assert "ROL-001" in page.text
    page = visitors["administrator"].post(path, {"do": "merge", "into": "ada", "purpose": "development"})
    assert "ROL-001" in page.text
    assert len(users_of(service, name)) == 2


def test_faces_that_do_not_fit_are_taken_from_a_user(visitors, people, service):
    name, faces = people
    client = service.client()
    client.associate_faces(CollectionId=name, UserId="ada", FaceIds=[faces[2]], UserMatchThreshold=0)
    path = f"/console/collections/{name}/users/ada"
    page = visitors["developer"].get(f"{path}?purpose=development")
    assert page.text.count("does not fit") == 2
    done = visitors["developer"].post(path, {"do": "disassociate", "face": [faces[2]]})
    assert done.status == 303
    assert users_of(service, name)["ada"] == {faces[0]}
    assert visitors["developer"].post(path, {"do": "disassociate"}).status == 400


def test_nothing_is_deleted_that_was_not_confirmed(visitors, people, service):
    name, faces = people
    administrator = visitors["administrator"]
    face, user = (f"/console/collections/{name}/{each}" for each in (f"faces/{faces[2]}", "users/ada-2"))
    for path in (face, user):
        assert administrator.post(path, {"do": "delete"}).status == 400
        assert administrator.get(path).status == 200
        assert administrator.post(path, {"do": "delete", "sure": "yes"}).status == 303
        page = administrator.get(path)
        assert page.status >= 400 or "None: the user has no faces, or is not there" in page.text
    owned = f"/console/collections/{name}/faces/{faces[0]}"
    page = administrator.post(owned, {"do": "delete", "sure": "yes"})
    assert (page.status, "take it from the user first" in page.text) == (400, True)
    assert users_of(service, name) == {"ada": {faces[0]}}


def test_a_charter_is_shown_narrowed_before_it_is(visitors, people, service):
    name, _ = people
    governance, path = service.client("countenance"), f"/console/collections/{name}/charter"
    was = governance.describe_charter(CollectionId=name)["Charter"]
    fields = {"purpose": was["Purposes"], "legal_basis": EVIL, "face_cap": "5000", "minors": "yes"}
    page = visitors["administrator"].post(path, fields | {"do": "look"})
    assert page.status == 200
    assert "Most faces: 250000 → 5000" in " ".join(page.text.split())
    assert "<script>alert" not in page.body
    assert 'value="5000"' in page.body
    assert governance.describe_charter(CollectionId=name)["Charter"] == was
    assert visitors["administrator"].post(path, fields | {"do": "change"}).status == 303
    assert governance.describe_charter(CollectionId=name)["Charter"]["FaceCap"] == 5000
    assert "<script>alert" not in visitors["administrator"].get(f"/console/collections/{name}").body
    page = visitors["administrator"].post(path, fields | {"face_cap": "9000", "do": "change"})
    assert (page.status, "would widen or change FaceCap" in page.text) == (400, True)
    assert 'value="9000"' in page.body
    for nonsense in ("x", "-1", "1e9", "9" * 40):
        page = visitors["administrator"].post(path, fields | {"face_cap": nonsense, "do": "change"})
        assert page.status == 400


@pytest.mark.parametrize("path", ["users/ada", "faces/{}", "charter"])
def test_another_sites_form_and_nobodys_do_nothing(visitors, people, service, path):
    name, faces = people
    where, before = f"/console/collections/{name}/{path.format(faces[2])}", users_of(service, name)
    fields = {"do": "delete", "sure": "yes", "face_cap": "1"}
    visitor = visitors["administrator"]
    assert visitor.post(where, fields, **{"sec-fetch-site": "cross-site"}).status == 403
    assert visitor.post(where, fields, token=False).status == 400
    assert Visitor(service.endpoint).get(where).status == 303
    assert users_of(service, name) == before


def test_what_is_another_accounts_or_nonsense_is_not_there(visitors, people, service, portraits):
    name, faces = people
    other = service.make_account("Elsewhere")
    member = make_member(service, other["account"], "Dev Elsewhere", "developer").signed_in(service.endpoint)
    for path in (
        f"{name}/users/ada",
        f"{name}/faces/{faces[0]}",
        f"{name}/faces/{faces[0]}/picture?purpose=development",
    ):
        answer = raw(member, f"/console/collections/{path}")
        assert answer.status >= 400
        assert b"ada-2" not in answer.body
    assert "is not there" in visitors["developer"].get(f"/console/collections/{name}/users/nobody").text
    for path in ("users/%00", "users/..%2F..", f"faces/{uuid.uuid4()}", "users/" + "x" * 300):
        assert 400 <= visitors["developer"].get(f"/console/collections/{name}/{path}").status < 500, path
