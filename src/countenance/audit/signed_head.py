"""What the log's keys have signed last, kept outside the database: a restored database cannot unsay it."""

from __future__ import annotations

from pathlib import Path

from countenance.audit.tree import LogDamaged, LogTree
from countenance.errors import SetupError
from countenance.store import Connection, StoreUnavailable
from countenance.store.files import write_private
from countenance.transparency.checkpoint import Checkpoint, CheckpointInvalid

_NAME = "log-head"
_LINES = 3  # of a checkpoint's text


class SignedHead:
    """The file `log-head` in a directory: for each log that was signed from here, its last head.

    Of one process at a time: a machine that stands by keeps its own, which is older and so no less true.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / _NAME

    def require_extended(self, connection: Connection, tree: LogTree, origin: str, size: int) -> None:
        """See that the log's first `size` entries extend what was signed from here.

        Raises:
            LogDamaged: they do not.
            SetupError: the file cannot be read.
        """
        last = self._read().get(origin)
        if last is None or (last.size <= size and tree.root(connection, last.size) == last.root):
            return
        raise LogDamaged(
            f"the database was put back to an earlier state, or changed: its {size} entries do not extend the"
            f" {last.size} that were signed",
            remedy="restore the database's newest state; if that is lost, tell those who verify the log, then"
            f" remove `{self._path}`",
        )

    def keep(self, checkpoint: Checkpoint) -> None:
        """Note what is about to be signed: durable on return.

        Raises:
            StoreUnavailable: the disk does not take it.
        """
        heads = self._read() | {checkpoint.origin: checkpoint}
        try:
            write_private(self._path, "".join(head.text for head in heads.values()).encode(), replace=True)
        except OSError as error:
            raise StoreUnavailable(f"`{self._path}` cannot be written ({error.strerror})") from error

    def _read(self) -> dict[str, Checkpoint]:
        try:
            lines = self._path.read_text("utf-8").splitlines(keepends=True)
            texts = ["".join(lines[at : at + _LINES]) for at in range(0, len(lines), _LINES)]
            heads = [Checkpoint.parse(text) for text in texts]
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError, CheckpointInvalid) as error:
            raise SetupError(
                f"`{self._path}` cannot be read ({error})",
                remedy="restore it from the backup of the keys folder",
            ) from None
        return {head.origin: head for head in heads}
