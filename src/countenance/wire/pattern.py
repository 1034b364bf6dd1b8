"""The models' regular expressions."""

from __future__ import annotations

import regex

_ASCII_CLASSES = {r"\d": "0-9", r"\w": "a-zA-Z0-9_", r"\s": r" \t\n\x0b\f\r"}


def compile_pattern(text: str) -> regex.Pattern[str]:
    r"""A model's pattern as AWS's own regular expressions read it.

    There \d, \w and \s are ASCII; here they would take in all of Unicode, and the flag that forbids it
    would take \p{L} with it. So they are spelled out, bracketed unless already inside brackets.
    """
    return regex.compile("".join(_ascii_classes(text)))


def _ascii_classes(text: str) -> list[str]:
    parts: list[str] = []
    in_brackets = False
    for piece in regex.findall(r"\\u[0-9a-fA-F]{4}|\\.|.", text, flags=regex.DOTALL):
        if piece in _ASCII_CLASSES:
            inner = _ASCII_CLASSES[piece]
            parts.append(inner if in_brackets else f"[{inner}]")
            continue
        if piece.lower() in _ASCII_CLASSES and not in_brackets:
            parts.append(f"[^{_ASCII_CLASSES[piece.lower()]}]")
            continue
        in_brackets = (in_brackets or piece == "[") and piece != "]"
        parts.append(piece)
    return parts
