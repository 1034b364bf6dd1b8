"""The pages under /people over a real socket: what a code opens, and what nothing else does."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from countenance.cli.installation import open_store
from countenance.rights.codes import draw_code
from countenance.settings import Settings

pytestmark = pytest.mark.xdist_group("server")

LOG_TIMEOUT_S = 30.0
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"


@pytest.fixture
def ours(service):
    return service.client("countenance")


@pytest.fixture
def his(rekognition, collection, portraits):
    photo = {"Bytes": next(iter(portraits.known.values()))[0].read_bytes()}
    told = rekognition.index_faces(CollectionId=collection, Image=photo)
    return told["FaceRecords"][0]["Face"]["FaceId"]


@pytest.fixture
def visit(service):
    """Send a form, or read the page without one: status, headers, text."""

    def visit(path="/people", site="same-origin", method=None, **form):
        data = urllib.parse.urlencode(form).encode() if form else None
        request = urllib.request.Request(f"{service.endpoint}{path}", data, method=method)
        if site:
            request.add_header("sec-fetch-site", site)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    return visit


def _operations(ours) -> set[str]:
    """Those that the account's log has entries of."""
    return {
        name
        for page in ours.get_paginator("list_audit_entries").paginate()
        for entry in page["Entries"]
        for name in re.findall(r'"operation":"(\w+)"', entry["Entry"])
    }


def test_by_a_code_somebody_asks_reads_and_gets_the_proof(ours, visit, collection, his):
    """The whole way of a person without an account: nothing is asked of them but the code."""
    code = ours.issue_enrolment_code(CollectionId=collection, FaceIds=[his])["Code"]
    status, _, text = visit(code=code.lower())
    assert (status, "asked for nothing yet" in text) == (200, True)
    for kind in ("access", "access", "erasure"):
        status, _, text = visit(code=code, do="open", kind=kind)
        assert status == 200
    requests = ours.list_subject_requests(Code=code)["Requests"]
    assert sorted(each["Kind"] for each in requests) == ["access", "erasure"]  # sent twice, opened once
    by_kind = {each["Kind"]: each["RequestId"] for each in requests}
    status, _, text = visit(code=code, do="report", request=by_kind["access"])
    assert (status, his in text, "Faces: 1" in text) == (200, True, True)
    assert visit(code=code, do="proof", request=by_kind["erasure"])[0] == 400
    ours.decide_subject_request(RequestId=by_kind["erasure"], Decision="grant", Reason=EVIL)
    status, _, text = visit(code=code)
    assert (status, "<script>" in text, "{{7*7}}" in text) == (200, False, True)
    status, _, text = visit(code=code, do="proof", request=by_kind["erasure"])
    assert status == 200
    assert "nothing of your faces was found" in text
    assert "countenance-erasure/v1" in text
    wanted = {"OpenSubjectRequest", "DecideSubjectRequest", "EraseFaces"}
    until_s = time.monotonic() + LOG_TIMEOUT_S
    while not wanted <= (found := operations(ours)):  # the sequencer is about to give them their places
        assert time.monotonic() < until_s, found
        time.sleep(0.2)


def operations(ours):
    """Of the account's entries that are in the log by now."""
    return {
        name
        for page in ours.get_paginator("list_audit_entries").paginate()
        for entry in page["Entries"]
        for name in re.findall(r'"operation":"(\w+)"', entry["Entry"])
    }


def test_a_form_that_is_sent_several_times_at_once_opens_one_request(ours, visit, collection, his):
    """An impatient finger, and workers that do not know of one another."""
    code = ours.issue_enrolment_code(CollectionId=collection, FaceIds=[his])["Code"]
    with ThreadPoolExecutor(6) as pool:
        sent = [pool.submit(visit, code=code, do="open", kind="objection") for _ in range(6)]
    assert {each.result()[0] for each in sent} == {200}
    [opened] = ours.list_subject_requests(Code=code)["Requests"]
    assert opened["Kind"] == "objection"


def test_a_code_opens_its_own_requests_alone(ours, visit, collection, his):
    """Knowing the id of somebody else's request is worth nothing."""
    code = ours.issue_enrolment_code(CollectionId=collection, FaceIds=[his])["Code"]
    other = ours.open_subject_request(
        Kind="access", CollectionId=collection, FaceIds=[his], Attestation="a secret desk"
    )["Request"]["RequestId"]
    status, _, text = visit(code=code)
    assert (status, other in text, "a secret desk" in text) == (200, False, False)
    for request in (other, "nonsense", "00000000-0000-0000-0000-000000000000"):
        for action in ("report", "proof"):
            assert visit(code=code, do=action, request=request)[0] == 400
    assert visit(code=code, do="open", kind=EVIL)[0] == 400


def test_a_wrong_code_tells_nothing_and_is_not_shown_again(visit):
    """Neither that somebody is enrolled, nor what was typed."""
    status, _, text = visit(code=draw_code())
    assert (status, "not known here" in text) == (400, True)
    for nonsense, told in ((EVIL, "mistyped"), ("A" * 24, "mistyped"), ("\0", "could not be read")):
        status, _, text = visit(code=nonsense)
        assert (status, told in text, "<script>" in text) == (400, True, False)


def test_no_other_site_sends_a_form_and_no_script_runs(ours, visit, collection, his):
    code = ours.issue_enrolment_code(CollectionId=collection, FaceIds=[his])["Code"]
    for site in ("cross-site", "same-site", "none", None):
        assert visit(site=site, code=code, do="open", kind="erasure")[0] == 403
    assert ours.list_subject_requests(Code=code)["Requests"] == []
    status, headers, text = visit()
    assert status == 200
    assert "<script" not in text
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert "set-cookie" not in headers


@pytest.mark.parametrize("path", ["/people/", "/people/x", "/people/../health", "/people?code=x"])
def test_what_is_under_it_is_answered_by_it(visit, path):
    assert visit(path)[0] in {200, 404}


def test_another_method_is_refused(visit):
    assert visit(method="DELETE")[0] == 405


def test_wrong_codes_are_told_in_the_log_once_an_hour_and_never_what_was_shown(service, visit):
    """Somebody tries codes: whoever reads the log learns of it, and cannot be flooded with it."""

    def told():
        where = {"database_url": service.database_options[1]} if service.database_options else {}
        with (
            open_store(Settings.from_env({}, data_dir=service.data_dir, **where)) as (database, _),
            database.read() as connection,
        ):
            rows = connection.execute(
                "select entry from audit_event union all select entry from audit_entry"
            ).fetchall()
        return [bytes(entry) for (entry,) in rows if b'"code.unknown"' in bytes(entry)]

    codes = [draw_code() for _ in range(3)]
    for code in codes:
        assert visit(code=code)[0] == 400
    [entry] = told()
    assert json.loads(entry)["most_within_hour"] == 100
    assert not any(code.encode() in entry or code.replace("-", "").encode() in entry for code in codes)
