"""A call, as far as it has come: one complete frozen value for each step of `pipeline`.

Each type is the one before it with what the next step found out, so that whoever holds an
`Authorized` holds everything that was verified on the way, and an event can be written of a call
that stopped anywhere.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from countenance.accounts import Credential
from countenance.audit import Event
from countenance.errors import AccessDeniedException
from countenance.gateway.sigv4 import Authorization
from countenance.operations.call_report import Report
from countenance.operations.caller import Caller
from countenance.policy import AccessRequest, Verdict
from countenance.telemetry import STEPS, Step
from countenance.wire.model import OperationModel, ServiceModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What arrived before the body: header names in lower case, repeated ones joined by commas.

    `client` is the address that the connection came from. `started_s` is `time.perf_counter`. `event_id` is
    the request id as well: whoever reports a failed request by the id that AWS clients print has named its
    entry in the log.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)
    received_at: datetime
    client: str = field(default="", repr=False)
    started_s: float = field(default_factory=time.perf_counter)
    event_id: uuid.UUID = field(default_factory=uuid.uuid4)


def join_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name; a repeated one becomes one comma-separated value (RFC 9110, 5.3).

    A second `authorization` or `x-amz-target` therefore never shadows the first: the joined value
    parses as neither.
    """
    joined: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Something was posted to us.

    Attributes:
        step: of each type, the step that leads to it.
        steps: those it has taken, in order, with their times.
    """

    step: ClassVar[str] = ""

    head: Head
    steps: tuple[Step, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified(Call):
    """It names an operation of one of our models: from here on the call leaves an event."""

    step: ClassVar[str] = "identify"

    service: ServiceModel
    operation: OperationModel

    @property
    def qualified_name(self) -> str:
        return f"{self.service.name}:{self.operation.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted(Identified):
    """It claims a key that exists, is not revoked and has not expired: its body may be read.

    Attributes:
        announced_bytes: length of the body; None when it comes in chunks.
    """

    step: ClassVar[str] = "admit"

    authorization: Authorization
    credential: Credential
    announced_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated(Admitted):
    """Whoever holds the key's secret signed this head with this body."""

    step: ClassVar[str] = "authenticate"

    caller: Caller
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated(Authenticated):
    """The body is a request of the operation, within every constraint of the model."""

    step: ClassVar[str] = "validate"

    request: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorized(Validated):
    """Policy allows it.

    Attributes:
        asked: what policy was asked.
    """

    step: ClassVar[str] = "authorize"

    verdict: Verdict
    asked: AccessRequest = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Performed(Authorized):
    """The operation has run; its changes wait, uncommitted, for the event.

    Attributes:
        response: the operation's output; empty when an earlier call's answer is given again.
        payload: the same as it goes out, in JSON.
        report: what the operation used.
        is_replay: the answer is one that an earlier call got.
        previous: that call's event, if its account's key still opens it.
        withheld: what the caller is told in the place of candidates that people look at first.
    """

    step: ClassVar[str] = "dispatch"

    response: Mapping[str, Any] = field(repr=False)
    payload: bytes = field(repr=False)
    report: Report
    is_replay: bool = False
    previous: uuid.UUID | None = None
    withheld: AccessDeniedException | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded(Performed):
    """Change and event are committed together: now, and only now, it may be answered.

    Attributes:
        receipt: the signed promise that the event will be in the log.
    """

    step: ClassVar[str] = "record"

    event: Event
    receipt: str = field(repr=False)


C = TypeVar("C", bound=Call)


def advance(call: Call, to: type[C], **found: Any) -> C:
    """The same call one step further: what it carried, and what the step found."""
    carried = {part.name: getattr(call, part.name) for part in fields(call)}
    return to(**carried | {"steps": _steps_and(call, to.step)}, **found)


def received(call: C) -> C:
    """The same call with its body read: the one step that finds nothing out."""
    return replace(call, steps=_steps_and(call, "receive"))


def stopped(call: C) -> C:
    """The same call, ended in the step that comes after those it has taken."""
    taken = STEPS.index(call.steps[-1].name) + 1 if call.steps else 0
    return replace(call, steps=_steps_and(call, STEPS[taken], has_failed=True))


def _steps_and(call: Call, name: str, *, has_failed: bool = False) -> tuple[Step, ...]:
    began_s = call.steps[-1].ended_s if call.steps else 0.0
    return (*call.steps, Step(name, began_s, time.perf_counter() - call.head.started_s, has_failed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back, complete."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
