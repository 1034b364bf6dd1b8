"""Doing an import: photos are sent side by side, and what became of each is written down as it comes in.

It may be killed at any moment, as may the server and its database. What the ledger has no verdict for is sent
again, and the server answers the same call alike: no photo is enrolled twice, and none is left out.
"""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from countenance.errors import SetupError
from countenance.importing.hands import Hands
from countenance.importing.ledger import Ledger
from countenance.importing.order import Order
from countenance.importing.photos import NotSent, PhotoFile, load_photo_file
from countenance.importing.records import Item, Other, Outcome, Progress, Run, RunState, Verdict
from countenance.importing.server import Busy, Refused, Server, Unreachable
from countenance.store import StoreUnavailable

_BATCH: Final = 256
"""Photos that are listed at once, and the most outcomes that are written at once."""
_WRITE_EVERY_S: Final = 0.5
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0
_ENDING_S: Final = 3.0
"""How long calls under way are waited for once a stop is asked for."""
_TRIES_OF_A_PHOTO: Final = 8
"""Failures of a server that answers other calls, before a photo is told as one that it fails at."""
_VERDICT_OF: Final[Mapping[str, Verdict]] = {
    "InvalidImageFormatException": Verdict.BROKEN,
    "ImageTooLargeException": Verdict.TOO_LARGE,
    "RequestEntityTooLargeException": Verdict.TOO_LARGE,
}


class Paused(Exception):
    """The import cannot go on now: why, in words."""


class Stopped(Exception):
    """The import was asked to stop."""


@dataclass(slots=True)
class Work:
    """What an import works with.

    Attributes:
        at_once: photos that are under way.
        patience_s: how long nobody may answer before the import is paused.
        report: told of the progress now and then.
        is_stopping: asked every second or so.
    """

    ledger: Ledger
    server: Server
    at_once: int
    report: Callable[[Progress], None]
    is_stopping: Callable[[], bool]
    patience_s: float = 600.0
    pause: Callable[[float], None] = time.sleep
    ending: threading.Event = field(default_factory=threading.Event)


def run_import(run: Run, work: Work) -> RunState:
    """Bring what the ledger has no verdict for; where the import stands then.

    PAUSED with the reason in the ledger when it cannot go on; RUNNING when it was asked to stop.

    Raises:
        SetupError: another process is at it.
        StoreUnavailable: the ledger could not be written for as long as there was patience.
    """
    began_s = time.monotonic()
    with work.ledger.held(run.import_id) as is_ours:
        if not is_ours:
            raise SetupError(
                f"another process is at import `{run.import_id}`",
                remedy="watch it with `countenance import --follow`",
            )
        work.ledger.change(run.import_id, RunState.RUNNING, from_states=(RunState.RUNNING, RunState.PAUSED))
        problem, state = "", RunState.FINISHED
        try:
            _bring_all(run, work)
        except Stopped:
            state = RunState.RUNNING
        except Paused as paused:
            state, problem = RunState.PAUSED, str(paused)
        worked_s = time.monotonic() - began_s

        def end() -> None:
            work.ledger.change(
                run.import_id, state, from_states=[RunState.RUNNING], problem=problem, worked_s=worked_s
            )

        _patiently(end, work)
        now = work.ledger.state(run.import_id)
        return state if now is None else now


def _bring_all(run: Run, work: Work) -> None:
    """
    Raises:
        Paused, Stopped, StoreUnavailable
    """
    known = _Known(run, work.ledger) if run.request.is_dry else None
    books = _Books(run, work)
    order = Order(_to_do(run, work))
    with Hands(work.at_once) as hands:
        under_way: set[Future[Outcome]] = set()
        try:
            while True:
                while len(under_way) < 2 * work.at_once and not _is_ending(work):
                    item = order.take()
                    if item is None:
                        break
                    under_way.add(hands.submit(_bring, item, run, work, known))
                if not under_way or _is_ending(work):
                    break
                done, under_way = wait(under_way, timeout=_WRITE_EVERY_S, return_when=FIRST_COMPLETED)
                for outcome in books.add(done):
                    order.ended(outcome)
        finally:
            # What was answered is written, whatever ends the rest; what was not is asked for again.
            work.ending.set()
            books.add(_await_last(under_way, work))
            books.write()
    if books.problem is not None:
        raise books.problem
    if not books.is_complete():
        raise Stopped


def _await_last(under_way: set[Future[Outcome]], work: Work) -> set[Future[Outcome]]:
    """Those that have ended: all of them, or, where a stop is asked for, what does within a few seconds.

    The others are left: the same call again is answered alike.
    """
    ended: set[Future[Outcome]] = set()
    deadline_s: float | None = None
    while under_way:
        done, under_way = wait(under_way, timeout=_WRITE_EVERY_S, return_when=FIRST_COMPLETED)
        ended |= done
        if deadline_s is None and work.is_stopping():
            deadline_s = time.monotonic() + _ENDING_S
            under_way = {future for future in under_way if not future.cancel()}
        if deadline_s is not None and time.monotonic() > deadline_s:
            break
    return ended


class _Books:
    """What became of photos, written in batches; and the first reason why the import cannot go on."""

    def __init__(self, run: Run, work: Work) -> None:
        self._run, self._work = run, work
        progress = work.ledger.progress(run.import_id)
        self._total, self._counts = progress.total, dict(progress.counts)
        self._unwritten: list[Outcome] = []
        self._written_s = time.monotonic()
        self.problem: BaseException | None = None

    def add(self, done: Iterable[Future[Outcome]]) -> list[Outcome]:
        """Those that have an outcome."""
        outcomes = []
        for future in done:
            error = future.exception()
            if error is None:
                outcomes.append(future.result())
            elif self.problem is None or isinstance(self.problem, Stopped):
                self.problem = error
                self._work.ending.set()
        self._unwritten += outcomes
        if len(self._unwritten) >= _BATCH or time.monotonic() - self._written_s >= _WRITE_EVERY_S:
            self.write()
        return outcomes

    def write(self) -> None:
        self._written_s = time.monotonic()
        if not self._unwritten:
            return
        outcomes = self._unwritten
        _patiently(lambda: self._work.ledger.save(self._run.import_id, outcomes), self._work)
        self._unwritten = []
        for each in outcomes:
            self._counts[each.verdict] = self._counts.get(each.verdict, 0) + 1
        self._work.report(Progress(self._total, dict(self._counts)))

    def is_complete(self) -> bool:
        return sum(self._counts.values()) == self._total


def _is_ending(work: Work) -> bool:
    """Whether no more is to be begun."""
    if not work.ending.is_set() and work.is_stopping():
        work.ending.set()
    return work.ending.is_set()


def _to_do(run: Run, work: Work) -> Iterator[Item]:
    after = 0
    while True:
        # Seen once a batch: an import that is being taken back brings nothing more.
        state, batch = _patiently(
            lambda after=after: (  # type: ignore[misc]  # bound here
                work.ledger.state(run.import_id),
                work.ledger.to_do(run.import_id, after=after, limit=_BATCH),
            ),
            work,
        )
        if state is not RunState.RUNNING:
            raise Stopped
        if not batch:
            return
        yield from batch
        after = batch[-1].number


def _patiently(do: Callable[[], Any], work: Work) -> Any:
    """What the ledger answers; waits for its database to be there again."""
    since_s, pause_s = time.monotonic(), _FIRST_PAUSE_S
    while True:
        try:
            return do()
        except StoreUnavailable:
            if time.monotonic() - since_s > work.patience_s or work.is_stopping():
                raise
        pause_s = _pause(work, pause_s)


def _bring(item: Item, run: Run, work: Work, known: _Known | None) -> Outcome:
    """What became of one photo.

    Raises:
        Paused, Stopped
    """
    try:
        photo = load_photo_file(Path(run.request.root), item.wanted.path)
    except NotSent as error:
        return Outcome(item.number, error.verdict, detail=error.detail, sha256=error.sha256)
    if known is not None and (twin := known.twin_of(photo, item)) is not None:
        return twin
    detail = " ".join(filter(None, (item.wanted.detail, photo.note)))
    try:
        answer = _send(_members(item, photo, run), work)
    except Refused as error:
        verdict = _VERDICT_OF.get(error.code, Verdict.REFUSED)
        told = "" if verdict is not Verdict.REFUSED else str(error)
        return Outcome(
            item.number, verdict, detail=" ".join(filter(None, (detail, told))), sha256=photo.sha256
        )
    except _Failed as error:
        return Outcome(item.number, Verdict.FAILED, detail=str(error), sha256=photo.sha256)
    outcome = _to_outcome(item, answer, detail=detail, sha256=photo.sha256)
    if known is not None:
        known.add(outcome, item)
    return outcome


class _Failed(Exception):
    """The server answers other calls and failed at this one, again and again."""


def _send(members: Mapping[str, Any], work: Work) -> Mapping[str, Any]:
    """The server's answer; waits where it is busy, or gone for a while.

    Raises:
        Refused: the photo is what it refuses.
        Paused: it refuses the import, or nobody has answered for as long as there was patience.
        Stopped, _Failed
    """
    since_s, pause_s, failures = time.monotonic(), _FIRST_PAUSE_S, 0
    while True:
        try:
            return work.server.call("import_face", **members)
        except Busy:
            since_s = time.monotonic()  # somebody is there
        except Unreachable as error:
            if time.monotonic() - since_s > work.patience_s:
                raise Paused(str(error)) from None
            failures += 1
            if failures >= _TRIES_OF_A_PHOTO and error.is_there and _answers(members, work):
                raise _Failed(str(error)) from None
            _find_again(work)
        except Refused as error:
            if error.is_of_the_photo:
                raise
            raise Paused(str(error)) from None
        if work.ending.is_set() or work.is_stopping():
            raise Stopped
        pause_s = _pause(work, pause_s)


def _answers(members: Mapping[str, Any], work: Work) -> bool:
    """Whether the server is well but for this photo: it reads its database, and records."""
    try:
        work.server.call("describe_charter", CollectionId=members["CollectionId"])
    except (Busy, Unreachable):
        return False
    except Refused as error:
        raise Paused(str(error)) from None
    return True


def _find_again(work: Work) -> None:
    try:
        work.server.find()
    except SetupError:
        return  # it is being written anew; asked again after the next pause


def _pause(work: Work, pause_s: float) -> float:
    """Wait for about so long; how long to wait next."""
    work.pause(pause_s * random.uniform(0.5, 1.5))  # noqa: S311  # that not all come back at once
    return min(pause_s * 2, _LONGEST_PAUSE_S)


def _members(item: Item, photo: PhotoFile, run: Run) -> dict[str, Any]:
    wanted, request = item.wanted, run.request
    members: dict[str, Any] = {
        "CollectionId": run.collection,
        "Image": {"Bytes": photo.data},
        "ExternalImageId": wanted.external_image_id,
        "ImportId": str(run.import_id),
        "ImportItem": item.number,
        "QualityFilter": request.quality,
        "AcceptLookAlikes": request.accepts_look_alikes,
        "DryRun": request.is_dry,
    }
    if wanted.user_id is not None:
        members["UserId"] = wanted.user_id
    if request.threshold is not None:
        members["FaceMatchThreshold"] = request.threshold
    if wanted.box is not None:
        members["BoundingBox"] = dict(zip(("Left", "Top", "Width", "Height"), wanted.box, strict=True))
    return members


def _to_outcome(item: Item, answer: Mapping[str, Any], *, detail: str, sha256: bytes) -> Outcome:
    face = next((record["Face"] for record in answer["FaceRecords"]), None)
    other = next(iter(answer["FaceMatches"]), None)
    return Outcome(
        item=item.number,
        verdict=Verdict(answer["Verdict"]),
        reasons=tuple(answer["Reasons"]),
        detail="; ".join(filter(None, (detail, answer.get("Sign", {}).get("Sentence", "")))),
        faces_found=answer["FacesFound"],
        face_id=None if face is None else uuid.UUID(face["FaceId"]),
        user_created=answer["UserCreated"],
        other=None if other is None else _to_other(other),
        sha256=sha256,
    )


def _to_other(match: Mapping[str, Any]) -> Other:
    face = match["Face"]
    return Other(
        uuid.UUID(face["FaceId"]), face.get("ExternalImageId"), face.get("UserId"), float(match["Similarity"])
    )


class _Known:
    """Files that a dry run would have enrolled: the server has none of them, and cannot tell a copy.

    Thread-safe. Of two copies that are sent at once neither is known of the other yet.
    """

    def __init__(self, run: Run, ledger: Ledger) -> None:
        self._lock = threading.Lock()
        self._people = {
            digest: user_id or name for digest, name, user_id in ledger.enrolled_digests(run.import_id)
        }

    def twin_of(self, photo: PhotoFile, item: Item) -> Outcome | None:
        with self._lock:
            person = self._people.get(photo.sha256)
        if person is None:
            return None
        is_own = person == (item.wanted.user_id or item.wanted.external_image_id)
        return Outcome(
            item.number,
            Verdict.DUPLICATE if is_own else Verdict.LOOKS_LIKE_ANOTHER,
            reasons=("SAME_PHOTO",),
            detail=f"the same file is another photo of {person} here",
            sha256=photo.sha256,
        )

    def add(self, outcome: Outcome, item: Item) -> None:
        if outcome.verdict is Verdict.ENROLLED and outcome.sha256 is not None:
            with self._lock:
                person = item.wanted.user_id or item.wanted.external_image_id
                self._people.setdefault(outcome.sha256, person)
