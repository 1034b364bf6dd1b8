"""When the last backup was made, as a running server is asked; not where it lies."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from countenance.store.files import write_private

_NAME: Final = "last-backup"


def note_backup(data_dir: Path, made_at: str) -> None:
    """Note that a backup of this moment (ISO 8601, with its zone) is whole. Raises OSError."""
    write_private(data_dir / _NAME, f"{made_at}\n".encode(), replace=True)


def find_last_backup(data_dir: Path) -> datetime | None:
    """When it was made; None where none is known of."""
    try:
        return datetime.fromisoformat((data_dir / _NAME).read_text("ascii").strip())
    except FileNotFoundError:
        return None
    except ValueError:  # no time at all: as good as none
        return None
