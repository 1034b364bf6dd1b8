"""Packs of a server: which are here, which are in use, and that every decision goes by those."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from countenance.errors import (
    ConflictException,
    InvalidParameterException,
    ResourceNotFoundException,
    SetupError,
)
from countenance.policy import Decision, PolicyEngine
from countenance.policy.packs import Activation, load_packs, shipped_issuers, shipped_packs
from countenance.policy.register import (
    ActivePack,
    FixedPolicies,
    PackRegister,
    PoliciesInForce,
    to_activation,
)
from countenance.store import Database, UnitOfWork, migrate
from countenance.transparency.note import Signer
from fixtures_store import fresh_database
from rule_packs import HARMLESS, ISSUER, VKEY, rule, write_pack

TODAY = date(2026, 11, 26)
OURS, THEIRS = "111111111111", "222222222222"


@pytest.fixture(scope="module")
def own_database(postgres_url: str) -> Iterator[Database]:
    """Packs in use are of a whole server: these tests have one to themselves."""
    with fresh_database(postgres_url) as url, Database(url, max_connections=8) as database:
        migrate(database)
        yield database


@dataclass
class House:
    """A server's packs, as one of its processes sees them."""

    database: Database
    folder: Path
    operations: Any

    def __post_init__(self) -> None:
        self.register = PackRegister(self.database, self.folder)
        self.policies = self.process()

    def process(self) -> PoliciesInForce:
        """Another process of the server."""
        return PoliciesInForce(
            PackRegister(self.database, self.folder), self.operations, discharges=("fpir_budget",)
        )

    def activate(self, name: str, mode: Any = "enforce", **given: Any) -> Any:
        told: dict[str, Any] = {"accounts": None, "by": "Olga", "build": self.build} | given
        return self.register.activate(name, mode=mode, **told)

    def build(self, activations: Any) -> PolicyEngine:
        return self.policies.build(activations, today=TODAY)

    def engine(self, policies: PoliciesInForce | None = None, today: date = TODAY) -> PolicyEngine:
        """What the next decision goes by."""
        return (policies or self.policies).engine(self.register.epoch(), today)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Entries of the log of a kind, the oldest first, without what every entry has."""
        with self.database.read() as connection:
            rows = connection.execute(
                "select convert_from(entry, 'UTF8') from audit_event order by recorded_at"
            ).fetchall()
        entries = [json.loads(entry) for (entry,) in rows]
        common = ("v", "kind", "event", "time")
        return [
            {name: value for name, value in entry.items() if name not in common}
            for entry in entries
            if entry["kind"] == kind
        ]


@pytest.fixture
def house(own_database: Database, tmp_path: Path, operations: Any) -> House:
    """With no pack in use, whose issuer of tests is trusted."""
    with own_database.transaction() as connection:
        for table in ("pack_activation", "pack_issuer", "audit_event"):
            connection.execute(f"delete from {table}")
    made = House(own_database, tmp_path / "packs", operations)
    made.folder.mkdir()
    made.register.trust(VKEY, by="Olga")
    return made


@pytest.fixture
def low(lawful: Any) -> Any:
    """A lawful search at a threshold that the packs of these tests forbid."""
    return lawful("SearchFaces", threshold=90.0)


def broken(engine: PolicyEngine, request: Any) -> tuple[str, ...]:
    verdict = engine.decide(request)
    return () if verdict.decision is Decision.ALLOW else verdict.rule_ids


# ---- Which are here


def test_the_packs_that_come_with_the_program_are_here_without_any_folder(house: House, tmp_path: Path):
    shipped = load_packs(shipped_packs(), shipped_issuers())
    for folder in (None, tmp_path / "nowhere", house.folder):
        assert PackRegister(house.database, folder).packs().keys() == shipped.keys()


def test_a_pack_of_this_servers_own_is_here_if_its_issuer_is_trusted(house: House):
    """Its signature is looked at before anything else of it is taken."""
    write_pack(house.folder, "x")
    stranger = Signer.from_seed("stranger.example", b"\x07" * 32)
    write_pack(house.folder, "y", signer=stranger)
    assert "x" in house.register.packs()
    assert "y" not in house.register.packs()
    assert house.register.refused().keys() == {"y"}
    assert "no signature of an issuer that is trusted here" in str(house.register.refused()["y"])
    house.register.trust(str(stranger.verifier), by="Olga")
    assert {"x", "y"} <= house.register.packs().keys()
    assert house.register.refused() == {}


def test_a_damaged_pack_takes_no_other_with_it(house: House):
    """A file that was half copied must not stop the whole server: unless the pack is in use."""
    write_pack(house.folder, "x")
    (write_pack(house.folder, "y") / "tests.json").unlink()
    (house.folder / "notes.txt").write_text("not a pack")
    assert "x" in house.register.packs()
    assert house.register.refused().keys() == {"y"}
    assert house.engine().activations.keys() == {"law-enforcement", "identity-proofing"}


def test_a_pack_that_has_the_name_of_one_of_ours_is_refused(house: House):
    """Whoever signs packs here must not be able to replace a law by another text."""
    write_pack(house.folder, "us-il-bipa")
    shipped = load_packs(shipped_packs(), shipped_issuers())["us-il-bipa"]
    assert house.register.packs()["us-il-bipa"] == shipped
    assert "name of one of ours" in str(house.register.refused()["us-il-bipa"])


# ---- Whose signatures are trusted


def test_an_issuer_is_trusted_once_and_the_log_says_so(house: House):
    """It may forbid anything to everybody: that is not done in silence."""
    before = len(house.register.issuers())
    house.register.trust(VKEY, by="Otto")
    assert len(house.register.issuers()) == before
    assert house.told("pack.issuer_trusted") == [{"issuer": VKEY}]


@pytest.mark.parametrize("vkey", ["", "packs.example", VKEY[:-4], VKEY + "x", "a+b+c"])
def test_what_is_no_key_is_not_trusted(house: House, vkey: str):
    with pytest.raises(InvalidParameterException, match="no verifier key"):
        house.register.trust(vkey, by="Olga")
    assert len(house.told("pack.issuer_trusted")) == 1


# ---- In use, from the very next decision on


def test_a_pack_is_in_force_at_the_next_decision_of_every_process_and_no_more_once_it_is_not(
    house: House, low: Any
):
    """Each change raises the number that every decision is made by."""
    write_pack(house.folder, "x")
    other = house.process()
    numbers = [house.register.epoch()]
    assert broken(house.engine(), low) == broken(house.engine(other), low) == ()
    house.activate("x")
    numbers.append(house.register.epoch())
    assert broken(house.engine(), low) == broken(house.engine(other), low) == ("X-1",)
    house.activate("x", "shadow")
    numbers.append(house.register.epoch())
    for engine in (house.engine(), house.engine(other)):
        assert (broken(engine, low), engine.decide(low).shadow) == ((), ("X-1",))
    house.register.deactivate("x")
    numbers.append(house.register.epoch())
    for engine in (house.engine(), house.engine(other)):
        assert (broken(engine, low), engine.decide(low).shadow) == ((), ())
    assert numbers == sorted(set(numbers))


def test_an_engine_is_built_once_for_a_number_and_a_day(house: House, monkeypatch: pytest.MonkeyPatch):
    """Thousands of decisions a second go by one: also when many ask for a new one at once."""
    built: list[PolicyEngine] = []
    build = house.policies.build

    def counting(*given: Any, **named: Any) -> PolicyEngine:
        built.append(build(*given, **named))
        return built[-1]

    monkeypatch.setattr(house.policies, "build", counting)
    with ThreadPoolExecutor(6) as pool:
        engines = list(pool.map(lambda _: house.engine(), range(12)))
    assert len(built) == 1
    assert all(engine is built[0] for engine in engines)
    house.engine(today=TODAY + timedelta(days=1))
    assert len(built) == 2
    write_pack(house.folder, "x")
    house.activate("x")
    del built[:]
    assert house.engine().activations.keys() >= {"x"}
    assert len(built) == 1


def test_rules_begin_and_end_with_their_days_without_anybody_doing_anything(house: House, low: Any):
    """The day is a part of what an engine is built by."""
    write_pack(house.folder, "x", in_force={"from": "2026-12-01", "until": "2026-12-31"})
    house.activate("x")
    days = (TODAY, date(2026, 12, 1), date(2026, 12, 31), date(2027, 1, 1))
    assert [broken(house.engine(today=day), low) for day in days] == [(), ("X-1",), ("X-1",), ()]
    assert house.engine(today=TODAY).decide(low).shadow == ("X-1",)


def test_a_pack_may_be_for_some_accounts_alone(house: House, lawful: Any):
    write_pack(house.folder, "x")
    house.activate("x", accounts={THEIRS, OURS})
    (active,) = house.register.active()
    assert active.accounts == (OURS, THEIRS)
    assert broken(house.engine(), lawful("SearchFaces", threshold=90.0)) == ("X-1",)
    house.activate("x", accounts=[THEIRS])
    assert broken(house.engine(), lawful("SearchFaces", threshold=90.0)) == ()


def test_what_is_in_use_is_listed_with_its_text_and_who_put_it_there(house: House):
    """And told in the log, by the digest that every decision's policy digest is made of."""
    pack = write_pack(house.folder, "x") and house.register.packs()["x"]
    assert house.activate("x") == pack
    (active,) = house.register.active()
    assert active == ActivePack("x", "1.0", pack.digest, "enforce", None, "Olga", active.activated_at)
    assert to_activation(active) == Activation("x", "enforce", None)
    house.activate("x", "shadow", by="Otto")
    (active,) = house.register.active()
    assert (active.mode, active.activated_by) == ("shadow", "Otto")
    house.register.deactivate("x")
    assert house.register.active() == []
    told = {"pack": "x", "version": "1.0", "digest": pack.digest}
    assert house.told("pack.activated") == [told | {"mode": "enforce"}, told | {"mode": "shadow"}]
    assert house.told("pack.deactivated") == [{"pack": "x"}]


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_within_a_call_it_is_in_use_once_the_call_is_committed(house: House, low: Any, end: str):
    """An officer's call is refused after all, or everybody is bound at once."""
    write_pack(house.folder, "x")
    before = house.register.epoch()
    with UnitOfWork(house.database) as work:
        house.activate("x", connection=work.connection)
        assert [active.pack for active in house.register.active(work.connection)] == ["x"]
        assert (house.register.active(), house.register.epoch()) == ([], before)
        getattr(work, end)()
    assert broken(house.engine(), low) == (("X-1",) if end == "commit" else ())
    assert (house.register.epoch() > before) is (end == "commit")
    assert len(house.told("pack.activated")) == (1 if end == "commit" else 0)


# ---- What is not put into use


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"tests": [HARMLESS[0] | {"name": "wrong", "breaks": ["X-1"]}]}, "wrong"),
        ({"policies": rule("x", "X-1", "context.nothingOfOurs > 3")}, "do not fit the schema"),
        ({"policies": rule("x", "AUP-001")}, "AUP-001"),
        ({"binds": {"purposes": ["harvesting"]}}, "harvesting"),
        ({"policies": rule("x", "X-1", message="{threshold")}, "X-1"),
    ],
    ids=["its tests fail", "schema", "id of ours", "purpose", "words"],
)
def test_what_cannot_be_built_is_not_activated(house: House, low: Any, changes: Any, why: str):
    """Or the next decision would fail, and every one after it."""
    write_pack(house.folder, "x", **changes)
    before = house.register.epoch()
    with pytest.raises(InvalidParameterException, match=why):
        house.activate("x")
    assert (house.register.active(), house.register.epoch()) == ([], before)
    assert house.told("pack.activated") == []
    assert broken(house.engine(), low) == ()


def test_what_does_not_go_together_with_what_is_in_use_is_not_activated(house: House, low: Any):
    """Two packs with one rule's id: nobody could say which one a call broke."""
    write_pack(house.folder, "x", policies=rule("x", "SAME-1"))
    write_pack(house.folder, "y", policies=rule("y", "SAME-1"))
    house.activate("x")
    with pytest.raises(InvalidParameterException, match="SAME-1"):
        house.activate("y")
    assert broken(house.engine(), low) == ("SAME-1",)


def test_what_is_not_here_damaged_or_always_in_force_is_not_activated(house: House):
    with pytest.raises(ResourceNotFoundException, match="no pack `x` here; there are eu-ai-act"):
        house.activate("x")
    (write_pack(house.folder, "x") / "policies.cedar").write_text("")
    with pytest.raises(InvalidParameterException, match="changed after it was signed"):
        house.activate("x")
    with pytest.raises(ConflictException, match="always in force"):
        house.activate("law-enforcement", "shadow")
    assert house.register.active() == []


def test_rules_that_have_ended_can_be_watched_and_not_enforced(house: House):
    """Whoever enforces a law of the past thinks that they are covered, and are not."""
    write_pack(house.folder, "x", in_force={"from": "2026-01-01", "until": "2026-06-30"})
    with pytest.raises(ConflictException, match="have ended"):
        house.activate("x")
    house.activate("x", "shadow")


def test_what_is_not_in_use_cannot_be_taken_out_of_it(house: House):
    before = house.register.epoch()
    for name in ("x", "law-enforcement"):
        with pytest.raises(ResourceNotFoundException, match="is not in use"):
            house.register.deactivate(name)
    assert house.register.epoch() == before
    assert house.told("pack.deactivated") == []


# ---- Changed behind the server's back


def changed(house: House) -> None:
    """Signed anew by the same issuer, with a rule that forbids less."""
    write_pack(house.folder, "x", policies=rule("x", "X-1", "context.thresholdBp < 100"), tests=HARMLESS)


def tampered(house: House) -> None:
    policies = house.folder / "x" / "policies.cedar"
    policies.write_text(policies.read_text().replace("9500", "100"))


def gone(house: House) -> None:
    shutil.rmtree(house.folder / "x")


def untrusted(house: House) -> None:
    with house.database.transaction() as connection:
        connection.execute("delete from pack_issuer")


@pytest.mark.parametrize("happens", [changed, tampered, gone, untrusted])
def test_a_pack_in_use_that_is_another_one_now_decides_nothing(house: House, low: Any, happens: Any):
    """No process goes on by other rules than were activated: neither by fewer nor by none of them."""
    write_pack(house.folder, "x")
    house.activate("x")
    assert broken(house.engine(), low) == ("X-1",)
    happens(house)
    late = house.process()
    assert not late.is_usable(TODAY)
    with pytest.raises(SetupError, match="`x`") as failed:
        house.engine(late)
    assert failed.value.remedy
    # A process that had built its engine before goes by what was activated; or fails, once anything changes.
    try:
        assert broken(house.engine(), low) == ("X-1",)
    except SetupError:
        assert happens is untrusted
    write_pack(house.folder, "y")
    with house.database.transaction() as connection:
        connection.execute("update policy_epoch set epoch = epoch + 1")
    for policies in (house.policies, late):
        for _ in range(2):
            with pytest.raises(SetupError, match="`x`"):
                house.engine(policies)


def test_a_damaged_key_of_an_issuer_decides_nothing_and_is_told(house: House, lawful: Any):
    """Not even where no pack is in use: who changed that table may have changed more. Due process stays."""
    with house.database.transaction() as connection:
        connection.execute("insert into pack_issuer (vkey, trusted_by) values ('nonsense', 'nobody')")
    late = house.process()
    assert not late.is_usable(TODAY)
    with pytest.raises(SetupError, match="key of an issuer") as failed:
        house.engine(late)
    assert "pack_issuer" in failed.value.remedy
    assert late.core(TODAY).decide(lawful("ListTerms")).decision is Decision.ALLOW


@pytest.mark.parametrize("what", ["is_dir", "iterdir", "is_symlink", "open"])
def test_packs_that_may_not_be_read_are_told_and_leave_due_process_open(
    house: House, lawful: Any, monkeypatch: pytest.MonkeyPatch, what: str
):
    """Copied by root with a strict umask, say, or a disk that fails. By force: tests of root's read all."""
    write_pack(house.folder, "x")
    house.activate("x")
    plain, tried = getattr(Path, what), []

    def denied(path: Path, *given: Any, **named: Any) -> Any:
        if house.folder in {path, *path.parents}:
            tried.append(path)
            raise PermissionError(13, "Permission denied", str(path))
        return plain(path, *given, **named)

    late = house.process()
    with monkeypatch.context() as patched:
        patched.setattr(Path, what, denied)
        assert not late.is_usable(TODAY)
        with pytest.raises(SetupError, match="cannot be read") as failed:
            house.engine(late)
        assert late.core(TODAY).decide(lawful("SubmitAppeal")).decision is Decision.ALLOW
    assert tried
    assert failed.value.remedy
    assert late.is_usable(TODAY)


def test_the_core_alone_is_there_for_what_must_stay_open(house: House, lawful: Any):
    """To read the terms, to read why and to appeal: also when a pack in use cannot be read."""
    write_pack(house.folder, "x")
    house.activate("x")
    gone(house)
    core = house.process().core(TODAY)
    assert core.activations == {}
    assert core.decide(lawful("ListTerms")).decision is Decision.ALLOW


@pytest.mark.parametrize("mend", ["put back", "deactivate", "activate anew"])
def test_a_server_whose_pack_changed_goes_on_once_that_is_mended(house: House, low: Any, mend: str):
    write_pack(house.folder, "x")
    house.activate("x")
    changed(house)
    late = house.process()
    assert not late.is_usable(TODAY)
    if mend == "put back":
        write_pack(house.folder, "x")
    elif mend == "deactivate":
        house.register.deactivate("x")
    else:
        house.activate("x")
    assert late.is_usable(TODAY)
    assert broken(house.engine(late), low) == (("X-1",) if mend == "put back" else ())


def test_a_pack_of_ours_in_another_version_than_was_activated_is_gone_over_to_by_the_program(house: House):
    """An update of the program brings another text of a law: it is in force, and the log says which."""
    house.activate("us-il-bipa")
    write_pack(house.folder, "x")
    house.activate("x", accounts=[OURS])
    assert house.register.renew_shipped() == []
    with house.database.transaction() as connection:
        connection.execute("update pack_activation set digest = %s, version = '0.1'", ("ab" * 32,))
    assert not house.process().is_usable(TODAY)
    assert house.register.renew_shipped() == ["us-il-bipa"]
    renewed = {active.pack: active for active in house.register.active()}
    assert renewed["us-il-bipa"].digest == house.register.packs()["us-il-bipa"].digest
    assert renewed["us-il-bipa"].activated_by == "Olga"
    assert renewed["x"].digest == "ab" * 32
    assert [each["pack"] for each in house.told("pack.activated")] == ["us-il-bipa", "x", "us-il-bipa"]
    assert house.register.renew_shipped() == []


# ---- Several at once


@pytest.mark.parametrize("decided", ["enforced", "deactivated"])
def test_a_start_does_not_undo_what_an_officer_decides_meanwhile(house: House, decided: str):
    """A server of a newer version goes over to its packs while an officer acts through another one."""
    house.register.activate(
        "us-il-bipa", mode="shadow", accounts=[OURS], by="Olga", build=house.policies.build
    )
    with house.database.transaction() as connection:
        connection.execute("update pack_activation set digest = %s", ("ab" * 32,))
    with ThreadPoolExecutor(1) as pool:
        with house.database.transaction() as officers:
            if decided == "enforced":
                house.register.activate(
                    "us-il-bipa",
                    mode="enforce",
                    accounts=None,
                    by="Otto",
                    build=house.policies.build,
                    connection=officers,
                )
            else:
                house.register.deactivate("us-il-bipa", connection=officers)
            renewing = pool.submit(house.register.renew_shipped)
            with pytest.raises(TimeoutError):
                renewing.result(0.3)
        assert renewing.result(30) == []
    told = [(each.pack, each.mode, each.accounts, each.activated_by) for each in house.register.active()]
    assert told == ([("us-il-bipa", "enforce", None, "Otto")] if decided == "enforced" else [])


def test_packs_that_are_activated_at_once_are_all_in_force(house: House, low: Any):
    """While decisions go on: each is by a whole set, and the last one by all of them."""
    names = [f"p{number}" for number in range(4)]
    for name in names:
        write_pack(house.folder, name, policies=rule(name, f"{name.upper()}-1"))
    together, over, seen = threading.Barrier(5), threading.Event(), []

    def decide() -> None:
        together.wait(30)
        while not over.is_set():
            seen.append(broken(house.engine(), low))

    def activate(name: str) -> None:
        together.wait(30)
        house.activate(name)

    with ThreadPoolExecutor(5) as pool:
        deciding = pool.submit(decide)
        for activating in [pool.submit(activate, name) for name in names]:
            activating.result(60)
        over.set()
        deciding.result(60)
    everything = tuple(f"{name.upper()}-1" for name in names)
    assert broken(house.engine(), low) == everything
    assert all(set(rules) <= set(everything) for rules in seen)
    assert [len(rules) for rules in seen] == sorted(len(rules) for rules in seen)


def test_of_two_that_do_not_go_together_one_is_activated_when_both_are_at_once(house: House, low: Any):
    """Each alone can be built; both together could not, and then no call would be decided any more."""
    for name in ("x", "y"):
        write_pack(house.folder, name, policies=rule(name, "SAME-1"))
    together = threading.Barrier(2)

    def activate(name: str) -> bool:
        together.wait(30)
        try:
            house.activate(name)
        except InvalidParameterException:
            return False
        return True

    for _ in range(3):
        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(activate, ("x", "y"))) == [False, True]
        assert broken(house.engine(), low) == ("SAME-1",)
        (active,) = house.register.active()
        house.register.deactivate(active.pack)


def test_fixed_policies_are_one_engine_for_ever(engine: PolicyEngine):
    fixed = FixedPolicies(engine)
    assert fixed.engine(1, TODAY) is fixed.engine(2, date(2030, 1, 1)) is fixed.core(TODAY) is engine
    assert fixed.is_usable(TODAY)
    assert ISSUER.verifier.name == "packs.example"
