"""In which order photos begin: a person's first photo before their others.

What a person's photos are compared with is what they have. Of photos that are sent side by side the quickest
would be that, and it may be the wrong one that somebody put among them; so it is the first that can be
enrolled, in the order of the source, whatever it takes. Then the others go side by side.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from countenance.importing.records import WELL, Item, Outcome, Wanted

_MOST_WAITING: Final = 2_000
"""Photos that are held back; more are not looked at until some have begun."""


class Order:
    """Which photo may begin next. Used by one thread."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self._free: deque[Item] = deque()
        self._settled: set[str] = set()
        self._waiting: dict[str, deque[Item]] = {}
        """By person whose first photo is under way: those behind it."""
        self._leading: dict[int, str] = {}
        self._held_back = 0

    def take(self) -> Item | None:
        """A photo that may begin; None while there is none."""
        if self._free:
            return self._free.popleft()
        while self._held_back < _MOST_WAITING:
            item = next(self._items, None)
            if item is None:
                return None
            person = _person(item.wanted)
            if person in self._settled:
                return item
            if person not in self._waiting:
                self._waiting[person] = deque()
                self._leading[item.number] = person
                return item
            self._waiting[person].append(item)
            self._held_back += 1
        return None

    def ended(self, outcome: Outcome) -> None:
        """What became of one that was taken: its person's others may begin, or the next of them."""
        person = self._leading.pop(outcome.item, None)
        if person is None:
            return
        behind = self._waiting.pop(person)
        if outcome.verdict in WELL:
            self._settled.add(person)
            self._free.extend(behind)
            self._held_back -= len(behind)
        elif behind:
            following = behind.popleft()
            self._held_back -= 1
            self._free.append(following)
            self._leading[following.number] = person
            self._waiting[person] = behind


def _person(wanted: Wanted) -> str:
    return wanted.user_id or wanted.external_image_id
