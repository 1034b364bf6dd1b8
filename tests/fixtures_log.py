"""A small log in memory, with its keys, a witness and its callers' receipts, written out as a mirror folder.

Nothing of the database: what is verified is files, and an attacker may write any. What the log's own code
writes is checked against the same verifiers in test_mirror.py.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from countenance.transparency.canonical import canonical_json
from countenance.transparency.checkpoint import Checkpoint
from countenance.transparency.merkle import consistency_path, inclusion_path, leaf_hash, tree_root
from countenance.transparency.note import COSIGNATURE, Note, Signature, Signer, encode_base64
from countenance.transparency.proof import InclusionProof
from countenance.transparency.receipt import Receipt, sign_receipt
from countenance.transparency.tiles import TILE_WIDTH, encode_bundle, tile_path

ORIGIN = "log.example/countenance"
WITNESS = "witness.example/w1"
GO_LIBRARY = Path("/usr/share/gocode")  # where Debian's packages put Go's libraries
START = datetime(2026, 11, 23, 3, 15, 13, tzinfo=UTC)


def at(milliseconds: int) -> datetime:
    return START + timedelta(milliseconds=milliseconds)


def moment(milliseconds: int) -> str:
    return at(milliseconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class LogKeys:
    """The keys of a log and of its one witness."""

    log: Signer
    receipts: Signer
    witness: Signer

    @classmethod
    def of(cls, seed: int = 1) -> LogKeys:
        """The same keys for the same seed; 1 gives those of the specification's test vectors."""
        return cls(
            Signer.from_seed(ORIGIN, bytes([seed]) * 32),
            Signer.from_seed(f"{ORIGIN}/receipts", bytes([seed + 1]) * 32),
            Signer.from_seed(WITNESS, bytes([seed + 2]) * 32, COSIGNATURE),
        )


def random_event(chance: random.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def opening(keys: LogKeys, chance: random.Random) -> bytes:
    return canonical_json(
        {
            "v": 1,
            "kind": "log.opened",
            "time": moment(0),
            "event": random_event(chance),
            "origin": ORIGIN,
            "log_key": str(keys.log.verifier),
            "receipt_key": str(keys.receipts.verifier),
            "before": {"events": 0, "digest": leaf_hash(b"").hex()},
        }
    )


def call(chance: random.Random, number: int, **members: object) -> bytes:
    """A search's entry, of about 750 bytes."""
    filled: dict[str, object] = {
        "v": 1,
        "kind": "call",
        "time": moment(1000 * number),
        "end": moment(1000 * number + 40),
        "event": random_event(chance),
        "service": "rekognition",
        "operation": "SearchFacesByImage",
        "account": f"{number % 3:032x}",
        "operator": f"{number % 5:032x}",
        "key": f"{number % 7:032x}",
        "decision": "allow",
        "rules": ["CORE-001"],
        "policy": chance.randbytes(32).hex(),
        "outcome": "answered",
        "model": {"version": "open-1", "digest": chance.randbytes(32).hex()},
        "threshold": {"asked": 99, "in_force": 99.5},
        "candidates": 1,
        "touched": {"count": 2, "root": chance.randbytes(32).hex()},
        "collection": chance.randbytes(32).hex(),
        "inputs": [chance.randbytes(32).hex()],
    }
    return canonical_json(filled | members)


def rotation(keys: LogKeys, use: str, new: Signer, chance: random.Random) -> bytes:
    """The entry that exchanges the key of `keys` for `new`."""
    old = keys.log if use == "log" else keys.receipts
    told = f"countenance-key-rotation/v1\n{ORIGIN}\n{use}\n{old.verifier}\n{new.verifier}\n".encode()
    return canonical_json(
        {
            "v": 1,
            "kind": "log.key_rotated",
            "time": moment(1),
            "event": random_event(chance),
            "use": use,
            "old": str(old.verifier),
            "new": str(new.verifier),
            "signatures": {
                "old": encode_base64(old.sign_bytes(told)),
                "new": encode_base64(new.sign_bytes(told)),
            },
        }
    )


def continuation(
    log: BuiltLog, new: LogKeys, chance: random.Random, *, size: int, **changed: object
) -> bytes:
    """The entry under which `log` goes on as the log of `new`, citing its checkpoint of `size` entries."""
    leaves, kept = log.leaves(), len(log.entries)

    def read(nodes: Sequence[tuple[int, int]]) -> list[bytes]:
        return [tree_root(leaves[n << level : (n + 1) << level]) for level, n in nodes]

    previous: dict[str, object] = {
        "origin": ORIGIN,
        "log_key": str(log.keys.log.verifier),
        "size": size,
        "root": encode_base64(tree_root(leaves[:size]) if size <= kept else bytes(32)),
        "proof": [encode_base64(each) for each in consistency_path(size, kept, read)]
        if 0 < size < kept
        else [],
    }
    members: dict[str, object] = {
        "v": 1,
        "kind": "log.continued",
        "time": moment(2),
        "event": random_event(chance),
        "origin": new.log.verifier.name,
        "log_key": str(new.log.verifier),
        "receipt_key": str(new.receipts.verifier),
        "previous": previous,
        "kept": kept,
        "erasures": {"backup": "2026-11-23T03:15:13+00:00", "replayed": 1},
    } | {name: value for name, value in changed.items() if name != "previous"}
    previous |= dict(changed.get("previous", {}))  # type: ignore[call-overload]
    told = (
        f"countenance-log-continued/v1\n{previous['origin']}\n{previous['log_key']}\n{previous['size']}\n"
        f"{previous['root']}\n{members['kept']}\n{members['origin']}\n{members['log_key']}\n"
        f"{members['receipt_key']}\n"
    ).encode()
    signatures = {
        "old": encode_base64(log.keys.log.sign_bytes(told)),
        "new": encode_base64(new.log.sign_bytes(told)),
    }
    return canonical_json({"signatures": signatures} | members)


@dataclass(frozen=True)
class BuiltLog:
    """Entries and the keys that sign for them."""

    keys: LogKeys
    entries: Sequence[bytes] = field(default_factory=list)

    @classmethod
    def of(cls, size: int, *, seed: int = 1, keys: LogKeys | None = None) -> BuiltLog:
        """An opening and calls, `size` entries; the same for the same seed."""
        chance, own = random.Random(seed), keys or LogKeys.of()
        return cls(own, [opening(own, chance), *(call(chance, number) for number in range(1, size))])

    def with_entries(self, entries: Sequence[bytes]) -> BuiltLog:
        return replace(self, entries=list(entries))

    def leaves(self) -> list[bytes]:
        return [leaf_hash(entry) for entry in self.entries]

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        end = len(self.entries) if size is None else size
        return Checkpoint(self.keys.log.verifier.name, end, tree_root(self.leaves()[:end]))

    def signed(self, size: int | None = None, *, cosigned_at: datetime | None = None) -> str:
        """The checkpoint's note, with the witness's line if `cosigned_at` is given."""
        text = self.checkpoint(size).text
        lines = [self.keys.log.sign(text)]
        if cosigned_at is not None:
            lines.append(self.keys.witness.sign(text, now=int(cosigned_at.timestamp())))
        return str(Note(text, tuple(map(Signature.parse, lines))))

    def receipt(self, index: int, recorded: datetime | None = None) -> str:
        """The header that the caller of an entry got."""
        recorded = recorded or at(1000 * index)
        return sign_receipt(
            Receipt(
                origin=self.keys.receipts.verifier.name.removesuffix("/receipts"),
                event_id=uuid.UUID(json.loads(self.entries[index])["event"]),
                leaf_hash=leaf_hash(self.entries[index]),
                at=recorded,
                merge_by=recorded + timedelta(seconds=5),
            ),
            self.keys.receipts,
        )

    def proof(self, index: int, note: str) -> str:
        leaves = self.leaves()
        path = inclusion_path(
            index,
            len(leaves),
            lambda nodes: [tree_root(leaves[n << level : (n + 1) << level]) for level, n in nodes],
        )
        return str(InclusionProof(index, tuple(path), Note.parse(note)))

    def files(self, note: str) -> dict[str, bytes]:
        """The mirror folder: path → bytes."""
        found = {"checkpoint": note.encode()}
        row, level = self.leaves(), 0
        for start in range(0, len(self.entries), TILE_WIDTH):
            part = self.entries[start : start + TILE_WIDTH]
            found[tile_path("entries", start // TILE_WIDTH, len(part))] = encode_bundle(part)
        while row:
            parts = [row[start : start + TILE_WIDTH] for start in range(0, len(row), TILE_WIDTH)]
            for number, hashes in enumerate(parts):
                found[tile_path(level, number, len(hashes))] = b"".join(hashes)
            row = [tree_root(hashes) for hashes in parts if len(hashes) == TILE_WIDTH]
            level += 1
        return found

    def write(self, folder: Path, note: str | None = None) -> Path:
        """Write the mirror folder; by default with a cosigned checkpoint."""
        return write_files(folder, self.files(note or self.signed(cosigned_at=at(10_000_000))))


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


class GoVerifier:
    """The verifier of the specification, built."""

    def __init__(self, binary: Path) -> None:
        self._binary = binary

    def __call__(
        self,
        folder: Path,
        keys: LogKeys,
        *,
        quorum: int = 0,
        receipts: Sequence[Path] = (),
        heads: Sequence[Path] = (),
        as_of: str = "",
        log_key: str = "",
    ) -> tuple[int, str]:
        """Its exit status and what it printed."""
        given = [
            f"folder={folder}",
            f"log-key={log_key or keys.log.verifier}",
            f"witness={keys.witness.verifier}",
            f"quorum={quorum}",
            *(f"receipts={path}" for path in receipts),
            *(f"head={path}" for path in heads),
            *([f"as-of={as_of}"] if as_of else []),
        ]
        done = subprocess.run([str(self._binary), *given], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="session")
def go_verifier(tmp_path_factory: pytest.TempPathFactory) -> GoVerifier:
    """Skips where the toolchain or the library, golang-go and golang-golang-x-mod-dev, is missing."""
    if shutil.which("go") is None:
        pytest.skip("no Go toolchain: apt-get install golang-go golang-golang-x-mod-dev")
    if not (GO_LIBRARY / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("no golang.org/x/mod: apt-get install golang-golang-x-mod-dev")
    folder = tmp_path_factory.mktemp("go")
    go = {"GO111MODULE": "off", "GOPATH": str(GO_LIBRARY), "GOCACHE": str(folder / "cache"), "GOFLAGS": ""}
    source = Path(__file__).resolve().parents[1] / "docs/spec/verifier/main.go"
    done = subprocess.run(
        ["go", "build", "-o", str(folder / "verifier"), str(source)],
        env={**os.environ, **go},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return GoVerifier(folder / "verifier")


def spec_vectors() -> dict[str, object]:
    """The test vectors of docs/spec/audit-log.md: a log of three entries with all its hashes."""
    log, salt = BuiltLog.of(3), bytes(range(32))
    leaves, size = log.leaves(), len(log.entries)
    touches = [
        hashlib.sha256(salt + canonical_json({"face": f"face-{n}", "role": "candidate"})).digest()
        for n in range(3)
    ]
    receipt = log.receipt(2)
    note = log.signed(cosigned_at=datetime.fromtimestamp(1_795_403_713, UTC))
    return {
        "log_key": str(log.keys.log.verifier),
        "receipt_key": str(log.keys.receipts.verifier),
        "witness_key": str(log.keys.witness.verifier),
        "entries": [entry.decode() for entry in log.entries],
        "leaf_hashes": [leaf.hex() for leaf in leaves],
        "nodes": {"0-1": tree_root(leaves[:2]).hex()},
        "roots": {str(end): tree_root(leaves[:end]).hex() for end in range(size + 1)},
        "checkpoint": note,
        "receipt_of_entry_2": receipt,
        "receipt_of_entry_2_note": base64.b64decode(receipt).decode(),
        "proof_of_entry_1": log.proof(1, note),
        "files": {
            name: hashlib.sha256(content).hexdigest() for name, content in sorted(log.files(note).items())
        },
        "commitment": {
            "salt": salt.hex(),
            "value": "staff",
            "commitment": hashlib.sha256(salt + canonical_json("staff")).hexdigest(),
        },
        "touched": {
            "touches": [touch.hex() for touch in touches],
            "root": tree_root([leaf_hash(touch) for touch in touches]).hex(),
        },
    }
