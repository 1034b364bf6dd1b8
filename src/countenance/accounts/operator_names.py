"""Names of operators: two that are two people do not look alike by what nobody sees."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from countenance.errors import InvalidParameterException

MOST_CHARACTERS: Final = 128
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that show nothing: fillers, variation selectors, the empty Braille cell."""


def to_operator_name(text: str) -> str:
    """One form of what looks the same: composed (NFC), one blank between words, none around them.

    Raises:
        InvalidParameterException: empty, over MOST_CHARACTERS, or with characters that steer how others are
            shown (control, direction, joining) or show nothing.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if any(unicodedata.category(each).startswith("C") for each in name) or _UNSEEN.search(name):
        raise InvalidParameterException("an operator's name has characters that can all be seen")
    if not 1 <= len(name) <= MOST_CHARACTERS:
        raise InvalidParameterException(f"an operator has a name of 1 to {MOST_CHARACTERS} characters")
    return name
