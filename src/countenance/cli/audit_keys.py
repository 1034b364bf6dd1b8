"""`countenance audit keys` and `rotate-key`: the keys that sign for the log."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import click

from countenance.audit.published import LogKey, list_keys
from countenance.audit.signing import OLD_KEY_SIGNS_ON, Use, rotate_key
from countenance.cli.installation import open_store
from countenance.cli.options import settings_options
from countenance.settings import Settings
from countenance.transparency.canonical import to_time
from countenance.transparency.note import Verifier

_as_json = click.option("--json", "as_json", is_flag=True, help="print JSON")
_where = settings_options("data_dir", "database_url")


@click.command("keys")
@_as_json
@_where
def keys(as_json: bool, **given: Any) -> None:
    """List every key that has signed for the log, public halves, the newest last.

    A `log` key signs checkpoints: witnesses and whoever verifies need it. A `receipt` key signs the
    promises that callers get. The log itself names both and every exchange, so a verifier that has any of
    its log keys finds the others.
    """
    with open_store(Settings.from_env(**given)) as (database, _), database.read() as connection:
        found = list_keys(connection)
    if as_json:
        click.echo(json.dumps([_to_json(key) for key in found], indent=2))
        return
    for key in found:
        until = f"retires {to_time(key.retires_at)}" if key.retires_at else "in force"
        click.echo(f"{key.use:<8} since {to_time(key.since)}  {until}")
        click.echo(f"         {key.vkey}")


@click.command("rotate-key")
@click.option(
    "--use",
    type=click.Choice(["log", "receipt"]),
    default="log",
    show_default=True,
    help="log: checkpoints; receipt: the promises that callers get",
)
@click.option(
    "--at-once", is_flag=True, help="the old log key stops now: it may have been stolen  [default: in 7 days]"
)
@_as_json
@_where
def rotate(use: Use, at_once: bool, as_json: bool, **given: Any) -> None:
    """Exchange a key for a new one. The exchange, signed by both, is an entry in the log.

    A running server goes over to the new key by itself. For 7 days both log keys sign, so that witnesses
    and verifiers can be told. With --at-once witnesses that were not told refuse from now on, and no
    checkpoint reaches its quorum until they are.

    The old secret stays in DATA_DIR/keys.
    """
    signs_on = timedelta() if at_once or use == "receipt" else OLD_KEY_SIGNS_ON
    with open_store(Settings.from_env(**given)) as (database, key_store):
        new = rotate_key(database, key_store, use, old_signs_on=signs_on)
        with database.read() as connection:
            old = [key for key in list_keys(connection) if key.use == use][-2]
    if as_json:
        click.echo(json.dumps({"use": use, "old": _to_json(old), "new": str(new)}, indent=2))
        return
    click.echo(str(new))
    for line in _to_be_told(use, old, new, at_once=at_once):
        click.echo(line, err=True)


def _to_be_told(use: Use, old: LogKey, new: Verifier, *, at_once: bool) -> list[str]:
    if use == "receipt":
        return [
            "tell whoever verifies receipts without the log: this key signs from now on, the old one before",
            "`audit verify` and witnesses need nothing",
        ]
    assert old.retires_at is not None, "a key that was followed retires"
    until, by = to_time(old.retires_at), "now" if at_once else "before then"
    return [
        "the old key signs no more: until the witnesses have the new one, none of them cosigns"
        if at_once
        else f"the old key signs beside it until {until}",
        f"tell every witness {by}: countenance witness run DIR --log {old.vkey} --log {new}",
        "tell whoever verifies proof files: --log-key takes the new key for what is signed after that",
        "`audit verify FOLDER` goes on with the old key: the log says which one followed it",
    ]


def _to_json(key: LogKey) -> dict[str, Any]:
    return {
        "use": key.use,
        "vkey": key.vkey,
        "since": to_time(key.since),
        "retires": None if key.retires_at is None else to_time(key.retires_at),
    }
