"""The console in a real browser (Debian's chromium): accessibility by axe-core, the proof, the keyboard.

Skipped where there is no chromium. With COUNTENANCE_TEST_PICTURES=folder, pictures of every page lie there.
"""

from __future__ import annotations

import html
import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from console_visitor import PASSWORD, make_member, make_officer, planted_trial
from countenance.transparency.note import Note, Signature, Signer, Verifier
from seen_pages import CHROMIUM, VARIANTS, look, opened_tab

pytestmark = [
    pytest.mark.xdist_group("server"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium"),
]
PAGES = (
    "",
    "/collections",
    "/examiners",
    "/requests",
    "/keys",
    "/passkeys",
    "/people",
    "/policy",
    "/policy/explain",
    "/policy/packs/us-wa-43.386",
    "/policy/simulate?coming.us-wa-43.386=1&run=1",
    "/office",
    "/jobs?whose=house&ended=1",
    "/health",
    "/evaluations",
    "/standing",
    "/log?from=2026-11-01T00:00",
    "/try",
)
OUTSIDE = ("/sign-in", "/invitation")


@pytest.fixture(scope="module")
def cookie(service) -> str:
    """Of somebody with every role, so that every page is theirs."""
    house = service.client("countenance").get_caller_identity()["AccountId"]
    name = f"Olga {uuid.uuid4().hex[:6]}"
    roles = ("administrator", "auditor", "developer", "examiner", "officer")
    make_officer(service, house, name)
    number = make_member(service, house, name, *roles).signed_in(service.endpoint).cookie
    assert number
    return number


@pytest.fixture(params=VARIANTS, ids="-".join)
def tab(request, browser, service, cookie) -> Iterator[Any]:
    signed_in = {"name": "countenance-console", "value": cookie, "url": service.endpoint}
    with opened_tab(browser, *request.param, signed_in) as page:
        yield page


@pytest.fixture(scope="module")
def refused(service) -> str:
    """The event of a call that a rule refused."""
    house = service.client("countenance").get_caller_identity()["AccountId"]
    key = service.make_operator(house, f"Adam {uuid.uuid4().hex[:6]}", "administrator")
    with pytest.raises(ClientError) as caught:
        service.client("rekognition", **key).search_faces(CollectionId="anything", FaceId=str(uuid.uuid4()))
    return caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-countenance-event-id"]


def test_from_a_refusal_in_the_log_to_why(tab, service, refused):
    """In the list, by the keyboard, one key press away; then beside now."""
    entry = f"/console/policy/explain?event={refused}"
    for _ in range(100):  # the log has it within seconds
        tab.goto(
            f"{service.endpoint}/console/log?outcome=refused&operation=SearchFaces&from=2026-11-01T00:00"
        )
        if (link := tab.locator(f'a[href="{entry}"]')).count():
            break
        tab.wait_for_timeout(200)
    look(tab, "log-refused")
    link.focus()
    tab.keyboard.press("Enter")
    tab.get_by_role("heading", name="Now: It would be refused").wait_for()
    assert tab.get_by_role("heading", name="Then: refused").count() == 1
    look(tab, "explain-refused")


def test_no_page_has_a_barrier(tab, service, rekognition, collection):
    """WCAG 2.2 AA as far as a program sees, on a desk and a phone, light and dark; none scrolls sideways."""
    for name in (*PAGES, f"/collections/{collection}"):
        assert tab.goto(f"{service.endpoint}/console{name}").status == 200
        look(tab, re.sub(r"\W+", "-", name.partition("?")[0].strip("/")).replace(collection, "one"))
    tab.context.clear_cookies()
    for name in OUTSIDE:
        tab.goto(f"{service.endpoint}/console{name}")
        look(tab, name.strip("/"))


@pytest.fixture(scope="module")
def keeper(service) -> str:
    """The cookie of somebody who keeps collections and may see faces: who examines may not."""
    house = service.client("countenance").get_caller_identity()["AccountId"]
    name = f"Keeper {uuid.uuid4().hex[:6]}"
    number = (
        make_member(service, house, name, "administrator", "developer").signed_in(service.endpoint).cookie
    )
    assert number
    return number


def test_users_faces_and_charters_have_no_barrier(tab, service, keeper, portraits):
    """With pictures, with what does not fit, and with a merge that is looked at."""
    client, name = service.client(), f"seen-{uuid.uuid4().hex[:8]}"
    client.create_collection(CollectionId=name, Tags={"countenance:vault-days": "30"})
    by_count = sorted(portraits.known.values(), key=len)
    photos = [*by_count[-1][:3], by_count[0][0]]
    faces = [
        client.index_faces(CollectionId=name, Image={"Bytes": path.read_bytes()})["FaceRecords"][0]["Face"][
            "FaceId"
        ]
        for path in photos
    ]
    for user, theirs in (("ada", [*faces[:2], faces[3]]), ("ada-2", [faces[2]])):
        client.create_user(CollectionId=name, UserId=user)
        client.associate_faces(CollectionId=name, UserId=user, FaceIds=theirs, UserMatchThreshold=0)
    tab.context.clear_cookies()
    tab.context.add_cookies([{"name": "countenance-console", "value": keeper, "url": service.endpoint}])
    try:
        for path, label in (
            ("", "collection"),
            ("/charter", "charter"),
            (f"/faces/{faces[0]}?purpose=development", "face"),
            ("/users/ada?purpose=development", "user"),
            ("/users/ada-2?purpose=development&into=ada", "merge"),
        ):
            tab.goto(f"{service.endpoint}/console/collections/{name}{path}", wait_until="networkidle")
            drawn = tab.locator("img.thumb")
            for at in range(drawn.count()):
                drawn.nth(at).scroll_into_view_if_needed()
            tab.wait_for_load_state("networkidle")
            assert drawn.evaluate_all("images => images.every(image => image.naturalWidth > 0)")
            look(tab, label)
        assert drawn.count() >= 4
        tab.get_by_role("button", name="Merge ada-2 into ada").click()
        tab.wait_for_url("**/users/ada?told=*")
        look(tab, "merged")
        tab.get_by_role("button", name="Undo the merge of ada-2").click()
        tab.wait_for_url("**there+again**")
        tab.goto(f"{service.endpoint}/console/collections/{name}/charter")
        tab.fill("#face_cap", "5000")
        with tab.expect_navigation():
            tab.get_by_role("button", name="Show what would change").click()
        look(tab, "charter-changed")
        assert tab.input_value("#face_cap") == "5000"
    finally:
        client.delete_collection(CollectionId=name)


@pytest.fixture
def page(browser, service, cookie) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": "countenance-console", "value": cookie, "url": service.endpoint}])
    page = context.new_page()
    page.label = "walk"
    yield page
    context.close()


def test_an_entrys_proof_is_checked_in_the_browser_and_a_changed_entry_is_found(page, service):
    """The page's own script computes the root; it does not take the server's word."""
    page.goto(f"{service.endpoint}/console/log?outcome=answered")
    page.locator("td a", has_text="check entry").last.click()
    verdict = page.locator("#verdict.holds")
    verdict.wait_for()
    assert "the entry is in the tree" in verdict.inner_text()
    look(page, "proof")
    changed = page.content().replace(
        "&quot;outcome&quot;:&quot;answered", "&quot;outcome&quot;:&quot;refused"
    )
    assert changed != page.content()

    page.route("**/console/log/*", lambda route: route.fulfill(body=changed, content_type="text/html"))
    page.reload()
    page.locator("#verdict.fails").wait_for()
    assert "does NOT hold" in page.locator("#verdict").inner_text()


@pytest.fixture
def proof(page, service) -> str:
    """The page of an entry's proof, as the server sent it."""
    page.goto(f"{service.endpoint}/console/log")
    page.locator("td a", has_text="check entry").last.click()
    page.locator("#verdict.holds").wait_for()
    return page.request.get(page.url).text()


def reload_with(page, body: str) -> str:
    """The verdict on the same page as a server that lies would send it."""
    page.route("**/console/log/*", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.reload()
    page.locator("#verdict:not(:has-text('runs no scripts'))").wait_for()
    page.unroute("**/console/log/*")
    return page.locator("#verdict").inner_text()


def forged(body: str, *, key: str = "") -> tuple[str, str, str]:
    """The same tree under a checkpoint that another key signed, which has taken the log's name.

    The page, the forger's key, and the log's.
    """
    note = Note.parse(html.unescape(re.search(r'data-checkpoint="([^"]*)"', body)[1]))
    shown = html.unescape(re.search(r'data-log-key="([^"]*)"', body)[1])
    forger = Signer.generate(Verifier.parse(shown).name)
    line = forger.sign(note.text)
    if key:  # under the hash of the true key
        signed = Signature.parse(line)
        line = str(replace(signed, key_hash=Verifier.parse(key).key_hash))
    lying = re.sub(
        r'data-checkpoint="[^"]*"',
        lambda _: f'data-checkpoint="{html.escape(note.text + chr(10) + line)}"',
        body,
    )
    return lying, str(forger.verifier), shown


def test_a_checkpoint_that_the_log_did_not_sign_fails_in_the_browser(page, service, proof):
    """A root alone can be made up by anybody: the page said that it checks the signature, and did not."""
    body, _, shown = forged(proof)
    assert "NOT signed by the key that this server shows" in reload_with(page, body)
    body, _, _ = forged(proof, key=shown)
    assert "NOT signed by the key that this server shows" in reload_with(page, body)


def test_a_key_that_a_reader_was_given_is_checked_with_and_remembered(page, service, proof):
    """A server that lies shows a key of its own: the reader's finds it out, on every later page too."""
    body, key, shown = forged(proof)
    lie = body.replace(html.escape(shown), html.escape(key))
    assert "compare it with the one that you were given" in reload_with(page, lie)
    assert page.locator("#verdict.holds").count() == 1
    page.fill("#own-key", shown)
    page.keyboard.press("Tab")
    page.locator("#verdict.fails").wait_for()
    assert "NOT signed by the key that you gave" in page.locator("#verdict").inner_text()
    assert "NOT signed by the key that you gave" in reload_with(page, lie)
    page.reload()  # the true page
    page.locator("#verdict.holds").wait_for()
    assert "key that you gave signed it" in page.locator("#verdict").inner_text()
    look(page, "proof-own-key")
    page.fill("#own-key", shown[:-6])
    page.keyboard.press("Tab")
    page.locator("#verdict.fails").wait_for()
    assert "Not checked" in page.locator("#verdict").inner_text()


def test_without_ed25519_it_is_said_that_the_signature_was_not_checked(page, service, proof):
    """Nothing that a browser could not do looks as if it was done."""
    page.add_init_script(
        "crypto.subtle.importKey = () => Promise.reject(new DOMException('no', 'NotSupportedError'))"
    )
    page.reload()
    page.get_by_text("was NOT checked: this browser has no Ed25519").wait_for()
    assert page.locator("#verdict.holds, #verdict.fails").count() == 0
    assert "countenance audit verify" in page.locator("#verdict").inner_text()


def test_a_photo_is_dropped_and_the_answer_drawn(page, service, portraits):
    photo = next(iter(portraits.known.values()))[0]
    page.goto(f"{service.endpoint}/console/try")
    page.set_input_files("#photo", str(photo))
    page.get_by_text("What the purpose needs to be told").click()
    page.get_by_label("Reference to their consent").fill("form 12")
    page.locator("#try > button").click()
    page.locator("figure svg rect").first.wait_for()
    code = page.locator("#code").inner_text()
    assert "client.detect_faces(" in code
    assert "ConsentReference='form 12'" in code
    look(page, "tried")


def test_an_examiner_compares_with_tools_and_a_draft_survives_a_reload(tab, service, portraits):
    """Zoom, overlay, flicker and lines; in every size and scheme, as it is the page that matters most."""
    house = service.client("countenance").get_caller_identity()["AccountId"]
    # Of somebody who is nothing but an examiner: whoever could tell a trial is given none.
    number = make_member(service, house, f"Erin {uuid.uuid4().hex[:6]}", "examiner").signed_in(
        service.endpoint
    )
    tab.context.add_cookies(
        [{"name": "countenance-console", "value": number.cookie, "url": service.endpoint}]
    )
    with planted_trial(service, house, portraits) as (review, _, _):
        tab.goto(f"{service.endpoint}/console/reviews")
        tab.get_by_role("button", name=f"Begin with {review[:8]}").click()
        tab.wait_for_url(f"**/console/reviews/{review}")
        for part in tab.locator("details").all():
            part.locator("summary").click()
        assert tab.locator("[data-pair]").count() == 2  # aligned, and as taken
        look(tab, "examination")
        tab.locator("input[value=against]").check()
        tab.locator("select").first.select_option("different")
        tab.fill("#note", "the ears")
        tab.reload()
        assert tab.locator("input[value=against]").is_checked()
        assert (tab.locator("select").first.input_value(), tab.input_value("#note")) == (
            "different",
            "the ears",
        )
        tab.locator("[data-zoom]").fill("3")
        crop = tab.locator(".crop img").first.bounding_box()
        assert crop["width"] > 2.5 * tab.locator(".crop").first.bounding_box()["width"]
        tab.locator("[data-zoom]").fill("1")
        for tool in ("swap", "grid", "flicker"):
            tab.locator(f"[data-{tool}]").click()
            assert tab.locator(f"[data-{tool}]").get_attribute("aria-pressed") == "true"
        look(tab, "examination-tools")
        over = [image.bounding_box() for image in tab.locator("[data-pair]").first.locator("img").all()]
        assert over[0] == over[1]  # the eyes of the one lie on the eyes of the other
        tab.locator("[data-flicker]").click()
        tab.wait_for_timeout(6_000)  # of looking, by the server's clock
        assert tab.locator("#wait").inner_text() == ""
        assert tab.locator("#ready[role=status]").inner_text() == "A verdict is taken now."
        tab.get_by_role("button", name="Submit the examination").click()
        tab.wait_for_url("**/console/reviews?told=*")
        assert review[:8] not in tab.locator("main").inner_text()


def test_the_console_is_walked_by_keys_alone(page, service):
    """The first stop leads past the menu, and each stop can be seen."""
    page.goto(f"{service.endpoint}/console")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"
    page.goto(f"{service.endpoint}/console/people")
    stops = []
    for _ in range(200):
        page.keyboard.press("Tab")
        stop = page.evaluate("document.activeElement.outerHTML.slice(0, 60)")
        if stop.startswith("<body"):
            break  # past the last one
        stops.append(stop)
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", stops[-1]
    assert any('name="name"' in stop or 'id="name"' in stop for stop in stops), stops


def test_a_page_in_a_frame_of_another_site_stays_empty(browser, service, cookie, tmp_path):
    """Clickjacking: neither the header nor the cookie lets it."""
    (tmp_path / "evil.html").write_text(f'<iframe src="{service.endpoint}/console/people"></iframe>', "utf-8")
    context = browser.new_context()
    context.add_cookies([{"name": "countenance-console", "value": cookie, "url": service.endpoint}])
    page = context.new_page()
    page.goto(f"file://{tmp_path}/evil.html")
    page.wait_for_timeout(500)
    assert all("Operators" not in frame.content() for frame in page.frames)
    context.close()


def test_signing_in_by_hand(browser, service):
    """With what a person has: account, name, password and the code of a device."""
    house = service.client("countenance").get_caller_identity()["AccountId"]
    member = make_member(service, house, f"Hand {uuid.uuid4().hex[:6]}", "auditor")
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{service.endpoint}/console/policy")
    assert page.url.endswith("/console/sign-in")
    page.fill("#account", house)
    page.fill("#name", member.name)
    page.fill("#password", PASSWORD)
    page.fill("#code", member.device.code())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console")
    assert page.get_by_role("navigation").get_by_text("Try it").count() == 0
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/console/sign-in")
    context.close()


def test_what_was_typed_survives_a_reload_until_it_was_taken_or_they_sign_out(browser, service):
    """No browser keeps these pages, so their own script keeps what was typed, in that tab alone."""
    house = service.client("countenance").get_caller_identity()["AccountId"]
    member = make_member(service, house, f"Typing {uuid.uuid4().hex[:6]}", "administrator")
    context = browser.new_context()
    number = member.signed_in(service.endpoint).cookie
    context.add_cookies([{"name": "countenance-console", "value": number, "url": service.endpoint}])
    page = context.new_page()
    added = f"Newcomer {uuid.uuid4().hex[:6]}"
    page.goto(f"{service.endpoint}/console/people")
    page.fill("#name", added)
    page.locator("input[value=auditor]").first.check()
    page.reload()
    assert page.input_value("#name") == added
    assert page.locator("input[value=auditor]").first.is_checked()
    page.fill("#name", "Nobody\u0007")  # which is refused: what was typed stays
    page.get_by_role("button", name="Save").click()
    page.locator("main > .wrong").wait_for()
    page.wait_for_load_state()  # the page's script listens by then
    assert page.input_value("#name") != ""
    page.fill("#name", added)
    page.get_by_role("button", name="Save").click()
    page.locator("main > .done").wait_for()
    page.wait_for_load_state()
    assert page.input_value("#name") == ""
    page.fill("#name", "half typed")
    assert page.evaluate("sessionStorage.length") == 1
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/console/sign-in")
    assert page.evaluate("sessionStorage.length") == 0
    context.close()


def test_a_draft_outlives_a_session_that_ended_before_it_was_sent(browser, service):
    """The answer to the form is the page to sign in: nothing was taken, so nothing that was typed is lost."""
    house = service.client("countenance").get_caller_identity()["AccountId"]
    member = make_member(service, house, f"Late {uuid.uuid4().hex[:6]}", "administrator")
    context = browser.new_context()
    number = member.signed_in(service.endpoint).cookie
    context.add_cookies([{"name": "countenance-console", "value": number, "url": service.endpoint}])
    page = context.new_page()
    added = f"Newcomer {uuid.uuid4().hex[:6]}"
    page.goto(f"{service.endpoint}/console/people")
    page.fill("#name", added)
    page.locator("input[value=auditor]").first.check()
    context.clear_cookies()  # as a session that has ended
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/console/sign-in")
    fields = {"#account": house, "#name": member.name, "#password": PASSWORD, "#code": member.device.code()}
    for field, value in fields.items():
        page.fill(field, value)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/console")
    page.goto(f"{service.endpoint}/console/people")
    assert page.input_value("#name") == added
    assert page.locator("input[value=auditor]").first.is_checked()
    page.get_by_role("button", name="Save").click()
    page.locator("main[data-taken] > .done").wait_for()
    page.wait_for_load_state()
    assert page.input_value("#name") == ""
    page.fill("#name", "half typed")
    page.reload()  # of the page that says that another form was taken
    assert page.input_value("#name") == "half typed"
    context.close()
