"""One line a call, for whoever runs the server.

The log may be lost and is for operations; the event may not and is the record: two modules. A line
holds ids, names of our own and figures: never prose, never anything of the request's body.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

import countenance
from countenance.gateway.call import Authenticated, Call, Identified

LogFormat = Literal["text", "json"]

_CALLS = logging.getLogger("countenance.calls")
_PACKAGE = Path(countenance.__file__).parent


@dataclass(frozen=True, slots=True)
class Fault:
    """An unexpected exception as it may be told: its type, that of its cause and our line, never a message.

    A message may quote what was being worked on.
    """

    type_name: str
    place: str

    @classmethod
    def of(cls, error: BaseException) -> Fault:
        ours = [
            f"{Path(frame.filename).relative_to(_PACKAGE)}:{frame.lineno}"
            for frame in traceback.extract_tb(error.__traceback__)
            if Path(frame.filename).is_relative_to(_PACKAGE)
        ]
        cause = f"({type(error.__cause__).__name__})" if error.__cause__ else ""  # StoreUnavailable(DiskFull)
        return cls(type_name=type(error).__name__ + cause, place=ours[-1] if ours else "-")


def log_call(
    call: Call,
    *,
    status: int,
    log_format: LogFormat,
    error_code: str | None = None,
    fault: Fault | None = None,
) -> None:
    """Write the call's line to the logger `countenance.calls`; at level ERROR with a fault."""
    level = logging.INFO if fault is None else logging.ERROR
    if not _CALLS.isEnabledFor(level):
        return
    facts = _facts(call, status=status, error_code=error_code, fault=fault)
    known = {name: value for name, value in facts.items() if value is not None}
    _CALLS.log(level, "%s", orjson.dumps(known).decode() if log_format == "json" else _to_text(known))


def _facts(call: Call, *, status: int, error_code: str | None, fault: Fault | None) -> dict[str, Any]:
    head = call.head
    return {
        "time": head.received_at.isoformat(timespec="milliseconds"),
        "request": str(head.event_id),
        "operation": call.qualified_name if isinstance(call, Identified) else None,
        "account": call.caller.account_id if isinstance(call, Authenticated) else None,
        "status": status,
        "error": error_code,
        "ms": round((time.perf_counter() - head.started_s) * 1000, 1),
        "fault": fault.type_name if fault else None,
        "at": fault.place if fault else None,
    }


def _to_text(facts: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in facts.items())
