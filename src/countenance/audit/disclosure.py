"""What a person may be told: every entry that touched their face or user, with what shows it.

Each of them can be checked against the public log without trusting us (docs/spec/audit-log.md, section 3),
and opens nothing of anybody else: their commitments stay closed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from countenance.audit.entry import Opening, commit, open_touch
from countenance.audit.event import Touch
from countenance.audit.log import AuditLog
from countenance.audit.own_entries import OwnEntry, TouchOpening
from countenance.audit.published import PublishedCheckpoint, find_checkpoint
from countenance.audit.tree import LogDamaged, LogTree
from countenance.errors import ResourceNotFoundException
from countenance.store import Connection, load_queries
from countenance.transparency.merkle import (
    ProofInvalid,
    inclusion_path,
    leaf_hash,
    tree_root,
    verify_inclusion,
)
from countenance.transparency.note import Note
from countenance.transparency.proof import InclusionProof

_QUERIES = load_queries("countenance.audit", "disclosure.sql")


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One touch of the face or user.

    Attributes:
        own: the entry of the call.
        opening: the touch's salt and value; the value says how it was touched.
        position: of the touch's commitment among the entry's `touched`.
        path: from there to the root of `touched`, lowest first.
        proof: that the entry is in the log; None until it is under a published checkpoint.
    """

    own: OwnEntry
    opening: Opening
    position: int
    path: tuple[bytes, ...]
    proof: InclusionProof | None

    @property
    def commitment(self) -> bytes:
        return commit(self.opening.salt, self.opening.value)


def disclose(
    connection: Connection, audit: AuditLog, *, account_id: str, region: str, collection: str, subject: Touch
) -> list[Disclosure]:
    """Every entry that touched the face or user of the account's collection, the oldest first.

    Of a face that was deleted only the deletion is left; of a user that was, nothing: what the others
    meant was erased with the key. Each disclosure was checked.

    Args:
        subject: its `kind` and `id` are looked at.

    Raises:
        ResourceNotFoundException: there is no such collection, and no deletion from it of such a face.
        LogDamaged: what the database holds of an entry does not fit the log.
    """
    names = {"account_id": account_id, "region": region, "name": collection}
    row = connection.execute(_QUERIES["find_collection"], names).fetchone()
    touches = audit.touches_of(connection, row[0], subject) if row else []
    if subject.kind == "face":
        touches += _deletions(connection, audit, account_id, collection, subject)
    if row is None and not touches:
        raise ResourceNotFoundException(
            f"account `{account_id}` has no collection `{collection}` in the region `{region}`"
        )
    checkpoint, tree = find_checkpoint(connection), LogTree()
    found = []
    for touch in touches:
        own = audit.find_entry(connection, account_id, touch.event_id)
        if own is None:  # the account was forgotten: what its entries say of the person is the person's still
            own = audit.read_entry(connection, touch.event_id)
        if own is None:
            raise LogDamaged(f"there is no entry for the touch of event {touch.event_id}")
        path = _path(connection, touch.event_id, touch.position)
        proof = _proof(connection, own, checkpoint, tree)
        found.append(_require_shown(Disclosure(own, touch.opening, touch.position, path, proof)))
    return sorted(found, key=lambda each: (each.own.members["time"], each.own.event_id, each.position))


def _deletions(
    connection: Connection, audit: AuditLog, account_id: str, collection: str, subject: Touch
) -> Iterator[TouchOpening]:
    key = audit.keys.account(account_id)
    values = {"account": key.pseudonym("account", account_id)}
    for event_id, position, sealed in connection.execute(_QUERIES["deletions"], values).fetchall():
        opening = open_touch(bytes(sealed), key, event_id, position)
        if opening is None or opening.value.get(subject.kind) != subject.id:
            continue
        own = audit.find_entry(connection, account_id, event_id)
        if own is not None and own.opened("collection") == collection:
            yield TouchOpening(event_id, position, opening)


def _path(connection: Connection, event_id: uuid.UUID, position: int) -> tuple[bytes, ...]:
    rows = connection.execute(_QUERIES["commitments"], {"event_id": event_id}).fetchall()
    leaves = [leaf_hash(bytes(commitment)) for (commitment,) in rows]

    def read(nodes: Any) -> list[bytes]:
        return [tree_root(leaves[index << level : (index + 1) << level]) for level, index in nodes]

    if position >= len(leaves):
        raise LogDamaged(f"touches of event {event_id} are missing")
    return tuple(inclusion_path(position, len(leaves), read))


def _proof(
    connection: Connection, own: OwnEntry, checkpoint: PublishedCheckpoint | None, tree: LogTree
) -> InclusionProof | None:
    if own.log_index is None or checkpoint is None or own.log_index >= checkpoint.size:
        return None
    hashes = tree.inclusion(connection, own.log_index, checkpoint.size)
    return InclusionProof(own.log_index, tuple(hashes), Note.parse(checkpoint.note))


def _require_shown(found: Disclosure) -> Disclosure:
    touched = found.own.members.get("touched", {"count": 0, "root": ""})
    try:
        verify_inclusion(
            leaf_hash(found.commitment),
            found.position,
            touched["count"],
            found.path,
            bytes.fromhex(touched["root"]),
        )
    except ProofInvalid as error:
        raise LogDamaged(f"a touch of event {found.own.event_id} is not what the log says: {error}") from None
    return found
