"""Checks the entries one after another: form, members, no event twice, and which keys the log has had."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from countenance.transparency.canonical import EntryInvalid
from countenance.transparency.continuation import continuation_statement, kept_flaw
from countenance.transparency.note import ED25519, Verifier, decode_base64
from countenance.transparency.verify_canonical import parse_entry
from countenance.transparency.verify_members import is_event, member_flaw
from countenance.transparency.verify_report import Facts, Problems

MAX_ACCOUNTS_COUNTED = 1_000_000
_MAX_KINDS_COUNTED = 100
_OTHER_KINDS = "(other kinds)"
_EVENT_BYTES = 16


class EntryCheck:
    """Memory: 16 bytes an entry, and once as much at the end to look for an event that is there twice.

    Attributes:
        chains: `log` and `receipt` → the keys that the log has had for it under its name, oldest first.
        receipt_keys: of every name that the log has had.
    """

    def __init__(self, origin: str, problems: Problems, root: Callable[[], bytes]) -> None:
        """
        Args:
            origin: that the log must have at its end.
            root: of the tree over the entries that were added before.
        """
        self.chains: dict[str, list[Verifier]] = {"log": [], "receipt": []}
        self.receipt_keys: list[Verifier] = []
        self._origin = origin
        self._root = root
        self._name, self._named_by = "", 0
        self._names: set[str] = set()
        self._lost: list[str] = []
        self._problems = problems
        self._events = bytearray()
        self._kinds: Counter[str] = Counter()
        self._accounts: set[bytes] = set()
        self._first = self._last = ""

    def add(self, index: int, entry: bytes) -> bytes | None:
        """The next entry; its event, 16 bytes, as far as it says one."""
        where = f"entry {index}"
        try:
            members = parse_entry(entry)
        except EntryInvalid as error:
            self._problems.add("entries", where, str(error))
            return self._remember(None)
        flaw = member_flaw(members)
        if flaw:
            self._problems.add("entries", where, flaw)
            event = members.get("event")
            return self._remember(uuid.UUID(event).bytes if is_event(event) else None)
        self._count(members)
        flaw = self._flaw_of_the_log(index, members)
        if flaw:
            self._problems.add("entries", where, flaw)
        return self._remember(bytes.fromhex(members["event"].replace("-", "")))

    def finish(self, facts: Facts) -> None:
        """Look for events that are there twice; put what was counted into `facts`."""
        for first, second in _twice(self._events):
            self._problems.add("entries", f"entry {second}", f"its event is that of entry {first}")
        if self._names and self._name != self._origin:
            self._problems.add(
                "entries",
                f"entry {self._named_by}",
                f"it opens the log `{self._name}`, and the checkpoint is of `{self._origin}`",
            )
        facts.notes += self._lost
        facts.entries = len(self._events) // _EVENT_BYTES
        facts.by_kind = dict(sorted(self._kinds.items()))
        facts.accounts = len(self._accounts)
        facts.first, facts.last = self._first, self._last
        if self.chains["log"]:
            facts.log_key = str(self.chains["log"][-1])

    def _remember(self, event: bytes | None) -> bytes | None:
        self._events += event or bytes(_EVENT_BYTES)
        return event

    def _count(self, members: Mapping[str, Any]) -> None:
        kind, at, account = members["kind"], members["time"], members.get("account")
        is_counted = kind in self._kinds or len(self._kinds) < _MAX_KINDS_COUNTED
        self._kinds[kind if is_counted else _OTHER_KINDS] += 1
        if not self._first or at < self._first:
            self._first = at
        self._last = max(self._last, at)
        if isinstance(account, str) and len(self._accounts) < MAX_ACCOUNTS_COUNTED:
            self._accounts.add(account.encode())

    def _flaw_of_the_log(self, index: int, members: Mapping[str, Any]) -> str:
        """What is wrong with an entry that opens the log or exchanges its keys."""
        kind = members["kind"]
        if (kind == "log.opened") != (index == 0):
            return (
                "the log begins with something else than its opening"
                if index == 0
                else "it opens the log a second time"
            )
        try:
            if kind == "log.opened":
                return self._open(members, index)
            if kind == "log.continued":
                return self._continue(members, index)
            return self._rotate(members) if kind == "log.key_rotated" else ""
        except ValueError as error:
            return f"a key in it is no key: {error}"

    def _open(self, members: Mapping[str, Any], index: int) -> str:
        origin, keys = members["origin"], []
        for member, name in (("log_key", origin), ("receipt_key", f"{origin}/receipts")):
            verifier = Verifier.parse(members[member])
            if verifier.algorithm != ED25519 or verifier.name != name:
                return f"its `{member}` is no key of this log"
            keys.append(verifier)
        self.chains = {"log": keys[:1], "receipt": keys[1:]}
        self.receipt_keys += keys[1:]
        self._name, self._named_by = origin, index
        self._names.add(origin)
        return ""

    def _continue(self, members: Mapping[str, Any], index: int) -> str:
        """A log that was restored goes on under another name."""
        previous, old = members["previous"], self.chains["log"][-1:]
        if members["kept"] != index or previous["origin"] != self._name:
            return "it goes on from another log, or from another place of it"
        if [Verifier.parse(previous["log_key"])] != old:
            return "the key that it names is not the newest of the log before"
        if members["origin"] in self._names:
            return f"the log was called `{members['origin']}` before"
        new = Verifier.parse(members["log_key"])
        told = continuation_statement(
            previous=previous,
            kept=index,
            origin=members["origin"],
            log_key=members["log_key"],
            receipt_key=members["receipt_key"],
        )
        for which, verifier in (("old", old[0]), ("new", new)):
            if not _has_signed(verifier, members["signatures"][which], told):
                return f"the {which} key has not signed that the log goes on so: somebody else wrote it"
        flaw = kept_flaw(previous, index, self._root()) or self._open(members, index)
        if not flaw:
            self._tell_restored(previous, index)
        return flaw

    def _tell_restored(self, previous: Mapping[str, Any], index: int) -> None:
        lost = previous["size"] - index
        self._lost.append(
            f"the log was restored at entry {index} and was `{previous['origin']}` before: "
            + (
                f"{lost} entries that it had signed there by its last known checkpoint are lost"
                if lost > 0
                else "what it signed there after its last known checkpoint, if it did, is not in it"
            )
        )

    def _rotate(self, members: Mapping[str, Any]) -> str:
        use, chain = members["use"], self.chains[members["use"]]
        old, new = Verifier.parse(members["old"]), Verifier.parse(members["new"])
        if not chain or old != chain[-1]:
            return f"the old key that it names is not the log's newest for `{use}`"
        if new in chain or new.algorithm != ED25519 or new.name != chain[0].name:
            return "the new key that it names is no new key of this log"
        told = f"countenance-key-rotation/v1\n{self._name}\n{use}\n{members['old']}\n{members['new']}\n"
        for which, verifier in (("old", old), ("new", new)):
            if not _has_signed(verifier, members["signatures"][which], told.encode()):
                return f"the {which} key has not signed the exchange of keys: somebody else wrote it"
        chain.append(new)
        if use == "receipt":
            self.receipt_keys.append(new)
        return ""


def _has_signed(verifier: Verifier, signature: str, message: bytes) -> bool:
    try:
        return verifier.verify_bytes(message, decode_base64(signature))
    except ValueError:
        return False


def _twice(events: bytearray) -> list[tuple[int, int]]:
    """Pairs of indices of the same event, entries without one left out."""
    halves = np.frombuffer(events, dtype=np.uint64).reshape(-1, 2)
    order = np.lexsort((halves[:, 1], halves[:, 0]))  # stable: the earlier of two comes first
    ordered = halves[order]
    same = (ordered[1:] == ordered[:-1]).all(axis=1) & ordered[1:].any(axis=1)
    return [(int(order[at]), int(order[at + 1])) for at in np.flatnonzero(same)]
