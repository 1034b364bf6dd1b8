"""A purpose that is gated: refused with the reason, until an evaluation that passes counts, and no longer."""

from __future__ import annotations

import dataclasses
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from countenance.assurance.evaluations import Evaluations
from countenance.evaluation.protocol import Protocol
from countenance.facts import ModelDigests, ModelFacts
from countenance.operations.evaluated_model import thresholds_of
from countenance.policy import load_purposes
from countenance.similarity import Calibration
from countenance.store import StoreUnavailable
from fakes.vision import person, picture
from signed_evaluations import a_group, put_on_record

ADA = {"Bytes": picture(person("ada"))}
ENROL = {"CollectionId": "refused", "Image": ADA}


@dataclasses.dataclass
class Gated:
    """A business that may prevent fraud, with a collection, and a model that is its own."""

    party: object
    digests: ModelDigests

    @property
    def database(self):
        return self.party.server.database

    def put(self, **given) -> uuid.UUID:
        return put_on_record(self.database, given.pop("digests", self.digests), **given)

    def refused(self, **changes) -> str:
        return self.party.refused("IndexFaces", **ENROL | changes)

    def allowed(self) -> bool:
        answer, _ = self.party("IndexFaces", **ENROL)
        return answer.status == 200

    def entry(self) -> dict:
        """Of one call that enrols, whatever comes of it."""
        answer, _ = self.party("IndexFaces", **ENROL)
        return self.party.entry(answer)

    def with_services(self, **changes):
        bench = self.party.bench
        services = dataclasses.replace(bench.services, **changes)
        party = dataclasses.replace(self.party, bench=dataclasses.replace(bench, services=services))
        return dataclasses.replace(self, party=party)


@pytest.fixture
def gated(party):
    account = party("fraud-prevention", profile="business")
    account.told("PutRecord", Kind="notice", Reference="https://example/notice", service="countenance")
    account = account.as_("fraud-prevention", source="own_camera", age="adult")
    account.told("CreateCollection", CollectionId="refused", Tags={"countenance:legal-basis": "a statute"})
    digests = ModelDigests(*(uuid.uuid4().hex * 2 for _ in range(3)))
    with account.server.database.transaction() as connection:
        connection.execute("delete from evaluation")  # of this version, by other tests of this database
    made = Gated(account, digests)
    facts = ModelFacts("1.0", "any", digests)
    return made.with_services(model_facts=lambda _: facts)


def withdraw(database, evaluation_id) -> None:
    with database.transaction() as connection:
        Evaluations().withdraw(connection, evaluation_id, reason="a test", by="Olga")


def test_a_gated_purpose_is_allowed_by_an_evaluation_that_passes_and_no_longer_than_it_counts(gated):
    """Refused with the reason and the commands; then allowed; then refused at once."""
    message = gated.refused()
    assert message.startswith("GATE-001: the purpose `fraud-prevention` needs a signed evaluation of")
    assert "`countenance evaluations record`" in message
    recorded = gated.put()
    assert gated.allowed()
    other_process = gated.with_services(evaluations=Evaluations())
    assert other_process.allowed()
    withdraw(gated.database, recorded)
    for process in (gated, other_process):
        assert "the one that there was is withdrawn" in process.refused()


def test_the_record_of_a_call_names_the_evaluation_that_policy_read(gated):
    """So an auditor need not guess by times which of several a call rested on: allowed or refused."""
    assert "evaluation" not in gated.entry()
    passes = gated.put(made_at=datetime.now(UTC) - timedelta(days=2))
    allowed = gated.entry()
    fails = gated.put(groups=(a_group("north"), a_group("south", tpr=0.9)))
    refused = gated.entry()
    with gated.database.read() as connection:
        digests = [Evaluations().require(connection, each)[0].digest for each in (passes, fails)]
    assert [allowed["evaluation"], refused["evaluation"]] == digests
    assert [allowed["decision"], refused["decision"]] == ["allow", "deny"]


def test_an_evaluation_expires_while_the_server_runs(gated):
    made_at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=30)
    expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=6)
    gated.put(made_at=made_at, lasts=expires_at - made_at)
    assert gated.allowed()
    time.sleep(max((expires_at - datetime.now(UTC)).total_seconds(), 0) + 0.01)
    assert gated.refused().startswith("GATE-003")


@pytest.mark.parametrize("what", ["pack", "calibration", "pipeline"])
def test_an_evaluation_of_something_else_allows_nothing(gated, what):
    gated.put(digests=dataclasses.replace(gated.digests, **{what: "e" * 64}))
    message = gated.refused()
    assert message.startswith("GATE-004")
    assert f"is of another {what};" in message


def test_the_calibration_is_the_one_in_force(gated):
    """One that an operator put in the place of the pack's own has not been evaluated."""
    gated.put()
    chosen = Calibration(cosine=(0.0, 1.0), neg_log10_fmr=(0.0, 9.0), trials=9, extrapolated_from=0.5)

    class Chosen:
        def find(self, pack_digest, *, connection=None):
            assert (pack_digest, connection is not None) == (gated.digests.pack, True)
            return chosen

    assert "is of another calibration" in gated.with_services(calibrations=Chosen()).refused()
    gated.put(digests=dataclasses.replace(gated.digests, calibration=chosen.digest))
    assert gated.with_services(calibrations=Chosen()).allowed()


def test_a_group_that_is_served_badly_closes_the_gate(gated):
    gated.put(groups=(a_group("north"), a_group("south", tpr=0.97)))
    message = gated.refused()
    assert message.startswith("GATE-006")
    assert "at least 98 %" in message
    assert "is 97.2 %" in message


def test_a_collection_that_outgrows_what_was_evaluated_takes_no_more(gated):
    """The third face goes in beside two, which were covered; the fourth would go in beside three."""
    gated.put(groups=(a_group("north", gallery=2), a_group("south", gallery=2)))
    for name in ("ada", "bob", "eve"):
        gated.party.told("IndexFaces", CollectionId="refused", Image={"Bytes": picture(person(name))})
    message = gated.refused()
    assert message.startswith("GATE-009: the collection has 3 faces")
    assert "in a gallery of 2: that is enough for 2" in message


def test_a_call_during_which_the_evaluation_ends_is_not_answered(gated):
    """Policy allowed it; by the time of its record that rests on nothing."""
    recorded = gated.put()
    real = gated.party.bench.services.operations["rekognition"]["IndexFaces"]

    def meanwhile(request, deps):
        response = real(request, deps)
        withdraw(gated.database, recorded)
        return response

    slow = dataclasses.replace(gated, party=gated.party.with_operations(IndexFaces=meanwhile))
    assert "evaluation ended while the call ran" in slow.refused()
    listed = gated.party.as_("fraud-prevention").told("ListFaces", CollectionId="refused")
    assert listed["Faces"] == []


def test_a_call_during_which_the_operators_own_evaluation_ends_is_not_answered(gated):
    """A rule may have looked at it, though an independent one decides."""
    own = gated.put()
    gated.put(independent=True, made_at=datetime.now(UTC) - timedelta(minutes=1))
    real = gated.party.bench.services.operations["rekognition"]["IndexFaces"]

    def meanwhile(request, deps):
        response = real(request, deps)
        withdraw(gated.database, own)
        return response

    assert gated.allowed()
    slow = dataclasses.replace(gated, party=gated.party.with_operations(IndexFaces=meanwhile))
    assert "evaluation ended while the call ran" in slow.refused()


def test_what_an_evaluation_allowed_is_done_with_the_model_that_it_is_of(gated):
    """A collection may get another model behind policy's back."""
    gated.put()
    real = gated.party.bench.services.operations["rekognition"]["IndexFaces"]

    def meanwhile(request, deps):
        response = real(request, deps)
        deps.report.model_version = "2.0"
        return response

    slow = dataclasses.replace(gated, party=gated.party.with_operations(IndexFaces=meanwhile))
    assert "was replaced while the call ran" in slow.refused()
    assert gated.party.as_("fraud-prevention").told("ListFaces", CollectionId="refused")["Faces"] == []


def test_a_register_that_cannot_be_read_refuses(gated):
    """Fail closed: what nobody can look up counts for nothing."""
    gated.put()

    class Gone(Evaluations):
        def look(self, *_, **__):
            raise StoreUnavailable("gone")

    answer, _ = gated.with_services(evaluations=Gone()).party("IndexFaces", **ENROL)
    assert answer.status == 500


def test_what_needs_no_gate_needs_no_evaluation(party):
    account = party("development")
    account.told("CreateCollection", CollectionId="friends")
    account.told("IndexFaces", CollectionId="friends", Image=ADA)


@pytest.mark.parametrize(
    ("threshold", "purpose", "gallery", "between"),
    [
        (99.0, "fraud-prevention", None, (99.0, 99.0)),
        (99.0, "fraud-prevention", 0, (99.0, 99.0)),
        (None, "fraud-prevention", 1, (99.0, 96.25)),
        (99.0, "fraud-prevention", 1000, (99.0, 99.0)),
        (80.0, "photo-library", 10_000, (80.0, 80.0)),
        (None, None, None, (0.0, 0.0)),
    ],
)
def test_the_threshold_in_force_lies_between_what_is_asked_and_what_the_budget_needs(
    threshold, purpose, gallery, between
):
    found = thresholds_of(threshold, load_purposes()[purpose] if purpose else None, gallery)
    assert found[0] == between[0]
    assert found[1] == pytest.approx(max(between), abs=1)


def test_a_large_gallery_raises_the_threshold_that_true_positives_are_judged_at():
    lowest, highest = thresholds_of(99.0, load_purposes()["fraud-prevention"], 50_000)
    assert lowest == 99.0
    assert highest > 99.8


@pytest.mark.parametrize(
    "purpose", [each for each in load_purposes().values() if each.gate], ids=lambda p: p.name
)
def test_evaluations_are_made_up_to_where_a_budget_raises_the_threshold(purpose):
    """Else a collection within a purpose's bound could never be searched, whatever its model can do."""
    _, highest = thresholds_of(None, purpose, purpose.face_cap)
    assert highest <= Protocol().similarities[-1]
