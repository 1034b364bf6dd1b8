"""`countenance audit status`: whether the log keeps its promises now."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import click

from countenance.audit.standing import Finding, Reached, Standing, read_standing
from countenance.cli.installation import open_store
from countenance.cli.options import settings_options
from countenance.settings import Settings
from countenance.transparency.canonical import to_time
from countenance.transparency.note import NoteInvalid, Verifier
from countenance.transparency.witnesses import parse_witnesses

_SOMETHING_IS_WRONG = 1


@click.command()
@click.option("--json", "as_json", is_flag=True, help="print JSON")
@settings_options("data_dir", "database_url", "witnesses")
def status(as_json: bool, **given: Any) -> None:
    """Show how the log stands: size, checkpoints, what waits, witnesses, reconciliation, alarms.

    Give the server's own --witnesses (or COUNTENANCE_WITNESSES), so that one that never cosigned is shown
    too. Exits 1 if the log is so far behind that a server refuses calls: an event waits for its place for
    over a minute, or a checkpoint for its witnesses for over a day. Alarms are shown and do not change
    the exit status: they stand in the log for good.

    Works beside a running server and without one; without one nothing gives events their place, so what
    was recorded last waits until it is started.
    """
    settings = Settings.from_env(**given)
    asked = [str(client.verifier) for client in parse_witnesses(settings.witnesses)]
    with open_store(settings) as (database, _), database.read() as connection:
        standing = read_standing(connection, witnesses=asked)
    witnesses = {vkey: standing.cosigned.get(vkey) for vkey in [*asked, *standing.cosigned]}
    if as_json:
        click.echo(json.dumps(_to_json(standing, witnesses), indent=2))
    else:
        for name, value in _lines(standing, witnesses):
            click.echo(f"{name:<12} {value}")
    for reason in standing.behind:
        click.secho(f"the log is behind: {reason}; calls are refused", fg="red", err=True)
    if standing.behind:
        sys.exit(_SOMETHING_IS_WRONG)


def _lines(standing: Standing, witnesses: dict[str, Reached | None]) -> Iterator[tuple[str, str]]:
    yield "log", standing.origin
    yield "size", f"{standing.size} entries"
    yield "signed", _reached(standing, standing.signed)
    yield "published", _reached(standing, standing.published)
    waits = f", the oldest for {_age(standing, standing.oldest_pending)}" if standing.oldest_pending else ""
    yield "pending", f"{standing.pending} events{waits}"
    for vkey, cosigned in witnesses.items():
        yield "witness", f"{_name(vkey)}: {_reached(standing, cosigned)}"
    if not witnesses:
        yield "witness", "nobody: the log's history rests on your word"
    yield "reconciled", _found(standing.reconciled)
    latest = f", the newest: {_found(standing.alarms[-1])}" if standing.alarms else ""
    yield "alarms", f"{len(standing.alarms)}{latest}"


def _to_json(standing: Standing, witnesses: dict[str, Reached | None]) -> dict[str, Any]:
    return {
        "origin": standing.origin,
        "size": standing.size,
        "signed": _reached_json(standing, standing.signed),
        "published": _reached_json(standing, standing.published),
        "pending": {
            "events": standing.pending,
            "oldest_age_s": _seconds(standing, standing.oldest_pending),
        },
        "unpublished_age_s": _seconds(standing, standing.unpublished_since),
        "witnesses": [
            {"name": _name(vkey), "vkey": vkey, "cosigned": _reached_json(standing, cosigned)}
            for vkey, cosigned in witnesses.items()
        ],
        "reconciled": _found_json(standing.reconciled),
        "alarms": {
            "count": len(standing.alarms),
            "newest": _found_json(standing.alarms[-1] if standing.alarms else None),
        },
        "behind": standing.behind,
    }


def _reached(standing: Standing, reached: Reached | None) -> str:
    return "never" if reached is None else f"{reached.size} entries, {_age(standing, reached.at)} ago"


def _reached_json(standing: Standing, reached: Reached | None) -> dict[str, Any] | None:
    if reached is None:
        return None
    return {"size": reached.size, "time": to_time(reached.at), "age_s": _seconds(standing, reached.at)}


def _found(finding: Finding | None) -> str:
    if finding is None:
        return "never"
    place = "no place yet" if finding.log_index is None else f"entry {finding.log_index}"
    what = finding.members.get("what")
    return f"{finding.members['time']} ({place}{f', {what}' if what else ''})"


def _found_json(finding: Finding | None) -> dict[str, Any] | None:
    return None if finding is None else {"index": finding.log_index, "entry": finding.members}


def _age(standing: Standing, at: datetime) -> str:
    """The two largest units: `2 d 3 h`."""
    return _in_words(standing.age(at))


def _in_words(age: timedelta) -> str:
    hours, seconds = divmod(int(age.total_seconds()), 3600)
    counts = zip((hours // 24, hours % 24, seconds // 60, seconds % 60), ("d", "h", "min", "s"), strict=True)
    parts = [f"{count} {unit}" for count, unit in counts if count]
    return " ".join(parts[:2]) or "0 s"


def _seconds(standing: Standing, at: datetime | None) -> float | None:
    return None if at is None else round(standing.age(at).total_seconds(), 3)


def _name(vkey: str) -> str:
    try:
        return Verifier.parse(vkey).name
    except NoteInvalid:
        return vkey
