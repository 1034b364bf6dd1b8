"""Events for tests: complete, and of an account of their own."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from countenance.audit import Event


def an_event(**changes) -> Event:
    values = {
        "event_id": uuid.uuid4(),
        "at": datetime.now(UTC),
        "service": "rekognition",
        "operation": "SearchFacesByImage",
        "decision": "allow",
        "outcome": "answered",
        "account_id": f"{uuid.uuid4().int % 10**12:012d}",
    }
    return Event(**(values | changes))
