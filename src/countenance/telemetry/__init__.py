"""What an operator's dashboards see of a server: numbers, and how long each step of a call took.

Nothing here is a record; that is `audit`. All that leaves comes from closed sets (operations of our
models, error codes, witnesses of the settings) or is a figure or an id of our own: `names` sees to it.
"""

from __future__ import annotations

from countenance.telemetry.ended_call import EndedCall, Step
from countenance.telemetry.metrics import Metrics
from countenance.telemetry.metrics_server import metrics_server
from countenance.telemetry.names import STEPS
from countenance.telemetry.telemetry import Telemetry, open_telemetry
from countenance.telemetry.tracer import Tracer

__all__ = ["STEPS", "EndedCall", "Metrics", "Step", "Telemetry", "Tracer", "metrics_server", "open_telemetry"]
