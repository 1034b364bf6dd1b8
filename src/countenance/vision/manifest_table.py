"""A strict reader of TOML tables: every key is asked for by name, none may be left over."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from countenance.errors import SetupError

_T = TypeVar("_T")
_TYPE_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


class ManifestTable:
    """One table of a manifest, with its path in the file for messages.

    Each `require_*` raises SetupError naming file and key when the key is missing or of another
    type; `finish` raises it when a key was never asked for, so that a misspelt key is an error.
    """

    def __init__(self, values: Mapping[str, Any], *, file: str, path: str = "") -> None:
        self._values = dict(values)
        self._file = file
        self._path = path
        self._asked: set[str] = set()

    def refuse(self, key: str, reason: str) -> SetupError:
        """The error to raise about `key`: file, key, reason."""
        return SetupError(f"{self._file}: `{self._path}{key}` {reason}")

    def has(self, key: str) -> bool:
        return key in self._values

    def require_text(self, key: str) -> str:
        text = self._require(key, str)
        if not text.strip():
            raise self.refuse(key, "is empty")
        return text

    def require_choice(self, key: str, choices: Sequence[_T]) -> _T:
        text = self._require(key, str)
        for choice in choices:
            if choice == text:
                return choice
        raise self.refuse(key, f"is `{text}`, not one of {', '.join(map(str, choices))}")

    def require_whole(self, key: str, *, minimum: int) -> int:
        number = self._require(key, int)
        if number < minimum:
            raise self.refuse(key, f"is {number}, the least is {minimum}")
        return number

    def require_number(self, key: str) -> float:
        return self._to_number(key, self._require_any(key))

    def require_flag(self, key: str) -> bool:
        return self._require(key, bool)

    def require_numbers(self, key: str, *, count: int | None = None) -> tuple[float, ...]:
        numbers = tuple(self._to_number(key, item) for item in self._require(key, list))
        if count is not None and len(numbers) != count:
            raise self.refuse(key, f"has {len(numbers)} numbers, it takes {count}")
        return numbers

    def require_points(self, key: str, *, count: int) -> tuple[tuple[float, float], ...]:
        rows = self._require(key, list)
        if len(rows) != count or any(not isinstance(row, list) or len(row) != 2 for row in rows):
            raise self.refuse(key, f"must be {count} pairs [x, y]")
        return tuple((self._to_number(key, x), self._to_number(key, y)) for x, y in rows)

    def require_texts(self, key: str) -> tuple[str, ...]:
        texts = self._require(key, list)
        if not texts or any(not isinstance(text, str) for text in texts):
            raise self.refuse(key, "must be a list of texts")
        return tuple(texts)

    def require_table(self, key: str) -> ManifestTable:
        return ManifestTable(self._require(key, dict), file=self._file, path=f"{self._path}{key}.")

    def require_tables(self, key: str) -> list[ManifestTable]:
        """The tables of an array; the empty list where the key is absent."""
        if not self.has(key):
            return []
        rows = self._require(key, list)
        if any(not isinstance(row, dict) for row in rows):
            raise self.refuse(key, "must be tables, [[...]]")
        return [
            ManifestTable(row, file=self._file, path=f"{self._path}{key}[{index}].")
            for index, row in enumerate(rows)
        ]

    def finish(self) -> None:
        for key in self._values:
            if key not in self._asked:
                raise self.refuse(key, "is not a key of a manifest")

    def _require_any(self, key: str) -> Any:
        self._asked.add(key)
        if key not in self._values:
            raise self.refuse(key, "is missing")
        return self._values[key]

    def _require(self, key: str, kind: type[_T]) -> _T:
        value = self._require_any(key)
        # bool is an int to Python and not to us
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            expected = _TYPE_NAMES.get(kind, "a list" if kind is list else "a table")
            raise self.refuse(key, f"must be {expected}")
        return value

    def _to_number(self, key: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.refuse(key, "must be a finite number")
        return float(value)
