"""On the path of a server that is to be measured without its record: answers as always, writes no event.

Only for `bench/audit.py`. The work that is left out is the whole of it: drafting, sealing, committing,
signing the receipt.
"""

from __future__ import annotations

import uuid
from typing import Any

from countenance.audit import AuditLog, Draft, Promises

_NOTHING = Draft(event_id=uuid.UUID(int=0), account=None, entry=b"{}", sealed=None)


def _record(*_: Any, **__: Any) -> Draft:
    return _NOTHING


AuditLog.record = _record
AuditLog.record_in_force = _record
Promises.require_current = lambda *_: None
Promises.receipt = lambda *_: "unrecorded"
