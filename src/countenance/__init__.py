"""Face recognition that does only what its terms countenance.

As a library: `load_image`, `detect`, `describe`, `embed`, `compare` (see `countenance.library`). As a
service: the command `countenance serve`. Importing this package is cheap; networks load on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from countenance.library import compare, describe, detect, embed, load_image

__version__ = "0.1.0"

__all__ = ["__version__", "compare", "describe", "detect", "embed", "load_image"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from countenance import library

        return getattr(library, name)
    raise AttributeError(f"module `countenance` has no attribute `{name}`")
