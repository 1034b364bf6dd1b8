"""Taking an import back: the faces that it enrolled, and the users that it made and that are empty."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from countenance.errors import SetupError
from countenance.importing.ledger import Ledger
from countenance.importing.records import Run, RunState
from countenance.importing.server import Busy, Refused, Server, Unreachable

_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class TakenBack:
    """How many faces and users were deleted."""

    faces: int
    users: int


def undo_import(
    run: Run, ledger: Ledger, server: Server, *, report: Callable[[int], None] = lambda _faces: None
) -> TakenBack:
    """Take it back; interrupted, the same call again goes on.

    Raises:
        SetupError: the server does not answer, refuses, or another process does not let go of the import.
    """
    if not run.request.is_dry:
        ledger.change(run.import_id, RunState.UNDOING, from_states=list(RunState))
    _await_idle(run, ledger)
    faces = users = 0
    is_complete = run.request.is_dry
    while not is_complete:
        answer = _ask(server, run)
        deleted = [uuid.UUID(face_id) for face_id in answer["DeletedFaces"]]
        ledger.take_back(run.import_id, deleted)
        faces, users = faces + len(deleted), users + len(answer["DeletedUsers"])
        # Nothing comes behind it: a call that is under way still is refused by the server.
        is_complete = answer["IsComplete"]
        report(faces)
    ledger.take_back(run.import_id, None)  # what somebody else had deleted before
    ledger.change(run.import_id, RunState.UNDONE, from_states=list(RunState))
    return TakenBack(faces, users)


def _await_idle(run: Run, ledger: Ledger) -> None:
    """Until nobody brings photos of it any more: importers see that it is being taken back."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while True:
        with ledger.held(run.import_id) as is_ours:
            if is_ours:
                return
        if time.monotonic() > deadline_s:
            raise SetupError(
                f"another process is still at import `{run.import_id}`",
                remedy="end it, then take the import back again",
            )
        time.sleep(0.2)


def _ask(server: Server, run: Run) -> Mapping[str, Any]:
    deadline_s, pause_s = time.monotonic() + _PATIENCE_S, 0.1
    while True:
        try:
            return server.call("undo_import", CollectionId=run.collection, ImportId=str(run.import_id))
        except Refused as error:
            if error.code == "ResourceNotFoundException":  # the collection is gone, and all with it
                return {"DeletedFaces": [], "DeletedUsers": [], "IsComplete": True}
            raise SetupError(f"the server refuses: {error}", remedy="see what it says") from None
        except (Busy, Unreachable) as error:
            if time.monotonic() > deadline_s:
                raise SetupError(
                    str(error), remedy="start it with `countenance serve`, then take the import back again"
                ) from None
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 5.0)
        server.find()
