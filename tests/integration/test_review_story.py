"""A lead, from search to release: real models, real photos, boto3, and a server that is killed."""

from __future__ import annotations

import io
import json
import os
import random
import time
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from PIL import Image

from countenance.accounts import Accounts, Actor
from countenance.cli.installation import open_store
from countenance.settings import Settings
from countenance.vision.install import PackStore
from countenance.vision.manifest_facts import model_facts
from fixtures_server import Service, server_settings
from governed import open_governance, ready_account, ready_key
from killed_server import MACHINE, KilledServer
from paths import SHARED
from signed_evaluations import put_on_record

LFW = SHARED / "data" / "lfw-dev" if SHARED and (SHARED / "data" / "lfw-dev").is_dir() else None
STRANGERS = 6
CASE = "2026/4711"
SEARCH = {"CollectionId": "convicted", "FaceMatchThreshold": 99.0, "MaxFaces": 10}
NAMED = "Stranger"
"""How the names of all begin who are enrolled and not looked for."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("kills"),
    pytest.mark.skipif(LFW is None, reason="the photos of strangers are not there"),
]


class Police:
    """An account that may look for leads, its examiners, and a server that dies and comes back."""

    def __init__(self, killed: KilledServer) -> None:
        self.killed = killed
        self.heard: list[str] = []
        settings = server_settings()
        pack = PackStore(settings.cache_dir, settings.models).default_pack(settings.pack)
        facts = model_facts(pack.manifest)
        assert facts.digests is not None
        with open_store(Settings.from_env({}, data_dir=killed.data_dir)) as (database, keys):
            accounts, governance = Accounts(database, keys), open_governance(database, keys)
            account = ready_account(
                accounts, governance, "Police", "investigative-lead", profile="law_enforcement"
            )
            self.key = ready_key(accounts, account, "investigative-lead")
            put_on_record(database, facts.digests, version=facts.version)
            for name in ("tester", "Erin", "Emil"):
                governance.on_file.train(
                    account.account_id,
                    name,
                    valid_until=datetime.now(UTC) + timedelta(days=9),
                    actor=Actor("test"),
                )
        self.people = {
            name: self.service.make_operator(account.account_id, name, "examiner")
            for name in ("Erin", "Emil")
        }
        own = self.client("countenance")
        self.case = own.open_case(
            Case=CASE,
            Purpose="investigative-lead",
            Reason="a burglary",
            LegalBasis="a statute",
            ExpiresAt=datetime.now(UTC) + timedelta(days=2),
        )["CaseId"]
        self.lead = own.assume_purpose(
            Purpose="investigative-lead", Case=CASE, Source="record", AgeAttestation="adult"
        )["Credentials"]

    @property
    def service(self) -> Service:
        return Service(self.killed.running, self.killed.data_dir, server_settings())

    def client(self, service: str = "rekognition") -> Any:
        return self.service.client(
            service, aws_access_key_id=self.key.access_key_id, aws_secret_access_key=self.key.secret
        )

    def seeker(self) -> Any:
        """An unmodified client, under the purpose and its case."""
        return self.service.client(
            aws_access_key_id=self.lead["AccessKeyId"],
            aws_secret_access_key=self.lead["SecretAccessKey"],
            aws_session_token=self.lead["SessionToken"],
        )

    def examiner(self, name: str) -> Any:
        return self.service.client("countenance", **self.people[name])

    def power_fails(self) -> None:
        """Everything at once, by SIGKILL; another server on what is left."""
        self.killed.kill(MACHINE, random.Random(0))
        self.killed.revive()

    def held(self, image: bytes) -> str:
        """The review that the search is told of, and nothing else."""
        with pytest.raises(ClientError) as caught:
            self.seeker().search_faces_by_image(**SEARCH, Image={"Bytes": image})
        error = caught.value.response["Error"]
        assert error["Code"] == "AccessDeniedException"
        assert error["Message"].startswith("OBL-REVIEW: somebody was found"), error["Message"]
        self.heard.append(json.dumps(caught.value.response, default=str))
        return error["Message"].split("review `")[1].split("`")[0]

    def require_nothing_released(self, review: str) -> None:
        """Neither to the search nor to whoever asks how it stands."""
        told = self.client("countenance").get_review(ReviewId=review)
        assert (told["Status"], "Answer" in told, "Candidates" in told) == ("waiting", False, False)
        self.heard.append(json.dumps(told, default=str))


def enrol(client: Any, image: bytes, name: str) -> str:
    told = client.index_faces(
        CollectionId="convicted", Image={"Bytes": image}, ExternalImageId=name, MaxFaces=1
    )
    return str(told["FaceRecords"][0]["Face"]["FaceId"])


def likeness(service: Service, one: bytes, other: bytes) -> float:
    """As the house itself finds it, under a purpose of its own."""
    told = service.client().compare_faces(
        SourceImage={"Bytes": one}, TargetImage={"Bytes": other}, SimilarityThreshold=0
    )
    return max((match["Similarity"] for match in told["FaceMatches"]), default=0.0)


def test_a_lead_is_released_by_two_people_and_by_nothing_else_whoever_is_killed_when(tmp_path, portraits):
    """Between hold and release, and between looking and saying, all is killed: nothing is lost or told."""
    probe, first, second = (path.read_bytes() for path in max(portraits.known.values(), key=len)[:3])
    with ExitStack() as stack:
        police = Police(stack.enter_context(KilledServer(tmp_path / "data")))
        seeker = police.seeker()
        tags = {"countenance:vault-days": "30", "countenance:legal-basis": "a statute"}
        seeker.create_collection(CollectionId="convicted", Tags=tags)
        his = [enrol(seeker, photo, "Known") for photo in (first, second)]
        assert LFW is not None
        for number, folder in enumerate(sorted(LFW.iterdir())[:STRANGERS]):
            enrol(seeker, next(folder.iterdir()).read_bytes(), f"{NAMED}-{number}")

        review = police.held(probe)
        police.power_fails()
        police.require_nothing_released(review)
        assert police.held(probe) == review

        pictures = {name: police.examiner(name).begin_examination(ReviewId=review) for name in police.people}
        police.power_fails()
        for name, seen in pictures.items():
            again = police.examiner(name).begin_examination(ReviewId=review)
            for each in (seen, again):
                each.pop("ResponseMetadata")
            assert again == seen  # the same seat, order and beginning
            police.heard.append(
                str({**seen, "Probe": "", "Pictures": [each["Label"] for each in seen["Pictures"]]})
            )
        police.require_nothing_released(review)

        verdicts = {
            name: judged(police.service, seen, probe, first, second) for name, seen in pictures.items()
        }
        wait = max(seen["BeganAt"].timestamp() + seen["LeastViewSeconds"] for seen in pictures.values())
        time.sleep(max(0.0, wait - time.time()) + 0.1)
        police.examiner("Erin").submit_examination(ReviewId=review, Verdicts=verdicts["Erin"])
        police.power_fails()
        police.require_nothing_released(review)
        assert police.held(probe) == review
        police.examiner("Emil").submit_examination(ReviewId=review, Verdicts=verdicts["Emil"])

        told = police.seeker().search_faces_by_image(**SEARCH, Image={"Bytes": probe})
        assert [match["Face"]["FaceId"] for match in told["FaceMatches"]] == his[:1]
        police.power_fails()
        again = police.seeker().search_faces_by_image(**SEARCH, Image={"Bytes": probe})
        assert again["FaceMatches"] == told["FaceMatches"]
        released = police.client("countenance").get_review(ReviewId=review)
        assert (released["Status"], "no identification" in released["Statement"]) == ("released", True)
        assert released["Candidates"][0]["Quality"].keys() == {"Confidence", "Brightness", "Sharpness"}
        police.heard.append(json.dumps([again, released], default=str))
        assert NAMED not in "".join(police.heard)
        assert his[1] not in "".join(police.heard)


def judged(
    service: Service, seen: dict[str, Any], probe: bytes, first: bytes, second: bytes
) -> list[dict[str, Any]]:
    """Verdicts for the first of his two photos and against the other; the pictures are looked at by the nets:
    each is a JPEG of the right person, aligned or as taken.
    """
    pictures = [seen["Probe"], seen["ProbeAligned"]]
    pictures += [each[how] for each in seen["Pictures"] for how in ("Picture", "Aligned")]
    for picture in pictures:
        assert Image.open(io.BytesIO(picture)).format == "JPEG"
        assert likeness(service, picture, probe) > 90
    if folder := os.environ.get("COUNTENANCE_TEST_PICTURES"):
        for number, picture in enumerate(pictures):
            (Image.open(io.BytesIO(picture))).save(f"{folder}/examined-{number}-{uuid.uuid4().hex[:4]}.png")
    assert len(seen["Pictures"]) == 2
    nearest = [
        likeness(service, each["Picture"], first) > likeness(service, each["Picture"], second)
        for each in seen["Pictures"]
    ]
    assert sorted(nearest) == [False, True]  # each of the two photos is shown once
    return [
        {"Label": each["Label"], "Verdict": "support" if is_first else "against"}
        for each, is_first in zip(seen["Pictures"], nearest, strict=True)
    ]
