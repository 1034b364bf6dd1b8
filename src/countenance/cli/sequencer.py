"""The sequencer's process: reads its orders from standard input, grows and signs the log until it is stopped.

Started by `cli.fleet`, never by hand.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from contextlib import closing
from dataclasses import replace

from countenance.audit.sequencer import Sequencer
from countenance.audit.signed_head import SignedHead
from countenance.audit.signing import log_signers
from countenance.audit.tree import LogDamaged
from countenance.cli.main import main as run_command
from countenance.cli.orders import read_orders, say_ready, when_orphaned
from countenance.errors import SetupError
from countenance.store import KEY_SERVICE_PATIENCE_S, Database, KeyService, KeyStore
from countenance.telemetry import open_telemetry
from countenance.transparency.witnesses import parse_witnesses

_CONNECTIONS = 2
"""One that works and one for what witnesses answer; more for each witness."""


def main(**_: object) -> None:
    """Work until SIGTERM or until the supervisor's pipe closes."""
    orders = read_orders()
    settings = orders.settings
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    keys = KeyStore.open(
        settings.data_dir / "keys", KeyService.from_settings(settings), patience_s=KEY_SERVICE_PATIENCE_S
    )
    witnesses = parse_witnesses(settings.witnesses)
    connections = _CONNECTIONS + len(witnesses)
    untraced = replace(settings, otel_endpoint="")  # it answers no calls
    with (
        closing(open_telemetry(untraced, operations={})) as telemetry,
        Database(orders.database_url, max_connections=connections) as database,
    ):
        sequencer = Sequencer(
            database,
            lambda connection: log_signers(connection, keys),
            witnesses=witnesses,
            quorum=settings.witness_quorum,
            head=SignedHead(keys.directory),
            metrics=telemetry.metrics,
        )
        when_orphaned(stop.set)
        say_ready()
        try:
            sequencer.run(stop)
        except LogDamaged as error:
            raise SetupError(str(error), remedy=error.remedy) from None


if __name__ == "__main__":
    run_command(main)
