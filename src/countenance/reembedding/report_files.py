"""The report of who would change: as text for people, as CSV for tables, as JSON for programs.

It names people as the collection does. It is for its operator: nothing of it goes into any log.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from countenance.reembedding.differences import Differences, PairChange

_SHOWN: Final = 10
COLUMNS: Final = (
    "what",
    "change",
    "kind",
    "one",
    "other",
    "one_user",
    "other_user",
    "one_name",
    "other_name",
    "similarity_before",
    "similarity_after",
)


def to_text(found: Differences) -> str:
    """A page, with the first few of each list."""
    return "\n".join(_lines(found)) + "\n"


def to_csv(found: Differences) -> str:
    """A row for each difference; members that a kind of row has not are empty."""
    file = io.StringIO()
    table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(_rows(found))
    return file.getvalue()


def to_json(found: Differences) -> dict[str, Any]:
    """Everything, as plain values."""
    plain = asdict(found) | {"is_exact": found.is_exact, "is_whole": found.is_whole}
    plain["pairs"] = [
        {"kind": kind, "what": what, "pairs": count} for (kind, what), count in sorted(found.pairs.items())
    ]
    # Counters are no plain values, and `asdict` takes them apart.
    return plain | {"best": dict(found.best), "user_pairs": dict(found.user_pairs)}


def _lines(found: Differences) -> Iterator[str]:
    yield f"From face model {found.from_version} to {found.to_version}, at similarity {found.threshold:g}"
    how = (
        "each with every other"
        if found.is_exact
        else f"a random sample of {found.probes:,} with every other; counts are of the sample"
    )
    yield f"{found.faces:,} faces compared, {how}; {found.users:,} users"
    if found.unembedded:
        yield f"{found.unembedded:,} faces have no template of {found.to_version}: no search would find them"
    yield ""
    yield f"{'pairs of faces that match':28}{'both':>10}{'no more':>10}{'newly':>10}"
    for kind in ("same person", "different people", "not known"):
        counts = [found.pairs[kind, what] for what in ("both", "stops", "begins")]
        yield f"  {kind:26}" + "".join(f"{count:>10,}" for count in counts)
    counts = [found.user_pairs[what] for what in ("both", "stops", "begins")]
    yield f"  {'users with one another':26}" + "".join(f"{count:>10,}" for count in counts)
    yield ""
    yield "best candidate of a face: " + ", ".join(
        f"{found.best[change]:,} {change}"
        for change in ("same", "another face", "another person", "found", "lost", "none")
    )
    yield from _people(found)
    if not found.is_whole:
        yield "lists are cut short; counts are not"


def _people(found: Differences) -> Iterator[str]:
    worse = [each for each in found.user_changes if each.matching_after < each.matching_before]
    if worse:
        yield ""
        yield "whose own faces match one another less:"
        for each in worse[:_SHOWN]:
            told = f"{each.matching_before} of {each.pairs} pairs, then {each.matching_after}"
            yield f"  {each.user_id}: {told}"
        yield from _more(len(worse))
    for kind, change, title in (
        ("different people", "begins", "different people that begin to match:"),
        ("not known", "begins", "faces of nobody in particular that begin to match:"),
        ("not known", "stops", "faces of nobody in particular that match no more:"),
    ):
        pairs = [each for each in found.face_changes if (each.kind, each.change) == (kind, change)]
        if pairs:
            yield ""
            yield title
            yield from (f"  {_pair(each)}" for each in pairs[:_SHOWN])
            yield from _more(len(pairs))


def _pair(each: PairChange) -> str:
    one = each.one_user or each.one_name or each.one
    other = each.other_user or each.other_name or each.other
    return f"{one} and {other}: {each.before:.2f}, then {each.after:.2f}"


def _more(count: int) -> Iterator[str]:
    if count > _SHOWN:
        yield f"  and {count - _SHOWN:,} more: see --csv or --json"


def _rows(found: Differences) -> Iterator[dict[str, Any]]:
    for what, changes in (("faces", found.face_changes), ("users", found.user_pair_changes)):
        for each in changes:
            row = {name: value for name, value in asdict(each).items() if name in COLUMNS}
            yield row | {"what": what, "similarity_before": each.before, "similarity_after": each.after}
    for best in found.best_changes:
        yield {
            "what": "best candidate",
            "change": best.change,
            "one": best.face_id,
            "one_user": best.user_id,
            "one_name": best.name,
            "other": f"{best.before or '-'} / {best.after or '-'}",
            "similarity_before": best.similarity_before,
            "similarity_after": best.similarity_after,
        }
