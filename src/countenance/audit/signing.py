"""The log's own keys: made once, kept outside the database, exchanged by an entry in the log."""

from __future__ import annotations

import base64
import uuid
from datetime import timedelta
from typing import Literal

from countenance.audit.log import record_statement
from countenance.audit.own_entries import QUERIES
from countenance.errors import SetupError
from countenance.store import Connection, Database, KeyStore
from countenance.transparency.note import Signer, Verifier

Use = Literal["log", "receipt"]
OLD_KEY_SIGNS_ON = timedelta(days=7)


def open_log(database: Database, keys: KeyStore, *, origin: str = "") -> str:
    """The log's origin; the log is opened, with new keys, if there is none yet. Safe to call at every start.

    Args:
        origin: what the log is to be called, `example.com/log`; empty for a name of its own.

    Raises:
        SetupError: the log has another name, or that is no name.
    """
    chosen = require_origin(origin or f"countenance.local/{keys.fingerprint.hex()}")
    with database.transaction() as connection:
        if connection.execute(QUERIES["open_log"], {"origin": chosen}).rowcount == 1:
            _open(connection, keys, chosen)
        kept = _one(connection, "log_origin")
    if origin and kept != origin:
        raise SetupError(
            f"the log is called `{kept}` and cannot be renamed to `{origin}`",
            remedy="leave log_origin out, or start a new data directory",
        )
    return kept


def require_origin(origin: str) -> str:
    """The same; SetupError for what cannot name a log."""
    if len(origin) > 200 or "+" in origin or not origin.isprintable() or any(map(str.isspace, origin)):
        raise SetupError(
            f"`{origin}` cannot name a log", remedy="use a host and a path without a scheme: example.com/log"
        )
    return origin


def log_signers(connection: Connection, keys: KeyStore) -> list[Signer]:
    """The keys that sign checkpoints of the log as it is now, newest first.

    Raises:
        SetupError: a key's file is missing.
    """
    rows = connection.execute(QUERIES["list_signers"]).fetchall()
    return [load_signer(keys, "log", vkey) for (vkey,) in rows]


def load_signer(keys: KeyStore, use: Use, vkey: str) -> Signer:
    """The private half of `vkey`.

    Raises:
        SetupError: its file is missing or is not that key's.
    """
    verifier = Verifier.parse(vkey)
    seed = keys.secret(_secret_name(use, verifier))
    signer = None if seed is None else Signer.from_seed(verifier.name, seed)
    if signer is None or str(signer.verifier) != vkey:
        raise SetupError(
            f"the log's key `{vkey}` is not in the key store",
            remedy="restore the keys folder and the database from the same backup",
        )
    return signer


def rotate_key(
    database: Database, keys: KeyStore, use: Use, *, old_signs_on: timedelta = OLD_KEY_SIGNS_ON
) -> Verifier:
    """Exchange the key that signs checkpoints (`log`) or receipts; the exchange is an entry in the log.

    Args:
        old_signs_on: how long an old log key goes on signing beside the new one, so that witnesses and
            verifiers can be told; zero for a key that is no longer trusted.
    """
    with database.transaction() as connection:
        connection.execute("select 1 from audit_log for update")
        origin = _one(connection, "log_origin")
        vkey = _one(connection, "newest_key", use=use)
        old = load_signer(keys, use, vkey)
        connection.execute(QUERIES["retire_keys"], {"use": use, "after": old_signs_on})
        new = make_signer(keys, use, old.verifier.name)
        told = rotation_statement(origin, use, vkey, str(new.verifier))
        event_id = record_statement(
            connection,
            "log.key_rotated",
            {
                "use": use,
                "old": vkey,
                "new": str(new.verifier),
                "signatures": {
                    "old": base64.b64encode(old.sign_bytes(told)).decode(),
                    "new": base64.b64encode(new.sign_bytes(told)).decode(),
                },
            },
        )
        add_key(connection, use, new, event_id)
    return new.verifier


def rotation_statement(origin: str, use: Use, old: str, new: str) -> bytes:
    """What both keys sign when one follows the other."""
    return f"countenance-key-rotation/v1\n{origin}\n{use}\n{old}\n{new}\n".encode()


def _open(connection: Connection, keys: KeyStore, origin: str) -> None:
    log = make_signer(keys, "log", origin)
    receipt = make_signer(keys, "receipt", f"{origin}/receipts")
    before = connection.execute(QUERIES["digest_before_log"]).fetchone()
    assert before is not None
    event_id = record_statement(
        connection,
        "log.opened",
        {
            "origin": origin,
            "log_key": str(log.verifier),
            "receipt_key": str(receipt.verifier),
            "before": {"events": before[0], "digest": before[1]},
        },
    )
    add_key(connection, "log", log, event_id)
    add_key(connection, "receipt", receipt, event_id)


def make_signer(keys: KeyStore, use: Use, name: str) -> Signer:
    """A new key, durable in the key store."""
    # The file before the row: a row without its file would be a log that nobody can sign.
    signer = Signer.generate(name)
    keys.create_secret(_secret_name(use, signer.verifier), signer.seed)
    return signer


def add_key(connection: Connection, use: Use, signer: Signer, event_id: uuid.UUID) -> None:
    """A key signs for the log as soon as the entry that introduces it, `event_id`, is in it."""
    values = {"use": use, "vkey": str(signer.verifier), "event_id": event_id}
    connection.execute(QUERIES["add_key"], values)


def _one(connection: Connection, query: str, **values: str) -> str:
    row = connection.execute(QUERIES[query], values).fetchone()
    assert row is not None, "the log is open"
    return str(row[0])


def _secret_name(use: Use, verifier: Verifier) -> str:
    return f"signing-{use}-{verifier.key_hash.hex()}"


def receipt_signer(connection: Connection, keys: KeyStore) -> tuple[str, Signer]:
    """The log's origin, and the key that signs receipts now.

    Raises:
        SetupError: its file is missing.
    """
    return _one(connection, "log_origin"), load_signer(
        keys, "receipt", _one(connection, "newest_key", use="receipt")
    )
