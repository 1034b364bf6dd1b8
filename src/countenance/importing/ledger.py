"""The ledger of imports: what each photo became, durable before anybody is told."""

from __future__ import annotations

import json
import uuid
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from countenance.errors import SetupError
from countenance.importing.records import (
    Item,
    Other,
    Outcome,
    Progress,
    Request,
    Run,
    RunState,
    Told,
    Verdict,
    Wanted,
    to_members,
)
from countenance.store import BROKEN, Connection, Database, load_queries

QUERIES = load_queries("countenance.importing", "queries.sql")
SETTLED = (RunState.PAUSED, RunState.FINISHED, RunState.UNDONE)


class Ledger:
    """Of one database. Thread-safe; what a method wrote is durable when it returns.

    Raises:
        StoreUnavailable: from every method, when the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, *, account_id: str, collection: str, request: Request, photos: Iterable[Wanted]) -> Run:
        """A new import with all its photos, or nothing of it."""
        import_id = uuid.uuid4()
        values = {
            "import_id": import_id,
            "account_id": account_id,
            "collection": collection,
            "request": json.dumps(to_members(request)),
        }
        with self._database.transaction() as connection:
            connection.execute(QUERIES["begin"], values)
            with connection.cursor() as cursor, cursor.copy(QUERIES["add_items"]) as copy:
                for number, each in enumerate(photos, start=1):
                    box = None if each.box is None else list(each.box)
                    copy.write_row((
                        *(import_id, number, each.path, each.external_image_id, each.user_id, box),
                        *(each.verdict and each.verdict.value, each.detail),
                    ))  # fmt: skip
        return self.require(import_id)

    def runs(self) -> list[Run]:
        """All imports, the newest first."""
        with self._database.read() as connection:
            rows = connection.execute(QUERIES["list_runs"], {"import_id": None}).fetchall()
        return [_to_run(row) for row in rows]

    def require(self, import_id: uuid.UUID) -> Run:
        """
        Raises:
            SetupError: there is none of that id.
        """
        with self._database.read() as connection:
            row = connection.execute(QUERIES["list_runs"], {"import_id": import_id}).fetchone()
        if row is None:
            raise SetupError(f"there is no import `{import_id}`", remedy="see `countenance import --list`")
        return _to_run(row)

    def progress(self, import_id: uuid.UUID) -> Progress:
        """How far it is now."""
        with self._database.read() as connection:
            rows = connection.execute(QUERIES["progress"], {"import_id": import_id}).fetchall()
        counts = {Verdict(verdict): count for verdict, count in rows if verdict is not None}
        return Progress(
            sum(count for _, count in rows), {each: counts[each] for each in Verdict if each in counts}
        )

    def to_do(self, import_id: uuid.UUID, *, after: int, limit: int) -> list[Item]:
        """Photos without a verdict, behind the number `after`."""
        values = {"import_id": import_id, "after": after, "limit": limit}
        with self._database.read() as connection:
            rows = connection.execute(QUERIES["list_to_do"], values).fetchall()
        return [
            Item(number, Wanted(path, name, user_id, None if box is None else tuple(box), detail))
            for number, path, name, user_id, box, detail in rows
        ]

    def save(self, import_id: uuid.UUID, outcomes: Sequence[Outcome]) -> None:
        """Write what became of photos; one that has a verdict keeps it.

        Without names where the face that a photo was judged by has been erased since.
        """
        others = {each.other.face_id for each in outcomes if each.other is not None}
        with self._database.transaction() as connection:
            there = set()
            if others:
                asked = {"import_id": import_id, "face_ids": sorted(others)}
                there = {row[0] for row in connection.execute(QUERIES["hold_others"], asked)}
            kept = [_without_erased(each, there) for each in outcomes]
            values = _columns(import_id, kept)
            values["nameless"] = [
                each.other is not None and each.other.face_id not in there and each.face_id is None
                for each in kept
            ]
            connection.execute(QUERIES["hold_items"], values)
            connection.execute(QUERIES["save_outcomes"], values)

    def change(
        self,
        import_id: uuid.UUID,
        state: RunState,
        *,
        from_states: Iterable[RunState],
        problem: str = "",
        worked_s: float = 0.0,
    ) -> bool:
        """Whether it was in one of these states, and is in `state` now."""
        values = {
            "import_id": import_id,
            "state": state.value,
            "problem": problem,
            "worked_s": worked_s,
            "from_states": [each.value for each in from_states],
        }
        with self._database.read() as connection:
            return connection.execute(QUERIES["change_state"], values).rowcount > 0

    def state(self, import_id: uuid.UUID) -> RunState | None:
        """Where it stands now; None for one that was forgotten."""
        with self._database.read() as connection:
            row = connection.execute(QUERIES["read_state"], {"import_id": import_id}).fetchone()
        return None if row is None else RunState(row[0])

    def told(self, import_id: uuid.UUID) -> Iterator[Told]:
        """All its photos in order, with what became of them, as of one moment."""
        with (
            self._database.transaction() as connection,
            connection.cursor(name="import_items") as cursor,
        ):
            cursor.itersize = 2_000
            cursor.execute(QUERIES["tell"], {"import_id": import_id})
            for row in cursor:
                yield _to_told(row)

    def enrolled_digests(self, import_id: uuid.UUID) -> list[tuple[bytes, str, str | None]]:
        """SHA-256 of files that were enrolled, with their ids."""
        with self._database.read() as connection:
            rows = connection.execute(QUERIES["list_enrolled_digests"], {"import_id": import_id}).fetchall()
        return [(bytes(digest), name, user_id) for digest, name, user_id in rows]

    def examples(self, import_id: uuid.UUID, *, most: int) -> dict[Verdict, list[tuple[str, str]]]:
        """The first few photos of each verdict: path and detail."""
        with self._database.read() as connection:
            rows = connection.execute(QUERIES["examples"], {"import_id": import_id, "most": most}).fetchall()
        found: dict[Verdict, list[tuple[str, str]]] = {}
        for verdict, path, detail in rows:
            found.setdefault(Verdict(verdict), []).append((path, detail))
        return found

    def take_back(self, import_id: uuid.UUID, face_ids: Sequence[uuid.UUID] | None) -> None:
        """Note that these faces were deleted; None for all that were left."""
        query = "take_back_rest" if face_ids is None else "take_back"
        with self._database.read() as connection:
            connection.execute(QUERIES[query], {"import_id": import_id, "face_ids": list(face_ids or ())})

    def forget(self, import_id: uuid.UUID) -> bool:
        """Delete all that the ledger has of an import that is over; whether it had it."""
        values = {"import_id": import_id, "from_states": [state.value for state in SETTLED]}
        with self._database.read() as connection:
            return connection.execute(QUERIES["forget"], values).rowcount > 0

    @contextmanager
    def held(self, import_id: uuid.UUID) -> Iterator[bool]:
        """Whether nobody else is at this import, for as long as the context lasts: a connection is held."""
        with self._database.read() as connection:
            row = connection.execute(QUERIES["hold_run"], {"import_id": import_id}).fetchone()
            is_ours = bool(row and row[0])
            try:
                yield is_ours
            finally:
                if is_ours and not connection.broken:
                    _let_go(connection, import_id)

    def note_thumbnails(self, import_id: uuid.UUID, folder: Path, until: datetime) -> None:
        """Thumbnails of the import's photos are there, and are to go then."""
        values = {"import_id": import_id, "folder": str(folder), "until": until}
        with self._database.read() as connection:
            connection.execute(QUERIES["note_thumbnails"], values)

    def old_thumbnails(self) -> list[tuple[uuid.UUID, Path]]:
        """Imports whose thumbnails are to go, and where they are."""
        with self._database.read() as connection:
            rows = connection.execute(QUERIES["list_old_thumbnails"]).fetchall()
        return [(import_id, Path(folder)) for import_id, folder in rows]

    def forget_thumbnails(self, import_id: uuid.UUID) -> None:
        """They are gone."""
        with self._database.read() as connection:
            connection.execute(QUERIES["forget_thumbnails"], {"import_id": import_id})


def _without_erased(outcome: Outcome, there: Container[uuid.UUID]) -> Outcome:
    """Nothing that names who was erased: ids, a verdict and a figure are left."""
    other = outcome.other
    if other is None or other.face_id in there:
        return outcome
    nameless = replace(outcome, other=replace(other, external_image_id=None, user_id=None))
    return nameless if outcome.face_id is not None else replace(nameless, detail="", sha256=None)


def _columns(import_id: uuid.UUID, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    others = [each.other for each in outcomes]
    return {
        "import_id": import_id,
        "items": [each.item for each in outcomes],
        "verdicts": [each.verdict.value for each in outcomes],
        "reasons": [" ".join(each.reasons) for each in outcomes],
        "details": [each.detail for each in outcomes],
        "faces_found": [each.faces_found for each in outcomes],
        "face_ids": [each.face_id for each in outcomes],
        "users_created": [each.user_created for each in outcomes],
        "other_face_ids": [other and other.face_id for other in others],
        "other_external_image_ids": [other and other.external_image_id for other in others],
        "other_user_ids": [other and other.user_id for other in others],
        "similarities": [other and other.similarity for other in others],
        "digests": [each.sha256 for each in outcomes],
    }


def _let_go(connection: Connection, import_id: uuid.UUID) -> None:
    with suppress(*BROKEN):  # with the connection the hold is gone
        connection.execute(QUERIES["let_go_of_run"], {"import_id": import_id})


def _to_run(row: Sequence[Any]) -> Run:
    import_id, account_id, collection, request, state, *rest = row
    return Run(import_id, account_id, collection, Request(**request), RunState(state), *rest)


def _to_told(row: Sequence[Any]) -> Told:
    number, path, name, user_id, box, verdict, reasons, detail, found, face_id, created, *other = row
    wanted = Wanted(path, name, user_id, None if box is None else tuple(box))
    if verdict is None:
        return Told(wanted, None, number)
    other_face_id, other_name, other_user, similarity, digest = other
    outcome = Outcome(
        item=number,
        verdict=Verdict(verdict),
        reasons=tuple(reasons),
        detail=detail,
        faces_found=found,
        face_id=face_id,
        user_created=created,
        other=None
        if other_face_id is None
        else Other(other_face_id, other_name, other_user, float(similarity)),
        sha256=None if digest is None else bytes(digest),
    )
    return Told(wanted, outcome, number)
