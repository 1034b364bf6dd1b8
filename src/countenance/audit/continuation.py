"""A log that was restored goes on under another name, and says from where.

What the log published since its backup is not in it. Under the old name it would be a fork: two histories
under one key. So it gets a new origin and new keys; the first entry under them cites the last checkpoint that
is known of the old log, is signed by the old log's key, and proves that what was kept is what that checkpoint
covers.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from countenance.audit.log import record_statement
from countenance.audit.own_entries import QUERIES
from countenance.audit.sequencer import Sequencer
from countenance.audit.signing import add_key, load_signer, make_signer, require_origin
from countenance.audit.tree import LogTree
from countenance.errors import SetupError
from countenance.store import Connection, Database, KeyStore, load_queries
from countenance.transparency.checkpoint import Checkpoint, CheckpointInvalid
from countenance.transparency.continuation import continuation_statement
from countenance.transparency.note import Note, NoteInvalid, Verifier, encode_base64

_QUERIES = load_queries("countenance.audit", "continuation.sql")


@dataclass(frozen=True, slots=True)
class Continued:
    """Where a log goes on.

    Attributes:
        previous: the last checkpoint that is known of the log before; None if it was never signed.
        kept: how many of its entries there are.
    """

    origin: str
    log_key: str
    previous: Checkpoint | None
    kept: int


def continue_log(
    database: Database,
    keys: KeyStore,
    *,
    erasures: Mapping[str, Any],
    origin: str = "",
    last_known: str = "",
) -> Continued:
    """Give a restored log a new name and new keys, with the entry that says so. Once, before anybody serves.

    Args:
        erasures: what is done about erasures since the backup; stands in the entry.
        origin: the new name; empty for the old one's and the time.
        last_known: a checkpoint of the log, signed, that is newer than the backup; empty for none.

    Raises:
        SetupError: that is no name, or no checkpoint of this log.
    """
    place_all(database)
    tree = LogTree()
    with database.transaction() as connection:
        row = connection.execute(_QUERIES["lock_log"]).fetchone()
        assert row is not None, "the log is open"
        old, kept = str(row[0]), int(row[1])
        previous = _last_checkpoint(connection, tree, old, kept, last_known)
        chosen = require_origin(origin or _next_name(old))
        if chosen == old:
            raise SetupError(
                f"the log was called `{old}` and cannot go on under that name",
                remedy="give another --log-origin, or leave it out",
            )
        log_key = _rename(
            connection, keys, tree, previous, old=old, origin=chosen, kept=kept, erasures=erasures
        )
    place_all(database)
    return Continued(chosen, log_key, previous, kept)


def _rename(
    connection: Connection,
    keys: KeyStore,
    tree: LogTree,
    previous: Checkpoint | None,
    *,
    old: str,
    origin: str,
    kept: int,
    erasures: Mapping[str, Any],
) -> str:
    """New name, new keys, and the entry that introduces them; the log key."""
    vkey = _one(connection, "newest_key", use="log")
    before = load_signer(keys, "log", vkey)
    log, receipt = make_signer(keys, "log", origin), make_signer(keys, "receipt", f"{origin}/receipts")
    cited = _cited(connection, tree, previous, origin=old, vkey=vkey, kept=kept)
    names = {
        "origin": origin,
        "log_key": str(log.verifier),
        "receipt_key": str(receipt.verifier),
    }
    told = continuation_statement(previous=cited, kept=kept, **names)
    for query in ("drop_cosignatures", "drop_checkpoints", "retire_all_keys"):
        connection.execute(_QUERIES[query])
    connection.execute(_QUERIES["rename_log"], {"origin": origin})
    event_id = record_statement(
        connection,
        "log.continued",
        {
            **names,
            "previous": cited,
            "kept": kept,
            "erasures": dict(erasures),
            "signatures": {
                "old": encode_base64(before.sign_bytes(told)),
                "new": encode_base64(log.sign_bytes(told)),
            },
        },
    )
    add_key(connection, "log", log, event_id)
    add_key(connection, "receipt", receipt, event_id)
    return str(log.verifier)


def place_all(database: Database) -> None:
    """Give every event that waits its place in the log, where no sequencer runs."""
    sequencer = Sequencer(database, lambda _connection: [])
    while sequencer.integrate():
        pass


def _last_checkpoint(
    connection: Connection, tree: LogTree, origin: str, kept: int, given: str
) -> Checkpoint | None:
    """The newest that is known, of the database's own and the one given."""
    signed = tree.signed(connection)
    own = None if signed is None else Checkpoint(origin, signed.size, signed.root)
    if not given:
        return own
    verifiers = [Verifier.parse(vkey) for (vkey,) in connection.execute(_QUERIES["list_log_keys"])]
    try:
        note = Note.parse(given)
        checkpoint = Checkpoint.parse(note.text)
        is_signed = bool(note.signed_by(verifiers))
    except (NoteInvalid, CheckpointInvalid) as error:
        raise SetupError(f"the last known checkpoint cannot be read: {error}") from None
    if checkpoint.origin != origin or not is_signed:
        raise SetupError(
            f"the last known checkpoint is not one that `{origin}` has signed",
            remedy="take it from a mirror or a witness of that log",
        )
    if checkpoint.size <= kept and tree.root(connection, checkpoint.size) != checkpoint.root:
        raise SetupError(
            "the backup's log is not the one that the last known checkpoint covers",
            remedy="find out which of the two was changed: see `countenance audit verify`",
        )
    return own if own is not None and own.size >= checkpoint.size else checkpoint


def _cited(
    connection: Connection,
    tree: LogTree,
    previous: Checkpoint | None,
    *,
    origin: str,
    vkey: str,
    kept: int,
) -> dict[str, Any]:
    """What the entry says of the log before; the proof is that what was kept extends its checkpoint."""
    size = 0 if previous is None else previous.size
    root = tree.root(connection, 0) if previous is None else previous.root
    proof = tree.consistency(connection, size, kept) if 0 < size < kept else []
    return {
        "origin": origin,
        "log_key": vkey,
        "size": size,
        "root": encode_base64(root),
        "proof": [encode_base64(each) for each in proof],
    }


def _next_name(origin: str) -> str:
    """`example.com/log/restored-20261126T183702Z-1f0c`: two restores of one backup are two logs."""
    base = origin.partition("/restored-")[0]
    return f"{base}/restored-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def _one(connection: Connection, query: str, **values: str) -> str:
    row = connection.execute(QUERIES[query], values).fetchone()
    assert row is not None, "the log is open"
    return str(row[0])
