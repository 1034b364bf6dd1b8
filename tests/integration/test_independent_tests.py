"""The independent test interface through plain boto3, signed with a tester's key, on a server's real socket.

The nets are stand-ins; that they are the production ones is what `load_photo` is the only door to, and the
last test sees to it that both callers go through it to the same templates.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, given, settings

from countenance.accounts import Actor
from countenance.accounts.testers import Allowance
from countenance.assurance.independent_expiry import Expiry
from countenance.assurance.independent_keys import KEY_PREFIX
from countenance.assurance.independent_seal import BrokenIndependentSeal, IndependentSeal
from countenance.assurance.independent_tests import IndependentTests
from countenance.cli.independent_test_jobs import independent_test_tasks
from countenance.evaluation.figures import figures_of
from countenance.evaluation.protocol import Protocol
from countenance.evaluation.trials import Samples
from countenance.gallery.basis import Sealing
from countenance.gallery.seal import TemplateSeal
from countenance.gallery.stored import to_stored_template
from countenance.operations.caller import Caller
from countenance.operations.registry import OPERATIONS
from countenance.policy.groups import GROUPS
from countenance.store import UnitOfWork
from countenance.wire.model import data_path
from fakes.vision import FAKE_CALIBRATION, FakeVision, person, picture
from fixtures_store import fresh_database
from gateway_server import Server
from job_runner import run_all, working
from paths import REPOSITORY
from small_server import small_server
from strategies import requests_for

DECLARED = {"Name": "spring", "TestedBy": "State University", "DataSet": "volunteers"}
TESTING = GROUPS["testing"]


@dataclass
class House:
    """A server, and what makes testers of it."""

    small: Any
    socket: Any
    url: str

    @property
    def governance(self):
        return self.small.bench.services.governance

    @property
    def tests(self) -> IndependentTests:
        return IndependentTests(self.small.database, self.small.keys)

    def tester(self, *, until=timedelta(days=1), **limits):
        """The id of a new tester, and a client with its key."""
        key = self.governance.testers.add(
            "Ada Auditor",
            "State University",
            officer="Olga Officer",
            expires_at=datetime.now(UTC) + until,
            limits=Allowance(**limits),
            actor=Actor("a test"),
        )
        return key.account_id, self.client(key)

    def client(self, key, service="countenance"):
        return self.socket.client(service, key=key.access_key_id, secret=key.secret)

    def work(self):
        """All jobs of independent tests that are due."""
        run_all(self.url, self.small.database, independent_test_tasks(self.small.keys))

    def select(self, statement, *values):
        with self.small.database.read() as connection:
            return connection.execute(statement, values).fetchall()


@pytest.fixture(scope="module")
def server(postgres_url, tmp_path_factory, models, policy):
    folder = tmp_path_factory.mktemp("testing")
    with (
        fresh_database(postgres_url) as url,
        small_server(url, folder / "data", models=models, policy=policy) as small,
        Server(small.bench) as socket,
    ):
        yield House(small, socket, url)


@pytest.fixture
def tester(server):
    return server.tester()[1]


PEOPLE = [
    (name, likeness, cohort)
    for name, cohort in (("ada", "x"), ("bob", "x"), ("cleo", "y"), ("dan", "y"))
    for likeness in (1.0, 0.9, 0.8)
]


def begin(client, **declared):
    return client.create_independent_test(**DECLARED | declared)["Test"]["TestId"]


def send(client, test_id, people=PEOPLE):
    """One sample each; the answers."""
    return [
        client.add_test_sample(
            TestId=test_id,
            Number=number,
            Image=picture(person(name, likeness=likeness)),
            Subject=f"s-{name}",
        )
        for number, (name, likeness, _) in enumerate(people, start=1)
    ]


def code_of(call, **request):
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]["Code"]


def message_of(call, **request):
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]["Message"]


def test_the_figures_are_those_that_the_same_images_give_locally(server, tester):
    """An auditor gets what anybody computes of the pipeline's templates, or it is worth nothing."""
    made = tester.create_independent_test(**DECLARED)["Test"]
    test_id = made["TestId"]
    assert (made["Status"], made["Samples"], made["FaceModelVersion"]) == ("OPEN", 0, "1.0")
    assert made["PackDigest"] == FakeVision("1.0", 64).pack_digest
    assert made["CalibrationDigest"] == FAKE_CALIBRATION.digest
    answers = send(tester, test_id)
    assert {answer["Enrolled"] for answer in answers} == {True}
    nobody = tester.add_test_sample(TestId=test_id, Number=99, Image=picture(), Subject="s-ada")
    assert (nobody["Enrolled"], nobody["Reasons"], nobody["FacesFound"]) == (False, ["NO_FACE"], 0)
    blurred = picture(person("bob", sharpness=0.0))
    poor = tester.add_test_sample(TestId=test_id, Number=100, Image=blurred, Subject="s-bob")
    assert (poor["Enrolled"], poor["Reasons"], poor["FacesFound"]) == (
        False,
        ["LOW_SHARPNESS", "LOW_FACE_QUALITY"],
        1,
    )

    assert tester.finish_independent_test(TestId=test_id)["Test"]["Status"] == "COMPUTING"
    server.work()
    told = tester.get_independent_test(TestId=test_id)
    assert (told["Test"]["Status"], told["Test"]["Samples"], told["Test"]["Enrolled"]) == ("FINISHED", 14, 12)
    evaluation = json.loads(told["Evaluation"])
    local = figures_of(local_samples(), calibration=FAKE_CALIBRATION, protocol=Protocol())
    assert {name: evaluation[name] for name in local} == json.loads(json.dumps(local))
    assert evaluation["failure_to_enrol"]["trials"] == 14
    assert evaluation["data"]["kind"] == "independent-test"
    assert evaluation["pack"]["digest"] == made["PackDigest"]
    assert evaluation["calibration"]["digest"] == made["CalibrationDigest"]
    assert evaluation["program"]["pipeline_digest"] == made["PipelineDigest"]
    assert "s-ada" not in told["Evaluation"]


def local_samples():
    """As sent in that test, without a server."""
    vision = FakeVision("1.0", 64)
    images = [picture(person(name, likeness=likeness)) for name, likeness, _ in PEOPLE]
    rows = [vision.embed(px := vision.decode(data), vision.detect(px).faces)[0] for data in images]
    places = {"ada": 0, "bob": 1, "cleo": 2, "dan": 3}
    subjects = [places[name] for name, *_ in PEOPLE] + [0, 1]
    templates = np.vstack([*rows, np.zeros((2, 64))]).astype(np.float32)
    return Samples(templates, np.array(subjects), np.array([True] * len(rows) + [False] * 2))


def test_every_score_of_a_finished_test_is_told_once_and_to_a_hundredth(server, tester):
    """With these an auditor computes all figures by themselves; a page at a time, in one order."""
    test_id = begin(tester)
    send(tester, test_id)
    assert code_of(tester.list_test_scores, TestId=test_id) == "ConflictException"
    tester.finish_independent_test(TestId=test_id)
    pages = tester.get_paginator("list_test_scores").paginate(
        TestId=test_id, PaginationConfig={"PageSize": 7}
    )
    scores = [score for page in pages for score in page["Scores"]]
    assert [(each["First"], each["Second"]) for each in scores] == [
        (first, second) for first in range(1, 13) for second in range(first + 1, 13)
    ]
    vision = FakeVision("1.0", 64)
    one, two = (
        vision.embed(px := vision.decode(picture(person(*who, likeness=like))), vision.detect(px).faces)[0]
        for who, like in ((("ada",), 1.0), (("ada",), 0.9))
    )
    first = scores[0]
    assert first["Mated"]
    assert first["Similarity"] == pytest.approx(
        round(float(FAKE_CALIBRATION.to_similarity(np.array([one @ two]))[0]), 2), abs=1e-4
    )
    assert {each["Mated"] for each in scores} == {True, False}
    assert not next(each for each in scores if (each["First"], each["Second"]) == (1, 4))["Mated"]


def test_cohort_figures_are_by_the_testers_labels_and_say_whose_they_are(server, tester):
    """Nothing here infers a group from a face."""
    assert (
        code_of(tester.create_independent_test, **DECLARED, CohortColumns=["group"])
        == "InvalidParameterException"
    )
    test_id = begin(tester, CohortColumns=["group"], LabelsBy="the volunteers")
    for number, (name, likeness, cohort) in enumerate(PEOPLE, start=1):
        tester.add_test_sample(
            TestId=test_id,
            Number=number,
            Image=picture(person(name, likeness=likeness)),
            Subject=name,
            Cohorts={"group": cohort},
        )
    unknown = {"TestId": test_id, "Number": 50, "Image": picture(person("ada")), "Subject": "ada"}
    assert "`age` is no column" in message_of(tester.add_test_sample, **unknown, Cohorts={"age": "old"})
    tester.add_test_sample(**unknown, Cohorts={"group": "y"})  # whom the tester calls two things
    tester.finish_independent_test(TestId=test_id)
    server.work()
    evaluation = json.loads(tester.get_independent_test(TestId=test_id)["Evaluation"])
    [column] = evaluation["cohorts"]
    assert (column["column"], column["labels_by"]) == ("group", "the volunteers")
    assert evaluation["data"]["labels_by"] == "the volunteers"
    assert any("1 subjects had samples with different labels" in note for note in evaluation["notes"])


def test_a_box_or_the_middle_says_which_face_is_meant(tester):
    """Group photos have others in them, and the largest is not always whom the label means."""
    image = picture(person("ada", left=700, size=250), person("bob", left=420, top=320, size=160))

    def box_of(client, test_id, number, **given):
        answer = client.add_test_sample(TestId=test_id, Number=number, Image=image, Subject="s", **given)
        return round(answer["BoundingBox"]["Left"], 2)

    largest, middle = begin(tester), begin(tester, Face="MIDDLE")
    assert box_of(tester, largest, 1) == 0.7
    assert box_of(tester, middle, 1) == 0.42
    bobs = {"Left": 0.41, "Top": 0.39, "Width": 0.17, "Height": 0.21}
    assert box_of(tester, largest, 2, BoundingBox=bobs) == 0.42
    nobodys = {"Left": 0.0, "Top": 0.0, "Width": 0.1, "Height": 0.1}
    answer = tester.add_test_sample(TestId=largest, Number=3, Image=image, Subject="s", BoundingBox=nobodys)
    assert (answer["Enrolled"], answer["Reasons"]) == (False, ["NO_FACE_IN_THE_BOX"])


@pytest.mark.parametrize("operation", TESTING)
def test_no_production_key_can_call_an_operation_of_tests(server, operation, models):
    """A test is between the tester and the pipeline: the operator's own accounts are no part of it."""
    production = server.client(server.small.bench.key)
    test_id = begin(server.tester()[1])
    request = minimal(models, "countenance", operation) | (
        {"TestId": test_id} if "TestId" in members_of(models, operation) else {}
    )
    told = refusal(server, production, "countenance", operation, request)
    assert told["Code"] == "AccessDeniedException"
    assert "TEST-002" in told["Message"]


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        (service, operation)
        for service, offered in OPERATIONS.items()
        for operation in sorted(offered)
        if operation not in TESTING
    ],
)
def test_a_testers_key_can_call_nothing_else(server, models, service, operation):
    """No collection, no log, no account, no key of its own making: of either service, each is tried."""
    account_id, _ = server.tester()
    key = server.small.bench.services.accounts.create_access_key(
        account_id, operator="ada", purpose="development"
    )
    request = minimal(models, service, operation)
    if "ResourceArn" in request:
        request["ResourceArn"] = f"arn:aws:rekognition:us-east-1:{account_id}:collection/staff"
    told = refusal(server, server.client(key, service), service, operation, request)
    assert told["Code"] == "AccessDeniedException", told
    assert "TEST-001" in told["Message"]


def members_of(models, operation):
    return models.services["countenance"].operations[operation].input_shape.members


def minimal(models, service, operation):
    """A valid request of it: the first that is drawn, always the same."""
    found = []

    @settings(
        max_examples=1,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(requests_for(models.services[service].operations[operation]))
    def draw(request):
        found.append(request)

    draw()
    return found[0]


def refusal(server, client, service, operation, request):
    """What is told of a call that is refused."""
    method = client.meta.method_to_api_mapping
    name = next(python for python, api in method.items() if api == operation)
    with pytest.raises(ClientError) as caught:
        getattr(client, name)(**request)
    return caught.value.response["Error"]


def test_another_testers_test_is_as_if_it_did_not_exist(server, tester):
    """Also for what it costs to ask: the answer is the one for an id that nobody has."""
    test_id = begin(tester)
    send(tester, test_id)
    _, other = server.tester()
    assert other.list_independent_tests()["Tests"] == []
    nobodys = str(uuid.uuid4())
    for call, more in (
        (other.get_independent_test, {}),
        (other.finish_independent_test, {}),
        (other.list_test_scores, {}),
        (other.delete_independent_test, {}),
        (other.add_test_sample, {"Number": 50, "Image": picture(person("ada")), "Subject": "s"}),
    ):
        told = message_of(call, TestId=test_id, **more)
        assert told == message_of(call, TestId=nobodys, **more).replace(nobodys, test_id)
    assert [each["TestId"] for each in tester.list_independent_tests()["Tests"]] == [test_id]


def test_the_rate_limit_says_when_and_deleting_tests_buys_nothing(server):
    """A tester who could send without end would be a burden, and a map of the model."""
    account_id, client = server.tester(samples_an_hour=3)
    test_id = begin(client)
    send(client, test_id, PEOPLE[:3])
    one_more = {"TestId": test_id, "Number": 4, "Image": picture(person("ada")), "Subject": "s"}
    before = datetime.now(UTC)
    assert code_of(client.add_test_sample, **one_more) == "ThrottlingException"
    told = message_of(client.add_test_sample, **one_more)
    limits = client.get_independent_test(TestId=test_id)["Limits"]
    assert limits["SamplesThisHour"] == 0
    assert before + timedelta(minutes=59) < limits["NextSampleAt"] <= before + timedelta(minutes=61)
    assert limits["NextSampleAt"].strftime("%Y-%m-%dT%H:%M:%SZ") in told

    client.delete_independent_test(TestId=test_id)
    again = one_more | {"TestId": begin(client)}
    assert code_of(client.add_test_sample, **again) == "ThrottlingException"
    server.small.execute(
        "update tester_use set minute = minute - interval '61 minutes' where account_id = %s", account_id
    )
    assert client.add_test_sample(**again)["Enrolled"]


def test_tests_at_once_and_samples_in_all_are_bounded(server):
    """The room that a tester takes is what the officer gave."""
    _, client = server.tester(tests_at_once=1, most_samples=2)
    test_id = begin(client)
    assert "1 may be there at once" in message_of(client.create_independent_test, **DECLARED)
    send(client, test_id, PEOPLE[:2])
    one_more = {"TestId": test_id, "Number": 4, "Image": picture(person("ada")), "Subject": "s"}
    assert code_of(client.add_test_sample, **one_more) == "ServiceQuotaExceededException"
    client.delete_independent_test(TestId=test_id)
    begin(client)


def test_what_is_sent_twice_counts_once(tester):
    """An answer that was lost is asked for again by every client."""
    test_id = begin(tester)
    send(tester, test_id, PEOPLE[:2])
    again = {"TestId": test_id, "Number": 1, "Image": b"\xff\xd8 not even looked at", "Subject": "s"}
    before = tester.get_independent_test(TestId=test_id)
    assert code_of(tester.add_test_sample, **again) == "ResourceAlreadyExistsException"
    after = tester.get_independent_test(TestId=test_id)
    assert after["SampleNumbers"] == [1, 2]
    assert after["Limits"]["SamplesInAll"] == before["Limits"]["SamplesInAll"]


@pytest.mark.parametrize("image", [b"\xff\xd8\xff", b"no image at all", picture(width=10, height=10)])
def test_a_hostile_image_is_refused_and_is_no_sample(tester, image):
    """What no pixels come of is the tester's mistake, and of no weight in the figures."""
    test_id = begin(tester)
    call = {"TestId": test_id, "Number": 1, "Image": image, "Subject": "s"}
    assert code_of(tester.add_test_sample, **call) in {
        "InvalidImageFormatException",
        "InvalidParameterException",
    }
    assert tester.get_independent_test(TestId=test_id)["SampleNumbers"] == []


def test_a_pack_that_is_replaced_closes_the_test(server, monkeypatch, tester):
    """Samples of two pipelines in one test would be figures of neither."""
    test_id = begin(tester)
    send(tester, test_id, PEOPLE[:3])
    monkeypatch.setattr(vision_of(server), "pack_digest", "f" * 64)
    told = message_of(
        tester.add_test_sample, TestId=test_id, Number=9, Image=picture(person("ada")), Subject="s"
    )
    assert "the test is closed: the model pack was" in told
    test = tester.get_independent_test(TestId=test_id)["Test"]
    assert test["Status"] == "CLOSED"
    assert "ffffffffffff" in test["ClosedBecause"]
    assert test["PackDigest"] != "f" * 64
    tester.finish_independent_test(TestId=test_id)  # what there is was all made by one
    server.work()
    evaluation = json.loads(tester.get_independent_test(TestId=test_id)["Evaluation"])
    assert evaluation["pack"]["digest"] == test["PackDigest"]


def vision_of(server):
    """The pack that new collections get."""
    caller = Caller("1" * 12, "AKIA", "guy", "us-east-1")
    with UnitOfWork(server.small.database) as work:
        return server.small.bench.services.make_deps(caller, work).models.default


def test_deleting_a_test_is_final(server, tester):
    """Rows may live on in old pages of the database; without the key they are noise."""
    test_id = begin(tester)
    send(tester, test_id)
    [(sealed,)] = server.select(
        "select sealed from independent_test_sample where test_id = %s and number = 1", test_id
    )
    key = server.small.keys.secret(f"{KEY_PREFIX}{test_id}")
    assert IndependentSeal(key, uuid.UUID(test_id)).unseal_sample(1, bytes(sealed)).subject == "s-ada"
    with pytest.raises(BrokenIndependentSeal):
        IndependentSeal(key, uuid.UUID(test_id)).unseal_sample(2, bytes(sealed))
    tester.delete_independent_test(TestId=test_id)
    assert server.small.keys.secret(f"{KEY_PREFIX}{test_id}") is None
    assert server.select("select * from independent_test where test_id = %s", test_id) == []
    assert server.select("select * from independent_test_sample where test_id = %s", test_id) == []
    assert code_of(tester.get_independent_test, TestId=test_id) == "ResourceNotFoundException"


def test_a_test_past_its_end_is_gone_at_once_and_its_key_within_the_hour(server):
    """Nobody has to remember to delete templates of people who lent their faces to a test."""
    account_id, client = server.tester()
    test_id = begin(client)
    send(client, test_id, PEOPLE[:2])
    server.small.execute(
        "update independent_test set expires_at = clock_timestamp() where test_id = %s", test_id
    )
    assert code_of(client.get_independent_test, TestId=test_id) == "ResourceNotFoundException"
    assert client.list_independent_tests()["Tests"] == []
    server.work()
    assert server.small.keys.secret(f"{KEY_PREFIX}{test_id}") is None
    assert server.select("select * from independent_test where test_id = %s", test_id) == []
    assert "ExpireIndependentTest" in entries(server, account_id)


def test_a_tester_who_is_revoked_or_expired_calls_nothing_and_leaves_nothing(server):
    """An audit ends; what it was given for is not kept."""
    account_id, client = server.tester()
    test_id = begin(client)
    server.governance.testers.revoke(account_id, officer="Olga Officer", actor=Actor("a test"))
    assert code_of(client.list_independent_tests) == "UnrecognizedClientException"
    server.work()
    assert server.select("select * from independent_test where test_id = %s", test_id) == []
    assert server.small.keys.secret(f"{KEY_PREFIX}{test_id}") is None

    ended_id, ended = server.tester()
    begin(ended)
    server.small.execute("update tester set expires_at = clock_timestamp() where account_id = %s", ended_id)
    assert code_of(ended.list_independent_tests) == "ExpiredTokenException"
    server.work()
    assert server.select("select * from independent_test where account_id = %s", ended_id) == []


def test_a_key_that_a_crash_left_is_destroyed_and_no_other(server, tester):
    """Between the rows' end and the key's a machine may stop."""
    test_id = begin(tester)
    left = f"{KEY_PREFIX}{uuid.uuid4()}"
    server.small.keys.create_secret(left)
    assert Expiry(server.small.database, server.small.keys).sweep(older_than_s=3600.0) == 0
    assert Expiry(server.small.database, server.small.keys).sweep(older_than_s=-1.0) == 1
    assert server.small.keys.secret(left) is None
    assert server.small.keys.secret(f"{KEY_PREFIX}{test_id}") is not None


def test_every_call_is_recorded_and_names_the_test(server):
    """The operator can show what was tested and when; the log names nobody and no test in clear."""
    account_id, client = server.tester()
    test_id = begin(client)
    send(client, test_id, PEOPLE[:1])
    client.delete_independent_test(TestId=test_id)
    assert entries(server, account_id)[:3] == [
        "DeleteIndependentTest",
        "AddTestSample",
        "CreateIndependentTest",
    ]
    audit = server.small.bench.services.audit
    with server.small.database.read() as connection:
        found = audit.list_latest(connection, account_id)[:3]
    assert {entry.opened("resource") for entry in found} == {test_id}
    assert all(test_id not in json.dumps(entry.members) for entry in found)
    assert found[1].members["model"]["version"] == "1.0" if "model" in found[1].members else True


def entries(server, account_id):
    """Operations of the account's entries, newest first."""
    with server.small.database.read() as connection:
        latest = server.small.bench.services.audit.list_latest(connection, account_id)
    return [entry.members["operation"] for entry in latest]


def test_no_template_of_a_test_is_in_a_gallery(server, tester):
    """Never searchable: who lends a face to a test is looked for by nobody."""
    tables = "select count(*) from face"
    before = server.select(tables)
    test_id = begin(tester)
    send(tester, test_id)
    assert server.select(tables) == before
    collections = server.select("select count(*) from collection as c join tester as t using (account_id)")
    assert collections == [(0,)]


def test_a_tester_gets_the_very_template_that_indexing_makes(server, tester):
    """The pipeline must not know that it is being tested. Both are taken from where they are kept."""
    image = picture(person("grace", likeness=0.7))
    small = server.small
    small.call("CreateCollection", CollectionId="same")
    face = small.call("IndexFaces", CollectionId="same", picture=image)["FaceRecords"][0]["Face"]["FaceId"]
    services = small.bench.services
    account = small.bench.account.account_id
    collection = services.gallery.require_collection(account, "us-east-1", "same")
    test_id = begin(tester)
    tester.add_test_sample(TestId=test_id, Number=1, Image=image, Subject="s")
    test = server.tests.require(None, uuid.UUID(test_id))
    [sample] = server.tests.samples(test)
    [(generation, sealed)] = server.select(
        "select key_generation, sealed_template from face where face_id = %s", face
    )
    seal = TemplateSeal(
        small.keys,
        Sealing(generation),
        collection_id=collection.collection_id,
        face_model_version=collection.face_model_version,
        dimensions=collection.dimensions,
    )
    indexed, broken = seal.unseal_all([(uuid.UUID(face), generation, bytes(sealed))])
    assert broken == []
    assert np.array_equal(indexed[0], to_stored_template(sample.template))


def test_the_code_in_the_page_does_what_it_says(server, monkeypatch, tmp_path):
    """An auditor who copies it must get figures, with boto3 as it is installed everywhere."""
    account_id, _ = server.tester()
    key = server.small.bench.services.accounts.create_access_key(account_id, operator="ada")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret)
    monkeypatch.setenv("AWS_DATA_PATH", str(data_path()))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name, likenesses in {"ada": (1.0, 0.9), "bob": (1.0, 0.8), "cleo": (1.0,)}.items():
        (tmp_path / name).mkdir()
        for number, likeness in enumerate(likenesses):
            (tmp_path / name / f"{number}.jpg").write_bytes(picture(person(name, likeness=likeness)))
    page = (REPOSITORY / "docs/operations/independent-test.md").read_text()
    [code] = re.findall(r"<!-- runs in a test -->\n```python\n(.*?)```", page, re.DOTALL)
    names = {"ENDPOINT_URL": f"http://127.0.0.1:{server.socket.port}", "FOLDER": str(tmp_path)}
    with working(server.url, server.small.database, independent_test_tasks(server.small.keys)):
        exec(code, names)  # ours, from the page
    assert names["evaluation"]["data"]["samples"] == 5
    assert len(names["scores"]) == 10
    assert sum(score["Mated"] for score in names["scores"]) == 2
    assert server.select("select * from independent_test where account_id = %s", account_id) == []
