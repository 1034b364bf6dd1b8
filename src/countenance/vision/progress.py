"""How long work is told to whoever waits: a protocol, so that the library draws nothing itself."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told about one piece of work after another, from the thread that does it.

    For each piece: `begin`, any number of `advance`, `end`. `notice` comes at any time.
    """

    def begin(self, label: str, *, total_bytes: int | None) -> None:
        """A piece of work starts; None when its size is not known."""

    def advance(self, size_bytes: int) -> None:
        """So much more of it is done."""

    def end(self) -> None:
        """The piece is over, done or not."""

    def notice(self, message: str) -> None:
        """Something that the person should know although nothing failed."""


class SilentProgress:
    """Nobody waits."""

    def begin(self, label: str, *, total_bytes: int | None) -> None:
        """Said to nobody."""

    def advance(self, size_bytes: int) -> None:
        """Said to nobody."""

    def end(self) -> None:
        """Said to nobody."""

    def notice(self, message: str) -> None:
        """Said to nobody."""
