"""Trials planted in the console: by whom, with which answers, and told from a search by no examiner."""

from __future__ import annotations

import html
import re
import time
import uuid
from dataclasses import replace

import pytest

from console_visitor import make_member, make_officer, planted_trial
from countenance.casework import Casework, Search
from countenance.casework.held import Held
from countenance.cli.installation import open_store
from countenance.settings import Settings
from countenance.store import UnitOfWork

pytestmark = pytest.mark.xdist_group("server")

PATH = "/console/examiners"
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CHANGING = re.compile(
    r"[0-9a-f]{32}\.[0-9a-f]{64}|"
    r"\d{4}-\d\d-\d\d \d\d:\d\d UTC|[0-9a-f]{64}|\d{9,}\.\d+|\d+\.\d+|data:image/jpeg;base64,[\w+/=]+"
)


@pytest.fixture(scope="module")
def house(service):
    return service.client("countenance").get_caller_identity()["AccountId"]


@pytest.fixture(scope="module")
def planted(service, house, portraits):
    with planted_trial(service, house, portraits) as trial:
        yield trial


@pytest.fixture(scope="module")
def administrator(service, house):
    member = make_member(service, house, f"Ann {uuid.uuid4().hex[:6]}", "administrator")
    return member.signed_in(service.endpoint)


def trial(planted, **changes):
    _, (name, probe, other), _ = planted
    fields = {
        "do": "plant",
        "collection": name,
        "purpose": "development",
        "probe_id": probe,
        "same_ids": other,
    }
    return fields | changes


def waiting(examiner):
    return set(UUID.findall(examiner.get("/console/reviews").body))


def test_a_trial_is_chosen_in_a_table_and_waits_like_a_search(service, house, planted, administrator):
    """An administrator picks faces; a reload of what was sent plants no second one."""
    _, (name, probe, other), _ = planted
    examiner = make_member(service, house, f"Ed {uuid.uuid4().hex[:6]}", "examiner").signed_in(
        service.endpoint
    )
    before = waiting(examiner)
    form = administrator.get(f"{PATH}?collection={name}")
    assert f'name="known.{other}"' in form.body
    mark = re.search(r'name="form_once" value="([^"]+)"', form.body).group(1)
    fields = {"do": "plant", "collection": name, "purpose": "development", "probe": probe, "form_once": mark}
    fields |= {f"known.{other}": "same", f"known.{probe}": ""}
    page = administrator.post(f"{PATH}?collection={name}", fields)
    assert page.status == 303, page.text
    again = administrator.post(f"{PATH}?collection={name}", fields)
    assert (again.status, "waits for examiners already" in again.text) == (409, True)
    assert len(waiting(examiner) - before) == 1


def test_an_officer_plants_by_ids_as_well(service, house, planted):
    """They list no faces of anybody; the ids they were given do."""
    name = f"Orla {uuid.uuid4().hex[:6]}"
    make_officer(service, house, name)
    officer = make_member(service, house, name, "officer").signed_in(service.endpoint)
    form = officer.get(f"{PATH}?collection={planted[1][0]}")
    assert (form.status, "By their ids" in form.text, "known." in form.body) == (200, True, False)
    assert officer.post(f"{PATH}?collection={planted[1][0]}", trial(planted)).status == 303


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"probe_id": ""}, "choose one face that is searched for"),
        ({"probe": str(uuid.UUID(int=1))}, "choose one face that is searched for"),
        ({"other_ids": "{other}"}, "of the same person and of somebody else"),
        ({"same_ids": "{probe}"}, "a trial has each face once"),
        ({"same_ids": ""}, "Exception"),
        ({"same_ids": "nobody"}, "Exception"),
        ({"same_ids": str(uuid.UUID(int=1))}, "keeps no picture"),
        ({"purpose": "world-peace"}, "Exception"),
        ({"do": "dance"}, "does not say"),
    ],
)
def test_a_trial_that_is_none_is_refused_with_what_was_typed(planted, administrator, changes, said):
    _, (name, probe, other), _ = planted
    fields = trial(planted, **{key: text.format(probe=probe, other=other) for key, text in changes.items()})
    page = administrator.post(f"{PATH}?collection={name}", fields)
    assert (page.status, said in page.text) == (400, True), page.text
    if fields["same_ids"]:
        assert html.escape(fields["same_ids"]) in page.body


def test_collections_without_pictures_and_of_others_have_no_form(service, administrator, planted, collection):
    assert "keeps no pictures" in administrator.get(f"{PATH}?collection={collection}").text
    assert administrator.get(f"{PATH}?collection=none-such").status == 400
    other = service.make_account(f"Other {uuid.uuid4().hex[:6]}")["account"]
    theirs = make_member(service, other, "Eve", "administrator").signed_in(service.endpoint)
    assert theirs.get(f"{PATH}?collection={planted[1][0]}").status == 400
    assert theirs.post(PATH, trial(planted)).status == 400


def test_figures_of_few_are_counts_and_no_shares(service, house, planted, administrator):
    """Whoever has examined twice is not said to be right in half."""
    page = administrator.get(PATH)
    assert (page.status, "What the figures mean" in page.text) == (200, True)
    for each in planted[2].describe_examiners()["Examiners"]:
        assert each["OperatorName"] in page.text
    assert not re.search(r"\d+%, likely", page.text)  # no examiner of these tests has done so many


def held_search(service, house, review_id, name):
    """A search that is held as ever, with the very pictures of a trial: what differs may tell it."""
    where = {"database_url": service.database_options[1]} if service.database_options else {}
    with open_store(Settings.from_env({}, data_dir=service.data_dir, **where)) as (database, keys):
        casework = Casework.open(database, keys, least_view_s=5)
        with database.read() as connection:
            sealed, faces = connection.execute(
                "select sealed_held, (select array_agg(array[collection_id::text, face_id::text])"
                " from review_face where review_id = r.review_id) from review as r where review_id = %s",
                [review_id],
            ).fetchone()
        told = casework.reviews.require_seal(review_id).unseal("held", bytes(sealed))
        held = Held.from_json(told)
        pairs = [(uuid.UUID(one), uuid.UUID(face)) for one, face in faces]
        match = {"Similarity": 97.3, "Face": {"FaceId": str(pairs[-1][1]), "ExternalImageId": "the-man"}}
        held = replace(held, is_mated=None, faces=pairs, answer={"FaceMatches": [match]}, threshold=80.0)
        search = Search(
            account_id=house,
            case_id=None,
            purpose="development",
            operation="SearchFacesByImage",
            requested_by=name,
            request_digest=uuid.uuid4().bytes * 2,
            probe_digest=uuid.uuid4().bytes * 2,
            event_id=uuid.uuid4(),
        )
        with UnitOfWork(database) as uow:
            found = casework.reviews.hold(uow, search, held)
            uow.commit()
    return str(found)


def as_seen(page, review):
    """An answer without what differs from one call to the next: ids, times, tokens, pictures."""
    headers = sorted(each for each in page.headers.items() if each[0] not in {"date", "content-length"})
    text = f"{page.status}\n{headers}\n{page.body}".replace(review, "REVIEW").replace(review[:8], "REVIEW")
    return CHANGING.sub("…", UUID.sub("…", text))


def test_nothing_that_an_examiner_sees_tells_a_trial_from_a_search(service, house, planted, portraits):
    """The list, the pictures, every page of theirs, what each answers: only ids and times differ."""
    with planted_trial(service, house, portraits) as (review, (_, probe, other), _):
        search = held_search(service, house, uuid.UUID(review), f"Sam {uuid.uuid4().hex[:6]}")
        member = make_member(service, house, f"Eyes {uuid.uuid4().hex[:6]}", "examiner")
        examiner = member.signed_in(service.endpoint)
        listed = examiner.get("/console/reviews")
        rows = {
            one: re.search(rf"<(tr|li|article)(?:(?!</\1>).)*{one}.*?</\1>", listed.body, re.DOTALL)
            for one in (review, search)
        }
        assert all(rows.values()), listed.body
        plain = [
            CHANGING.sub("…", row.group(0).replace(one, "…").replace(one[:8], "…"))
            for one, row in rows.items()
        ]
        assert plain[0] == plain[1]
        seen = {}
        for one in (review, search):
            path = f"/console/reviews/{one}"
            begun = examiner.post("/console/reviews", {"review": one})
            early = {"label": "candidate-1", "candidate-1.verdict": "support", "began_at": "1.5"}
            seen[one] = [
                as_seen(each, one)
                for each in (
                    begun,
                    examiner.get(path),
                    examiner.post(path, early),
                    examiner.get(f"{PATH}?collection=x"),
                    examiner.get(f"/console/cases?review={one}"),
                    examiner.get("/console/log"),
                    examiner.get("/console/jobs"),
                    examiner.get("/console/requests"),
                    examiner.get("/console/standing"),
                )
            ]
        assert seen[review] == seen[search]
        done = {}
        for one in (review, search):
            path = f"/console/reviews/{one}"
            began = re.search(r'name="began_at" value="([0-9.]+)"', examiner.get(path).body)
            said = {"label": "candidate-1", "candidate-1.verdict": "support", "began_at": began.group(1)}
            time.sleep(5.2)
            done[one] = [as_seen(examiner.post(path, said), one), as_seen(examiner.post(path, said), one)]
        assert [each[:3] for each in done[review]] == ["303", "400"]
        assert done[review] == done[search]
        pages = " ".join(
            examiner.get(path).body for path in ("/console", "/console/standing", "/console/passkeys")
        )
        for word in (probe, other, review, search, "lanted", "trial"):
            assert word not in pages, word
