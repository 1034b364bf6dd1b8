"""Verifies a log on files alone: no database, no server, no network (docs/spec/audit-log.md, section 10).

The folder may be anybody's making. Entries are read bundle by bundle; the tree is computed from them, and
everything else in the folder, and everything that others have kept, is held against what was computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from countenance.transparency.canonical import MAX_ENTRY_BYTES
from countenance.transparency.checkpoint import Checkpoint, CheckpointInvalid
from countenance.transparency.merkle import leaf_hash
from countenance.transparency.note import Note, NoteInvalid, Verifier
from countenance.transparency.tiles import TILE_WIDTH, decode_bundle, encode_bundle, tile_path
from countenance.transparency.verify_entries import EntryCheck
from countenance.transparency.verify_files import FileUnusable, FolderFiles
from countenance.transparency.verify_keys import check_cosignatures, require_keys
from countenance.transparency.verify_promises import check_heads, check_receipts, read_heads, receipt_events
from countenance.transparency.verify_report import Cosignature, Facts, Problem, Problems, Report
from countenance.transparency.verify_tree import TreeCheck

MAX_CHECKPOINT_BYTES = 65_536
_LENGTH_BYTES = 2

OnEntry = Callable[[int, bytes, bytes], None]
__all__ = ["Cosignature", "Facts", "Problem", "Report", "verify_folder"]


def verify_folder(
    folder: Path,
    *,
    log_verifiers: Sequence[Verifier],
    witness_verifiers: Sequence[Verifier] = (),
    quorum: int = 0,
    receipts: Sequence[Path] = (),
    heads: Sequence[Path] = (),
    now: datetime | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    on_entry: OnEntry | None = None,
) -> Report:
    """Check everything that the folder's log promises.

    Args:
        folder: a mirror of the log; it may be changed while it is read, and then fails.
        log_verifiers: keys of the log, one at least, had from somewhere else; a later one is found by the
            log's own entries.
        quorum: how many of the witnesses must have cosigned.
        receipts: files of header values, one a line.
        heads: files of checkpoints of this log that others have kept.
        now: what was promised by then must be there; by default the clock's.
        on_progress: called with (entries read, entries of the checkpoint) after every bundle.
        on_entry: called with (index, entry, leaf hash) of each in order, until something is found to be
            wrong: with the very bytes that the root is computed of, whatever becomes of the folder
            meanwhile. What it was told holds only if the report is valid.

    Returns:
        What is wrong and what was found. It takes 16 bytes of memory an entry, and 100 a receipt.

    Raises:
        OSError: the folder, a file of receipts or of heads cannot be read.
        ValueError: no log key, keys of different logs, or a quorum that these witnesses cannot make.
    """
    require_keys(log_verifiers, witness_verifiers, quorum)
    files = FolderFiles(folder)
    try:
        verification = _Verification(files, log_verifiers, witness_verifiers, quorum)
        return verification.run(receipts, heads, now or datetime.now(UTC), on_progress, on_entry)
    finally:
        files.close()


class _Verification:
    """One run over one folder."""

    def __init__(
        self,
        files: FolderFiles,
        log_verifiers: Sequence[Verifier],
        witness_verifiers: Sequence[Verifier],
        quorum: int,
    ) -> None:
        self._files = files
        self._log = log_verifiers
        self._witnesses = witness_verifiers
        self._quorum = quorum
        self._problems = Problems()
        self._facts = Facts()

    def run(
        self,
        receipts: Sequence[Path],
        heads: Sequence[Path],
        now: datetime,
        on_progress: Callable[[int, int], None] | None,
        on_entry: OnEntry | None,
    ) -> Report:
        origin = self._log[0].name
        promised = receipt_events(receipts)
        kept = read_heads(heads, origin, self._problems)
        opened = self._open_checkpoint(origin)
        if opened is not None:
            note, checkpoint = opened
            tree = TreeCheck(self._files, self._problems, {head.checkpoint.size for head in kept})
            entries = EntryCheck(origin, self._problems, tree.root)
            found: dict[bytes, tuple[int, bytes]] = {}
            is_whole = True
            for index, entry in self._entries(checkpoint.size, on_progress):
                if entry is None:
                    is_whole = False
                    break
                event, leaf = entries.add(index, entry), leaf_hash(entry)
                if event is not None and event in promised:
                    found[event] = (index, leaf)
                tree.add(leaf)
                if on_entry is not None and self._problems.count == 0:
                    on_entry(index, entry, leaf)
            entries.finish(self._facts)
            if is_whole:
                self._check_root(tree, checkpoint)
            self._check_signatures(note, entries.chains["log"])
            if is_whole:
                check_receipts(
                    receipts,
                    keys=entries.receipt_keys,
                    found=found,
                    now=now,
                    problems=self._problems,
                    facts=self._facts,
                )
            elif receipts:
                self._facts.notes.append("receipts were not looked at: entries are missing")
            check_heads(
                kept,
                keys=[*self._log, *entries.chains["log"], *self._witnesses],
                size=checkpoint.size,
                roots=tree.roots,
                problems=self._problems,
                facts=self._facts,
            )
        return Report(tuple(self._problems.kept), self._problems.count, self._facts)

    def _open_checkpoint(self, origin: str) -> tuple[Note, Checkpoint] | None:
        try:
            content = self._files.read("checkpoint", max_bytes=MAX_CHECKPOINT_BYTES)
            note = Note.parse(content.decode())
            checkpoint = Checkpoint.parse(note.text)
        except (FileUnusable, UnicodeDecodeError, NoteInvalid, CheckpointInvalid) as error:
            self._problems.add("checkpoint", "checkpoint", str(error))
            return None
        self._facts.checkpoint = checkpoint
        if checkpoint.origin != origin:
            self._problems.add(
                "checkpoint", "checkpoint", f"it is of the log `{checkpoint.origin}`, the key of `{origin}`"
            )
            return None
        if checkpoint.size == 0:
            self._problems.add("entries", "entry 0", "the log is empty: it has not even its opening")
        return note, checkpoint

    def _entries(
        self, size: int, on_progress: Callable[[int, int], None] | None
    ) -> Iterator[tuple[int, bytes | None]]:
        """(index, entry) of each; (index, None) and no more where they end too early."""
        index = 0
        while index < size:
            bundle = self._read_bundle(index // TILE_WIDTH, min(TILE_WIDTH, size - index))
            if bundle is None:
                yield index, None
                return
            yield from enumerate(bundle, index)
            index += len(bundle)
            if on_progress is not None:
                on_progress(index, size)
        self._note_what_is_beyond(size)

    def _read_bundle(self, number: int, width: int) -> list[bytes] | None:
        path = tile_path("entries", number, width if width < TILE_WIDTH else None)
        try:
            content = self._files.read(path, max_bytes=width * (_LENGTH_BYTES + MAX_ENTRY_BYTES))
            bundle = decode_bundle(content)
            flaw = "" if len(bundle) == width else f"it has {len(bundle)} entries, not {width}"
        except (FileUnusable, ValueError) as error:
            flaw = str(error)
        if flaw:
            self._problems.add(
                "entries", path, f"{flaw}; nothing from entry {number * TILE_WIDTH} on can be checked"
            )
            return None
        for narrower in self._files.widths(tile_path("entries", number)):
            if narrower < width:
                self._check_narrower(number, narrower, encode_bundle(bundle[:narrower]))
        return bundle

    def _check_narrower(self, number: int, width: int, expected: bytes) -> None:
        path = tile_path("entries", number, width)
        try:
            content = self._files.read(path, max_bytes=width * (_LENGTH_BYTES + MAX_ENTRY_BYTES))
        except FileUnusable as error:
            self._problems.add("entries", path, str(error))
            return
        if content != expected:
            self._problems.add("entries", path, "its entries are not those of the wider bundle beside it")

    def _note_what_is_beyond(self, size: int) -> None:
        number, width = divmod(size, TILE_WIDTH)
        for kind in ("entries", 0):
            beyond = [tile_path(kind, number + 1), f"{tile_path(kind, number + 1)}.p"]
            beyond += [
                tile_path(kind, number, wider)
                for wider in self._files.widths(tile_path(kind, number))
                if wider > width
            ]
            beyond.append(tile_path(kind, number))
            for path in filter(self._files.exists, beyond):
                self._facts.notes.append(
                    f"{path} goes beyond the checkpoint and was not checked: either a mirror run did not "
                    "end, or the log was shortened"
                )

    def _check_root(self, tree: TreeCheck, checkpoint: Checkpoint) -> None:
        root = tree.finish()
        tree.roots[checkpoint.size] = root
        if root != checkpoint.root:
            self._problems.add("root", "checkpoint", "its root is not that of the entries in the folder")

    def _check_signatures(self, note: Note, chain: Sequence[Verifier]) -> None:
        for verifier in self._log:
            if chain and verifier not in chain:
                self._problems.add(
                    "checkpoint", "the log's key", f"`{verifier}` is no key that this log says it has or had"
                )
        current = chain[-1] if chain else self._log[0]
        try:
            if not note.signed_by([current]):
                self._problems.add("checkpoint", "checkpoint", f"the log's key `{current}` has not signed it")
        except NoteInvalid as error:
            self._problems.add("checkpoint", "checkpoint", f"its signature is forged: {error}")
        check_cosignatures(note, self._witnesses, self._quorum, problems=self._problems, facts=self._facts)
