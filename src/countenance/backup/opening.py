"""Opens all that is sealed of faces: templates in use, those of another model beside them, pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from countenance.gallery import Collection
from countenance.gallery.seal import BrokenSeal, TemplateSeal
from countenance.gallery.two_models import TwoModels, read_models
from countenance.store import Connection, Database, KeyMissing, KeyStore, load_queries
from countenance.store.table_dump import one_snapshot

_QUERIES = load_queries("countenance.backup", "queries.sql")
_ROWS_AT_ONCE: Final = 2_048
_NAMED: Final = 100

_Row = tuple[Any, ...]
"""Face, generation of the key, what is sealed; of a template also the slot of its model."""


@dataclass(slots=True)
class Opened:
    """What opened, and what did not.

    Attributes:
        templates: faces' own that opened.
        other_templates: that opened, of faces that have a second one, of another model.
        crops: that opened.
        broken_templates: of both kinds.
        broken: faces of which something does not open, by id: no more than a hundred of them.
    """

    templates: int = 0
    other_templates: int = 0
    crops: int = 0
    broken_templates: int = 0
    broken_crops: int = 0
    broken: list[str] = field(default_factory=list)

    def note(self, broken: Sequence[str]) -> int:
        """Keep the first of them; how many they are."""
        new = [face_id for face_id in broken if face_id not in self.broken]
        self.broken += new[: _NAMED - len(self.broken)]
        return len(broken)


def open_all(database: Database, keys: KeyStore, *, tell: Callable[[int], None]) -> Opened:
    """Open everything, each with the seal that it was made with.

    Args:
        tell: told how many faces are done.
    """
    opened = Opened()
    with one_snapshot(database) as connection:
        for row in connection.execute(_QUERIES["list_collections"]).fetchall():
            models = read_models(connection, Collection(*row))
            seals = _Seals(models, keys)
            for rows in _batches(connection, "read_faces", models):
                broken = opened.note(seals.broken_templates(rows))
                opened.broken_templates += broken
                opened.templates += len(rows) - broken
                tell(len(rows))
            for rows in _batches(connection, "read_shadow_templates", models):
                broken = opened.note(seals.broken_templates(rows))
                opened.broken_templates += broken
                opened.other_templates += len(rows) - broken
            for rows in _batches(connection, "read_crops", models):
                broken = opened.note(seals.broken_crops(rows))
                opened.broken_crops += broken
                opened.crops += len(rows) - broken
    return opened


def _batches(connection: Connection, query: str, models: TwoModels) -> Iterator[list[_Row]]:
    with connection.cursor(name=query, binary=True) as cursor:
        cursor.execute(_QUERIES[query], {"collection_id": models.collection.collection_id})
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            yield rows


class _Seals:
    """Of one collection: of each of its models, and of its pictures."""

    def __init__(self, models: TwoModels, keys: KeyStore) -> None:
        self._of_slot = [_template_seal(models, slot, keys) for slot in (0, 1)]
        self._of_crops = models.crop_seal(keys)

    def broken_templates(self, rows: Sequence[_Row]) -> list[str]:
        """The faces whose templates do not open, by id."""
        broken: list[str] = []
        for slot, part in groupby(sorted(rows, key=_slot_of), key=_slot_of):
            broken += _broken_templates(self._of_slot[slot], [row[:3] for row in part])
        return broken

    def broken_crops(self, rows: Sequence[_Row]) -> list[str]:
        """The faces whose pictures do not open, by id."""
        return [str(row[0]) for row in rows if not self._opens(row)]

    def _opens(self, row: _Row) -> bool:
        try:
            self._of_crops.unseal(*row)
        except (BrokenSeal, KeyMissing):
            return False
        return True


def _slot_of(row: _Row) -> int:
    return int(row[3])


def _template_seal(models: TwoModels, slot: int, keys: KeyStore) -> TemplateSeal | None:
    """None where nothing opens: the collection has no key, or no model there."""
    model = models.model_in(slot)
    try:
        return None if model is None else models.seal(model, keys)
    except KeyMissing:
        return None


def _broken_templates(seal: TemplateSeal | None, rows: Sequence[_Row]) -> list[str]:
    if seal is None:
        return [str(row[0]) for row in rows]
    try:
        _, places = seal.unseal_all(rows)
        return [str(rows[place][0]) for place in places]
    except KeyMissing:
        return [str(row[0]) for row in rows if not _opens(seal, row)]


def _opens(seal: TemplateSeal, row: _Row) -> bool:
    try:
        return not seal.unseal_all([row])[1]
    except KeyMissing:
        return False
