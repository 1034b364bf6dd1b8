"""Evaluations on record: what counts, for what, and until when. On a real database."""

from __future__ import annotations

import dataclasses
import json
import threading
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from countenance.assurance.evaluations import Evaluations
from countenance.assurance.evaluators import revoke_evaluator, trust_evaluator
from countenance.assurance.signed_evaluation import parse_signed
from countenance.errors import ConflictException, InvalidParameterException, ResourceNotFoundException
from countenance.facts import NOT_EVALUATED, Evaluated, ModelDigests
from countenance.transparency.note import Signer
from signed_evaluations import a_group, an_evaluation, signed


class House:
    """A register in a database of its own day: each test's model is another one."""

    def __init__(self, database: Any) -> None:
        self.database = database
        self.register = Evaluations()
        self.other_process = Evaluations()
        self.version = uuid.uuid4().hex[:8]
        self.digests = ModelDigests(*(uuid.uuid4().hex * 2 for _ in range(3)))
        self.lab, self.house = Signer.generate(f"lab{self.version}"), Signer.generate(f"own{self.version}")

    def trust(self, signer: Signer, *, independent: bool) -> str:
        name = f"evaluator {signer.verifier.name}"
        with self.database.transaction() as connection:
            trust_evaluator(
                connection,
                str(signer.verifier),
                name=name,
                independent=independent,
                reason="a test",
                by="Olga",
            )
        return name

    def file(self, signer: Signer, *, digests: ModelDigests | None = None, **changes: Any) -> bytes:
        lasts = changes.pop("lasts", timedelta(days=365))
        told = an_evaluation(digests or self.digests, version=self.version, **changes)
        return signed(told, signer, lasts=lasts).to_bytes()

    def record(self, data: bytes, *, now: datetime | None = None) -> uuid.UUID:
        with self.database.transaction() as connection:
            return self.register.record(connection, data, by="Olga", now=now or datetime.now(UTC))

    def look(self, *, now: datetime | None = None, of: ModelDigests | None = None) -> Evaluated:
        """As two processes see it, which must be the same."""
        found = []
        for register in (self.register, self.other_process):
            with self.database.read() as connection:
                found.append(
                    register.look(
                        connection,
                        self.version,
                        of or self.digests,
                        lowest=99.0,
                        highest=99.0,
                        now=now or datetime.now(UTC),
                    )
                )
        assert found[0] == found[1]
        return found[0]

    def execute(self, statement: str, *values: Any) -> None:
        with self.database.transaction() as connection:
            connection.execute(statement, values)

    def statements(self, kind: str, evaluation: str) -> list[dict[str, Any]]:
        with self.database.read() as connection:
            rows = connection.execute(
                "select convert_from(entry, 'UTF8') from audit_event where position(%s in entry) > 0",
                (f'"kind":"{kind}"'.encode(),),
            ).fetchall()
        found = [json.loads(entry) for (entry,) in rows]
        return [entry for entry in found if entry["evaluation"] == evaluation]


@pytest.fixture
def house(database, log_keys):
    return House(database)


@pytest.fixture
def trusting(house):
    house.trust(house.lab, independent=True)
    house.trust(house.house, independent=False)
    return house


def test_an_evaluation_counts_from_when_it_is_on_record(trusting):
    """With its worst group's figures at the threshold of the call."""
    assert trusting.look() == NOT_EVALUATED
    recorded = trusting.record(trusting.file(trusting.lab))
    found = trusting.look()
    assert (found.standing, found.own_groups) == ("in_force", 0)
    assert found.decides is not None
    with trusting.database.read() as connection:
        summary, *_ = trusting.register.require(connection, recorded)
    assert dataclasses.asdict(found.decides) == {
        "evaluation_id": recorded,
        "digest": summary.digest,
        "independent": True,
        "groups": 2,
        "smallest_group": 300,
        "worst_group_tpr_bp": 9940,
        "worst_group_fmr_ppm": 5,
        "worst_group_fpir_ppm": 800,
        "gallery": 1000,
        "age_days": 0,
    }
    later = trusting.look(now=datetime.now(UTC) + timedelta(days=40))
    assert later.decides is not None
    assert later.decides.age_days == 40


def test_the_log_says_by_digests_what_was_recorded(trusting):
    """No name of anybody: the key that signed is told by its digest."""
    recorded = trusting.record(trusting.file(trusting.lab))
    with trusting.database.read() as connection:
        summary, document, note = trusting.register.require(connection, recorded)
    (told,) = trusting.statements("evaluation.recorded", summary.digest)
    assert told["evaluation"] == summary.digest
    assert (told["calibration"], told["pipeline"]) == (summary.calibration_digest, summary.pipeline_digest)
    assert told["data"] == "d" * 64
    assert "lab" not in json.dumps(told)
    assert json.loads(document)["pack"]["digest"] == summary.pack_digest
    assert summary.digest in note


def test_what_is_withdrawn_counts_for_nothing_from_that_moment_on_and_for_good(trusting):
    """In every process; and it is not put on record a second time."""
    data = trusting.file(trusting.lab)
    recorded = trusting.record(data)
    assert trusting.look().standing == "in_force"
    with trusting.database.transaction() as connection:
        trusting.register.withdraw(connection, recorded, reason="wrong labels", by="Olga")
    assert trusting.look() == Evaluated(standing="withdrawn")
    digest = parse_signed(data, now=datetime.now(UTC)).digest
    assert len(trusting.statements("evaluation.withdrawn", digest)) == 1
    with pytest.raises(ConflictException, match="until it was withdrawn"):
        trusting.record(data)
    with trusting.database.transaction() as connection, pytest.raises(ResourceNotFoundException):
        trusting.register.withdraw(connection, recorded, reason="again", by="Olga")


def test_what_was_withdrawn_does_not_come_back_under_another_signature(trusting):
    """Figures that were taken back are no better for a second name under them."""
    made_at = datetime.now(UTC) - timedelta(hours=2)
    recorded = trusting.record(trusting.file(trusting.lab, made_at=made_at))
    trusting.record(trusting.file(trusting.house, made_at=made_at, notes=["another"]))
    with trusting.database.transaction() as connection:
        trusting.register.withdraw(connection, recorded, reason="wrong labels", by="Olga")
    with pytest.raises(ConflictException, match="until it was withdrawn"):
        trusting.record(trusting.file(trusting.house, made_at=made_at))


def test_what_a_revoked_evaluator_signed_counts_for_nothing(trusting):
    """What was recorded before, and what would be later."""
    trusting.record(trusting.file(trusting.lab))
    name = f"evaluator {trusting.lab.verifier.name}"
    with trusting.database.transaction() as connection:
        revoke_evaluator(connection, name, reason="the key was copied", by="Olga")
    assert trusting.look() == Evaluated(standing="revoked")
    with pytest.raises(InvalidParameterException, match="no such key is trusted here"):
        trusting.record(trusting.file(trusting.lab, notes=["another"]))
    with trusting.database.transaction() as connection, pytest.raises(ResourceNotFoundException):
        revoke_evaluator(connection, name, reason="again", by="Olga")
    with pytest.raises(ConflictException):
        trusting.trust(trusting.lab, independent=True)


def test_a_key_is_trusted_once_under_whatever_name(trusting):
    """A vkey is a name and a key: what was revoked is not trusted again as somebody else."""
    lab = trusting.lab
    again = Signer.from_seed(f"other{trusting.version}", lab.seed)
    with pytest.raises(ConflictException):
        trusting.trust(again, independent=False)
    with trusting.database.transaction() as connection:
        revoke_evaluator(connection, f"evaluator {lab.verifier.name}", reason="copied", by="Olga")
    with pytest.raises(ConflictException, match="or one of that key"):
        trusting.trust(again, independent=True)


def test_it_expires_by_the_clock_and_not_before(trusting):
    trusting.record(trusting.file(trusting.lab, lasts=timedelta(days=2)))
    made = datetime.now(UTC) - timedelta(hours=1)
    assert trusting.look(now=made + timedelta(days=2, seconds=-2)).standing == "in_force"
    assert trusting.look(now=made + timedelta(days=2, seconds=2)) == Evaluated(standing="expired")


def test_a_clock_that_was_set_back_has_it_count_for_nothing(trusting):
    """It would not have been made yet: fail closed, and count again once the clock is right."""
    trusting.record(trusting.file(trusting.lab))
    assert trusting.look(now=datetime.now(UTC) - timedelta(days=9)).standing == "expired"
    assert trusting.look().standing == "in_force"


def test_what_has_expired_is_not_recorded(trusting):
    made_at = datetime.now(UTC) - timedelta(days=30)
    with pytest.raises(InvalidParameterException, match="it expired at"):
        trusting.record(trusting.file(trusting.lab, made_at=made_at, lasts=timedelta(days=29)))


@pytest.mark.parametrize("what", ["pack", "calibration", "pipeline"])
def test_an_evaluation_of_something_else_names_what_differs(trusting, what):
    """A replay of one of another pack, of before the calibration, or of before an upgrade of the program."""
    other = dataclasses.replace(trusting.digests, **{what: "e" * 64})
    trusting.record(trusting.file(trusting.lab, digests=other))
    assert trusting.look() == Evaluated(standing="other", differs=(what,))
    assert trusting.look(of=other).standing == "in_force"


def test_of_several_that_are_of_something_else_the_nearest_is_named(trusting):
    far = ModelDigests(trusting.digests.pack, "e" * 64, "f" * 64)
    near = dataclasses.replace(trusting.digests, pipeline="f" * 64)
    for digests in (far, near):
        trusting.record(trusting.file(trusting.lab, digests=digests))
    assert trusting.look().differs == ("pipeline",)


def test_the_newest_that_counts_decides_be_it_the_worse_one(trusting):
    """Nobody picks the evaluation that suits: a new result stands in the place of the old one."""
    ages = {"old": 9, "new": 1}
    recorded = {
        name: trusting.record(
            trusting.file(
                trusting.lab,
                made_at=datetime.now(UTC) - timedelta(days=days),
                groups=(a_group("a", tpr=0.9 if name == "new" else 0.99), a_group("b")),
            )
        )
        for name, days in reversed(ages.items())
    }
    assert trusting.look().decides.evaluation_id == recorded["new"]
    assert trusting.look().decides.worst_group_tpr_bp == 9020
    with trusting.database.transaction() as connection:
        trusting.register.withdraw(connection, recorded["new"], reason="a test", by="Olga")
    assert trusting.look().decides.evaluation_id == recorded["old"]


def test_the_operators_own_are_told_apart(trusting):
    """Some rules ask that the operator itself has looked, whoever else did."""
    trusting.record(trusting.file(trusting.house, made_at=datetime.now(UTC) - timedelta(days=3)))
    trusting.record(trusting.file(trusting.lab))
    found = trusting.look()
    assert (found.decides.independent, found.own_groups) == (True, 2)
    trusting.record(trusting.file(trusting.house, cohorts=[]))
    assert trusting.look().own_groups == 0


@pytest.mark.parametrize(
    "edit",
    [
        "document = replace(document, '0.994', '0.999')",
        "document = replace(document, '\"bound\":0.994', '\"bound\":0.9940')",
        "note = replace(note, to_char(expires_at at time zone 'UTC', 'YYYY'), '2099')",
        "pack_digest = repeat('e', 64)",
        "made_at = made_at + interval '1 minute'",
        "note = 'none'",
        "document = '{}'",
    ],
)
def test_a_row_that_was_edited_counts_for_nothing(trusting, edit):
    """Whoever writes in the table is not the evaluator; those that read it before look again."""
    recorded = trusting.record(trusting.file(trusting.lab))
    assert trusting.look().standing == "in_force"
    trusting.execute(f"update evaluation set {edit} where evaluation_id = %s", recorded)
    assert trusting.look().standing in {"damaged", "other", "none"}
    assert trusting.look().decides is None


def test_no_older_one_speaks_in_the_place_of_one_that_cannot_be_read(trusting):
    """Else whoever spoils the row of a bad result has the good one of last year back, and no word of it."""
    old = trusting.record(trusting.file(trusting.house, made_at=datetime.now(UTC) - timedelta(days=9)))
    new = trusting.record(trusting.file(trusting.house, groups=(a_group("a", tpr=0.9), a_group("b"))))
    trusting.execute("update evaluation set document = '{}' where evaluation_id = %s", new)
    assert trusting.look() == Evaluated(standing="damaged")
    trusting.record(trusting.file(trusting.lab, made_at=datetime.now(UTC) - timedelta(minutes=1)))
    found = trusting.look()
    assert (found.standing, found.own_groups) == ("in_force", 0)
    with trusting.database.transaction() as connection:
        trusting.register.withdraw(connection, new, reason="cannot be read", by="Olga")
    assert trusting.look().own_groups == 2
    assert trusting.look().decides.evaluation_id != old


def test_a_row_ends_an_evaluation_sooner_and_never_later(trusting):
    """What was signed is the bound."""
    recorded = trusting.record(trusting.file(trusting.lab, lasts=timedelta(days=2)))
    trusting.execute(
        "update evaluation set expires_at = expires_at + interval '1 year' where evaluation_id = %s", recorded
    )
    assert trusting.look(now=datetime.now(UTC) + timedelta(days=3)).standing == "expired"
    trusting.execute(
        "update evaluation set expires_at = made_at + interval '1 second' where evaluation_id = %s", recorded
    )
    assert trusting.look().standing == "expired"


def test_another_key_in_the_evaluators_row_did_not_sign_it(trusting):
    recorded = trusting.record(trusting.file(trusting.lab))
    trusting.execute(
        "update evaluation set vkey = %s where evaluation_id = %s", str(trusting.house.verifier), recorded
    )
    assert trusting.look().standing == "damaged"


def test_who_is_not_trusted_records_nothing(trusting):
    stranger = Signer.generate(trusting.lab.verifier.name)
    with pytest.raises(InvalidParameterException, match="no such key is trusted here"):
        trusting.record(trusting.file(stranger))
    with pytest.raises(InvalidParameterException, match="cannot be recorded: it is no JSON"):
        trusting.record(b"\xff")


def test_an_evaluation_from_the_future_is_not_recorded(trusting):
    with pytest.raises(InvalidParameterException, match="one of two clocks is wrong"):
        trusting.record(trusting.file(trusting.lab), now=datetime.now(UTC) - timedelta(days=1))


@pytest.mark.parametrize(
    "given",
    [{"name": " "}, {"name": "n" * 129}, {"name": "a\nb"}, {"reason": ""}, {"vkey": "no key"}],
    ids=str,
)
def test_an_evaluator_has_a_name_a_reason_and_a_key(house, given):
    told = {"vkey": str(house.lab.verifier), "name": "lab", "reason": "why"} | given
    with house.database.transaction() as connection, pytest.raises(InvalidParameterException):
        trust_evaluator(connection, told.pop("vkey"), independent=True, by="Olga", **told)


def test_a_model_of_which_nothing_is_known_has_no_evaluation(trusting):
    with trusting.database.read() as connection:
        found = trusting.register.look(
            connection, trusting.version, None, lowest=99, highest=99, now=datetime.now(UTC)
        )
    assert found == NOT_EVALUATED


def test_who_ends_an_evaluation_waits_for_calls_that_are_being_recorded(trusting):
    """And a call behind it sees that it ended: there is no moment between."""
    recorded = trusting.record(trusting.file(trusting.lab))
    ended = threading.Event()

    def withdraw() -> None:
        with trusting.database.transaction() as connection:
            trusting.register.withdraw(connection, recorded, reason="a test", by="Olga")
        ended.set()

    with trusting.database.transaction() as connection:
        connection.execute("select pg_advisory_xact_lock_shared(evaluations_lock())")
        thread = threading.Thread(target=withdraw)
        thread.start()
        assert not ended.wait(0.3)
    thread.join(10)
    assert ended.is_set()
    assert trusting.look().standing == "withdrawn"


def test_lists_have_the_newest_first_and_say_how_each_stands(trusting):
    first = trusting.record(trusting.file(trusting.lab, made_at=datetime.now(UTC) - timedelta(days=5)))
    second = trusting.record(trusting.file(trusting.lab))
    now = datetime.now(UTC)
    with trusting.database.read() as connection:
        ours = [each for each in trusting.register.on_record(connection) if each.version == trusting.version]
    assert [each.evaluation_id for each in ours] == [second, first]
    assert {each.status(now) for each in ours} == {"in_force"}
    assert ours[0].status(now + timedelta(days=400)) == "expired"
    assert dataclasses.replace(ours[0], evaluator_revoked=True).status(now) == "revoked"
    assert dataclasses.replace(ours[0], withdrawn_at=now).status(now) == "withdrawn"
    with trusting.database.read() as connection, pytest.raises(ResourceNotFoundException):
        trusting.register.require(connection, uuid.uuid4())
