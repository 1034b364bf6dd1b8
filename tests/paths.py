"""Where things are, relative to this file: nothing outside the repository may be needed."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

_BESIDE = REPOSITORY.parent / "shared"
SHARED: Path | None = _BESIDE if (_BESIDE / "models").is_dir() else None
"""A folder of weights and photographs beside the repository, where there is one."""
