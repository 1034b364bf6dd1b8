"""The closed sets that labels and attributes are taken from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from countenance.errors import ServiceError

UNKNOWN = "unknown"
"""What stands for anything that is in no set."""

OUTCOMES = frozenset({"answered", "refused", "failed"})
DECISIONS = frozenset({"allow", "deny"})
JOB_STATES = ("waiting", "running", "stopping", "done", "failed", "cancelled")
LIMITS = {
    "account": "the account's calls a second",
    "share": "the account's part of the calls or bytes in flight",
    "server": "the calls, bytes or pixels that a process holds at once",
    "tester": "the samples an hour of an independent tester",
    "queue": "the time that a call waits for a thread",
}
"""Of ours, that a call may reach: name → what it limits."""
STEPS = ("identify", "admit", "receive", "authenticate", "validate", "authorize", "dispatch", "record")
"""Of a call, in order; one that is refused leaves out what it did not come to."""
ATTRIBUTES = {
    "countenance.service": "the service model, or `unknown`",
    "countenance.operation": "an operation of that model, or `unknown`",
    "countenance.outcome": "`answered`, `refused` or `failed`",
    "countenance.event_id": "the event that the call left",
    "http.response.status_code": "the HTTP status of the answer",
    "error.type": "the code of an [error](errors.md), unless it was answered",
}
"""Of a call's span: name → what it holds."""


class Names:
    """Answers what may be said. Immutable.

    INVARIANT: whatever a request holds, only members of these sets come out.

    Args:
        operations: service → its operations, of every model.
        witnesses: the log's witnesses, by name.
    """

    def __init__(self, operations: Mapping[str, Collection[str]], witnesses: Collection[str] = ()) -> None:
        self._operations = {service: frozenset(names) for service, names in operations.items()}
        self._errors = {kind.__name__: kind.status for kind in _subclasses(ServiceError)}
        self._statuses = {200, *self._errors.values()}
        self.witnesses = frozenset(witnesses)

    def operation(self, service: str | None, operation: str | None) -> tuple[str, str]:
        """Service and operation, both `unknown` unless that service has that operation."""
        if service is None or operation is None or operation not in self._operations.get(service, ()):
            return UNKNOWN, UNKNOWN
        return service, operation

    def error(self, code: str) -> str:
        return code if code in self._errors else UNKNOWN

    def status(self, status: int) -> str:
        return str(status) if status in self._statuses else UNKNOWN


def member(name: str, names: Collection[str]) -> str:
    """`name`, if it is one of `names`."""
    return name if name in names else UNKNOWN


def _subclasses(kind: type[ServiceError]) -> Iterator[type[ServiceError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _subclasses(below)
