"""Documents of the terms: a Markdown text, a machine part in TOML, and one digest over both.

NAME-VERSION.md and NAME-VERSION.toml, in the package's folder and in one that an operator may add. Versions
are `MAJOR.MINOR`: a new minor version says the same in other words and needs no new acceptance; a new major
one opens a grace period in which acceptances of the major version before still hold, and then do not.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from countenance.errors import SetupError

_MAX_TEXT_BYTES = 1 << 20
_LONGEST_GRACE = timedelta(days=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One version of one document.

    Attributes:
        digest: SHA-256 over the text and its machine part, hexadecimal.
        published: the day from which it is in force.
        grace: how long acceptances of the major version before it still hold.
    """

    name: str
    version: tuple[int, int]
    title: str
    text: str = field(repr=False)
    digest: str
    published: date
    grace: timedelta
    changes: str

    @property
    def version_text(self) -> str:
        return f"{self.version[0]}.{self.version[1]}"

    def __str__(self) -> str:
        return f"{self.name} {self.version_text}"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """That an officer of an account accepted a version."""

    document: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Standard:
    """Whether an account meets the terms.

    Attributes:
        accepted: it may call.
        wanted: versions that are to be accepted, now or before `until`.
        until: the end of the grace period that runs; None where none does.
    """

    accepted: bool
    wanted: tuple[Document, ...]
    until: datetime | None

    def __str__(self) -> str:
        names = ", ".join(map(str, self.wanted))
        return f"{names}, by {self.until:%Y-%m-%d %H:%M} UTC" if self.until else names


class Terms:
    """Every version of every document that this server has. Immutable; thread-safe."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._documents: dict[str, list[Document]] = {}
        for document in sorted(documents, key=lambda each: (each.name, each.version)):
            self._documents.setdefault(document.name, []).append(document)

    @property
    def documents(self) -> tuple[Document, ...]:
        """All versions, by name and version."""
        return tuple(document for versions in self._documents.values() for document in versions)

    def find(self, name: str, version: str | None = None, *, today: date | None = None) -> Document | None:
        """A version of a document; without one the version in force."""
        if version is None:
            return self.current(name, today or datetime.now(UTC).date())
        return next((each for each in self._documents.get(name, ()) if each.version_text == version), None)

    def current(self, name: str, today: date) -> Document | None:
        """The newest version that is in force on a day."""
        in_force = [each for each in self._documents.get(name, ()) if each.published <= today]
        return in_force[-1] if in_force else None

    def in_force(self, now: datetime) -> tuple[Document, ...]:
        """The current version of every document."""
        found = (self.current(name, now.date()) for name in self._documents)
        return tuple(document for document in found if document is not None)

    def judge(
        self,
        accepted: Iterable[Acceptance],
        *,
        now: datetime,
        first_seen: Mapping[tuple[str, str], datetime] | None = None,
    ) -> Standard:
        """Whether an account that accepted these may call.

        Args:
            first_seen: when this server first had a version, by document and version: no grace period ends
                before its days are over since then.
        """
        held = {(each.document, each.version): each.digest for each in accepted}
        wanted, until, may_call = [], None, True
        for document in self.in_force(now):
            majors = {
                each.version[0]
                for each in self._documents[document.name]
                if held.get((each.name, each.version_text)) == each.digest
            }
            if document.version[0] in majors:
                continue
            wanted.append(document)
            ends = self._grace_ends(document, first_seen or {})
            if document.version[0] - 1 in majors and now < ends:
                until = ends if until is None else min(until, ends)
            else:
                may_call = False
        return Standard(may_call, tuple(wanted), until if may_call else None)

    def _grace_ends(self, document: Document, first_seen: Mapping[tuple[str, str], datetime]) -> datetime:
        """Of the first version with this document's major number."""
        first = next(
            each for each in self._documents[document.name] if each.version[0] == document.version[0]
        )
        published = datetime(first.published.year, first.published.month, first.published.day, tzinfo=UTC)
        return max(published, first_seen.get((first.name, first.version_text), published)) + first.grace


def load_terms(folder: Path | None = None) -> Terms:
    """The documents that come with the program, and those of an operator's folder.

    Raises:
        SetupError: a document is damaged, lacks a part, or is one of ours with another text.
    """
    shipped = resources.files("countenance.terms").joinpath("documents")
    found = {(each.name, each.version): each for each in _read_folder(shipped)}
    if folder is not None:
        if not folder.is_dir():
            raise SetupError(
                f"there is no folder `{folder}` with terms", remedy="make it, or leave --terms out"
            )
        for document in _read_folder(folder):
            ours = found.setdefault((document.name, document.version), document)
            if ours.digest != document.digest:
                raise SetupError(
                    f"`{document}` in `{folder}` is another text than the one that was published",
                    remedy="give the changed text a new version",
                )
    return Terms(found.values())


def _read_folder(folder: Traversable) -> Iterable[Document]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.name.endswith(".toml"):
            yield _read(folder, entry.name.removesuffix(".toml"))


def _read(folder: Traversable, stem: str) -> Document:
    remedy = f"mend `{stem}.toml` and `{stem}.md` (docs/operations/terms.md)"
    try:
        machine, text = (folder.joinpath(stem + end).read_bytes() for end in (".toml", ".md"))
        told = tomllib.loads(machine.decode())
        major, _, minor = str(told["version"]).partition(".")
        document = Document(
            name=str(told["document"]),
            version=(int(major), int(minor)),
            title=str(told["title"]),
            text=text.decode(),
            digest=hashlib.sha256(b"%d\n" % len(text) + text + machine).hexdigest(),
            published=told["published"],
            grace=timedelta(days=int(told["grace_days"])),
            changes=str(told.get("changes", "")),
        )
    except (OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise SetupError(f"the terms `{stem}` cannot be read: {error}", remedy=remedy) from None
    if (
        stem != f"{document.name}-{document.version_text}"
        or type(document.published) is not date
        or not timedelta() <= document.grace <= _LONGEST_GRACE
        or not document.text.strip()
        or len(text) > _MAX_TEXT_BYTES
    ):
        raise SetupError(f"the terms `{stem}` do not say what their name says", remedy=remedy)
    return document
