"""Enrolment codes as people see them: drawn, written, read back. Pure."""

from __future__ import annotations

import secrets
from typing import Final

from countenance.errors import InvalidParameterException

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: no I, L, O, U, so that no letter is taken for a digit or spells a word."""
DRAWN: Final = 22
"""Characters of chance: 110 bits, so that nobody guesses one however long they try."""
CHECKS: Final = 2
_GROUP: Final = 4
_MODULUS: Final = 1021  # the largest prime that two characters hold
_LOOKS_LIKE: Final = str.maketrans("ILO", "110", "- \t\r\n")


def draw_code() -> str:
    """A new code, as it is given to a person: six groups of four characters."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(DRAWN))
    whole = drawn + _checks(drawn)
    return "-".join(whole[start : start + _GROUP] for start in range(0, len(whole), _GROUP))


def parse_code(text: str) -> str:
    """The code without its groups; lower case, and letters that look like digits, are forgiven.

    Raises:
        InvalidParameterException: it is mistyped: its check characters do not fit. That says nothing of
            anybody: anyone can compute them.
    """
    code = text.upper().translate(_LOOKS_LIKE)
    is_whole = len(code) == DRAWN + CHECKS and set(code) <= set(ALPHABET)
    if not is_whole or _checks(code[:DRAWN]) != code[DRAWN:]:
        raise InvalidParameterException(
            f"the code is mistyped: it has {DRAWN + CHECKS} letters and digits, of which the last {CHECKS} "
            "check the others"
        )
    return code


def _checks(drawn: str) -> str:
    """One wrong character, or two that changed places, are always found: the modulus is a prime > 32."""
    value = 0
    for character in drawn:
        value = (value * len(ALPHABET) + ALPHABET.index(character)) % _MODULUS
    high, low = divmod(value, len(ALPHABET))
    return ALPHABET[high] + ALPHABET[low]
