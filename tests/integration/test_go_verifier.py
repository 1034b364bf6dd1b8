"""A verifier written from the specification alone accepts our log and rejects every kind of tampering."""

from __future__ import annotations

import base64
import json
import os
import random
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from countenance.transparency.canonical import canonical_json
from countenance.transparency.note import Note, Signature, Signer, encode_base64
from countenance.transparency.tiles import encode_bundle
from countenance.transparency.verify import verify_folder
from fixtures_log import (
    ORIGIN,
    BuiltLog,
    LogKeys,
    at,
    call,
    continuation,
    go_verifier,
    moment,
    rotation,
    spec_vectors,
    write_files,
)

__all__ = ["go_verifier"]

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_000_000


@pytest.fixture
def both(go_verifier, tmp_path):
    """Asks both verifiers about a folder; they must agree. Whether they accept, and Go's words."""

    def ask(folder, *, keys=None, quorum=1, receipts=(), heads=(), now=NOW, log_key=None):
        keys = keys or LogKeys.of()
        files = {}
        for kind, texts in (("receipts", receipts), ("head", heads)):
            files[kind] = []
            for number, text in enumerate(texts):
                path = tmp_path / f"{kind}{number}"
                path.write_text(text)
                files[kind].append(path)
        log_key = log_key or keys.log.verifier
        report = verify_folder(
            folder,
            log_verifiers=[log_key],
            witness_verifiers=[keys.witness.verifier],
            quorum=quorum,
            receipts=files["receipts"],
            heads=files["head"],
            now=at(now),
        )
        status, words = go_verifier(
            folder,
            keys,
            quorum=quorum,
            receipts=files["receipts"],
            heads=files["head"],
            as_of=moment(now),
            log_key=str(log_key),
        )
        assert (status == 0) == report.is_valid, (words, report.problems)
        assert status in {0, 1}, words
        return report.is_valid, words

    return ask


def rotated(use: str, *, forged: bool = False) -> tuple[BuiltLog, LogKeys, LogKeys]:
    """A log whose key was exchanged in entry 2, with the keys before and after."""
    chance, before = random.Random(3), LogKeys.of()
    name = ORIGIN if use == "log" else f"{ORIGIN}/receipts"
    new = Signer.from_seed(name, b"\x07" * 32)
    after = replace(before, **{"log" if use == "log" else "receipts": new})
    built = BuiltLog.of(2)
    entry = rotation(before, use, new, chance)
    if forged:
        members = json.loads(entry)
        members["signatures"]["old"] = encode_base64(bytes(64))
        entry = canonical_json(members)
    entries = [*built.entries, entry, call(chance, 3)]
    return BuiltLog(after, entries), before, after


def test_the_verifier_is_short():
    """Under 240 lines, and on nothing but the standard library and golang.org/x/mod."""
    source = (ROOT / "docs/spec/verifier/main.go").read_text()
    assert len(source.splitlines()) < 240
    imports = source.split("import (")[1].split(")")[0].split()
    assert [name for name in imports if "." in name] == [
        '"golang.org/x/mod/sumdb/note"',
        '"golang.org/x/mod/sumdb/tlog"',
    ]


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 600])
def test_an_honest_log_is_accepted(both, tmp_path, size):
    """With receipts kept, one of them not due yet, and heads of several times in one file."""
    log = BuiltLog.of(size)
    folder = log.write(tmp_path / "log")
    longer = BuiltLog.of(size + 1)
    receipts = (
        "# kept by a caller\n\n" + log.receipt(size - 1) + "\n" + longer.receipt(size, at(NOW - 1000)) + "\n"
    )
    heads = log.signed(1) + "\n" + log.signed((size + 1) // 2, cosigned_at=at(9)) + "\n" + log.signed()
    assert both(folder, receipts=[receipts], heads=[heads]) == (
        True,
        f"OK {size} entries, root {root_of(log)}\n",
    )


def root_of(log: BuiltLog) -> str:
    return encode_base64(log.checkpoint().root)


def test_the_test_vectors_are_a_log(both, tmp_path):
    """Of the specification as it stands, whatever our code computes today."""
    page = (ROOT / "docs/spec/audit-log.md").read_text()
    vectors = json.loads(page.split("```json\n")[1].split("\n```")[0])
    assert vectors == spec_vectors()
    entries = [entry.encode() for entry in vectors["entries"]]
    leaves = b"".join(bytes.fromhex(leaf) for leaf in vectors["leaf_hashes"])
    folder = write_files(
        tmp_path / "log",
        {
            "checkpoint": vectors["checkpoint"].encode(),
            "tile/entries/000.p/3": encode_bundle(entries),
            "tile/0/000.p/3": leaves,
        },
    )
    accepted, words = both(folder, receipts=[vectors["receipt_of_entry_2"]], heads=[vectors["checkpoint"]])
    assert accepted, words


@pytest.mark.parametrize("use", ["log", "receipt"])
def test_an_exchange_of_keys_is_followed(both, tmp_path, use):
    """From the old key and from the new; receipts of either key count."""
    log, before, after = rotated(use)
    folder = log.write(tmp_path / "log")
    old = BuiltLog(before, log.entries)
    receipts = old.receipt(1) + "\n" + log.receipt(3)
    for given in (before, after):
        accepted, words = both(folder, keys=given, receipts=[receipts], heads=[old.signed(2), log.signed(4)])
        assert accepted, words


def test_the_old_key_alone_does_not_sign_any_more(both, tmp_path):
    """Whoever stole it must not be able to speak for the log."""
    log, before, _ = rotated("log")
    old = BuiltLog(before, log.entries)
    accepted, words = both(old.write(tmp_path / "log"), keys=before)
    assert not accepted, words


@pytest.mark.parametrize("use", ["log", "receipt"])
def test_an_exchange_that_the_old_key_did_not_sign_is_refused(both, tmp_path, use):
    """Else the new key would be anybody's."""
    log, before, _ = rotated(use, forged=True)
    accepted, words = both(log.write(tmp_path / "log"), keys=before)
    assert not accepted
    assert "rotation" in words


def test_a_key_that_the_log_never_had_is_no_key_of_it(both, tmp_path):
    """Even if it signs the checkpoint beside the log's own."""
    log = BuiltLog.of(3)
    stranger = Signer.from_seed(ORIGIN, b"\x63" * 32)
    note = Note.parse(log.signed(cosigned_at=at(5)))
    both_sign = Note(note.text, (*note.signatures, Signature.parse(stranger.sign(note.text))))
    accepted, words = both(log.write(tmp_path / "log", str(both_sign)), log_key=stranger.verifier)
    assert not accepted, words


@pytest.mark.parametrize(
    "spoil",
    [
        lambda entry: entry.replace(b'"v":1', b'"v":2'),
        lambda entry: entry.replace(b'"v":1', b'"v":1.0'),
        lambda entry: entry.replace(b'{"', b'{ "', 1),
        lambda entry: entry + b"\n",
        lambda _: b"[]",
        lambda _: b"null",
        lambda _: b"",
        lambda _: b"\xff",
        lambda entry: entry[:-1] + b',"z":"\\u0041"}',
        lambda entry: entry[:-1] + b',"v":1}',
        lambda entry: entry[:-1] + b',"z":"' + b"x" * 4096 + b'"}',
        lambda entry: entry[:-1] + b',"z":"\xed\xa0\x80"}',
        lambda entry: entry[:-1] + b',"z":"\\ud800"}',
        lambda entry: entry.replace(b"2026-11-23", b"2026-02-30"),
        lambda entry: entry.replace(b'"event":"', b'"event":"x'),
        lambda entry: entry.replace(b'"kind":"call"', b'"kind":"log.opened"'),
    ],
)
def test_an_entry_that_is_none_is_refused(both, tmp_path, spoil):
    """Signed or not: who hashes something else than canonical JSON has room to say two things at once."""
    log = BuiltLog.of(3)
    entries = [*log.entries]
    entries[1] = spoil(entries[1])
    accepted, words = both(log.with_entries(entries).write(tmp_path / "log"))
    assert not accepted, words


@pytest.mark.parametrize("text", ['a"b\\c/d', "\b\f\n\r\t\x01\x7f", "<&>", "\u2028\u2029", "é😀�", "\\u2028"])
def test_every_string_has_one_spelling(both, tmp_path, text):
    """Both verifiers agree with RFC 8785, where encoding/json alone does not."""
    log = BuiltLog.of(2)
    chance = random.Random(4)
    entries = [*log.entries, call(chance, 2, purpose=text, threshold={"asked": 1e-7, "in_force": 99.95})]
    accepted, words = both(log.with_entries(entries).write(tmp_path / "log"))
    assert accepted, words


def test_the_same_event_twice_is_refused(both, tmp_path):
    """A receipt would hold for either."""
    log = BuiltLog.of(5)
    members = json.loads(log.entries[4]) | {"event": json.loads(log.entries[1])["event"]}
    accepted, words = both(
        log.with_entries([*log.entries[:4], canonical_json(members)]).write(tmp_path / "log")
    )
    assert not accepted, words


@pytest.mark.parametrize(
    "name", ["tile/entries/000", "tile/entries/001.p/44", "tile/0/000", "tile/1/000.p/1", "checkpoint"]
)
def test_hostile_files_are_refused(both, tmp_path, name):
    """Missing, a link, a folder, a byte short or long."""
    log = BuiltLog.of(300)
    for number, spoil in enumerate(["missing", "link", "folder link", "folder", "short", "long", "pipe"]):
        folder = log.write(tmp_path / f"log{number}")
        path = folder / name
        content = path.read_bytes()
        if spoil == "short":
            path.write_bytes(content[:-1])
        elif spoil == "long":
            path.write_bytes(content + b"\x00")
        elif spoil == "folder link":
            if path.parent == folder:
                continue
            path.parent.rename(tmp_path / f"moved{number}")
            path.parent.symlink_to(tmp_path / f"moved{number}")
        else:
            path.unlink()
        if spoil == "link":
            (tmp_path / f"elsewhere{number}").write_bytes(content)
            path.symlink_to(tmp_path / f"elsewhere{number}")
        elif spoil == "folder":
            path.mkdir()
        elif spoil == "pipe":
            os.mkfifo(path)
        accepted, words = both(folder)
        assert not accepted, (spoil, words)


def test_a_missing_entry_of_an_old_folder_is_outstanding_and_of_a_new_one_broken(both, tmp_path):
    """A failure in both cases: a shortened log looks the same. In the log, however late, it was kept."""
    log, longer = BuiltLog.of(5), BuiltLog.of(6)
    receipts = [longer.receipt(5, at(20_500))]  # due at 25.5 s
    for cosigned_at, state in ((25_000, "outstanding"), (26_000, "broken"), (None, "broken")):
        note = log.signed(cosigned_at=cosigned_at and at(cosigned_at))
        accepted, words = both(log.write(tmp_path / "log", note), receipts=receipts, quorum=0)
        assert not accepted
        assert state in words
    late = longer.write(tmp_path / "longer", longer.signed(cosigned_at=at(500_000)))
    assert both(late, receipts=receipts)[0]


@pytest.mark.parametrize("odd", [253_402_300_799, 253_402_300_800, 2**63, 2**64 - 1])
def test_a_time_that_cannot_be_is_no_forgery_and_no_vote(both, tmp_path, odd):
    """Of whatever a witness's clock says the signature is what is judged; a second line may be sane."""
    log, keys = BuiltLog.of(5), LogKeys.of()
    text = log.checkpoint().text
    signed = keys.witness.sign_bytes(f"cosignature/v1\ntime {odd}\n{text}".encode())
    hash_, is_sane = keys.witness.verifier.key_hash, odd == 253_402_300_799
    line = Signature(keys.witness.verifier.name, hash_, odd.to_bytes(8, "big") + signed)
    forged = replace(line, value=line.value[:-1] + bytes([line.value[-1] ^ 1]))
    own, sane = (Signature.parse(signer.sign(text)) for signer in (keys.log, keys.witness))
    for lines, quorum, expected in (
        ((own, line), 0, True),
        ((own, line), 1, is_sane),
        ((own, line, sane), 1, True),
        ((own, forged), 0, False),
        ((own, sane, forged), 1, False),
    ):
        folder = log.write(tmp_path / "log", str(Note(text, lines)))
        assert both(folder, quorum=quorum)[0] == expected, (lines, quorum)
    whole = log.write(tmp_path / "log")
    assert both(whole, heads=[str(Note(text, (line,)))])[0]
    assert not both(whole, heads=[str(Note(text, (forged,)))])[0]


def test_a_receipt_that_does_not_hold_is_named(both, tmp_path):
    """Altered, dropped, of another log, forged, or promising too late: each with the reason."""
    log = BuiltLog.of(5)
    folder = log.write(tmp_path / "log")
    longer, other = BuiltLog.of(6), BuiltLog.of(5, keys=LogKeys.of(20))
    altered = log.with_entries(
        [*log.entries[:4], canonical_json(json.loads(log.entries[4]) | {"candidates": 9})]
    )
    event = str(uuid.UUID(json.loads(longer.entries[5])["event"]))
    assert both(folder, receipts=[log.receipt(4)])[0]
    assert event in both(folder, receipts=[longer.receipt(5)])[1]
    assert both(folder, receipts=[longer.receipt(5, at(NOW - 4999))])[0]
    assert not both(folder, receipts=[longer.receipt(5, at(NOW - 5000))])[0]
    assert not both(folder, receipts=[altered.receipt(4)])[0]
    assert not both(folder, receipts=[other.receipt(4)])[0]
    assert not both(folder, receipts=["x"])[0]
    header = base64.b64decode(log.receipt(3)).decode()
    text = header.split("\n\n")[0].replace(moment(8000), moment(8001)) + "\n"
    late = f"{text}\n{log.keys.receipts.sign(text)}"
    assert not both(folder, receipts=[encode_base64(late.encode())])[0]


def test_a_head_that_does_not_hold_is_refused(both, tmp_path):
    """Larger, of another history, unsigned, of another log only, or nothing at all."""
    log = BuiltLog.of(5)
    folder = log.write(tmp_path / "log")
    fork = BuiltLog.of(5, seed=9)
    stranger = BuiltLog(LogKeys.of(20), log.entries)
    assert both(folder, heads=[log.signed(0) + log.signed(5)])[0]
    assert "truncated" in both(folder, heads=[BuiltLog.of(6).signed()])[1]
    assert "rewritten" in both(folder, heads=[fork.signed(4)])[1]
    assert not both(folder, heads=[stranger.signed(4)])[0]
    assert not both(folder, heads=[""])[0]
    assert not both(folder, heads=[log.signed(3).replace(ORIGIN, "log.example/other")])[0]


RESTORED = f"{ORIGIN}/restored"


def restored_keys() -> LogKeys:
    """Of the log that goes on: new ones under a new name, before the same witness."""
    return replace(
        LogKeys.of(),
        log=Signer.from_seed(RESTORED, b"\x0b" * 32),
        receipts=Signer.from_seed(f"{RESTORED}/receipts", b"\x0c" * 32),
    )


def restored(*, entries: int = 300, size: int = 280, **changed: object) -> BuiltLog:
    """A log that goes on after so many entries under another name, citing a checkpoint of `size` of them."""
    chance, before, keys = random.Random(5), BuiltLog.of(entries), restored_keys()
    entry = continuation(before, keys, chance, size=size, **changed)
    return BuiltLog(keys, [*before.entries, entry, call(chance, entries + 1)])


@pytest.mark.parametrize(("kept", "size"), [(300, 280), (300, 300), (256, 255), (5, 0), (5, 9)])
def test_a_restored_log_goes_on_under_another_name(both, tmp_path, kept, size):
    """Receipts of before and after hold; a checkpoint beyond what was kept is cited, and told of."""
    log, before = restored(entries=kept, size=size), BuiltLog.of(kept)
    folder = log.write(tmp_path / "log")
    receipts = f"{before.receipt(kept - 1)}\n{log.receipt(kept + 1)}\n"
    assert both(folder, keys=log.keys, receipts=[receipts], heads=[log.signed()])[0]
    report = verify_folder(folder, log_verifiers=[log.keys.log.verifier], now=at(NOW))
    assert [f"{size - kept} entries" in note for note in report.facts.notes] == [size > kept]


@pytest.mark.parametrize(
    "changed",
    [
        {"kept": 299},
        {"previous": {"origin": "log.example/another"}},
        {"previous": {"root": encode_base64(bytes(32)), "proof": []}},
        {"previous": {"log_key": str(Signer.from_seed(ORIGIN, b"\x31" * 32).verifier)}},
        {"signatures": {"old": encode_base64(bytes(64)), "new": encode_base64(bytes(64))}},
        {"origin": ORIGIN},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_log_that_goes_on_from_what_was_not_kept_is_rejected(both, tmp_path, changed):
    """Or that nobody with the old log's key has signed."""
    log = restored(**changed)
    assert not both(log.write(tmp_path / "log"), keys=log.keys)[0]


def test_a_lost_entrys_receipt_is_a_broken_promise(both, tmp_path):
    """A restoration takes no promise back."""
    log, before = restored(), BuiltLog.of(310)
    accepted, words = both(log.write(tmp_path / "log"), keys=log.keys, receipts=[before.receipt(305)])
    assert (accepted, "not in the log" in words) == (False, True)


def test_an_old_key_signs_no_checkpoint_of_a_log_that_goes_on(both, tmp_path):
    """Whoever was given the old log's key is told that this is another log."""
    log = restored()
    assert not both(log.write(tmp_path / "log"), keys=log.keys, log_key=LogKeys.of().log.verifier)[0]
