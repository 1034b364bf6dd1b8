"""The verifier says which file, entry, receipt or head does not hold; hostile folders do not stop it."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from countenance.transparency.canonical import EntryInvalid, canonical_json, parse_canonical
from countenance.transparency.merkle import leaf_hash, tree_root
from countenance.transparency.verify import verify_folder
from countenance.transparency.verify_canonical import parse_entry
from countenance.transparency.verify_files import FileUnusable, FolderFiles
from countenance.transparency.verify_members import member_flaw
from countenance.transparency.verify_proof import verify_proof
from countenance.transparency.verify_report import MAX_PROBLEMS_KEPT, Problem, Problems
from countenance.transparency.verify_tree import TreeCheck
from fixtures_log import BuiltLog, LogKeys, at, call, moment, write_files

KEYS = LogKeys.of()
LOG = BuiltLog.of(300)


def check(folder, **given):
    return verify_folder(folder, **{"log_verifiers": [KEYS.log.verifier], "now": at(10_000_000)} | given)


def only_problem(report) -> Problem:
    assert report.problem_count == 1, report.problems
    return report.problems[0]


def test_what_was_found_is_summed_up(tmp_path):
    """Counts, period, checkpoint and the times of the cosignatures are what a person decides by."""
    seen = []
    report = check(
        LOG.write(tmp_path),
        witness_verifiers=[KEYS.witness.verifier],
        quorum=1,
        on_progress=lambda *now: seen.append(now),
    )
    facts = report.facts
    assert report.is_valid
    assert (facts.entries, facts.by_kind, facts.accounts) == (300, {"call": 299, "log.opened": 1}, 3)
    assert (facts.first, facts.last) == (moment(0), moment(299_000))
    assert facts.checkpoint == LOG.checkpoint()
    assert [(each.witness, each.at) for each in facts.cosignatures] == [
        ("witness.example/w1", at(10_000_000))
    ]
    assert facts.log_key == str(KEYS.log.verifier)
    assert seen == [(256, 300), (300, 300)]


def test_a_wrong_hash_is_named_by_its_tile_and_entry(tmp_path):
    """So that whoever repairs a disk knows where."""
    tile = LOG.write(tmp_path) / "tile/0/001.p/44"
    content = bytearray(tile.read_bytes())
    content[32 * 7] ^= 1
    tile.write_bytes(content)
    problem = only_problem(check(tmp_path))
    assert (problem.check, problem.where) == ("tiles", "tile/0/001.p/44")
    assert "entry 263" in problem.what


def test_a_bundle_that_cannot_be_read_ends_the_reading(tmp_path):
    """What comes after has no index any more; cosignatures are checked all the same."""
    LOG.write(tmp_path)
    (tmp_path / "tile/entries/000").write_bytes(b"\xff\xff")
    (tmp_path / "receipts").write_text(LOG.receipt(2))
    report = check(
        tmp_path, witness_verifiers=[KEYS.witness.verifier], quorum=1, receipts=[tmp_path / "receipts"]
    )
    assert only_problem(report).check == "entries"
    assert report.facts.notes == ["receipts were not looked at: entries are missing"]
    assert len(report.facts.cosignatures) == 1


def test_outgrown_partial_tiles_are_checked_too(tmp_path):
    """A mirror may still hold them, and somebody may still read them."""
    LOG.write(tmp_path)
    early = LOG.with_entries(LOG.entries[:290]).files("")
    write_files(tmp_path, {name: early[name] for name in ("tile/0/001.p/34", "tile/entries/001.p/34")})
    assert check(tmp_path).is_valid
    (tmp_path / "tile/0/001.p/34").write_bytes(early["tile/0/001.p/34"][::-1])
    (tmp_path / "tile/entries/001.p/34").write_bytes(early["tile/entries/001.p/34"][:-1])
    assert {problem.where for problem in check(tmp_path).problems} == {
        "tile/0/001.p/34",
        "tile/entries/001.p/34",
    }


def test_what_lies_beyond_the_checkpoint_is_mentioned(tmp_path):
    """An unfinished mirror run, or what a shortened log left: no failure, and no silence."""
    short = LOG.with_entries(LOG.entries[:270])
    write_files(tmp_path, LOG.files("") | short.files(short.signed()))
    report = check(tmp_path)
    assert report.is_valid
    assert [note.split()[0] for note in report.facts.notes] == ["tile/entries/001.p/44", "tile/0/001.p/44"]


def test_an_event_that_is_there_twice_is_named_with_both_places(tmp_path):
    """A receipt would hold for either."""
    members = json.loads(LOG.entries[299]) | {"event": json.loads(LOG.entries[4])["event"]}
    log = LOG.with_entries([*LOG.entries[:299], canonical_json(members)])
    problem = only_problem(check(log.write(tmp_path)))
    assert (problem.where, problem.what) == ("entry 299", "its event is that of entry 4")


def test_a_log_of_nothing_but_flaws_fills_no_memory(tmp_path):
    """The first hundred are kept, the rest counted."""
    log = LOG.with_entries([b"{}"] * 300)
    report = check(log.write(tmp_path))
    assert len(report.problems) == MAX_PROBLEMS_KEPT
    assert report.problem_count >= 300


def test_an_empty_log_says_nothing(tmp_path):
    """Not even which keys it has."""
    assert not check(LOG.with_entries([]).write(tmp_path)).is_valid


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 513])
def test_the_tree_is_that_of_rfc_6962(tmp_path, size):
    """At every size on the way, over tile borders."""
    leaves = [leaf_hash(bytes([n % 256, n // 256])) for n in range(size)]
    files = FolderFiles(tmp_path)
    tree = TreeCheck(files, Problems(), range(size + 1))
    for leaf in leaves:
        tree.add(leaf)
    files.close()
    assert tree.roots == {end: tree_root(leaves[:end]) for end in range(size + 1)}


def test_the_tree_holds_over_three_levels_of_tiles(tmp_path):
    """65,536 entries fill a tile of tiles."""
    leaves = [leaf_hash(n.to_bytes(3, "big")) for n in range(65_800)]
    files, wanted = FolderFiles(tmp_path), [65_535, 65_536, 65_537, 65_800]
    tree = TreeCheck(files, Problems(), wanted)
    for leaf in leaves:
        tree.add(leaf)
    files.close()
    assert {end: tree.roots[end] for end in wanted} == {end: tree_root(leaves[:end]) for end in wanted}


def test_a_sparse_file_is_not_read(tmp_path):
    """A terabyte of nothing costs its author no disk, and must cost us no memory."""
    LOG.write(tmp_path)
    with (tmp_path / "tile/0/000").open("r+b") as file:
        file.truncate(2**40)
    assert "cannot have more than 8192" in only_problem(check(tmp_path)).what


def test_no_link_is_followed(tmp_path):
    """Neither of a file nor of a folder on the way."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real/file").write_text("x")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real/link").symlink_to("file")
    files = FolderFiles(tmp_path)
    assert files.read("real/file", max_bytes=1) == b"x"
    for path in ("link/file", "real/link"):
        with pytest.raises(FileUnusable, match="link"):
            files.read(path, max_bytes=1)
    files.close()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"log_verifiers": []}, "one log's key"),
        ({"log_verifiers": [KEYS.log.verifier, KEYS.receipts.verifier]}, "one log's key"),
        ({"log_verifiers": [KEYS.witness.verifier]}, "witness's key"),
        ({"witness_verifiers": [KEYS.log.verifier]}, "cosignatures"),
        ({"witness_verifiers": [KEYS.witness.verifier] * 2}, "twice"),
        ({"quorum": 1}, "quorum"),
    ],
)
def test_keys_that_cannot_be_meant_are_refused(tmp_path, given, why):
    """A quorum that can never be had, or can be had by one, is a mistake of whoever asks."""
    with pytest.raises(ValueError, match=why):
        check(LOG.write(tmp_path), **given)


@pytest.mark.parametrize(
    ("changed", "flaw"),
    [
        ({}, ""),
        ({"future": "member"}, ""),
        ({"kind": "terms.accepted"}, ""),
        ({"kind": "change"}, ""),
        ({"v": True}, "`v`"),
        ({"end": None}, "`end` is missing"),
        ({"decision": "maybe"}, "`decision`"),
        ({"outcome": "refused"}, "`error`"),
        ({"error": "X"}, "`error`"),
        ({"account": "alice"}, "`account`"),
        ({"inputs": ["face.jpg"]}, "`inputs`"),
        ({"touched": {"count": 1}}, "`touched`"),
        ({"candidates": -1}, "`candidates`"),
        ({"threshold": {"asked": True}}, "`threshold`"),
        ({"replay": False}, "`replay`"),
        ({"kind": "alarm", "what": "x"}, "`figures` is missing"),
        ({"kind": 7}, "`kind`"),
        ({"kind": "refusals", "count": 1}, ""),
        ({"kind": "refusals", "count": 0}, "`count`"),
        ({"kind": "refusals"}, "`count` is missing"),
        ({"kind": "key.shredded", "account": "0" * 32}, ""),
        ({"kind": "key.shredded", "account": "0" * 31}, "`account`"),
        ({"kind": "key.shredded", "account": None}, "`account` is missing"),
    ],
)
def test_members_are_as_the_specification_has_them(changed, flaw):
    """Absent members, wrong types, and what is not known, which is let be."""
    members = {**json.loads(call(random.Random(1), 1)), **changed}
    found = member_flaw({name: value for name, value in members.items() if value is not None})
    assert flaw in found
    assert bool(found) == bool(flaw)


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=400)
@given(some.dictionaries(some.text(max_size=3), JSON, max_size=4), some.booleans())
def test_the_fast_way_is_the_slow_way(value, is_canonical):
    """Whatever it is given, canonical or as json writes it, `parse_entry` is `parse_canonical`."""
    try:
        entry = canonical_json(value) if is_canonical else json.dumps(value, separators=(",", ":")).encode()
    except EntryInvalid:
        return
    require_same(entry)


@pytest.mark.parametrize(
    "text",
    [
        "1.0",
        "1e21",
        "1E5",
        "-0",
        "0.0001",
        "1e-7",
        "99.5",
        "9007199254740992",
        "1e15",
        "0.00001",
        "123456789012345680000",
        '"\\u0041"',
        '"\\b\\u0008"',
        '"\\u001f\x7f"',
        '"\\/"',
        "null",
        "[" * 15 + "]" * 15,
        "[" * 16 + "]" * 16,
        '1,"a":2',
    ],
)
def test_the_fast_way_is_the_slow_way_where_writers_differ(text):
    """Numbers above all."""
    require_same(b'{"a":' + text.encode() + b"}")


def require_same(entry: bytes) -> None:
    try:
        expected = parse_canonical(entry)
    except EntryInvalid:
        with pytest.raises(EntryInvalid):
            parse_entry(entry)
        return
    found = parse_entry(entry)
    assert repr(found) == repr(expected)


def test_one_entry_is_verified_by_its_proof_alone():
    """What the account keeps of its own entry; a changed byte, another key or a missing witness fail."""
    note = LOG.signed(cosigned_at=at(5))
    proof, entry = LOG.proof(7, note).encode(), LOG.entries[7]
    given = {"log_verifiers": [KEYS.log.verifier], "witness_verifiers": [KEYS.witness.verifier], "quorum": 1}
    report = verify_proof(proof, entry, **given)
    assert report.is_valid
    assert report.facts.checkpoint == LOG.checkpoint()
    assert [each.at for each in report.facts.cosignatures] == [at(5).replace(microsecond=0)]
    other = LogKeys.of(20)
    assert not verify_proof(proof, LOG.entries[8], **given).is_valid
    assert not verify_proof(proof, b"{}", **given).is_valid
    assert not verify_proof(proof + b"\n", entry, **given).is_valid
    assert not verify_proof(b"\xff", entry, **given).is_valid
    assert not verify_proof(proof, entry, **given | {"log_verifiers": [other.log.verifier]}).is_valid
    assert not verify_proof(proof, entry, **given | {"witness_verifiers": [other.witness.verifier]}).is_valid
