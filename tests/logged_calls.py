"""When the log has a call: asked for by its event, since looking for it in a list adds to that list."""

from __future__ import annotations

import time
from typing import Any

TIMEOUT_S = 30.0
_PAUSE_S = 0.2
"""Each look is a call, and an entry: without a pause they would be what the log is full of."""


def await_entry(client: Any, event_id: str, *, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """The proof of an event of the client's own account, once a checkpoint covers its entry.

    Raises:
        AssertionError: it was not there within the time.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return client.get_inclusion_proof(EventId=event_id)
        except client.exceptions.ResourceNotFoundException:
            assert time.monotonic() < deadline, f"event {event_id} did not come into the log"
            time.sleep(_PAUSE_S)
