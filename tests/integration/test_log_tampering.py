"""Nobody changes the log without outsiders seeing it, not even whoever has the database and the log's keys.

The attacker rewrites whatever the folder holds, consistently where that can be done: tiles and root are
computed anew and signed with the log's own key. What the attacker does not have is the witness's key, the
receipts that callers kept, and the head that the witness serves. Each attack is held against evidence that
can tell it: all of it, or one kind alone.
"""

from __future__ import annotations

import json
import random
import shutil
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from countenance.transparency.canonical import canonical_json
from countenance.transparency.note import COSIGNATURE, Note, Signature, Signer
from countenance.transparency.verify import Report, verify_folder
from fixtures_log import (
    ORIGIN,
    BuiltLog,
    GoVerifier,
    LogKeys,
    at,
    call,
    go_verifier,
    moment,
    opening,
    write_files,
)

__all__ = ["go_verifier"]

SIZE = 300  # a full tile and a partial one
OLD_SIZE = 201
COSIGNED_AT = at(400_000)
OLD_COSIGNED_AT = at(202_000)
NOW = 1_000_000  # ms: when the folder is verified
SHARES = {
    "bytes changed": 143,
    "entry dropped": 143,
    "two swapped": 143,
    "truncated tail": 143,
    "rolled-back checkpoint": 143,
    "forged signature": 143,
    "re-signed fork": 142,
}
HONEST_EVERY = 50


@dataclass(frozen=True)
class Attack:
    """What the attacker leaves, and which evidence it is held against.

    Attributes:
        receipts: indices of the entries whose callers kept their receipts.
        head: size of the head that the witness serves; 0 where nobody asks it.
    """

    files: dict[str, bytes]
    quorum: int = 1
    receipts: tuple[int, ...] = ()
    head: int = 0


class Attacker:
    """Makes attacks on one honest log."""

    def __init__(self, honest: BuiltLog, chance: random.Random) -> None:
        self.honest = honest
        self.chance = chance
        self.note = honest.signed(cosigned_at=COSIGNED_AT)

    def bytes_changed(self) -> Attack:
        """A byte of any file; or a member of an entry, and everything computed and signed anew."""
        if self.chance.random() < 0.4:
            files = self.honest.files(self.note)
            name = self.chance.choice(sorted(files))
            content = bytearray(files[name])
            content[self.chance.randrange(len(content))] ^= self.chance.randrange(1, 256)
            return Attack(files | {name: bytes(content)}, receipts=self.some_receipts(), head=SIZE)
        index = self.chance.randrange(1, SIZE)
        members = json.loads(self.honest.entries[index])
        changed = self.chance.choice(
            [
                {"operation": "DetectFaces"},
                {"decision": "deny", "outcome": "refused", "error": "AccessDeniedException"},
                {"account": f"{self.chance.getrandbits(128):032x}"},
                {"candidates": 0},
                {"time": moment(self.chance.randrange(10_000_000))},
                {"event": str(uuid.UUID(int=self.chance.getrandbits(128), version=4))},
            ]
        )
        entries = [*self.honest.entries]
        entries[index] = canonical_json(members | changed)
        return self.rewritten(entries, told_by=(index,))

    def entry_dropped(self) -> Attack:
        index = self.chance.randrange(1, SIZE)
        entries = [*self.honest.entries]
        del entries[index]
        if self.chance.random() < 0.2:  # out of its bundle only
            return self.in_bundles_only(entries)
        if self.chance.random() < 0.3:  # another in its place, so that the size stays
            entries.insert(index, call(self.chance, index))
        return self.rewritten(entries, told_by=(index,))

    def two_swapped(self) -> Attack:
        """A receipt says nothing of the order, so a head or a cosignature must."""
        first, second = self.chance.sample(range(1, SIZE), 2)
        entries = [*self.honest.entries]
        entries[first], entries[second] = entries[second], entries[first]
        if self.chance.random() < 0.2:
            return self.in_bundles_only(entries)
        return self.rewritten(entries, told_by=())

    def truncated_tail(self) -> Attack:
        size = self.chance.randrange(1, SIZE)
        return self.rewritten(self.honest.entries[:size], told_by=(self.chance.randrange(size, SIZE),))

    def rolled_back_checkpoint(self) -> Attack:
        """An earlier state as it truly was, witness and all: only what is newer can tell."""
        old = self.honest.with_entries(self.honest.entries[:OLD_SIZE])
        files = old.files(self.honest.signed(OLD_SIZE, cosigned_at=OLD_COSIGNED_AT))
        if self.chance.random() < 0.3:  # only the checkpoint, the tiles beyond it left where they were
            files = self.honest.files(self.note) | files
        if self.chance.random() < 0.5:
            return Attack(files, head=self.chance.randrange(OLD_SIZE + 1, SIZE + 1))
        return Attack(files, receipts=(self.chance.randrange(OLD_SIZE, SIZE),))

    def forged_signature(self) -> Attack:
        """Of the log, by a key that is not its; or of the witness, whose key the attacker has not."""
        text = self.honest.checkpoint().text
        log, witness = Note.parse(self.note).signatures
        stranger = self.chance.randbytes(32)
        own = Signature.parse(
            Signer.from_seed(witness.name, stranger, COSIGNATURE).sign(text, now=1_800_000_000)
        )
        flipped = bytearray(self.chance.choice([log, witness]).value)
        flipped[self.chance.randrange(len(flipped))] ^= 1 << self.chance.randrange(8)
        old = Note.parse(self.honest.signed(OLD_SIZE, cosigned_at=OLD_COSIGNED_AT)).signatures
        lines = self.chance.choice(
            [
                (Signature.parse(Signer.from_seed(ORIGIN, stranger).sign(text)), witness),
                (replace(log, value=self.chance.randbytes(64)), witness),
                (
                    replace(log, value=bytes(flipped)) if len(flipped) == 64 else log,
                    replace(witness, value=bytes(flipped)),
                ),
                (log, own),
                (log, replace(own, key_hash=witness.key_hash)),
                (log, replace(witness, value=(1_900_000_000).to_bytes(8, "big") + witness.value[8:])),
                (log, old[1]),
                (old[0], witness),
                (log,),
                (witness,),
            ]
        )
        return Attack(self.honest.files(str(Note(text, lines))))

    def resigned_fork(self) -> Attack:
        """Another history from some entry on; from the opening on with other keys for receipts as well."""
        start = self.chance.randrange(SIZE)
        size = self.chance.choice([SIZE, SIZE - 1, SIZE + self.chance.randrange(1, 40)])
        entries = [*self.honest.entries[:start]]
        if start == 0:
            keys = replace(
                self.honest.keys, receipts=Signer.from_seed(f"{ORIGIN}/receipts", self.chance.randbytes(32))
            )
            entries = [opening(keys, self.chance)]
        entries += [call(self.chance, number) for number in range(len(entries), max(size, start + 1))]
        return self.rewritten(entries, told_by=(self.chance.randrange(max(start, 1), SIZE),))

    def in_bundles_only(self, entries: list[bytes]) -> Attack:
        """The bundles of other entries under the honest bundles' names."""
        forged = self.honest.with_entries(entries).files(self.note)
        honest = self.honest.files(self.note)
        names = sorted(name for name in honest if name.startswith("tile/entries"))
        others = sorted(name for name in forged if name.startswith("tile/entries"))
        return Attack(honest | {name: forged[other] for name, other in zip(names, others, strict=True)})

    def rewritten(self, entries: list[bytes], *, told_by: tuple[int, ...]) -> Attack:
        """Everything computed and signed anew. Only one kind of evidence is left to tell, seldom all."""
        forged = self.honest.with_entries(entries)
        note = forged.signed()
        kinds = ["witness", "head", "all"] + ["receipts"] * (2 * bool(told_by))
        kind = self.chance.choice(kinds)
        if kind in {"witness", "all"} and self.chance.random() < 0.5:  # with the line that it had
            line = Note.parse(self.note).signatures[1]
            note = str(Note(forged.checkpoint().text, (*Note.parse(note).signatures, line)))
        return Attack(
            forged.files(note),
            quorum=kind in {"witness", "all"},
            receipts=(*told_by, *self.some_receipts()) if kind in {"receipts", "all"} else (),
            head=SIZE if kind in {"head", "all"} else 0,
        )

    def some_receipts(self) -> tuple[int, ...]:
        return tuple(self.chance.sample(range(1, SIZE), 2))


class Auditor:
    """Verifies with both verifiers."""

    def __init__(self, honest: BuiltLog, place: Path, go: GoVerifier | None) -> None:
        self._honest = honest
        self._place = place
        self._go = go

    def look(self, attack: Attack) -> tuple[Report, int | None]:
        """Python's report and Go's exit status."""
        folder, receipts, head = self._place / "log", self._place / "receipts", self._place / "head"
        shutil.rmtree(folder, ignore_errors=True)
        write_files(folder, attack.files)
        receipts.write_text(
            "# kept\n" + "".join(f"{self._honest.receipt(index)}\n" for index in attack.receipts)
        )
        if attack.head:
            head.write_text(self._honest.signed(attack.head, cosigned_at=COSIGNED_AT))
        keys = self._honest.keys
        report = verify_folder(
            folder,
            log_verifiers=[keys.log.verifier],
            witness_verifiers=[keys.witness.verifier],
            quorum=int(attack.quorum),
            receipts=[receipts],
            heads=[head] if attack.head else [],
            now=at(NOW),
        )
        if self._go is None:
            return report, None
        status, _ = self._go(
            folder,
            keys,
            quorum=int(attack.quorum),
            receipts=[receipts],
            heads=[head] if attack.head else [],
            as_of=moment(NOW),
        )
        return report, status


def campaign(place: Path, go: GoVerifier | None) -> Counter[tuple[str, str]]:
    """A thousand attacks: (class, what caught it) → how many. Asserts that all are, and nothing honest is."""
    honest, chance = BuiltLog.of(SIZE, keys=LogKeys.of()), random.Random(20261123)
    attacker, auditor = Attacker(honest, chance), Auditor(honest, place, go)
    attacks: dict[str, Callable[[], Attack]] = {
        "bytes changed": attacker.bytes_changed,
        "entry dropped": attacker.entry_dropped,
        "two swapped": attacker.two_swapped,
        "truncated tail": attacker.truncated_tail,
        "rolled-back checkpoint": attacker.rolled_back_checkpoint,
        "forged signature": attacker.forged_signature,
        "re-signed fork": attacker.resigned_fork,
    }
    order = [name for name, share in SHARES.items() for _ in range(share)]
    chance.shuffle(order)
    caught: Counter[tuple[str, str]] = Counter()
    untouched = Attack(honest.files(attacker.note), receipts=(1, 17, SIZE - 1), head=SIZE)
    for number, name in enumerate(order):
        if number % HONEST_EVERY == 0:
            report, status = auditor.look(untouched)
            assert report.is_valid, report.problems
            assert status in {0, None}
        report, status = auditor.look(attacks[name]())
        assert not report.is_valid, (number, name)
        assert status in {1, None}, (number, name, report.problems)
        caught[name, " + ".join(sorted({problem.check for problem in report.problems}))] += 1
    return caught


def show(caught: Counter[tuple[str, str]]) -> None:
    for (name, by), count in sorted(caught.items()):
        print(f"{name:<24}{count:>5}  {by}")


@pytest.mark.slow
def test_every_one_of_a_thousand_attacks_is_seen(tmp_path, request):
    """By the Python verifier, and where Go is there, by one that we could not have bent to our code."""
    try:
        go = request.getfixturevalue("go_verifier")
    except pytest.skip.Exception as reason:
        print(f"without the Go verifier: {reason}")
        go = None
    caught = campaign(tmp_path, go)
    show(caught)
    assert sum(caught.values()) == 1000
    for name in SHARES:
        assert sum(count for (of, _), count in caught.items() if of == name) >= 140
    alone = {by for _, by in caught}
    assert {"heads", "receipts", "witnesses"} <= alone  # each is what tells, where nothing else can
