"""Terms that are enforced, as clients meet them: boto3 and the AWS CLI, unmodified, on real servers."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from countenance.accounts import Accounts
from countenance.audit.reconcile import reconcile
from countenance.cli.installation import open_store
from countenance.cli.job_tasks import job_tasks
from countenance.cli.server_process import running_server
from countenance.gallery import Gallery
from countenance.gallery.activity import searches_ran
from countenance.operations.registry import OPERATIONS
from countenance.policy.groups import GROUPS
from countenance.settings import Settings
from countenance.store import UnitOfWork
from countenance.store.jobs import Jobs
from countenance.types import AccountId
from countenance.wire.model import load_models
from fakes.faces import new_face, random_templates
from fixtures_clients import aws_cli
from fixtures_server import Service, server_settings
from job_runner import await_none_left
from strategies import smallest

SHARED_SERVER = pytest.mark.xdist_group("server")
OWN_SERVER = pytest.mark.xdist_group("serve")
FREE = frozenset({*GROUPS["terms"], *GROUPS["dueProcess"], *GROUPS["rights"]})
"""What an account may do whatever it has accepted and however it stands."""
OPERATION_NAMES = [(service, name) for service, operations in OPERATIONS.items() for name in operations]
ENTRY_TIMEOUT_S = 30.0
CASE = "MP-2026/4711"
"""One that could be looked up: the server's patrol restricts an account for a case that says nothing."""


@contextmanager
def serving(data_dir: Path, *, accept_terms: str = "", options: tuple[str, ...] = ()) -> Iterator[Service]:
    """A server on `data_dir`; nobody is at a terminal."""
    settings = server_settings()
    with running_server(
        data_dir, settings, accept_terms=accept_terms, log=str, options=["--workers", "2", *options]
    ) as running:
        yield Service(running, data_dir, settings)


@dataclass(frozen=True)
class Account:
    """An account of a server, its keys as boto3 takes them.

    Attributes:
        keys: for the account's first purpose.
        office: for none; with them keys and sessions for any of its purposes are made.
    """

    service: Service
    account: str
    keys: dict[str, str]
    office: dict[str, str]

    @classmethod
    def make(cls, service: Service, name: str, *purposes: str) -> Account:
        made = service.make_account(name, *purposes)
        account_id = made.pop("account")
        where = {"database_url": service.database_options[1]} if service.database_options else {}
        with open_store(Settings.from_env({}, data_dir=service.data_dir, **where)) as (database, keys):
            key = Accounts(database, keys).create_access_key(account_id, operator="office")
        office = {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret}
        return cls(service, account_id, made, office)

    @property
    def own(self) -> Any:
        """A client of our service."""
        return self.service.client("countenance", **self.office)

    @property
    def rekognition(self) -> Any:
        return self.service.client(**self.keys)

    def key(self, purpose: str) -> Any:
        """A client of Amazon's service with a new key for that purpose."""
        made = self.own.create_access_key(Purpose=purpose)
        keys = {
            "aws_access_key_id": made["AccessKeyId"],
            "aws_secret_access_key": made["SecretAccessKey"],
        }
        return self.service.client(**keys)

    def session(self, purpose: str, **claims: Any) -> dict[str, str]:
        """Keys of temporary credentials."""
        made = self.own.assume_purpose(Purpose=purpose, **claims)["Credentials"]
        return {
            "aws_access_key_id": made["AccessKeyId"],
            "aws_secret_access_key": made["SecretAccessKey"],
            "aws_session_token": made["SessionToken"],
        }

    def open_case(self, purpose: str, case: str) -> str:
        """A case that searches of the purpose may be made for; its id."""
        made = self.own.open_case(
            Case=case,
            Purpose=purpose,
            Reason="a test",
            LegalBasis="consent of the family",
            ExpiresAt=datetime.now(UTC) + timedelta(days=1),
        )
        return made["CaseId"]

    def entry(self, answer: Any) -> dict[str, Any]:
        """What the account's log says of a call that was answered, once it has a place."""
        event_id = answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
        deadline = time.monotonic() + ENTRY_TIMEOUT_S
        while time.monotonic() < deadline:
            for each in self.own.list_audit_entries(MaxResults=1000)["Entries"]:
                if each["EventId"] == event_id:
                    opened = {one["Member"]: json.loads(one["Value"]) for one in each["Openings"]}
                    return {"opened": opened, **json.loads(each["Entry"])}
            time.sleep(0.2)
        raise AssertionError(f"event {event_id} did not come into the log")


@pytest.fixture
def account(service: Service) -> Account:
    """Of the shared server: general, with the purposes `development` and `missing-persons`."""
    return Account.make(service, f"Terms {uuid.uuid4().hex[:8]}", "development", "missing-persons")


@pytest.fixture
def name() -> str:
    return f"terms-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def known(portraits: Any) -> list[bytes]:
    """Photos of one person."""
    who = max(portraits.known, key=lambda person: len(portraits.known[person]))
    return [path.read_bytes() for path in portraits.known[who]]


def outcome(operation: Any, **request: Any) -> tuple[str, str]:
    """Code and message of what comes of a call; `OK` for an answer."""
    try:
        operation(**request)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    return "OK", ""


def rules_in(message: str) -> set[str]:
    """The rules that a refusal names."""
    return set(re.findall(r"\b([A-Z]{2,5}-\d{3})(?: \[[^]]+\])?: ", message))


def walk(service: Service, keys: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """Every operation that is offered, with the smallest request that is valid: operation, code, message."""
    models = load_models()
    clients = {service_name: service.client(service_name, **keys) for service_name in OPERATIONS}
    for service_name, operation in OPERATION_NAMES:
        client = clients[service_name]
        request = smallest(models.services[service_name].operations[operation].input_shape)
        yield operation, *outcome(getattr(client, xform_name(operation)), **request)


def publish(folder: Path, version: str, *, grace_days: int) -> None:
    """A further version of the terms, in force today."""
    folder.mkdir(exist_ok=True)
    (folder / f"acceptable-use-{version}.md").write_text(f"# Version {version}\n\nBe kind.\n")
    (folder / f"acceptable-use-{version}.toml").write_text(
        f'document = "acceptable-use"\nversion = "{version}"\ntitle = "Acceptable use policy"\n'
        f'published = {datetime.now(UTC).date()}\ngrace_days = {grace_days}\nchanges = "be kind"\n'
    )


# Nobody has accepted


@OWN_SERVER
def test_until_somebody_accepts_nothing_is_done_with_a_face_and_the_refusal_says_what_to_run(
    tmp_path: Path,
) -> None:
    """Every operation of both services, but what reads or accepts terms and due process; then that command,
    as it stands there, makes the same key work in the running server.
    """
    data_dir = tmp_path / "data"
    with serving(data_dir) as service:
        house = service.client("countenance").get_caller_identity()["AccountId"]
        assert any("calls are refused" in line for line in service.log_lines())
        commands = set()
        for operation, code, message in walk(service, {}):
            if operation in FREE:
                assert code != "AccessDeniedException", (operation, message)
                continue
            assert code == "AccessDeniedException", (operation, code, message)
            if operation in GROUPS["testing"]:  # for testers, who use faces for nobody
                assert rules_in(message) == {"TEST-002"}, message
                continue
            assert f"AUP-001: account {house} has not accepted" in message, operation
            commands |= set(re.findall(r"`(countenance terms accept [^`]+)`", message))
        assert commands == {f'countenance terms accept {house} --officer "Name, role"'}
        # None of the wrong documents, and nobody without a name, was accepted on the way.
        listed = service.client("countenance").list_terms()
        assert (listed["Accepted"], listed["Wanted"]) == (False, ["acceptable-use 1.0"])

        [command] = commands
        words = shlex.split(command)[1:]
        done = subprocess.run(
            [sys.executable, "-m", "countenance.cli", *words, "--data-dir", str(data_dir)],
            capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        client = service.client()
        client.create_collection(CollectionId="accepted")
        assert client.list_collections()["CollectionIds"] == ["accepted"]
        [terms] = service.client("countenance").list_terms()["Terms"]
        assert (terms["Accepted"], terms["AcceptedBy"]) == (True, "Name, role")
    with serving(data_dir) as service:
        assert service.client().list_collections()["CollectionIds"] == ["accepted"]
        assert not any("calls are refused" in line for line in service.log_lines())


@OWN_SERVER
def test_a_new_version_gives_time_and_then_is_wanted(tmp_path: Path) -> None:
    """First with days of grace, in which calls pass and the deadline is told; then one without any."""
    data_dir, folder = tmp_path / "data", tmp_path / "terms"
    with serving(data_dir, accept_terms="Ada Lovelace, officer") as service:
        service.client().create_collection(CollectionId="kept")
        key = service.running.access_key_id
    publish(folder, "2.0", grace_days=10)
    with serving(data_dir, options=("--terms", str(folder))) as service:
        assert service.running.access_key_id == key
        assert service.client().list_collections()["CollectionIds"] == ["kept"]
        listed = service.client("countenance").list_terms()
        assert listed["Accepted"] is True
        [wanted] = listed["Wanted"]
        told = re.fullmatch(r"acceptable-use 2\.0, by (.+) UTC", wanted)
        assert told is not None, wanted
        left = datetime.fromisoformat(f"{told[1]}+00:00") - datetime.now(UTC)
        assert timedelta(days=9) < left <= timedelta(days=10)
        assert any("calls are answered until then" in line for line in service.log_lines())
    publish(folder, "3.0", grace_days=0)
    with serving(data_dir, options=("--terms", str(folder))) as service:
        code, message = outcome(service.client().list_collections)
        assert (code, rules_in(message)) == ("AccessDeniedException", {"AUP-001"})
        assert "acceptable-use 3.0" in message
        own = service.client("countenance")
        terms = own.get_terms()
        assert (terms["Version"], terms["Text"]) == ("3.0", "# Version 3.0\n\nBe kind.\n")
        accepted = own.accept_terms(
            Version="3.0", Digest=terms["Digest"], OfficerName="Grace Hopper", OfficerRole="admiral"
        )
        assert accepted["Accepted"] is True
        assert service.client().list_collections()["CollectionIds"] == ["kept"]


@SHARED_SERVER
def test_an_account_for_immigration_enforcement_can_do_nothing_but_read_why(service: Service) -> None:
    """Terms accepted or not, whatever it is called and whoever made it: no key, no purpose, no officer."""
    made = service.officer().create_account(Name="Removals", Profile="immigration_enforcement")
    keys = {
        "aws_access_key_id": made["AccessKeyId"],
        "aws_secret_access_key": made["SecretAccessKey"],
    }
    own = service.client("countenance", **keys)
    terms = own.get_terms()
    own.accept_terms(
        Version=terms["Version"], Digest=terms["Digest"], OfficerName="Nobody", OfficerRole="none"
    )
    for operation, code, message in walk(service, keys):
        if operation in FREE:
            assert code != "AccessDeniedException", (operation, message)
            continue
        assert code == "AccessDeniedException", (operation, code, message)
        assert "AUP-006: Countenance is not for immigration enforcement" in message, operation
    for purpose in ("development", "photo-library", "investigative-lead"):
        code, message = outcome(own.request_purpose, Purpose=purpose, Justification="please")
        assert (code, "AUP-006" in rules_in(message)) == ("AccessDeniedException", True)


# Purposes


@SHARED_SERVER
def test_code_that_knows_nothing_of_purposes_works_under_the_first_key(
    rekognition: Any, collection: str, known: list[bytes]
) -> None:
    """The promise to everybody who comes from Amazon: change the endpoint, accept the terms, go on."""
    first, second = ({"Bytes": photo} for photo in known[:2])
    indexed = rekognition.index_faces(CollectionId=collection, Image=first, DetectionAttributes=["ALL"])
    face_id = indexed["FaceRecords"][0]["Face"]["FaceId"]
    found = rekognition.search_faces_by_image(CollectionId=collection, Image=second, FaceMatchThreshold=1)
    assert found["FaceMatches"][0]["Face"]["FaceId"] == face_id
    assert "x-countenance-threshold" not in found["ResponseMetadata"]["HTTPHeaders"]
    assert rekognition.search_faces(CollectionId=collection, FaceId=face_id)["FaceMatches"] == []
    compared = rekognition.compare_faces(SourceImage=first, TargetImage=second, SimilarityThreshold=0)
    assert len(compared["FaceMatches"]) == 1
    assert len(rekognition.detect_faces(Image=first, Attributes=["ALL"])["FaceDetails"]) == 1


@SHARED_SERVER
def test_a_key_for_a_purpose_keeps_to_it(account: Account, name: str, known: list[bytes]) -> None:
    """Asked for, approved by a person, and then within its bounds; each refusal says by which rule and how
    it would be allowed.
    """
    code, message = outcome(account.own.create_access_key, Purpose="photo-library")
    assert (code, rules_in(message)) == ("AccessDeniedException", {"PUR-001"})
    asked = account.own.request_purpose(Purpose="photo-library", Justification="our club's photos")
    decided = account.service.officer().decide_purpose_request(
        RequestId=asked["RequestId"], Decision="approve", Reason="a club"
    )
    assert decided["Status"] == "approved"
    photo, library = {"Bytes": known[0]}, account.key("photo-library")

    code, message = outcome(library.detect_faces, Image=photo, Attributes=["EMOTIONS", "SMILE"])
    assert (code, rules_in(message)) == ("AccessDeniedException", {"PUR-007"})
    assert "does not allow `EMOTIONS`" in message
    assert "`SMILE`" not in message
    assert outcome(library.detect_faces, Image=photo, Attributes=["SMILE"])[0] == "OK"

    library.create_collection(CollectionId=name)
    library.index_faces(CollectionId=name, Image=photo)
    request = {"CollectionId": name, "Image": photo}
    code, message = outcome(library.search_faces_by_image, FaceMatchThreshold=40, **request)
    assert (code, rules_in(message)) == ("AccessDeniedException", {"PUR-005"})
    assert "FaceMatchThreshold >= 50" in message
    assert library.search_faces_by_image(FaceMatchThreshold=50, **request)["FaceMatches"]
    code, message = outcome(
        library.compare_faces, SourceImage=photo, TargetImage=photo, SimilarityThreshold=40
    )
    assert rules_in(message) == {"PUR-005"}
    assert "SimilarityThreshold >= 50" in message


@SHARED_SERVER
def test_a_collection_is_for_the_purposes_that_it_was_made_for(
    account: Account, name: str, known: list[bytes]
) -> None:
    """Faces that were enrolled for one thing are not used for another, by any key of the same account."""
    photo = {"Bytes": known[0]}
    account.rekognition.create_collection(CollectionId=name)
    face_id = account.rekognition.index_faces(CollectionId=name, Image=photo)["FaceRecords"][0]["Face"][
        "FaceId"
    ]
    missing = account.service.client(**account.session("missing-persons", Case=CASE, Source="relative"))
    for operation, more in (
        (missing.search_faces_by_image, {"Image": photo, "FaceMatchThreshold": 95, "MaxFaces": 5}),
        (missing.search_faces, {"FaceId": face_id, "FaceMatchThreshold": 95, "MaxFaces": 5}),
        (missing.index_faces, {"Image": photo}),
    ):
        code, message = outcome(operation, CollectionId=name, **more)
        assert code == "AccessDeniedException"
        assert "PUR-002: the collection's charter does not have the purpose `missing-persons`" in message


@SHARED_SERVER
def test_a_charter_is_asked_for_in_tags(account: Account, name: str) -> None:
    """All that an unmodified client of Amazon's API can send; what goes beyond the purpose is refused."""
    tags = {
        "countenance:purposes": "development missing-persons",
        "countenance:kind": "reference",
        "countenance:legal-basis": "consent of the family",
        "countenance:face-cap": "1000",
        "countenance:retention-days": "30",
        "countenance:minors": "refused",
        "team": "a",
    }
    made = account.rekognition.create_collection(CollectionId=name, Tags=tags)
    arn = f"arn:{made['CollectionArn']}"
    assert account.rekognition.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"team": "a"}
    assert account.own.describe_charter(CollectionId=name)["Charter"] == {
        "Purposes": ["development", "missing-persons"],
        "Kind": "reference",
        "LegalBasis": "consent of the family",
        "FaceCap": 1000,
        "RetentionDays": 30,
        "MinorsAllowed": False,
    }
    other = f"{name}-other"
    for more, code, told in (
        ({"countenance:purposes": "development photo-library"}, "AccessDeniedException", "CHA-001"),
        ({"countenance:face-cap": "250001"}, "AccessDeniedException", "CHA-002"),
        ({"countenance:purposes": "missing-persons"}, "AccessDeniedException", "CHA-003"),
        ({"countenance:kind": "consented"}, "AccessDeniedException", "CHA-004"),
        ({"countenance:kind": "menagerie"}, "InvalidParameterException", "countenance:kind"),
        ({"countenance:face-cap": "many"}, "InvalidParameterException", "countenance:face-cap"),
        ({"countenance:colour": "red"}, "InvalidParameterException", "countenance:colour"),
    ):
        came, message = outcome(account.rekognition.create_collection, CollectionId=other, Tags=tags | more)
        assert (came, told in message) == (code, True), (more, came, message)
    code, _ = outcome(
        account.rekognition.tag_resource, ResourceArn=arn, Tags={"countenance:minors": "allowed"}
    )
    assert code == "InvalidParameterException"
    assert other not in account.rekognition.list_collections()["CollectionIds"]


@pytest.fixture
def missing_persons(account: Account, name: str, known: list[bytes]) -> str:
    """A collection for that purpose, with one face in it."""
    keys = account.session("missing-persons", Case=CASE, Source="relative")
    client = account.service.client(**keys)
    tags = {"countenance:legal-basis": "section 7 of the police act"}
    client.create_collection(CollectionId=name, Tags=tags)
    client.index_faces(CollectionId=name, Image={"Bytes": known[0]})
    return name


SEARCH = {"FaceMatchThreshold": 95, "MaxFaces": 5}


@SHARED_SERVER
def test_a_search_for_a_missing_person_needs_its_case(
    account: Account, missing_persons: str, known: list[bytes]
) -> None:
    """In plain boto3, with temporary credentials that say what the call is for; the log has it."""
    request = {"CollectionId": missing_persons, "Image": {"Bytes": known[1]}, **SEARCH}
    without = account.service.client(**account.session("missing-persons", Source="relative"))
    code, message = outcome(without.search_faces_by_image, **request)
    assert (code, rules_in(message)) == ("AccessDeniedException", {"PUR-011"})
    assert "AssumePurpose" in message
    keys = account.session("missing-persons", Case=CASE, Source="relative")
    code, message = outcome(account.service.client(**keys).search_faces_by_image, **request)
    assert (code, rules_in(message)) == ("AccessDeniedException", {"CASE-001"})  # nobody has opened it
    account.open_case("missing-persons", CASE)
    answer = account.service.client(**keys).search_faces_by_image(**request)
    assert len(answer["FaceMatches"]) == 1
    entry = account.entry(answer)
    assert (entry["purpose"], entry["claims"]) == ("missing-persons", {"source": "relative"})
    assert entry["opened"]["case"] == CASE
    assert "4711" not in json.dumps({name: entry[name] for name in entry if name != "opened"})
    for broken, rule in (
        ({"FaceMatchThreshold": 89}, "PUR-005"),
        ({"MaxFaces": 21}, "PUR-006"),
    ):
        code, message = outcome(account.service.client(**keys).search_faces_by_image, **request | broken)
        assert (code, rules_in(message)) == ("AccessDeniedException", {rule})


@SHARED_SERVER
def test_the_aws_cli_takes_a_purpose_on_by_its_environment(
    account: Account, missing_persons: str, portraits: Any, tmp_path: Path
) -> None:
    """Three variables, as with credentials of STS; nothing else of the command changes."""
    who = max(portraits.known, key=lambda person: len(portraits.known[person]))
    command = (
        "search-faces-by-image",
        *("--collection-id", missing_persons, "--image-bytes", f"fileb://{portraits.known[who][1]}"),
        *("--face-match-threshold", "95", "--max-faces", "5"),
    )
    account.open_case("missing-persons", CASE)
    came = []
    for claims in ({"Case": CASE, "Source": "relative"}, {"Source": "relative"}):
        keys = account.session("missing-persons", **claims)
        environment = account.service.environment | {
            "AWS_ACCESS_KEY_ID": keys["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": keys["aws_secret_access_key"],
            "AWS_SESSION_TOKEN": keys["aws_session_token"],
        }
        with aws_cli(environment, tmp_path) as aws:
            came.append(aws(*command))
    (status, answer), (refused, error) = came
    assert (status, len(answer["FaceMatches"])) == (0, 1)
    assert refused != 0
    assert "(AccessDeniedException)" in error
    assert rules_in(error) == {"PUR-011"}


# Packs


@SHARED_SERVER
def test_both_workers_go_by_a_pack_from_the_next_call_on(
    account: Account, name: str, known: list[bytes]
) -> None:
    """Whichever of them answers: none goes on by the rules of before."""
    officer, photo = account.service.officer(), {"Bytes": known[0]}
    account.rekognition.create_collection(CollectionId=name)

    clients = [account.rekognition for _ in range(12)]  # each with a connection of its own

    def index(client: Any) -> set[str]:
        code, message = outcome(client.index_faces, CollectionId=name, Image=photo)
        assert code in {"OK", "AccessDeniedException"}, message
        return rules_in(message)

    def indexed() -> list[set[str]]:
        with ThreadPoolExecutor(len(clients)) as pool:
            return list(pool.map(index, clients))

    assert indexed() == [set()] * len(clients)
    officer.activate_pack(Pack="us-il-bipa", AccountIds=[account.account])
    try:
        refused = [{"BIPA-001", "BIPA-002", "CON-001", "RET-001"}]
        assert indexed() == refused * len(clients)
        message = outcome(account.rekognition.index_faces, CollectionId=name, Image=photo)[1]
        assert "[us-il-bipa, legal review: none]" in message
        packs = {pack["Pack"]: pack for pack in account.own.list_packs()["Packs"]}
        assert packs["us-il-bipa"]["State"] == "enforce"
        told = {"operation": "IndexFaces", "collection": {"purposes": ["development"]}}
        explained = account.own.explain_call(Call=json.dumps(told))
        assert "BIPA-001" in {rule["RuleId"] for rule in explained["BrokenRules"]}
    finally:
        officer.deactivate_pack(Pack="us-il-bipa")
    assert indexed() == [set()] * len(clients)


# What the server does by itself


@dataclass(frozen=True)
class Own:
    """A server of the test's own, whose database the test may change, and an account on it."""

    service: Service
    account: Account

    @contextmanager
    def store(self) -> Iterator[tuple[Any, Any]]:
        """Database and keys, beside the server."""
        with open_store(Settings.from_env({}, data_dir=self.service.data_dir)) as opened:
            yield opened

    def reconciled(self) -> Any:
        """What does not agree with the log."""
        data_dir = self.service.data_dir
        with self.store() as (database, _):
            return reconcile(database, data_dir, lambda: searches_ran(data_dir)).mismatches


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    data_dir = tmp_path_factory.mktemp("own") / "data"
    with serving(data_dir, accept_terms="Test, suite") as service:
        yield Own(service, Account.make(service, "Blind people's club", "development", "accessibility"))


@OWN_SERVER
def test_faces_older_than_the_charter_allows_are_deleted_and_the_log_agrees(
    own: Own, known: list[bytes]
) -> None:
    """By the running server, as it does hourly."""
    client = own.account.rekognition
    client.create_collection(CollectionId="guests", Tags={"countenance:retention-days": "30"})
    old, young = (
        client.index_faces(CollectionId="guests", Image={"Bytes": photo})["FaceRecords"][0]["Face"]["FaceId"]
        for photo in known[:2]
    )
    search = {"CollectionId": "guests", "Image": {"Bytes": known[2]}, "FaceMatchThreshold": 1}
    assert len(client.search_faces_by_image(**search)["FaceMatches"]) == 2
    assert own.reconciled() == {}
    with own.store() as (database, keys):
        with database.transaction() as connection:
            connection.execute("set local session_replication_role = replica")
            connection.execute(
                "update face set created_at = created_at - interval '31 days' where face_id = %s",
                (uuid.UUID(old),),
            )
        jobs, tasks = Jobs(database), job_tasks(own.service.settings, keys)
        jobs.run_now(next(task for task in tasks if task.name == "expire-faces"))
        await_none_left(jobs)
    found = client.search_faces_by_image(**search)["FaceMatches"]
    assert [match["Face"]["FaceId"] for match in found] == [young]
    assert [face["FaceId"] for face in client.list_faces(CollectionId="guests")["Faces"]] == [young]
    deadline = time.monotonic() + ENTRY_TIMEOUT_S
    entries: list[Any] = []
    while not entries and time.monotonic() < deadline:
        entries = own.account.own.list_audit_entries(Operation="ExpireFaces")["Entries"]
        time.sleep(0.2)
    [entry] = entries
    opened = {each["Member"]: json.loads(each["Value"]) for each in entry["Openings"]}
    assert json.loads(entry["Entry"])["deleted"] == 1
    assert (opened["collection"], opened["resource"]) == ("guests", "older than the charter allows")
    assert own.reconciled() == {}


@OWN_SERVER
def test_a_search_over_many_raises_its_threshold_to_keep_the_purposes_budget(
    own: Own, name: str, known: list[bytes]
) -> None:
    """Over N faces a search has N times as many false candidates. That it was raised is told and recorded."""
    keys = own.account.session("accessibility", ConsentReference="membership form")
    client = own.service.client(**keys)
    client.create_collection(CollectionId=name)
    client.index_faces(CollectionId=name, Image={"Bytes": known[0]})
    request = {"CollectionId": name, "Image": {"Bytes": known[1]}, "FaceMatchThreshold": 90, "MaxFaces": 10}
    few = client.search_faces_by_image(**request)
    assert "x-countenance-threshold" not in few["ResponseMetadata"]["HTTPHeaders"]
    assert own.account.entry(few)["threshold"] == {"asked": 90, "in_force": 90}
    with own.store() as (database, keys_):
        gallery = Gallery(database, keys_)
        found = gallery.require_collection(AccountId(own.account.account), "us-east-1", name)
        templates = random_templates(np.random.default_rng(0), 499, found.dimensions)
        with UnitOfWork(database) as work:
            gallery.enrol(work, found, [new_face(template) for template in templates])
            work.commit()
    many = client.search_faces_by_image(**request)
    told = many["ResponseMetadata"]["HTTPHeaders"]["x-countenance-threshold"]
    parsed = re.fullmatch(
        r"([0-9.]+) \(raised from 90: 500 references, budget of 0\.01 false candidates\)", told
    )
    assert parsed is not None, told
    assert float(parsed[1]) > 90
    entry = own.account.entry(many)
    assert entry["threshold"] == {"asked": 90, "in_force": pytest.approx(float(parsed[1]))}
    assert "fpir_budget" in entry["obligations"]
    assert all(match["Similarity"] >= float(parsed[1]) for match in many["FaceMatches"])
    asked = client.search_faces_by_image(**request | {"FaceMatchThreshold": 99})
    assert "x-countenance-threshold" not in asked["ResponseMetadata"]["HTTPHeaders"]
