"""A gated purpose through boto3, on two workers and the real models: refused, allowed, refused at once."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from countenance.accounts import Accounts
from countenance.assurance.evaluators import revoke_evaluator, trust_evaluator
from countenance.cli.installation import open_store
from countenance.facts import ModelDigests
from countenance.settings import Settings
from countenance.transparency.note import Signer
from countenance.vision.install import PackStore
from countenance.vision.manifest_facts import model_facts
from governed import open_governance, ready_account, ready_key
from signed_evaluations import a_group, an_evaluation, signed

pytestmark = pytest.mark.xdist_group("server")

CALLS = 12
"""Enough that both workers answer some of them."""
PICTURE = {"Bytes": b"no picture: it is looked at only once policy has allowed the call"}
ALLOWED = "InvalidImageFormatException"


class Gate:
    """A business that may prevent fraud, the officer, and an evaluator whom the server trusts."""

    def __init__(self, service: Any) -> None:
        where = {"database_url": service.database_options[1]} if service.database_options else {}
        self._settings = Settings.from_env({}, data_dir=service.data_dir, **where)
        self.officer = service.officer()
        self.signer = Signer.generate(f"{uuid.uuid4()}/key")
        pack = PackStore(service.settings.cache_dir, service.settings.models).default_pack(
            service.settings.pack
        )
        facts = model_facts(pack.manifest)
        assert facts.digests is not None
        self.digests, self.version = facts.digests, facts.version
        with open_store(self._settings) as (database, keys):
            accounts, governance = Accounts(database, keys), open_governance(database, keys)
            account = ready_account(accounts, governance, "Bank", "fraud-prevention", profile="business")
            key = ready_key(accounts, account, "fraud-prevention")
            with database.transaction() as connection:
                trust_evaluator(
                    connection,
                    str(self.signer.verifier),
                    name=self.signer.verifier.name,
                    independent=False,
                    reason="a test",
                    by="Test",
                )
        own = {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret}
        self.own = service.client("countenance", **own)
        self.own.put_record(Kind="notice", Reference="https://example/notice")
        session = self.own.assume_purpose(
            Purpose="fraud-prevention", Source="own_camera", AgeAttestation="adult"
        )["Credentials"]
        self.rekognition = service.client(
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )
        self.collection = f"refused-{uuid.uuid4().hex[:8]}"
        self.rekognition.create_collection(
            CollectionId=self.collection, Tags={"countenance:legal-basis": "a statute"}
        )

    def file(
        self, digests: ModelDigests | None = None, *, signer: Signer | None = None, **changes: Any
    ) -> str:
        lasts = changes.pop("lasts", timedelta(days=365))
        told = an_evaluation(digests or self.digests, version=self.version, **changes)
        return signed(told, signer or self.signer, lasts=lasts).to_bytes().decode()

    def put(self, *given: Any, **changes: Any) -> str:
        return self.officer.put_evaluation(SignedEvaluation=self.file(*given, **changes))["EvaluationId"]

    def answers(self) -> set[tuple[str, str]]:
        """Codes and rules of several calls, each on a connection that any worker may take."""
        found = set()
        for _ in range(CALLS):
            with pytest.raises(ClientError) as caught:
                self.rekognition.index_faces(CollectionId=self.collection, Image=PICTURE)
            error = caught.value.response["Error"]
            rule = error["Message"].partition(":")[0] if error["Code"] == "AccessDeniedException" else ""
            found.add((error["Code"], rule))
            self.rekognition._endpoint.http_session.close()
        return found

    def forget(self) -> None:
        """As if none of it had been on record: the server is everybody's."""
        with open_store(self._settings) as (database, _), database.transaction() as connection:
            connection.execute("delete from evaluation")

    def message(self) -> str:
        with pytest.raises(ClientError) as caught:
            self.rekognition.index_faces(CollectionId=self.collection, Image=PICTURE)
        return caught.value.response["Error"]["Message"]


@pytest.fixture
def gate(service):
    made = Gate(service)
    yield made
    made.forget()


def refused(rule: str) -> set[tuple[str, str]]:
    return {("AccessDeniedException", rule)}


def test_a_gated_purpose_is_refused_until_an_evaluation_counts_and_at_once_when_it_does_no_more(gate):
    """On both workers; the account can read why, and the evaluation itself."""
    assert gate.answers() == refused("GATE-001")
    assert "countenance evaluations record" in gate.message()
    evaluation_id = gate.put()
    assert gate.answers() == {(ALLOWED, "")}
    told = gate.own.get_evaluation(EvaluationId=evaluation_id)
    assert told["Evaluation"]["Status"] == "in_force"
    gate.officer.withdraw_evaluation(EvaluationId=evaluation_id, Reason="wrong labels")
    assert gate.answers() == refused("GATE-001")
    assert "withdrawn" in gate.message()


def test_an_evaluation_of_another_pack_calibration_or_program_allows_nothing(gate):
    """A replay of what was true of something else."""
    for what in ("pack", "calibration", "pipeline"):
        parts = {name: getattr(gate.digests, name) for name in ("pack", "calibration", "pipeline")}
        gate.put(ModelDigests(**parts | {what: "e" * 64}))
        assert gate.answers() == refused("GATE-004")
        assert f"of another {what}" in gate.message()
        gate.forget()


def test_figures_that_do_not_pass_are_named(gate):
    gate.put(groups=(a_group("north"), a_group("south", tpr=0.95)))
    assert gate.answers() == refused("GATE-006")
    assert "worst group's 95 % bound of" in gate.message()


def test_what_has_expired_allows_nothing_on_any_worker(gate):
    made_at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=10)
    gate.put(made_at=made_at, lasts=timedelta(days=10, seconds=8))
    deadline = time.monotonic() + 60
    while "in_force" in {each["Status"] for each in gate.officer.list_evaluations()["Evaluations"]}:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert gate.answers() == refused("GATE-003")


def test_what_a_revoked_evaluator_signed_counts_for_nothing_on_any_worker(gate):
    gate.put()
    assert gate.answers() == {(ALLOWED, "")}
    with open_store(gate._settings) as (database, _), database.transaction() as connection:
        revoke_evaluator(connection, gate.signer.verifier.name, reason="copied", by="Test")
    assert gate.answers() == refused("GATE-001")
    assert "trusted no more" in gate.message()


@pytest.mark.parametrize(
    ("tamper", "problem"),
    [
        (lambda text: text.replace('"bound":0.994', '"bound":0.999'), "over another evaluation"),
        (lambda text: text.replace('"bound":0.994', '"bound":1e999'), "canonical JSON"),
        (lambda text: text.replace('"bound":0.994', '"bound":NaN'), "NaN is no number"),
        (lambda text: text.replace('"alpha":0.05', '"alpha":0.05,"alpha":0.05'), "named twice"),
        (lambda text: text[:-1], "no JSON"),
        (lambda text: " " + text, "not canonical"),
    ],
    ids=["figures", "infinite", "no number", "twice", "cut", "layout"],
)
def test_what_was_tampered_with_is_not_recorded(gate, tamper, problem):
    with pytest.raises(ClientError) as caught:
        gate.officer.put_evaluation(SignedEvaluation=tamper(gate.file()))
    error = caught.value.response["Error"]
    assert error["Code"] == "InvalidParameterException"
    assert problem in error["Message"]


def test_nobody_else_puts_one_on_record(gate):
    """Neither a key that is not trusted, nor an account that is no officer."""
    stranger = Signer.generate(gate.signer.verifier.name)
    with pytest.raises(ClientError) as caught:
        gate.officer.put_evaluation(SignedEvaluation=gate.file(signer=stranger))
    assert "no such key is trusted here" in caught.value.response["Error"]["Message"]
    with pytest.raises(ClientError) as caught:
        gate.own.put_evaluation(SignedEvaluation=gate.file())
    assert caught.value.response["Error"]["Message"].startswith("CORE-004")
    assert gate.answers() == refused("GATE-001")
