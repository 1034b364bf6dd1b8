"""Known label errors of a data set: listed with reasons, reported, left out where the protocol says so."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from countenance.errors import SetupError
from countenance.measuring.data_sets import DataSet
from countenance.measuring.pairs_files import read_text

ANY_DATA_SET: Final = "label_errors"
"""The table that holds for whatever data set the file is given with."""

_LONGEST_REASON: Final = 500
_MOST_ENTRIES: Final = 1000


@dataclass(frozen=True, slots=True)
class LabelErrors:
    """What is wrong with the labels of one data set.

    Attributes:
        doubles: pairs of names of one person, closed: with A = B and B = C also A = C. Sorted.
        wrong: paths of photos that show somebody else than they are labelled.
        reasons: (how many subjects or samples, why), one for each entry that holds here.
        elsewhere: entries that name nobody and nothing in this data set.
    """

    doubles: tuple[tuple[str, str], ...] = ()
    wrong: tuple[str, ...] = ()
    reasons: tuple[tuple[int, str], ...] = ()
    elsewhere: int = 0


def load_label_errors(file: Path, data: DataSet) -> LabelErrors:
    """The entries of a TOML file for this data set.

    Each is an array of tables named as the data set, as its name up to the first hyphen, or `label_errors`;
    an entry has `people = [A, B]` (one person under two names) or `samples = [PATH, …]` (photos of somebody
    else than their label says), and `reason`.

    Raises:
        SetupError: the file cannot be read, an entry is none, or none is for this data set.
    """
    entries = [_checked(file, place, entry) for place, entry in enumerate(_entries(file, data), 1)]
    known, files = set(data.people), set(data.files)
    names_of = _people([people for people, _, _ in entries if people])
    mentions = Counter(name for people, _, _ in entries for name in people)
    wrong: list[str] = []
    reasons: list[tuple[int, str]] = []
    for people, samples, reason in entries:
        told = known.intersection(people)
        is_link = all(name in known or mentions[name] > 1 for name in people)
        if told and is_link and len(known & names_of[people[0]]) > 1:
            reasons.append((len(told), reason))
        there = [path for path in samples if path in files]
        if there:
            wrong += there
            reasons.append((len(there), reason))
    doubles = {pair for names in names_of.values() for pair in combinations(sorted(names & known), 2)}
    return LabelErrors(
        tuple(sorted(doubles)), tuple(sorted(set(wrong))), tuple(reasons), len(entries) - len(reasons)
    )


def _people(stated: Sequence[Sequence[str]]) -> dict[str, set[str]]:
    """Of each name, all names that the stated pairs, one after another, say are of the same person.

    # INVARIANT: nobody is compared with themselves under a third name: that would count as a false match. It
    # holds also where the name between is of nobody in the data set.
    """
    names_of = {name: {name} for pair in stated for name in pair}
    for first, second in stated:
        joined = names_of[first] | names_of[second]
        names_of.update(dict.fromkeys(joined, joined))
    return names_of


def _entries(file: Path, data: DataSet) -> list[Any]:
    try:
        tables = tomllib.loads(read_text(file))
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"`{file}` is no TOML: {error}", remedy="see docs/operations/evaluate.md") from None
    names = dict.fromkeys((data.name, data.name.split("-")[0], ANY_DATA_SET))
    found = [tables[name] for name in names if name in tables]
    if not found or not all(isinstance(entries, list) for entries in found):
        raise SetupError(
            f"`{file}` lists no label errors of `{data.name}`",
            remedy=f"write each as a table [[{data.name}]] or [[{ANY_DATA_SET}]]",
        )
    listed = [entry for entries in found for entry in entries]
    if len(listed) > _MOST_ENTRIES:
        raise SetupError(
            f"`{file}` lists over {_MOST_ENTRIES} label errors", remedy="put photos of one reason together"
        )
    return listed


def _checked(file: Path, place: int, entry: Any) -> tuple[list[str], list[str], str]:
    """People, samples and reason of an entry."""
    stated = entry if isinstance(entry, dict) else {}
    people, samples, reason = stated.get("people", []), stated.get("samples", []), stated.get("reason", "")
    are_texts = all(
        isinstance(names, list) and all(isinstance(name, str) for name in names)
        for names in (people, samples)
    )
    one_kind = bool(people) != bool(samples) and set(stated) <= {"people", "samples", "reason"}
    if (
        not are_texts
        or not one_kind
        or (people and len(set(people)) != 2)
        or not isinstance(reason, str)
        or not 0 < len(reason) <= _LONGEST_REASON
    ):
        raise SetupError(
            f"`{file}`, entry {place}: no label error",
            remedy='write `people = ["A", "B"]` or `samples = ["path", …]`, and `reason = "…"`',
        )
    return people, samples, reason
