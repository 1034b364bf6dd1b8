"""A paper that is a draft: statements that each say where their fact is from, and blanks that ask a question.

There is no third kind: what nobody knows is not written, and what only a person can say is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from countenance.measuring.visible import visible

DRAFT: Final = (
    "DRAFT. No lawyer has read this. It was put together by a program from what it found on the server, "
    "and makes nobody comply with any law."
)
_SPECIAL: Final = frozenset("\\`*_[]<>#|~&")
_BEGINS: Final = frozenset("-+=")
"""What makes a list or a heading of a line that begins with it."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What is so.

    Attributes:
        source: the setting, table, file or entry of the log that says it.
    """

    text: str
    source: str

    def __post_init__(self) -> None:
        assert self.text.strip(), "a fact says something"
        assert self.source.strip(), "and where it is from"


@dataclass(frozen=True, slots=True)
class Blank:
    """What only a person can write; left empty, with the question."""

    question: str


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    items: tuple[Fact | Blank, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """One draft.

    Attributes:
        law: what asks for it.
        made_at: when the server was looked at, to the second.
        notes: what a reader must know of how it was made.
    """

    title: str
    law: str
    made_at: str
    notes: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def blanks(self) -> int:
        return sum(isinstance(item, Blank) for section in self.sections for item in section.items)


def to_json(paper: Paper) -> dict[str, Any]:
    return {
        "draft": DRAFT,
        "title": paper.title,
        "law": paper.law,
        "made_at": paper.made_at,
        "notes": list(paper.notes),
        "blanks": paper.blanks,
        "sections": [
            {
                "title": section.title,
                "items": [
                    {"fact": item.text, "source": item.source}
                    if isinstance(item, Fact)
                    else {"question": item.question, "answer": None}
                    for item in section.items
                ],
            }
            for section in paper.sections
        ],
    }


def to_markdown(paper: Paper) -> str:
    """Text for a word processor; the mark of a draft stands over every section, so over every page of it."""
    return "\n".join(_lines(paper)) + "\n"


def _lines(paper: Paper) -> Iterator[str]:
    yield f"# {_plain(paper.title)}"
    yield ""
    yield f"After {_plain(paper.law)}. From the server as it was at {_plain(paper.made_at)}."
    for note in paper.notes:
        yield ""
        yield f"> {_plain(note)}"
    for section in paper.sections:
        yield ""
        yield f"## {_plain(section.title)}"
        yield ""
        yield f"**{_plain(DRAFT)}**"
        for item in section.items:
            yield ""
            if isinstance(item, Fact):
                yield f"- {_plain(item.text)}"
                yield f"  *(from: {_plain(item.source)})*"
            else:
                yield f"> **To be written by a person:** {_plain(item.question)}"
                yield ">"
                yield "> ______________________________"


def _plain(text: str) -> str:
    """What somebody wrote, as text in Markdown: it can neither begin a heading nor link anywhere."""
    shown = str(visible(text))
    escaped = "".join(f"\\{each}" if each in _SPECIAL else each for each in shown)
    return f"\\{escaped}" if escaped[:1] in _BEGINS else escaped
