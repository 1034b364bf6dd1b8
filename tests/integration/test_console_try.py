"""The Try page as the exact call: its program is run as it stands, and a held search says where it is."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import countenance
from console_visitor import make_member
from countenance.accounts import Accounts, Actor
from countenance.cli.installation import open_store
from countenance.cli.server_process import running_server
from countenance.settings import Settings
from countenance.vision.install import PackStore
from countenance.vision.manifest_facts import model_facts
from fixtures_server import Service, server_settings
from fixtures_store import fresh_database
from governed import open_governance, ready_account, ready_key
from signed_evaluations import put_on_record

pytestmark = pytest.mark.xdist_group("server")
CASE = "2026/4711"
CLAIMS = {"Purpose": "investigative-lead", "Case": CASE, "Source": "record", "AgeAttestation": "adult"}
EVIL = "\"); print('run') #<b>\u202e"


@pytest.fixture(scope="module")
def house(service):
    return service.client("countenance").get_caller_identity()["AccountId"]


@pytest.fixture(scope="module")
def developer(service, house):
    member = make_member(service, house, f"Dora {uuid.uuid4().hex[:6]}", "developer")
    return member.signed_in(service.endpoint)


def run(service, account, folder, page, *, name="", **files):
    """Run a page's program beside these files, as somebody of the account with a key of their own."""
    code = html.unescape(re.search(r'<pre id="code"[^>]*>(.*?)</pre>', page.body, re.DOTALL).group(1))
    key = service.make_operator(account, name or f"Ken {uuid.uuid4().hex[:6]}", "developer")
    for file, content in {"call.py": code.encode(), **files}.items():
        (folder / file.replace("_jpg", ".jpg")).write_bytes(content)
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(countenance.__file__).parents[1]),
        "AWS_ACCESS_KEY_ID": key["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": key["aws_secret_access_key"],
    }
    command = [sys.executable, "call.py"]
    return subprocess.run(  # our own program
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )


def answer_of(page):
    """The whole answer, as the page shows it."""
    shown = re.search(r"<summary>Whole answer</summary><pre[^>]*>(.*?)</pre>", page.body, re.DOTALL)
    return json.loads(html.unescape(shown.group(1)))


def test_the_program_makes_the_same_search(
    developer, service, house, tmp_path, rekognition, collection, portraits
):
    """Pasted into a file, with a key and the photo beside it: the same faces at the same similarity."""
    first, second = max(portraits.known.values(), key=len)[:2]
    rekognition.index_faces(CollectionId=collection, Image={"Bytes": first.read_bytes()})
    photo = second.read_bytes()
    fields = {
        "purpose": "development",
        "operation": "SearchFacesByImage",
        "collection": collection,
        "threshold": "1",
        "consent": EVIL,
    }
    page = developer.upload("/console/try", fields, {"photo": photo, "target": b""})
    assert page.status == 200, page.text
    ended = run(service, house, tmp_path, page, photo_jpg=photo)
    assert ended.returncode == 0, ended.stderr
    told, shown = json.loads(ended.stdout), answer_of(page)
    assert told.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    assert told == shown
    assert len(told["FaceMatches"]) == 1


def test_the_program_makes_the_same_comparison_and_detection(developer, service, house, tmp_path, portraits):
    first, second = (path.read_bytes() for path in max(portraits.known.values(), key=len)[:2])
    fields = {"purpose": "development", "operation": "CompareFaces", "threshold": "0"}
    page = developer.upload("/console/try", fields, {"photo": first, "target": second})
    ended = run(service, house, tmp_path, page, source_jpg=first, target_jpg=second)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["FaceMatches"] == answer_of(page)["FaceMatches"] != []
    fields = {"purpose": "development", "operation": "DetectFaces", "attribute": "SMILE"}
    page = developer.upload("/console/try", fields, {"photo": first, "target": b""})
    ended = run(service, house, tmp_path, page, photo_jpg=first)
    assert json.loads(ended.stdout)["FaceDetails"] == answer_of(page)["FaceDetails"]


@pytest.fixture(scope="module")
def police(tmp_path_factory):
    """A server of its own with an account that looks for leads: service, account, Dora, a client."""
    data_dir, settings = tmp_path_factory.mktemp("police") / "data", server_settings()
    pack = PackStore(settings.cache_dir, settings.models).default_pack(settings.pack)
    facts = model_facts(pack.manifest)
    with ExitStack() as stack:
        where = ()
        if given := os.environ.get("COUNTENANCE_TEST_DATABASE_URL", ""):
            where = ("--database-url", stack.enter_context(fresh_database(given)))
        running = stack.enter_context(
            running_server(data_dir, settings, accept_terms="Test, suite", options=[*where])
        )
        service = Service(running, data_dir, settings, where)
        name = {"database_url": where[1]} if where else {}
        with open_store(Settings.from_env({}, data_dir=data_dir, **name)) as (database, keys):
            accounts, governance = Accounts(database, keys), open_governance(database, keys)
            account = ready_account(
                accounts, governance, "Police", "investigative-lead", profile="law_enforcement"
            )
            key = ready_key(accounts, account, "investigative-lead")
            put_on_record(database, facts.digests, version=facts.version)
            until = datetime.now(UTC) + timedelta(days=9)
            for person in ("tester", "Dora", "Ken"):
                governance.on_file.train(account.account_id, person, valid_until=until, actor=Actor("test"))
        dora = make_member(service, account.account_id, "Dora", "developer").signed_in(service.endpoint)
        signed = {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret}
        own = service.client("countenance", **signed)
        until = datetime.now(UTC) + timedelta(days=2)
        own.open_case(
            Case=CASE,
            Purpose="investigative-lead",
            Reason="a burglary",
            LegalBasis="a statute",
            ExpiresAt=until,
        )
        lead = own.assume_purpose(**CLAIMS)["Credentials"]
        seeker = service.client(
            aws_access_key_id=lead["AccessKeyId"],
            aws_secret_access_key=lead["SecretAccessKey"],
            aws_session_token=lead["SessionToken"],
        )
        yield service, account.account_id, dora, seeker


def test_a_search_under_a_case_is_held_and_says_where_it_is_looked_at(police, portraits, tmp_path):
    """Somebody was found: not an error to puzzle over, but a review, and the page where it stands."""
    service, account, dora, seeker = police
    photo = max(portraits.known.values(), key=len)[0].read_bytes()
    tags = {"countenance:vault-days": "30", "countenance:legal-basis": "a statute"}
    seeker.create_collection(CollectionId="convicted", Tags=tags)
    seeker.index_faces(CollectionId="convicted", Image={"Bytes": photo})
    fields = {
        "purpose": "investigative-lead",
        "operation": "SearchFacesByImage",
        "collection": "convicted",
        "threshold": "99",
        "most": "10",
    }
    for nonsense in ("0", "4097", "x", "\u0663", "-1"):
        page = dora.upload("/console/try", fields | {"most": nonsense}, {"photo": photo, "target": b""})
        assert (page.status, "whole number" in page.text) == (400, True)
    without = dora.upload("/console/try", fields, {"photo": photo, "target": b""})
    assert (without.status, "PUR-01" in without.text, "Held" in without.text) == (400, True, False)
    assert f'<option value="{CASE}">' in without.body
    claims = {"case": CASE, "source": "record", "age": "adult"}
    page = dora.upload("/console/try", fields | claims, {"photo": photo, "target": b""})
    assert page.status == 400
    assert "people look first" in page.text, re.findall(r"role=.alert.[^>]*>([^<]*)", page.body)
    link = re.search(r'<a href="(/console/cases\?review=([0-9a-f-]{36}))">', page.body)
    looked_at = dora.get(link.group(1))
    assert looked_at.status == 200
    assert f"Review {link.group(2)} : waiting" in " ".join(looked_at.text.split())
    assert f'value="{CASE}"' in page.body, "the form is kept"
    for named in ("FaceMatches", "Similarity&#34;:"):
        assert named not in page.body
    ended = run(service, account, tmp_path, page, name="Ken", photo_jpg=photo)
    assert ended.returncode != 0
    assert f"review `{link.group(2)}`" in ended.stderr
    another = dora.upload(
        "/console/try", fields | claims | {"case": "none such"}, {"photo": photo, "target": b""}
    )
    assert (another.status, "CASE-001" in another.text) == (400, True)
