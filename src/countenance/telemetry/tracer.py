"""Where ended calls go as traces. This class sends nothing: what a server without `otel_endpoint` has."""

from __future__ import annotations

from typing import ClassVar

from countenance.telemetry.ended_call import EndedCall


class Tracer:
    """Told of each call when it is over; thread-safe, never waits for the network."""

    is_on: ClassVar[bool] = False

    def call_ended(self, call: EndedCall) -> None:
        """Queue the call's spans."""

    def close(self) -> None:
        """Send what is queued, for a few seconds at most."""
