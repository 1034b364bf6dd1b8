"""Text that a data set gives, made safe to look at: what cannot be seen is shown, what is long is cut.

Escaping for HTML, SVG, CSV or Markdown comes after it, where the text is written.
"""

from __future__ import annotations

import unicodedata
from typing import Any

MOST_SHOWN = 2_000
_UNSEEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


def visible(value: Any, *, most: int = MOST_SHOWN) -> Any:
    """`value` where it is no plain text; else its characters with unseen ones as ⟨U+202E⟩, at most `most`.

    Controls and marks that turn the direction of writing could make a page say something else than it holds.
    """
    if type(value) is not str:  # what is marked as safe was made visible when it was made
        return value
    shown = "".join(
        f"⟨U+{ord(each):04X}⟩" if unicodedata.category(each) in _UNSEEN else each for each in value
    )
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
