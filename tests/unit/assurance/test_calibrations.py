"""Which calibration is in force, and the record of it."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest

from countenance.assurance.calibrations import MOST_APART, Calibrations, PacksOwn, furthest_apart, left_behind
from countenance.errors import ConflictException, InternalServerError, InvalidParameterException
from countenance.similarity import Calibration, fmr_at_similarity
from countenance.store import Database, StoreUnavailable, migrate
from fakes.calibrations import DOCUMENT, FITTED
from fixtures_store import fresh_database

PACK, CODE = DOCUMENT.pack_digest, DOCUMENT.pipeline_digest


@pytest.fixture
def database(postgres_url):
    with fresh_database(postgres_url) as url, Database(url, max_connections=4) as opened:
        migrate(opened)
        yield opened


@pytest.fixture
def record(database):
    return Calibrations(database, pipeline_digest=CODE)


def use(record, calibration=FITTED, **changes):
    given = {"own": FITTED, "pack_digest": PACK, "by": "Olga", "reason": "our cameras"} | changes
    return record.use(replace(DOCUMENT, calibration=calibration), **given)


def shifted(by):
    return replace(FITTED, cosine=tuple(cosine + by for cosine in FITTED.cosine))


def statements(database):
    with database.read() as connection:
        rows = connection.execute("select entry from audit_event").fetchall()
    told = [json.loads(bytes(entry)) for (entry,) in rows]
    return [each for each in told if each["kind"].startswith("calibration.")]


def test_a_pack_has_its_own_until_another_is_put_in_force(record):
    assert record.find(PACK) is None
    assert use(record) == 1
    assert record.find(PACK) == FITTED
    assert record.find("00" * 32) is None


def test_every_process_sees_a_change_with_its_next_call(database, record):
    """No restart, and nothing that is remembered: the record is asked each time."""
    other = Calibrations(database, pipeline_digest=CODE)
    assert other.find(PACK) is None
    use(record, shifted(0.01))
    assert other.find(PACK) == shifted(0.01)
    use(record, shifted(0.02))
    assert other.find(PACK) == shifted(0.02)
    record.revert(PACK, "1.0", by="Olga", reason="back")
    assert other.find(PACK) is None


def test_a_change_that_is_not_committed_is_not_seen(database, record):
    """And within a call's own transaction it is read there."""
    with database.transaction() as connection:
        assert record.find(PACK, connection=connection) is None
    use(record)
    with database.transaction() as connection:
        assert record.find(PACK, connection=connection) == FITTED


def test_versions_are_never_overwritten_and_can_be_gone_back_to(database, record):
    """The same values again are the same version."""
    assert [use(record, shifted(by)) for by in (0.0, 0.01, 0.0)] == [1, 2, 1]
    with database.read() as connection:
        for table in ("calibration", "calibration_choice"):
            for statement in (f"delete from {table}", f"truncate {table} cascade"):
                with pytest.raises(Exception, match="append-only"):
                    connection.execute(statement)
    assert [choice.version for choice in record.list()] == [1, 2, 1]
    assert [choice.is_last for choice in record.list()] == [True, False, False]


def test_the_record_says_who_when_and_why(record):
    use(record, by="Olga", reason="our own cameras")
    record.revert(PACK, "1.0", by="Otto", reason="they were replaced")
    back, used = record.list()
    assert (used.by, used.reason, used.version, used.digest) == (
        "Olga", "our own cameras", 1, DOCUMENT.digest
    )  # fmt: skip
    assert (back.by, back.reason, back.version, back.digest) == ("Otto", "they were replaced", None, None)
    assert back.at >= used.at
    assert (used.of.pack_digest, used.of.pipeline_digest) == (PACK, CODE)


def test_the_log_says_what_was_done_and_names_nobody(database, record):
    use(record)
    record.revert(PACK, "1.0", by="Olga", reason="back")
    used, reverted = statements(database)
    model = {"digest": PACK, "version": "1.0"}
    common = {"v", "kind", "event", "time"}
    assert {name: used[name] for name in used.keys() - common} == {
        "model": model, "pipeline": CODE, "calibration": DOCUMENT.digest, "version": 1, "trials": 12_345
    }  # fmt: skip
    assert {name: reverted[name] for name in reverted.keys() - common} == {"model": model, "pipeline": CODE}
    assert "Olga" not in json.dumps([used, reverted])


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"pack_digest": "12" * 32}, "the one installed"),
        ({"calibration": shifted(-0.4)}, "times|factor"),
        ({"calibration": shifted(0.4)}, "factor"),
    ],
)
def test_what_is_of_another_pack_or_far_from_its_own_is_refused_and_leaves_nothing(
    database, record, changes, why
):
    """Weaker or stricter: either way something is not as it was said."""
    with pytest.raises(InvalidParameterException, match=why):
        use(record, **changes)
    assert (record.find(PACK), record.list(), statements(database)) == (None, [], [])


def test_a_calibration_of_other_code_is_refused(database):
    """Other code makes other templates, of which it says nothing."""
    with pytest.raises(InvalidParameterException, match="another version of the code"):
        use(Calibrations(database, pipeline_digest="99" * 32))


def test_after_an_upgrade_of_the_code_the_packs_own_is_in_force(database, record):
    """What was in force is of templates that are not made any more; it comes back with its code."""
    use(record)
    assert Calibrations(database, pipeline_digest="99" * 32).find(PACK) is None
    assert Calibrations(database, pipeline_digest=CODE).find(PACK) == FITTED


def test_what_an_upgrade_left_behind_is_known(database, record):
    """Until somebody decides anew, whatever it is."""
    assert left_behind(record.list(), "99" * 32) == []
    use(record)
    assert left_behind(record.list(), CODE) == []
    assert left_behind(record.list(), "99" * 32) == [PACK]
    newer = Calibrations(database, pipeline_digest="99" * 32)
    use_of = replace(DOCUMENT, pipeline_digest="99" * 32)
    newer.use(use_of, own=FITTED, pack_digest=PACK, by="Olga", reason="anew")
    assert left_behind(newer.list(), "99" * 32) == []
    newer.revert(PACK, "1.0", by="Olga", reason="the pack's own will do")
    assert left_behind(newer.list(), "99" * 32) == []


def test_what_was_reverted_before_an_upgrade_is_not_left_behind(record):
    use(record)
    record.revert(PACK, "1.0", by="Olga", reason="back")
    assert left_behind(record.list(), "99" * 32) == []


def test_a_far_one_is_taken_with_a_reason_and_is_known_as_such(database, record):
    use(record, shifted(-0.4), accept_difference=True, reason="infrared cameras")
    [choice] = record.list()
    assert (choice.accepted_difference, choice.reason) == (True, "infrared cameras")
    assert [each.get("far") for each in statements(database)] == [True]


def test_a_near_one_is_not_called_far_because_it_might_have_been(database, record):
    use(record, accept_difference=True)
    assert [choice.accepted_difference for choice in record.list()] == [False]
    assert "far" not in statements(database)[0]


def test_what_is_in_force_already_is_a_conflict(record):
    """An entry of the log says that something changed."""
    with pytest.raises(ConflictException, match="already"):
        record.revert(PACK, "1.0", by="Olga", reason="nothing to go back from")
    use(record)
    with pytest.raises(ConflictException, match="already"):
        use(record)


def test_two_officers_at_once_take_turns(record):
    """Each decision gets a version of its own, and one of them is the last."""
    threads = [threading.Thread(target=use, args=(record, shifted(0.001 * n))) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(choice.version for choice in record.list()) == [1, 2, 3, 4, 5, 6]
    assert sum(choice.is_last for choice in record.list()) == 1


def test_a_record_that_cannot_be_read_is_not_taken_for_an_empty_one(postgres_url):
    """Nobody knows what a similarity means then."""
    with fresh_database(postgres_url) as url, Database(url, max_connections=1) as database:
        migrate(database)
        record = Calibrations(database, pipeline_digest=CODE)
        database.close()
        with pytest.raises(StoreUnavailable):
            record.find(PACK)


@pytest.mark.parametrize(
    "damage",
    [
        "document = convert_to('{}', 'UTF8')",
        "digest = repeat('0', 64)",
        "document = convert_to(replace(convert_from(document, 'UTF8'), '12345', '12346'), 'UTF8')",
    ],
)
def test_a_damaged_record_decides_nothing(database, record, damage):
    use(record)
    with database.transaction() as connection:
        connection.execute("alter table calibration disable trigger user")
        connection.execute(f"update calibration set {damage}")
    with pytest.raises(InternalServerError):
        Calibrations(database, pipeline_digest=CODE).find(PACK)


def test_how_far_two_are_apart_is_between_the_nearer_ends_of_their_intervals():
    """And only where the pack's own was counted: beyond, both are models, which may be stricter."""
    assert furthest_apart(FITTED, FITTED).factor == 1.0
    bare = Calibration((0.0, 0.5, 1.0), (1.0, 4.0, 7.0), 10, 0.5)
    lower = replace(bare, neg_log10_fmr=(1.0, 3.0, 7.0))
    found = furthest_apart(bare, lower)
    assert (found.cosine, found.factor) == (0.5, pytest.approx(10.0))
    assert furthest_apart(lower, bare).factor == pytest.approx(10.0)
    near = replace(FITTED, neg_log10_fmr_low=(0.9, 3.9, 6.0))
    assert furthest_apart(near, lower).factor == pytest.approx(10**0.9)
    assert furthest_apart(bare, replace(bare, neg_log10_fmr=(1.0, 4.0, 4.5))).factor == 1.0
    assert MOST_APART < 10**0.9


PACKS_OWN = Calibration((0.0, 0.3, 0.5, 1.0), (1.0, 3.0, 4.5, 9.0), 10, 0.5)


@pytest.mark.parametrize(
    "weaker",
    [
        # it agrees where the pack's own was counted, and calls what is just beyond one in a billion
        Calibration((0.0, 0.3, 0.5, 0.51), (1.0, 3.0, 4.5, 9.0), 10, 0.51),
        # nobody can be far from somebody who says that they know nothing
        Calibration((0.0, 0.3, 0.5, 1.0), (1.0, 6.5, 9.0, 10.0), 10, 0.5, (0.0,) * 4, (99.0,) * 4),
    ],
)
def test_what_a_rule_asks_for_is_not_weakened_beyond_what_is_counted_or_by_a_wide_interval(record, weaker):
    """A law's threshold of 99 is met by photos of which the pack's own says one in ten thousand: unseen."""
    at_99 = weaker.cosine_at_fmr(fmr_at_similarity(99.0))
    assert PACKS_OWN.to_fmr(at_99) > 2e-5
    with pytest.raises(InvalidParameterException, match="--accept-difference"):
        use(record, weaker, own=PACKS_OWN)
    use(record, weaker, own=PACKS_OWN, accept_difference=True)
    assert [choice.accepted_difference for choice in record.list()] == [True]


def test_an_interval_is_believed_so_far_that_no_rates_lie_ten_times_apart_unseen():
    ignorant = {"neg_log10_fmr_low": (0.0, 0.0, 0.0), "neg_log10_fmr_high": (99.0, 99.0, 99.0)}
    wide = replace(FITTED, **ignorant)
    for by, is_far in ((0.8, False), (-0.8, False), (1.0, True), (-1.0, True)):
        moved = replace(wide, neg_log10_fmr=tuple(each + by for each in FITTED.neg_log10_fmr))
        assert (furthest_apart(wide, moved).factor > MOST_APART) is is_far


@pytest.mark.parametrize(("column", "other"), [("pack_digest", "12" * 32), ("pipeline_digest", "34" * 32)])
def test_a_choice_that_was_turned_to_anothers_calibration_decides_nothing(database, record, column, other):
    """Whether or not this process has read that calibration before."""
    use(record)
    assert record.find(PACK) == FITTED
    with database.transaction() as connection:
        connection.execute("alter table calibration_choice disable trigger user")
        connection.execute(f"update calibration_choice set {column} = %s", (other,))
    of = {"pack_digest": PACK, "pipeline_digest": CODE} | {column: other}
    asked = record if column == "pack_digest" else Calibrations(database, pipeline_digest=other)
    with pytest.raises(InternalServerError):
        asked.find(of["pack_digest"])


def test_without_a_record_every_pack_has_its_own():
    assert PacksOwn().find(PACK) is None
