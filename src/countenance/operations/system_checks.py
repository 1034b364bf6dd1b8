"""What `countenance doctor` looks at, as far as a running server can be asked: how it is, and what to do.

Each check answers in words without a path, a secret or another account's figures; what is of the machine is
for officers alone, and stands in a list of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import countenance
from countenance.assurance.calibrations import Calibrations, left_behind
from countenance.audit.reconcile import last_reconciled
from countenance.audit.standing import Standing, read_standing
from countenance.backup.last_made import find_last_backup
from countenance.errors import CountenanceError
from countenance.operations.deps import Deps
from countenance.rights.requests import days_left
from countenance.store import load_queries
from countenance.store.jobs import JobState
from countenance.vision.attributes.description import ATTRIBUTES
from countenance.vision.pipeline_digest import pipeline_digest

_QUERIES = load_queries("countenance.operations", "house.sql")
State = Literal["ok", "note", "wrong"]
ORDER: Final[tuple[State, ...]] = ("ok", "note", "wrong")
_ROOM_WANTED_BYTES: Final = 2 * 1024**3
_GIB: Final = 1024**3
_STATEMENTS_READ: Final = 1_000
_MOST_PENDING: Final = 10_000
_SILENT: Final = timedelta(minutes=5)
_SIGNED_WITHIN: Final = timedelta(minutes=1)
_JOB_WAITS: Final = timedelta(minutes=10)
_BACKUP_OLD: Final = timedelta(days=7)
_RECONCILED_WITHIN: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; remedy is empty where nothing needs doing."""

    subject: str
    state: State
    message: str
    remedy: str = ""


def examine(deps: Deps) -> Iterator[Check]:
    """Every check that the caller may see. What cannot be looked at is wrong, and no reason to stop.

    Each reads on a connection of its own and gives it back: the call's own transaction is not open yet.
    """
    with deps.house.database.read() as connection:
        standing = read_standing(connection, newest=_STATEMENTS_READ, most_pending=_MOST_PENDING)
    checks: list[tuple[str, Callable[[Deps], Check]]] = [
        ("server", _server),
        ("audit log", lambda _: _log(standing)),
        ("witnesses", lambda _: _witnesses(standing)),
        ("jobs", _jobs),
        ("models", _models),
        ("attributes", _attributes),
        ("rule packs", _packs),
        ("terms", _terms),
        ("people's requests", _requests),
    ]
    if deps.caller.officer is not None:
        checks += [
            ("database", _database),
            ("keys", _keys),
            ("disk", _disk),
            ("gallery memory", _gallery_memory),
            ("backups", _backups),
            ("erasures", _erasures),
            ("reconciliation", lambda asked: _reconciliation(asked, standing)),
            ("alarms", lambda _: _alarms(standing)),
            ("calibrations", _calibrations),
            ("officers", _officers),
        ]
    for subject, check in checks:
        try:
            yield check(deps)
        except (CountenanceError, OSError) as error:
            # the kind alone: a message may name a file
            yield Check(
                subject, "wrong", f"cannot be looked at: {type(error).__name__}", "countenance doctor"
            )


def _server(deps: Deps) -> Check:
    words = f"answers; version {countenance.__version__}"
    if deps.caller.officer is not None:
        words += f", {_count(deps.house.workers, 'worker process')} on this machine"
    return Check("server", "ok", words)


def _log(standing: Standing) -> Check:
    more = " or more" if standing.pending >= _MOST_PENDING else ""
    words = f"{standing.size} entries; {standing.pending}{more} wait for their place"
    if standing.oldest_pending is not None:
        words += f", the oldest for {_span(standing.age(standing.oldest_pending))}"
    signed = standing.signed
    if signed is not None:
        words += f"; signed {_span(standing.age(signed.at))} ago, at {signed.size}"
    if standing.behind:
        return Check("audit log", "wrong", f"{words}; {'; '.join(standing.behind)}", _SEQUENCER)
    is_late = standing.oldest_pending is not None and standing.age(standing.oldest_pending) > _SIGNED_WITHIN
    if is_late or (signed is None and standing.size):
        return Check("audit log", "note", words, _SEQUENCER)
    return Check("audit log", "ok", words)


_SEQUENCER: Final = "see that the sequencer runs and what it says on standard error; countenance audit status"


def _witnesses(standing: Standing) -> Check:
    if not standing.cosigned:
        return Check(
            "witnesses",
            "note",
            "nobody else has signed the log: its owner alone vouches for it",
            "have somebody run countenance witness run, and start the server with --witnesses",
        )
    told, late = [], []
    for vkey, reached in standing.cosigned.items():
        name, behind = vkey.partition("+")[0], standing.size - reached.size
        told.append(f"{name} {_span(standing.age(reached.at))} ago, {behind} entries behind")
        if behind and standing.age(reached.at) > _SILENT:
            late.append(name)
    words = f"last cosigned: {'; '.join(told)}"
    if late:
        return Check("witnesses", "note", words, f"ask whoever runs {', '.join(late)}")
    return Check("witnesses", "ok", words)


def _jobs(deps: Deps) -> Check:
    figures, runners = deps.house.jobs.figures(), deps.house.jobs.count_workers()
    if deps.caller.officer is None:
        words = "are run" if runners else "are not run: nothing is tidied up, imported or made final"
    else:
        counts = ", ".join(f"{count} {state}" for state, count in figures.counts.items() if count) or "none"
        words = f"{_count(runners, 'process')} for them; {counts}"
    if not runners:
        return Check("jobs", "wrong", words, "see what the server says of its jobs on standard error")
    now, oldest = datetime.now(UTC), figures.oldest_at
    if oldest is not None and now - datetime.fromtimestamp(oldest, UTC) > _JOB_WAITS:
        age = _span(now - datetime.fromtimestamp(oldest, UTC))
        return Check("jobs", "note", f"{words}; the oldest has waited for {age}", "countenance jobs list")
    if deps.caller.officer is not None and figures.counts[JobState.FAILED]:
        return Check("jobs", "note", words, "read why under Jobs; countenance jobs retry tries one again")
    return Check("jobs", "ok", words)


def _models(deps: Deps) -> Check:
    packs, default = deps.models.packs, deps.models.default.face_model_version
    listed = ", ".join(
        f"{name} ({version}{', default' if version == default else ''})" for version, name in packs.items()
    )
    return Check("models", "ok", f"loaded: {listed}")


def _attributes(deps: Deps) -> Check:
    missing = sorted(ATTRIBUTES - deps.analyst.supported)
    if not missing:
        return Check("attributes", "ok", "all can be read")
    return Check(
        "attributes",
        "note",
        f"not read here, and absent from answers: {', '.join(missing)}",
        "docs/models/attributes.md says which files are missing",
    )


def _packs(deps: Deps) -> Check:
    engine = deps.policies.engine(deps.packs.epoch(), datetime.now(UTC).date())
    if not engine.activations:
        return Check("rule packs", "ok", "in use: none")
    told = ", ".join(
        f"{name} (legal review: {engine.packs[name].manifest.legal_review})"
        for name in sorted(engine.activations)
    )
    return Check("rule packs", "ok", f"in use: {told}")


def _terms(deps: Deps) -> Check:
    governance = deps.governance
    accepted = (each.plain() for each in governance.acceptances.list(deps.caller.account_id))
    standard = governance.terms.judge(accepted, now=datetime.now(UTC), first_seen=governance.facts.first_seen)
    if not standard.wanted:
        return Check("terms", "ok", "accepted by your account")
    names = ", ".join(map(str, standard.wanted))
    return Check(
        "terms", "wrong", f"your account has not accepted {names}: its calls are refused", "AcceptTerms"
    )


def _requests(deps: Deps) -> Check:
    """Of people about their own faces: nobody else tells the account that one came over /people."""
    waiting = deps.rights.requests.list(deps.caller.account_id, status="open")
    if not waiting:
        return Check("people's requests", "ok", "none waits")
    late = sum(days_left(each) < 0 for each in waiting)
    words = f"{len(waiting)} of your account's wait; the first is due in {days_left(waiting[0])} days"
    remedy = "ListSubjectRequests, DecideSubjectRequest: docs/operations/people.md"
    if late:
        return Check("people's requests", "wrong", f"{len(waiting)} wait, and {late} are overdue", remedy)
    return Check("people's requests", "note", words, remedy)


def _database(deps: Deps) -> Check:
    with deps.house.database.read() as connection:
        row = connection.execute(_QUERIES["database_figures"]).fetchone()
    assert row is not None, "an aggregate always has a row"
    version, size, used, most = row
    words = f"PostgreSQL {version}, {_size(size)}, {used} of {most} connections in use"
    if used > most * 9 // 10:
        return Check("database", "note", words, "raise max_connections, or run fewer servers on it")
    return Check("database", "ok", words)


def _keys(deps: Deps) -> Check:
    """Whether a secret opens now: its file is there, and so is whatever holds the master key."""
    store = deps.audit.keys.store
    store.derive("system check")
    if len(store.ring.read().places) > 1:
        return Check(
            "keys", "note", "open; the master key is being replaced", "countenance keys says how far it is"
        )
    return Check("keys", "ok", "open")


def _disk(deps: Deps) -> Check:
    if deps.house.data_dir is None:
        return Check("disk", "note", "this server has no data directory")
    free = shutil.disk_usage(deps.house.data_dir).free
    words = f"{_size(free)} free where the data directory lies"
    if free < _ROOM_WANTED_BYTES:
        return Check("disk", "wrong", words, "free some space: PostgreSQL stops on a full disk")
    return Check("disk", "ok", words)


def _gallery_memory(deps: Deps) -> Check:
    if deps.house.gallery_bytes is None:
        return Check("gallery memory", "note", "is not counted here")
    held, most = deps.house.gallery_bytes()
    words = f"{_size(held)} of {_size(most)} taken by galleries"
    if held > most:
        return Check("gallery memory", "note", words, "give --gallery-bytes more, or spread collections")
    return Check("gallery memory", "ok", words)


def _backups(deps: Deps) -> Check:
    made = None if deps.house.data_dir is None else find_last_backup(deps.house.data_dir)
    if made is None:
        return Check("backups", "note", "none is known of", "countenance backup --recipient age1... FILE")
    age = datetime.now(UTC) - made
    words = f"the last was made {_span(age)} ago"
    if age > _BACKUP_OLD:
        return Check("backups", "note", words, "make one each day: docs/operations/backup.md")
    return Check("backups", "ok", words)


def _erasures(deps: Deps) -> Check:
    if deps.house.lists_erasures_twice:
        return Check("erasures", "ok", "what was erased is listed in two places")
    return Check(
        "erasures",
        "note",
        "what was erased is listed on one disk alone",
        "start the server with --tombstones FILE on another disk",
    )


def _reconciliation(deps: Deps, standing: Standing) -> Check:
    data_dir = deps.house.data_dir
    last = None if data_dir is None else last_reconciled(data_dir)
    if last is None:
        return Check("reconciliation", "note", "there was none yet", "countenance audit reconcile")
    age, found = datetime.now(UTC) - last, standing.reconciled
    words = f"what was done was compared with the log {_span(age)} ago"
    mismatches = found.members.get("mismatches") if found is not None else None
    if mismatches:
        return Check("reconciliation", "wrong", f"{words}, and did not agree", "countenance audit status")
    if age > _RECONCILED_WITHIN:
        return Check("reconciliation", "note", words, "see that the job reconcile runs")
    return Check("reconciliation", "ok", words)


def _alarms(standing: Standing) -> Check:
    if not standing.alarms:
        return Check("alarms", "ok", "none among the newest of the log's own entries")
    return Check(
        "alarms",
        "wrong",
        f"{len(standing.alarms)} in the log",
        "countenance audit status says which, and why",
    )


def _calibrations(deps: Deps) -> Check:
    choices = Calibrations(deps.house.database, pipeline_digest=pipeline_digest()).list()
    if behind := left_behind(choices, pipeline_digest()):
        return Check(
            "calibrations",
            "note",
            f"the code that makes templates changed: {_count(len(behind), 'pack')} without yours again",
            "calibrate anew (countenance calibrate)",
        )
    return Check(
        "calibrations", "ok", "what was decided is in force" if choices else "every pack has its own"
    )


def _officers(deps: Deps) -> Check:
    officers = deps.governance.officers.list()
    words = f"{len(officers)} may decide for the house"
    if len(officers) < 2:  # purposes of high risk and terminations take two
        return Check(
            "officers", "note", f"{words}: what takes two cannot be decided", "countenance officers add NAME"
        )
    return Check("officers", "ok", words)


def _count(number: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def _size(size_bytes: int) -> str:
    if size_bytes < _GIB:
        return f"{size_bytes / 1024**2:.0f} MiB"
    return f"{size_bytes / _GIB:.1f} GiB"


def _span(age: timedelta) -> str:
    """`3 s`, `5 min`, `2 h`, `4 days`."""
    seconds = max(0, round(age.total_seconds()))
    for unit_s, word in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit_s:
            return f"{seconds // unit_s} {word}"
    return f"{seconds} s"
