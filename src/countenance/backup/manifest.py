"""What a backup says of itself, and who signed that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from countenance.errors import SetupError
from countenance.transparency.note import Note, NoteInvalid, Signature, Signer, Verifier

FORMAT = 1
_SIGNED = "countenance-backup/v1"


@dataclass(frozen=True, slots=True)
class TableFacts:
    """Columns as they were dumped, number of rows, and SHA-256 over the rows' text."""

    columns: tuple[str, ...]
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The last member of a backup but its signature.

    Attributes:
        made_at: ISO, UTC.
        made_by: version of the program.
        origin: of the log.
        log_keys: that have signed for the log, the oldest first.
        entries: in the log at the snapshot.
        checkpoint: the newest that was signed by then; empty if none was.
        migrations: number, name and digest of each that was applied.
        tables: by name.
        sequences: the last number of each.
        files: SHA-256 of each, by its path in the data directory.
        tombstones: number and code of the last line of the tombstone list before the snapshot.
        fingerprint: of the key store.
        without_key: collections whose key was missing already.
    """

    made_at: str
    made_by: str
    origin: str
    log_keys: tuple[str, ...]
    entries: int
    checkpoint: str
    migrations: tuple[tuple[int, str, str], ...]
    tables: Mapping[str, TableFacts]
    sequences: Mapping[str, int]
    files: Mapping[str, str]
    tombstones: tuple[int, str]
    fingerprint: str
    without_key: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(table.rows for table in self.tables.values())

    @property
    def faces(self) -> int:
        return self.tables["face"].rows if "face" in self.tables else 0

    def to_bytes(self) -> bytes:
        """JSON, one form for one manifest."""
        return json.dumps({"format": FORMAT, **asdict(self)}, sort_keys=True, indent=1).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Raises SetupError for what `to_bytes` did not make."""
        try:
            told: dict[str, Any] = json.loads(content)
            require_format(told.pop("format"))
            told["tables"] = {
                name: TableFacts(tuple(facts["columns"]), int(facts["rows"]), str(facts["digest"]))
                for name, facts in told["tables"].items()
            }
            told["migrations"] = tuple((int(n), str(name), str(d)) for n, name, d in told["migrations"])
            told["tombstones"] = (int(told["tombstones"][0]), str(told["tombstones"][1]))
            told |= {name: tuple(told[name]) for name in ("log_keys", "without_key")}
            return cls(**told)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise SetupError(
                f"the backup's manifest cannot be read ({type(error).__name__})",
                remedy="restore it with the version of Countenance that made it",
            ) from None


def require_format(number: object) -> None:
    """Raises SetupError for a format that is not ours."""
    if number != FORMAT:
        raise SetupError(
            f"the backup has format {number} and this program reads {FORMAT}",
            remedy="restore it with the version of Countenance that made it, or a newer one",
        )


def sign(manifest: bytes, origin: str, signer: Signer) -> str:
    """A note by the log's key over the manifest's digest."""
    text = _text(origin, manifest)
    return str(Note(text, (Signature.parse(signer.sign(text)),)))


def require_signed(manifest: bytes, signature: str, keys: Sequence[Verifier], *, origin: str) -> None:
    """See that a key of the log, one of `keys`, signed just this manifest.

    Raises:
        SetupError: it did not.
    """
    try:
        note = Note.parse(signature)
        is_ours = note.text == _text(origin, manifest) and bool(note.signed_by(keys))
        signers = ", ".join(f"`{line.name}`" for line in note.signatures)
    except NoteInvalid as error:
        raise SetupError(
            f"the backup's signature is forged: {error}", remedy="restore nothing of it; find out whose it is"
        ) from None
    if note.text != _text(origin, manifest):
        raise SetupError(
            "the backup's signature is of another backup",
            remedy="restore nothing of it; find out whose it is",
        )
    if not is_ours:
        expected = " or ".join(f"`{key}`" for key in keys)
        raise SetupError(
            f"the backup is signed by {signers} and not by {expected}",
            remedy="give the key of the log that it is of; if that is what you gave, somebody else made it",
        )


def _text(origin: str, manifest: bytes) -> str:
    return f"{_SIGNED}\n{origin}\n{hashlib.sha256(manifest).hexdigest()}\n"
